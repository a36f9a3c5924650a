// SPDX-License-Identifier: Apache-2.0
//
// LUQ codes of vectors of float32. A magnitude x goes up where it is at least a number T between its neighbours, which
// the random word gives: T is (2^N - word) parts of 2^N of the step above the lower one. The sign of x - T, by fused
// additions that lose nothing where it could change, is the decision.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The vector operations that LUQ adds to those of `V`.
template <class V>
struct luq_lanes;

template <>
struct luq_lanes<avx2_vector> {
  using word = __m256i;
  /// a, negated where b is negative; a is 0 where b is.
  static NIBBLE_ALWAYS_INLINE word with_sign(word a, word b) noexcept { return _mm256_sign_epi32(a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_signed(word a) noexcept {
    return _mm256_srai_epi32(a, N);
  }
  static NIBBLE_ALWAYS_INLINE word largest_signed_bytes(word a, word b) noexcept { return _mm256_max_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word absolute_bytes(word a) noexcept { return _mm256_abs_epi8(a); }
};

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
template <>
struct luq_lanes<avx512_vector> {
  using word = __m512i;
  static NIBBLE_ALWAYS_INLINE word with_sign(word a, word b) noexcept {
    return _mm512_mask_sub_epi32(a, _mm512_movepi32_mask(b), _mm512_setzero_si512(), a);
  }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_signed(word a) noexcept {
    return _mm512_maskz_srai_epi32(avx512_vector::every, a, N);
  }
  static NIBBLE_ALWAYS_INLINE word largest_signed_bytes(word a, word b) noexcept { return _mm512_max_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word absolute_bytes(word a) noexcept { return _mm512_abs_epi8(a); }
};
#endif

/// The alphas that luq_encoder takes: no product or difference of it that matters is subnormal.
NIBBLE_FUNCTION bool is_vector_alpha(std::uint32_t alpha) noexcept { return alpha >= (127U - 84U) << 23; }

/// The codes of one call: stochastic below alpha and between powers, by Bits random bits.
template <class V, int Bits>
class luq_encoder {
  static_assert(V::is_fused && (Bits == 8 || Bits == 16 || Bits == 32));
  using word = typename V::word;
  using real = typename V::real;
  using more = luq_lanes<V>;
  static constexpr int upper = Bits == 32 ? 16 : Bits;  ///< bits that the first addition takes

 public:
  NIBBLE_ALWAYS_INLINE luq_encoder(std::uint32_t alpha, int levels) noexcept
      : alpha_(V::all(alpha)),
        step_(V::all(alpha - (static_cast<std::uint32_t>(upper) << 23))),
        largest_(V::all_bytes(levels)),
        least_(V::all_bytes(-levels)) {}

  /// The codes of finite numbers, one a word, negative for negative numbers; not limited.
  NIBBLE_ALWAYS_INLINE word operator()(word bits, word random) const noexcept {
    constexpr std::uint32_t whole = 1U << upper;
    const word magnitude = V::both(bits, V::all(0x7fff'ffffU));
    const word ratio = V::subtract(magnitude, alpha_);
    const word power = more::template right_signed<23>(ratio);  // floor(log2(x / alpha)) where not negative
    // A 2^-upper of the step, and how many of them T is, which lies a whole step higher but for x below alpha.
    const word step = V::add(V::both(V::largest(ratio, V::all(0)), V::all(0x7f80'0000U)), step_);
    const word below = V::both(power, V::all(whole));
    real difference;
    if constexpr (Bits == 32) {
      const word high = V::subtract(V::subtract(V::all(2 * whole - 1), V::template right<16>(random)), below);
      const word low = V::subtract(V::all(whole), V::both(random, V::all(whole - 1)));
      // Rounded only where it is beyond what is left of T, which then changes nothing.
      difference = V::subtract_product(V::from_integer(high), V::as_real(step), V::as_real(magnitude));
      const word last = V::subtract(step, V::all(16U << 23));
      difference = V::subtract_product(V::from_integer(low), V::as_real(last), difference);
    } else {
      const word parts = V::subtract(V::subtract(V::all(2 * whole), random), below);
      difference = V::subtract_product(V::from_integer(parts), V::as_real(step), V::as_real(magnitude));
    }
    const word code = V::add(V::largest(V::add(power, V::all(2)), V::all(1)), V::sign_mask(V::as_word(difference)));
    return more::with_sign(code, bits);
  }
  /// The nibbles of codes as bytes: limited, and with the sign in bit 3.
  NIBBLE_ALWAYS_INLINE word nibbles(word codes) const noexcept {
    const word limited = more::largest_signed_bytes(V::smallest_signed_bytes(codes, largest_), least_);
    return V::either(more::absolute_bytes(limited), V::both(limited, V::all_bytes(8)));
  }

 private:
  word alpha_, step_, largest_, least_;
};

/// Packs the codes of `count` numbers, a multiple of 8 vectors; `random` holds their random words, Bits each.
template <class V, int Bits>
NIBBLE_ALWAYS_INLINE void luq_pack(const luq_encoder<V, Bits>& encode, const float* x, const std::uint8_t* random,
                                   std::size_t count, std::uint8_t* packed) noexcept {
  constexpr std::size_t width = V::lanes;
  for (std::size_t i = 0; i < count; i += 8 * width, random += width * Bits) {
    const auto code = [&](std::size_t v) NIBBLE_INLINE_LAMBDA {
      const std::uint8_t* own = random + v * (width * Bits / 8);
      const typename V::word words = Bits == 8 ? V::load_bytes(own) : Bits == 16 ? V::load_halves(own) : V::load(own);
      return encode(V::load(x + i + v * width), words);
    };
    const auto four = [&](std::size_t v) NIBBLE_INLINE_LAMBDA {
      return encode.nibbles(
          V::pack_halves(V::pack_words(code(v), code(v + 1)), V::pack_words(code(v + 2), code(v + 3))));
    };
    const typename V::word first = four(0);
    const typename V::word second = four(4);
    V::store(packed + i / 2, V::nibbles(first, second));
  }
}

/// The largest magnitude bits of `count` numbers, a multiple of a vector.
template <class V>
NIBBLE_ALWAYS_INLINE std::uint32_t largest_magnitude(const float* x, std::size_t count, bool positive_only) noexcept {
  typename V::word largest = V::all(0);
  const typename V::word mask = V::all(0x7fff'ffffU);
  for (std::size_t i = 0; i < count; i += V::lanes) {
    const typename V::word bits = V::load(x + i);
    // As signed integers negative numbers are below zero.
    largest = V::largest(largest, positive_only ? bits : V::both(bits, mask));
  }
  std::uint32_t lanes[V::lanes];
  V::store(lanes, largest);
  std::uint32_t result = 0;
  for (const std::uint32_t lane : lanes) result = lane > result ? lane : result;
  return result;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif
