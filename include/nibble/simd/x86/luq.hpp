// SPDX-License-Identifier: Apache-2.0
//
// LUQ codes of vectors of float32. With alpha of significand a and a random word w, a fraction n / a goes up where
// floor(n 2^32 / a) + w >= 2^32, which is n 2^32 + a w >= a 2^32: one product of 32 by 32 bits in place of a division.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The vector operations that LUQ adds to those of `V`. Shift counts from 32 on, taken as unsigned, give 0.
template <class V>
struct luq_lanes;

template <>
struct luq_lanes<avx2_vector> {
  using word = __m256i;
  static NIBBLE_ALWAYS_INLINE word left_each(word x, word n) noexcept { return _mm256_sllv_epi32(x, n); }
  static NIBBLE_ALWAYS_INLINE word right_each(word x, word n) noexcept { return _mm256_srlv_epi32(x, n); }
  static NIBBLE_ALWAYS_INLINE word left_wide(word x) noexcept { return _mm256_slli_epi64(x, 32); }
  /// Even words of a, odd words of b.
  static NIBBLE_ALWAYS_INLINE word alternate(word a, word b) noexcept { return _mm256_blend_epi32(a, b, 0xaa); }
};

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
template <>
struct luq_lanes<avx512_vector> {
  using word = __m512i;
  static constexpr __mmask16 every = 0xffff;
  static NIBBLE_ALWAYS_INLINE word left_each(word x, word n) noexcept { return _mm512_maskz_sllv_epi32(every, x, n); }
  static NIBBLE_ALWAYS_INLINE word right_each(word x, word n) noexcept { return _mm512_maskz_srlv_epi32(every, x, n); }
  static NIBBLE_ALWAYS_INLINE word left_wide(word x) noexcept { return _mm512_maskz_slli_epi64(0xff, x, 32); }
  static NIBBLE_ALWAYS_INLINE word alternate(word a, word b) noexcept { return _mm512_mask_blend_epi32(0xaaaa, a, b); }
};
#endif

/// The codes of one call: stochastic below alpha and between powers. alpha is a normal number.
template <class V>
class luq_encoder {
  using word = typename V::word;
  using more = luq_lanes<V>;

 public:
  NIBBLE_ALWAYS_INLINE luq_encoder(std::uint32_t alpha, int levels) noexcept
      : significand_(V::all((alpha & 0x007f'ffffU) | 0x0080'0000U)),
        field_(V::all(alpha >> 23)),
        levels_(V::all(static_cast<std::uint32_t>(levels))) {}

  /// The codes of finite numbers, sign in bit 3, one a word.
  NIBBLE_ALWAYS_INLINE word operator()(word bits, word random) const noexcept {
    const word one = V::all(1);
    const word magnitude = V::both(bits, V::all(0x7fff'ffffU));
    const word field = V::largest(V::template right<23>(magnitude), one);
    // The hidden bit stays where the exponent field is above 0; a subnormal is below alpha and needs no normal form.
    const word x = V::subtract(magnitude, V::template left<23>(V::subtract(field, one)));
    const word less = V::greater(significand_, x);
    const word power = V::add(V::subtract(field, field_), less);  // floor(log2(x / alpha)) where not negative
    const word below = V::sign_mask(power);
    // n / a: below alpha n is x 2^-down, whole and fraction; above it is what x is over its power.
    const word down = V::subtract(field_, field);
    const word rest = V::either(more::left_each(x, V::subtract(V::all(32), down)),
                                more::right_each(x, V::subtract(down, V::all(32))));
    const word excess = V::subtract(V::add(x, V::both(x, less)), significand_);
    const word whole = V::either(V::both(below, more::right_each(x, down)), V::without(excess, below));
    const word fraction = V::both(below, rest);
    // a w in two words.
    const word even = V::multiply_wide(significand_, random);
    const word odd = V::multiply_wide(significand_, V::template right_wide<32>(random));
    const word high = more::alternate(V::template right_wide<32>(even), odd);
    const word low = more::alternate(even, more::left_wide(odd));
    const word minus_one = V::all(~0U);
    const word excess_of_sum = V::subtract(V::add(high, whole), significand_);
    const word complement = V::differ(low, minus_one);
    // fraction + low < 2^32.
    const word no_carry = V::equal(V::smallest_unsigned(fraction, complement), fraction);
    const word up = V::either(V::greater(excess_of_sum, minus_one),
                              V::without(V::equal(excess_of_sum, minus_one), no_carry));
    const word base = V::largest(V::add(power, one), V::all(0));
    const word code = V::smallest(V::subtract(base, up), levels_);
    const word sign = V::template left<3>(V::template right<31>(bits));
    return V::either(code, V::without(sign, V::equal(code, V::all(0))));
  }

 private:
  word significand_, field_, levels_;
};

/// Packs the codes of `count` numbers, a multiple of 8 vectors; `words` holds their random words.
template <class V>
NIBBLE_ALWAYS_INLINE void luq_pack(const luq_encoder<V>& encode, const float* x, const std::uint32_t* words,
                                   std::size_t count, std::uint8_t* packed) noexcept {
  constexpr std::size_t width = V::lanes;
  for (std::size_t i = 0; i < count; i += 8 * width) {
    const auto code = [&](std::size_t v) NIBBLE_INLINE_LAMBDA {
      return encode(V::load(x + i + v * width), V::load(words + i + v * width));
    };
    const auto four = [&](std::size_t v) NIBBLE_INLINE_LAMBDA {
      return V::pack_halves_unsigned(V::pack_words(code(v), code(v + 1)), V::pack_words(code(v + 2), code(v + 3)));
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
