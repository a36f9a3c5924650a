// SPDX-License-Identifier: Apache-2.0
//
// std::numeric_limits of every minifloat, derived from its format. The standard library forwards const and volatile.
#pragma once

#include <cstdint>
#include <limits>

#include <nibble/number/minifloat.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// floor(exponent * log10(2)). 30103 / 100000 exceeds log10(2) by 4.4e-9, and no power of two up to 2^1100 lies within
/// a relative 1e-4 of a power of ten, except 1 itself.
NIBBLE_FUNCTION int floor_log10_of_power_of_two(int exponent) noexcept {
  const int scaled = exponent * 30103;
  return scaled >= 0 ? scaled / 100000 : -((-scaled + 99999) / 100000);
}

/// floor(log10(value)) for value > 0: the largest power of ten that is not above it.
NIBBLE_FUNCTION int floor_log10(double value) noexcept {
  int exponent = 0;
  for (; value >= 10.0; value /= 10.0) ++exponent;
  for (; value < 1.0; value *= 10.0) --exponent;
  return exponent;
}

/// Whether a format has normal numbers: a fixed-point format has none.
NIBBLE_FUNCTION bool has_normal_numbers(const float_format& f) noexcept {
  return f.exponent_bits > 0 && (!f.has_zero || (std::uint32_t{1} << f.mantissa_bits) <= f.max_code());
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

/// Limits of minifloat<F>. What a format lacks (infinity, NaN) is returned as code 0, as the standard asks.
/// A fixed-point format (MXINT8) counts all its bits as digits, and its min() and epsilon() are the step.
template <nibble::float_format F>
struct std::numeric_limits<nibble::minifloat<F>> {
 private:
  using number = nibble::minifloat<F>;
  static constexpr bool has_normal_ = nibble::detail::has_normal_numbers(F);
  static constexpr std::uint32_t min_code_ = !F.has_zero ? 0U : has_normal_ ? std::uint32_t{1} << F.mantissa_bits : 1U;
  static constexpr int min_power_ = has_normal_ ? F.min_exponent() : F.min_exponent() - F.mantissa_bits;
  static constexpr int max_power_ = [] {
    int power = min_power_;
    while (power < 1023 && nibble::power_of_two(power + 1) <= F.max_value()) ++power;
    return power;
  }();

 public:
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = F.has_sign;
  static constexpr bool is_integer = false;
  static constexpr bool is_exact = false;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = false;
  static constexpr bool has_infinity = F.has_infinity();
  static constexpr bool has_quiet_NaN = F.has_nan();
  /// The encodings of IEEE 754: its bias, infinities, quiet and signaling NaN, subnormals.
  static constexpr bool is_iec559 = F.specials == nibble::special_values::infinity_and_nan && F.has_sign &&
                                    F.has_zero && F.mantissa_bits >= 2 && F.bias == (1 << (F.exponent_bits - 1)) - 1;
  static constexpr bool has_signaling_NaN = is_iec559;
  static constexpr std::float_denorm_style has_denorm =
      F.has_zero && has_normal_ && F.mantissa_bits > 0 ? std::denorm_present : std::denorm_absent;
  static constexpr bool has_denorm_loss = false;
  static constexpr std::float_round_style round_style = std::round_to_nearest;
  static constexpr bool traps = false;
  static constexpr bool tinyness_before = false;

  static constexpr int radix = 2;
  static constexpr int digits = F.mantissa_bits + (has_normal_ ? 1 : 0);
  static constexpr int digits10 = nibble::detail::floor_log10_of_power_of_two(digits - 1);
  static constexpr int max_digits10 = nibble::detail::floor_log10_of_power_of_two(digits) + 2;
  /// One more than the exponent of min() and of the largest power of two.
  static constexpr int min_exponent = min_power_ + 1;
  static constexpr int max_exponent = max_power_ + 1;
  /// The smallest and the largest power of ten between min() and max(), by exponent.
  static constexpr int min_exponent10 = -nibble::detail::floor_log10_of_power_of_two(-min_power_);
  static constexpr int max_exponent10 = nibble::detail::floor_log10(F.max_value());

  /// The smallest positive normal number.
  static NIBBLE_FUNCTION number min() noexcept { return number::from_bits(min_code_); }
  /// The largest finite number.
  static NIBBLE_FUNCTION number max() noexcept { return number::from_bits(F.max_code()); }
  /// The smallest finite number; in MXINT8 -2, which encode never produces; without a sign the code 0.
  static NIBBLE_FUNCTION number lowest() noexcept {
    if constexpr (!F.has_sign) return number::from_bits(0);
    return number::from_bits(F.twos_complement ? F.sign_mask() : F.max_code() | F.sign_mask());
  }
  /// The step just above 1, rounded into the format.
  static NIBBLE_FUNCTION number epsilon() noexcept {
    const int step = has_normal_ ? -F.mantissa_bits : F.min_exponent() - F.mantissa_bits;
    return number(nibble::power_of_two(step));
  }
  /// One half, rounded into the format.
  static NIBBLE_FUNCTION number round_error() noexcept { return number(0.5); }
  /// The smallest positive number.
  static NIBBLE_FUNCTION number denorm_min() noexcept { return number::from_bits(F.has_zero ? 1 : 0); }
  static NIBBLE_FUNCTION number infinity() noexcept {
    return number::from_bits(F.has_infinity() ? F.infinity_code() : 0U);
  }
  static NIBBLE_FUNCTION number quiet_NaN() noexcept { return number::from_bits(F.has_nan() ? F.nan_code() : 0U); }
  static NIBBLE_FUNCTION number signaling_NaN() noexcept {
    return number::from_bits(has_signaling_NaN ? F.infinity_code() + 1U : 0U);
  }
};
