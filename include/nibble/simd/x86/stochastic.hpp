// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding (variant A) with 8, 16 or 32 random bits an element. A magnitude becomes a fixed-point number whose
// unit is the code: above the smallest normal number its own bits are that, below it a truncating conversion gives it.
// Random bits are then added below the point.
#pragma once

#include <nibble/simd/x86/round.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

template <float_format F, class V, int Bits>
struct stochastic_rounder {
  using word = typename V::word;
  using real = typename V::real;
  static constexpr int point = 23 - F.mantissa_bits;  ///< fraction bits of the fixed-point number
  /// Elements come multiplied by 2^prescale beside their block's scale, so that the smallest normal number becomes 2^23.
  static constexpr int prescale = 23 - F.min_exponent();

  /// Random bits of a vector of elements, right-aligned, from the bit string of the stream.
  static NIBBLE_ALWAYS_INLINE word random(const std::uint8_t* bits) noexcept {
    if constexpr (Bits == 8) {
      return V::load_bytes(bits);
    } else if constexpr (Bits == 16) {
      return V::load_halves(bits);
    } else {
      return V::load(bits);
    }
  }

  /// Codes of the magnitudes of `x`, one in each 32-bit lane; beyond the range they only exceed the largest.
  static NIBBLE_ALWAYS_INLINE word codes(word x, word random) noexcept {
    const word lifted = rounder<F, V>::magnitude(x);
    const word truncated = V::truncated(V::as_real(lifted));
    const word normal = V::largest(V::subtract(lifted, V::all(149U << 23)), V::all(1U << 23));
    // Unsigned: a conversion that overflows gives 2^31, which is larger than any of the other numbers.
    const word fixed = V::smallest_unsigned(truncated, normal);
    if constexpr (Bits < 32) {
      return V::template right<point>(V::add(fixed, V::template left<point - Bits>(random)));
    } else {
      // The upper random bits meet the fraction; the lower ones meet what the truncation dropped, which only numbers
      // below the smallest normal one have. Beyond the range the code stays beyond it, whatever the conversions give.
      constexpr int rest = 32 - point;
      const real dropped = V::subtract(V::as_real(lifted), V::from_integer(truncated));
      word low = V::truncated(V::multiply(dropped, V::all_real(static_cast<float>(1U << rest))));
      constexpr bool overflows = F.max_value() >= power_of_two(31 - prescale);
      if constexpr (overflows) low = V::both(low, V::greater(V::all(151U << 23), lifted));
      const word carry = V::template right<rest>(V::add(low, V::both(random, V::all((1U << rest) - 1U))));
      return V::template right<point>(V::add(V::add(fixed, V::template right<rest>(random)), carry));
    }
  }

  /// Bytes of 4 vectors of codes, at most the largest.
  static NIBBLE_ALWAYS_INLINE word magnitude_bytes(word c0, word c1, word c2, word c3) noexcept {
    const word packed = V::pack_halves_unsigned(V::pack_words(c0, c1), V::pack_words(c2, c3));
    return V::smallest_bytes(packed, V::all_bytes(static_cast<int>(F.max_code())));
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
