// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding (variant A) with 8, 16 or 32 random bits an element, which are added to a fixed-point number below
// its point. Magnitudes of at least the smallest normal number P have one in their own bits. Below it the bits of y + P
// are one, in units u of their last place, and the larger of the bits of 2y and of y + P is the right one everywhere.
//
// Addition rounds to nearest even where truncation is wanted. So P less u / 2 is added: with n = floor(y / u) the sum is n
// units, but n - 1 if n is odd and y = n u, or if n is 0. Up to 16 random bits have a unit of at least 2 u, below which
// nothing counts: n - 1 and n differ for zero only, where the sum may be -1, and -1 stays so for the random bits 0 only.
//
// Of 32 random bits those above u decide, too, unless their sum comes within two units of a code: once in 2^21 / 2^m for m
// mantissa bits. Then the exact sum is made.
#pragma once

#include <nibble/simd/unrolled.hpp>
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
  /// Whether the sums of above serve: all formats but those of 7 mantissa bits with 16 random ones.
  static constexpr bool sums = Bits == 32 || point > Bits;

  /// With such a field for P the saturation of the packing instruction falls on the largest code; taken where that is near
  /// and no code of an overflow follows: -0 does.
  static constexpr int clamping_field = (255 - static_cast<int>(F.max_code())) >> F.mantissa_bits;
  static constexpr int natural_field = F.min_exponent() + 127;
  static constexpr bool clamps = F.has_negative_zero() && F.max_code() == F.magnitude_mask() &&
                                 clamping_field > natural_field - 8 && clamping_field < natural_field + 8 &&
                                 (clamping_field << F.mantissa_bits) + static_cast<int>(F.max_code()) == 255;
  static constexpr int first_field = clamps ? clamping_field : natural_field;
  static constexpr int base = first_field << F.mantissa_bits;  ///< what the fixed-point number counts at code 0
  /// Elements y come as 2y beside their block's scale, multiplied so that P is 2^(first_field - 127).
  static constexpr int prescale = first_field - natural_field + 1;

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

  /// Magnitude codes of four vectors, one a byte in the order of packing; beyond the range they only exceed the largest, if
  /// any byte does.
  static NIBBLE_ALWAYS_INLINE word bytes(const word (&x)[4], const std::uint8_t* random) noexcept {
    if constexpr (!sums) return exact_bytes(x, random);
    word sum[4];
    word nearest = V::all(0U);
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      const word drawn = stochastic_rounder::random(random + i * V::lanes * Bits / 8);
      if constexpr (Bits < 32) {
        sum[i] = V::add(fixed(x[i]), V::template left<point - Bits>(drawn));
      } else {
        sum[i] = V::add(fixed(x[i]), V::template right<32 - point>(drawn));
        nearest = V::largest_unsigned(nearest, V::template left<32 - point>(sum[i]));
      }
    });
    if constexpr (Bits == 32) {
      const word close = V::all(0U - (2U << (32 - point)));
      if (V::any(V::equal(V::largest_unsigned(nearest, close), nearest))) [[unlikely]] return exact_bytes(x, random);
    }
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA { sum[i] = V::template right<point>(sum[i]); });
    word low = V::pack_words(sum[0], sum[1]);
    word high = V::pack_words(sum[2], sum[3]);
    if constexpr (!clamps) {
      low = V::subtract_halves(low, V::all_halves(base));
      high = V::subtract_halves(high, V::all_halves(base));
    }
    const word packed = V::pack_halves_unsigned(low, high);
    return clamps ? V::subtract_saturated_bytes(packed, V::all_bytes(base)) : packed;
  }
  /// As above, at most the largest code.
  static NIBBLE_ALWAYS_INLINE word magnitude_bytes(const word (&x)[4], const std::uint8_t* random) noexcept {
    const word all = bytes(x, random);
    return clamps ? all : V::smallest_bytes(all, V::all_bytes(static_cast<int>(F.max_code())));
  }

 private:
  static NIBBLE_ALWAYS_INLINE word fixed(word x) noexcept {
    const word y = rounder<F, V>::magnitude(x);
    const real below = V::as_real(V::all((static_cast<std::uint32_t>(first_field) << 23) - 1U));
    return V::largest(V::as_word(V::multiply_add(V::as_real(y), V::all_real(0.5F), below)), y);
  }

  static NIBBLE_ALWAYS_INLINE word exact_bytes(const word (&x)[4], const std::uint8_t* random) noexcept {
    word c[4] = {x[0], x[1], x[2], x[3]};
    for (std::size_t i = 0; i < 4; ++i) {
      c[i] = exact_codes(c[i], stochastic_rounder::random(random + i * V::lanes * Bits / 8));
    }
    const word packed = V::pack_halves_unsigned(V::pack_words(c[0], c[1]), V::pack_words(c[2], c[3]));
    return clamps ? V::smallest_bytes(packed, V::all_bytes(static_cast<int>(F.max_code()))) : packed;
  }

  /// Codes by the whole sum, one in each 32-bit lane; beyond the range they only exceed the largest.
  static NIBBLE_ALWAYS_INLINE word exact_codes(word x, word random) noexcept {
    // The smallest normal number becomes 2^23.
    constexpr int lift = 23 - F.min_exponent() - prescale;
    constexpr std::uint32_t factor = static_cast<std::uint32_t>(127 + lift) << 23;
    const word lifted = V::as_word(V::multiply(V::as_real(rounder<F, V>::magnitude(x)), V::as_real(V::all(factor))));
    const word truncated = V::truncated(V::as_real(lifted));
    const word normal = V::largest(V::subtract(lifted, V::all(149U << 23)), V::all(1U << 23));
    // Unsigned: a conversion that overflows gives 2^31, which is larger than any of the other numbers.
    const word fixed = V::smallest_unsigned(truncated, normal);
    if constexpr (Bits < 32) return V::template right<point>(V::add(fixed, V::template left<point - Bits>(random)));
    // The upper random bits meet the fraction; the lower ones meet what the truncation dropped, which only numbers
    // below the smallest normal one have. Beyond the range the code stays beyond it, whatever the conversions give.
    constexpr int rest = 32 - point;
    const real dropped = V::subtract(V::as_real(lifted), V::from_integer(truncated));
    word low = V::truncated(V::multiply(dropped, V::all_real(static_cast<float>(1U << rest))));
    constexpr bool overflows = F.max_value() >= power_of_two(8 + F.min_exponent());
    if constexpr (overflows) low = V::both(low, V::greater(V::all(151U << 23), lifted));
    const word carry = V::template right<rest>(V::add(low, V::both(random, V::all((1U << rest) - 1U))));
    return V::template right<point>(V::add(V::add(fixed, V::template right<rest>(random)), carry));
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
