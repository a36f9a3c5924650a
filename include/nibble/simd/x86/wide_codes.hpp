// SPDX-License-Identifier: Apache-2.0
//
// Deterministic rounding to codes of 9 to 16 bits, and of formats that have binary32's own exponents: bfloat16 and E8M0
// are its upper bits, rounded by an integer addition.
#pragma once

#include <nibble/simd/x86/encode_numbers.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Whether a magnitude code is the upper bits of a binary32, subnormals included.
NIBBLE_FUNCTION bool is_upper_part(const float_format& f) noexcept {
  return f.has_sign && f.has_zero && !f.twos_complement && f.bias == 127 && f.exponent_bits == 8 && f.mantissa_bits > 0 &&
         f.bits() > 8 && f.bits() <= 16;
}
/// Whether the addition of round.hpp serves a format of 9 to 16 bits.
NIBBLE_FUNCTION bool rounds_wide_by_addition(const float_format& f) noexcept {
  return f.has_sign && f.has_zero && !f.twos_complement && f.bits() > 8 && f.bits() <= 16 && f.mantissa_bits >= 7 &&
         f.mantissa_bits <= 13 && f.min_exponent() > -60 && f.max_exponent() < 60;
}
/// Whether a format is the exponent field of a binary32.
NIBBLE_FUNCTION bool is_exponent_field(const float_format& f) noexcept {
  return !f.has_sign && !f.has_zero && f.mantissa_bits == 0 && f.bias == 127 && f.bits() == 8;
}

/// The magnitude bits of binary32 `x` rounded to an integer multiple of 2^Shift, in units of that.
template <class V, int Shift, rounding_mode Mode>
NIBBLE_ALWAYS_INLINE typename V::word rounded_right(typename V::word y, typename V::word x) noexcept {
  using enum rounding_mode;
  using word = typename V::word;
  constexpr std::uint32_t half = std::uint32_t{1} << (Shift - 1);
  const word dropped = V::all(2 * half - 1);
  if constexpr (Mode == toward_zero) {
    return V::template right<Shift>(y);
  } else if constexpr (Mode == to_odd) {
    // The carry of the dropped bits plus all ones says whether there are any.
    const word inexact = V::template right<Shift>(V::add(V::both(y, dropped), dropped));
    return V::either(V::template right<Shift>(y), inexact);
  } else {
    word addend = V::all(Mode == nearest_away ? half : half - 1);
    if constexpr (Mode == nearest_even) addend = V::add(addend, V::both(V::template right<Shift>(y), V::all(1U)));
    if constexpr (Mode == upward) addend = V::without(dropped, V::sign_mask(x));
    if constexpr (Mode == downward) addend = V::both(dropped, V::sign_mask(x));
    return V::template right<Shift>(V::add(y, addend));
  }
}

/// Codes of 9 to 16 bits of two vectors, as 16-bit halves in the order of packing.
template <float_format F, class V, rounding_mode Mode>
struct wide_codes {
  using word = typename V::word;
  static constexpr bool shifts = is_upper_part(F);
  code_limits limits;

  NIBBLE_ALWAYS_INLINE word magnitude_code(word x) const noexcept {
    word limit = V::all(limits.limit[0]);
    if constexpr (Mode == rounding_mode::upward || Mode == rounding_mode::downward) {
      limit = V::subtract(limit, V::both(V::sign_mask(x), V::all(limits.limit[0] - limits.limit[1])));
    }
    using rounding = rounder<F, V, false>;
    if constexpr (shifts) {
      return V::smallest(rounded_right<V, 23 - F.mantissa_bits, Mode>(rounding::magnitude(x), x), limit);
    } else {
      // Exponents and counts of steps joined, as in rounder::joined.
      constexpr auto scale = std::uint32_t{1} << (F.mantissa_bits - 7);
      const word joined = V::multiply_add_halves(rounding::template sum<Mode>(x), V::all(scale << 16 | 1U));
      return V::smallest(V::subtract(joined, V::all(static_cast<std::uint32_t>(rounding::base))), limit);
    }
  }

  NIBBLE_ALWAYS_INLINE word operator()(word x0, word x1) const noexcept {
    const word c0 = magnitude_code(x0);
    const word c1 = magnitude_code(x1);
    if (limits.zero == negative_zero_rule::drop || !F.has_negative_zero()) {
      x0 = V::both(x0, V::greater(c0, V::all(0U)));
      x1 = V::both(x1, V::greater(c1, V::all(0U)));
    } else if (limits.zero == negative_zero_rule::drop_exact) {
      x0 = V::both(x0, V::add(x0, V::all(~0U)));
      x1 = V::both(x1, V::add(x1, V::all(~0U)));
    }
    constexpr int down = 15 - F.magnitude_bits();
    const word sign = V::template right_halves<down>(V::pack_words(x0, x1));
    return V::either(V::pack_words(c0, c1), V::both(sign, V::all_halves(static_cast<int>(F.sign_mask()))));
  }
};

/// Codes of the format of exponent fields, one a byte in the order of packing, of magnitudes.
template <float_format F, class V, rounding_mode Mode>
struct exponent_codes {
  using word = typename V::word;
  code_limits limits;

  NIBBLE_ALWAYS_INLINE word code(word x) const noexcept {
    const word y = rounder<F, V, false>::magnitude(x);
    // From 2^-127 to 2^-126 binary32 is subnormal: twice the distance from 2^-127 is where it would be if it were not.
    const word even = V::smallest_unsigned(y, V::subtract(V::add(y, y), V::all(0x0080'0000U)));
    return V::smallest(rounded_right<V, 23, Mode>(even, x), V::all(limits.limit[0]));
  }
  template <class Source>
  NIBBLE_ALWAYS_INLINE word operator()(const word (&x)[4], std::size_t /*element*/, const Source& /*again*/) const noexcept {
    return V::pack_halves_unsigned(V::pack_words(code(x[0]), code(x[1])), V::pack_words(code(x[2]), code(x[3])));
  }
};

/// 16-bit halves of two packed vectors in the order of the elements.
NIBBLE_ALWAYS_INLINE __m256i halves_in_order(__m256i x) noexcept { return _mm256_permute4x64_epi64(x, 0xd8); }
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
NIBBLE_ALWAYS_INLINE __m512i halves_in_order(__m512i x) noexcept {
  return _mm512_maskz_permutexvar_epi64(0xff, _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), x);
}
#endif

/// Codes of 16 bits of `groups` groups of eight vectors.
template <float_format F, class V, class Rounding, class T>
void encode_wide_numbers(const T* x, std::size_t groups, destination to, const Rounding& rounding,
                         const special_codes& s) noexcept {
  using word = typename V::word;
  constexpr std::size_t group = 8 * V::lanes;
  const word last = V::all(rounding.limits.last);
  for (std::size_t g = 0; g < groups; ++g, x += group) {
    to.ahead = fetch<8 * V::lanes * sizeof(T)>(to.ahead);
    word largest = V::all(0U);
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      const word first = load_sources<V>(x + 2 * i * V::lanes);
      const word second = load_sources<V>(x + (2 * i + 1) * V::lanes);
      largest = V::largest(largest, rounder<F, V, false>::magnitude(first));
      largest = V::largest(largest, rounder<F, V, false>::magnitude(second));
      const word codes = halves_in_order(rounding(first, second));
      if (to.streamed) {
        V::stream(to.bytes + i * V::bytes, codes);
      } else {
        V::store(to.bytes + i * V::bytes, codes);
      }
    });
    if (V::any(V::greater(largest, last))) [[unlikely]] {
      mend_numbers<F>(x, group, layouts::words, to.bytes, s, rounding.limits.last);
    }
    to.bytes += 4 * V::bytes;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
