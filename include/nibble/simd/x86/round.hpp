// SPDX-License-Identifier: Apache-2.0
//
// Rounding of scaled elements into a small float, in every deterministic mode, by one floating-point addition. Adding
// 2^(23 - m) steps to a magnitude makes the adder round to nearest even at the step, normal and subnormal numbers alike;
// subtracting them again gives the rounded value exactly, and where another mode would have gone to the other neighbour,
// the sum moves by one in its last place. Ties that all go one way are moved off the tie before, by the number's last bit.
// One multiply-add of 16-bit halves then joins exponent and fraction into the code.
#pragma once

#include <nibble/simd/unrolled.hpp>
#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <nibble/format/float_format.hpp>
#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Whether this file serves the magnitudes of a format: a zero, numbers up to the largest code side by side.
NIBBLE_FUNCTION bool rounds_magnitudes_by_addition(const float_format& f) noexcept {
  return f.has_zero && f.bits() <= 8 && f.mantissa_bits <= 7 && f.min_exponent() > -60 && f.max_exponent() < 60;
}
/// Whether it serves a format of scales that are no powers of two.
NIBBLE_FUNCTION bool rounds_scales_by_addition(const float_format& f) noexcept {
  return f.mantissa_bits > 0 && rounds_magnitudes_by_addition(f);
}
/// Whether it serves a format with signs.
NIBBLE_FUNCTION bool rounds_by_addition(const float_format& f) noexcept {
  return f.has_sign && rounds_magnitudes_by_addition(f);
}

/// The modes whose result for a magnitude just above zero is not zero, so that zero must be told from a trace of it.
NIBBLE_FUNCTION bool sees_traces(rounding_mode mode) noexcept {
  return mode == rounding_mode::upward || mode == rounding_mode::downward || mode == rounding_mode::to_odd;
}

/// What becomes of codes that are inexact under a rounding that sees_traces: bytes.
template <class V>
struct inexact_steps {
  typename V::word flip;      ///< bit 7: upward
  typename V::word directed;  ///< 1 for upward and downward
  typename V::word odd;       ///< 1 for to odd

  explicit inexact_steps(rounding_mode mode) noexcept
      : flip(V::all_bytes(mode == rounding_mode::upward ? -128 : 0)),
        directed(V::all_bytes(mode == rounding_mode::to_odd ? 0 : 1)),
        odd(V::all_bytes(mode == rounding_mode::to_odd ? 1 : 0)) {}
};

/// Without `Prescaled`, elements come as they are.
template <float_format F, class V, bool Prescaled = true>
struct rounder {
  using word = typename V::word;
  using real = typename V::real;
  static constexpr int fraction = F.mantissa_bits;
  static constexpr int raise = 23 - fraction;      ///< exponent distance of the addend
  static constexpr int unit_shift = 7 - fraction;  ///< joined sums count codes in steps of 2^unit_shift
  /// What a joined sum counts at code 0, if the exponent field of the smallest normal number is `field`.
  static constexpr int base_at(int field) noexcept { return (field + raise) << fraction; }

  /// With this field the saturation of the packing instruction falls on the largest code; 0 where there is none.
  static constexpr int clamping_field() noexcept {
    const int lowest = 255 - static_cast<int>(F.max_code());
    const int field = (lowest >> fraction) - raise;
    return lowest % (1 << fraction) == 0 && field >= 10 && field < 160 ? field : 0;
  }
  static constexpr bool clamps = Prescaled && clamping_field() != 0;
  static constexpr int first_field = clamps ? clamping_field() : F.min_exponent() + 127;
  /// Elements come multiplied by 2^prescale, beside the scale of their block.
  static constexpr int prescale = first_field - (F.min_exponent() + 127);
  static constexpr int base = base_at(first_field);

  static NIBBLE_ALWAYS_INLINE word magnitude(word x) noexcept { return V::both(x, V::all(0x7fff'ffffU)); }

  /// The power of two that a magnitude's step follows from: its own, at least that of the smallest normal number.
  static NIBBLE_ALWAYS_INLINE word power_below(word x) noexcept {
    return V::largest(V::both(x, V::all(0x7f80'0000U)), V::all(static_cast<std::uint32_t>(first_field) << 23));
  }

  /// The sum for an element `x` (sign allowed) whose magnitude is finite; its last place is a step.
  template <rounding_mode Mode>
  static NIBBLE_ALWAYS_INLINE word sum(word x) noexcept {
    using enum rounding_mode;
    // The last bit of a tie is zero: set, it puts a tie above itself, and no other number at or beyond one. With one less
    // before, the tie is below itself.
    if constexpr (Mode == nearest_away) x = V::either(x, V::all(1U));
    if constexpr (Mode == nearest_toward_zero) {
      x = V::either(V::largest(V::subtract(magnitude(x), V::all(1U)), V::all(0U)), V::all(1U));
    }
    const word y = magnitude(x);
    const word power = power_below(x);
    const real rounded = V::template add_power<raise>(power, V::as_real(y));
    const word s = V::as_word(rounded);
    if constexpr ((Mode == nearest_even && fraction > 0) || Mode == nearest_away || Mode == nearest_toward_zero) {
      return s;
    } else {
      const real value = V::template subtract_power<raise>(power, rounded);
      const word v = V::as_word(value);
      const word is_less = V::greater(v, y);  // rounded up
      if constexpr (Mode == toward_zero) {
        return V::add(s, is_less);
      } else if constexpr (Mode == to_odd) {
        const word inexact = V::differ(V::equal(v, y), V::all(~0U));
        const word t = V::add(s, is_less);
        if constexpr (fraction > 0) return V::either(t, V::both(inexact, V::all(1U)));
        return V::add(t, V::without(V::both(inexact, V::all(1U)), odd_code(t)));
      } else if constexpr (Mode == upward || Mode == downward) {
        const word is_more = V::greater(y, v);
        const word negative = V::sign_mask(x);
        const word away = Mode == upward ? V::without(is_more, negative) : V::both(is_more, negative);
        const word back = Mode == upward ? V::both(is_less, negative) : V::without(is_less, negative);
        return V::add(V::subtract(s, away), back);
      } else {
        // Without a fraction the adder breaks ties by the parity of the significand: all of normal numbers go up.
        const word tie = V::equal(V::as_word(V::subtract(value, V::as_real(y))),
                                  V::subtract(power, V::all(std::uint32_t{1} << 23)));
        return V::subtract(s, V::both(V::both(tie, odd_code(s)), V::all(1U)));
      }
    }
  }

  /// Magnitude codes of four vectors, one a byte in the order of packing, under a rounding that sees_traces: of numbers
  /// rounded to nearest and the signs of what that added, on bytes.
  static NIBBLE_ALWAYS_INLINE word inexact_bytes(const word (&x)[4], const inexact_steps<V>& steps) noexcept {
    static_assert(!clamps);
    word s[4];
    word added[4];  // packing saturates: no sign is lost
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      const word y = magnitude(x[i]);
      const word power = power_below(x[i]);
      const real rounded = V::template add_power<raise>(power, V::as_real(y));
      s[i] = V::as_word(rounded);
      added[i] = V::subtract(V::as_word(V::template subtract_power<raise>(power, rounded)), y);
    });
    const word error = V::pack_halves(V::pack_words(added[0], added[1]), V::pack_words(added[2], added[3]));
    const word sign = signs(x[0], x[1], x[2], x[3]);
    const word zero = V::all(0U);
    const word largest = V::all_bytes(static_cast<int>(F.max_code()));
    const word nearest = joined_bytes(s[0], s[1], s[2], s[3]);
    // What saturates is beyond the range with and without the code that it loses or gains.
    const word truncated = V::smallest_bytes(V::add_saturated_bytes(nearest, V::greater_bytes(error, zero)), largest);
    const word away = V::both(V::template right_halves<7>(V::differ(sign, steps.flip)), steps.directed);
    const word step = V::without(V::either(away, V::without(steps.odd, truncated)), V::equal_bytes(error, zero));
    return V::smallest_bytes(V::add_saturated_bytes(truncated, step), largest);
  }

  /// The last bit says whether the code of a sum is odd, in formats without a fraction.
  static NIBBLE_ALWAYS_INLINE word odd_code(word s) noexcept {
    static_assert(base >= 0);
    return V::differ(V::differ(V::template right<23>(s), s), V::all(static_cast<std::uint32_t>(base) & 1U));
  }

  /// 16-bit halves that count codes from `base` on.
  static NIBBLE_ALWAYS_INLINE word joined(word s) noexcept {
    return V::multiply_add_halves(s, V::all((1U << 16) | (1U << unit_shift)));
  }

  /// Bytes of 4 vectors of sums: the magnitude codes plus `byte_base`; beyond 255 they saturate.
  static constexpr int byte_base = clamps ? base : 0;
  static NIBBLE_ALWAYS_INLINE word joined_bytes(word s0, word s1, word s2, word s3) noexcept {
    word low = V::pack_words(joined(s0), joined(s1));
    word high = V::pack_words(joined(s2), joined(s3));
    if constexpr (!clamps) {
      const word zero = V::all_halves(base << unit_shift);
      low = V::subtract_halves(low, zero);
      high = V::subtract_halves(high, zero);
    }
    low = V::template right_halves<unit_shift>(low);
    high = V::template right_halves<unit_shift>(high);
    return V::pack_halves_unsigned(low, high);
  }
  /// As above, at most the largest code.
  static NIBBLE_ALWAYS_INLINE word magnitude_bytes(word s0, word s1, word s2, word s3) noexcept {
    const word packed = joined_bytes(s0, s1, s2, s3);
    return clamps ? packed : V::smallest_bytes(packed, V::all_bytes(static_cast<int>(F.max_code())));
  }

  /// The signs of four vectors of elements, in bit 7 of each byte.
  static NIBBLE_ALWAYS_INLINE word signs(word x0, word x1, word x2, word x3) noexcept {
    return V::pack_halves(V::pack_words(x0, x1), V::pack_words(x2, x3));
  }
  /// Whole codes, one a byte: magnitudes, which count from `Base`, and the signs of their elements joined.
  template <int Base = byte_base>
  static NIBBLE_ALWAYS_INLINE word codes(word bytes, word x0, word x1, word x2, word x3, negative_zero_rule rule) noexcept {
    const word elements[4] = {x0, x1, x2, x3};
    const auto element = [&](std::size_t i) NIBBLE_INLINE_LAMBDA { return elements[i]; };
    return signed_codes<Base>(bytes, signs(x0, x1, x2, x3), element, rule);
  }
  /// The same from signs(). x(i) has the signs and zeros of vector i; it is called for drop_exact only, so that elements
  /// need not stay in registers.
  template <int Base = byte_base, class Source>
  static NIBBLE_ALWAYS_INLINE word signed_codes(word bytes, word sign, const Source& x, negative_zero_rule rule) noexcept {
    if constexpr (F.twos_complement) {
      const word negative = V::negative_bytes(sign);
      const word own = Base == 0 ? bytes : V::subtract_bytes(bytes, V::all_bytes(Base));
      const word code = V::subtract_bytes(V::differ(own, negative), negative);
      return F.bits() == 8 ? code : V::both(code, V::all_bytes(static_cast<int>(F.code_mask())));
    } else {
      if constexpr (!F.has_negative_zero()) {
        sign = V::without(sign, V::equal_bytes(bytes, V::all_bytes(Base)));
      } else if (rule != negative_zero_rule::keep) [[unlikely]] {
        if (rule == negative_zero_rule::drop) {
          sign = V::without(sign, V::equal_bytes(bytes, V::all_bytes(Base)));
        } else {
          // x & (x - 1) is negative for a negative number, but not for -0.
          const auto negative = [](word a) NIBBLE_INLINE_LAMBDA { return V::both(a, V::add(a, V::all(~0U))); };
          sign = signs(negative(x(0)), negative(x(1)), negative(x(2)), negative(x(3)));
        }
      }
      constexpr int down = 7 - F.magnitude_bits();
      const word placed = V::both(V::template right_halves<down>(sign), V::all_bytes(static_cast<int>(F.sign_mask())));
      if constexpr (Base == 0) {
        return V::either(bytes, placed);
      } else if constexpr ((Base & static_cast<int>(F.magnitude_mask())) == 0) {
        return V::differ(V::differ(bytes, placed), V::all_bytes(Base));
      } else {
        return V::either(V::subtract_bytes(bytes, V::all_bytes(Base)), placed);
      }
    }
  }

  /// The codes of non-negative finite numbers, saturating, one in each 32-bit lane, and the numbers that they stand for.
  /// Without prescale; for scales.
  static NIBBLE_ALWAYS_INLINE word nearest(word x, word& value) noexcept {
    constexpr auto first = static_cast<std::uint32_t>(F.min_exponent() + 127);
    const word limited = V::smallest(x, V::all(to_bits(static_cast<float>(F.max_value()))));
    const word power = V::largest(V::both(limited, V::all(0x7f80'0000U)), V::all(first << 23));
    const real rounded = V::template add_power<raise>(power, V::as_real(limited));
    value = V::as_word(V::template subtract_power<raise>(power, rounded));
    const word zero = V::all(static_cast<std::uint32_t>(base_at(static_cast<int>(first))) << unit_shift);
    return V::template right<unit_shift>(V::subtract(joined(V::as_word(rounded)), zero));
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
