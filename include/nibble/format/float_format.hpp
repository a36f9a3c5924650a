// SPDX-License-Identifier: Apache-2.0
//
// A number format as a value: a small structural type from which masks, limits and special codes follow.
#pragma once

#include <cstdint>

#include <nibble/base/bits.hpp>

namespace nibble {
inline namespace v0 {

/// How a format spends its special codes. "All ones" means every bit of the magnitude.
enum class special_values : std::uint8_t {
  none,              ///< every code is a number (E2M1, E2M3, E3M2: OCP MX 1.0 section 5.3)
  nan_only,          ///< all ones is NaN, one for each sign (E4M3: OCP OFP8; E8M0)
  infinity_and_nan,  ///< the top exponent is Inf (mantissa 0) and NaN, as in IEEE 754 (E5M2, binary16, bfloat16)
  fnuz,              ///< the code of -0 is the one NaN; no Inf, no -0
  p3109_finite,      ///< IEEE P3109 "f": one NaN (signed: the code of -0; unsigned: all ones), no Inf, no -0
  p3109_extended,    ///< IEEE P3109 "e": as finite, and Inf is the code just below NaN on each side
};

/// A binary floating-point (or two's-complement fixed-point) format of at most 16 bits, or binary32 as a scale.
///
/// With exponent field E and mantissa field T of m bits, a code means
///   (-1)^s * 2^(E - bias) * (1 + T / 2^m)   for E > 0, and
///   (-1)^s * 2^(1 - bias) * T / 2^m         for E = 0.
/// `has_zero = false` reads E = 0 by the first line, so that the format has neither zero nor subnormals (E8M0).
/// `exponent_bits = 0` leaves only the second line: a fixed-point format. With `twos_complement` its code is the
/// two's-complement integer T, as in MXINT8; the most negative integer is decoded but never produced.
/// Without a sign (`has_sign = false`) there is no sign bit at all.
struct float_format {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  int bias = 0;
  special_values specials = special_values::none;
  bool has_sign = true;
  bool has_zero = true;
  bool twos_complement = false;

  friend constexpr bool operator==(const float_format&, const float_format&) = default;

  /// Bits of the magnitude, and of the whole code.
  [[nodiscard]] NIBBLE_FUNCTION int magnitude_bits() const noexcept { return exponent_bits + mantissa_bits; }
  [[nodiscard]] NIBBLE_FUNCTION int bits() const noexcept { return magnitude_bits() + (has_sign ? 1 : 0); }

  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t magnitude_mask() const noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{1} << magnitude_bits()) - 1);
  }
  /// The sign bit in place, 0 without a sign.
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t sign_mask() const noexcept {
    return has_sign ? std::uint32_t{1} << magnitude_bits() : 0U;
  }
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t code_mask() const noexcept { return magnitude_mask() | sign_mask(); }

  [[nodiscard]] NIBBLE_FUNCTION bool has_infinity() const noexcept {
    return specials == special_values::infinity_and_nan || specials == special_values::p3109_extended;
  }
  [[nodiscard]] NIBBLE_FUNCTION bool has_nan() const noexcept { return specials != special_values::none; }
  /// NaN takes the code that -0 would have.
  [[nodiscard]] NIBBLE_FUNCTION bool nan_is_negative_zero() const noexcept {
    return specials == special_values::fnuz ||
           (has_sign && (specials == special_values::p3109_finite || specials == special_values::p3109_extended));
  }
  [[nodiscard]] NIBBLE_FUNCTION bool has_negative_zero() const noexcept {
    return has_sign && has_zero && !nan_is_negative_zero() && !twos_complement;
  }

  /// Code of +Inf; only with has_infinity().
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t infinity_code() const noexcept {
    if (specials == special_values::p3109_extended) return magnitude_mask() - (has_sign ? 0U : 1U);
    return ((std::uint32_t{1} << exponent_bits) - 1U) << mantissa_bits;
  }
  /// Code of the positive canonical NaN: all ones where the format offers a choice; only with has_nan().
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t nan_code() const noexcept {
    return nan_is_negative_zero() ? sign_mask() : magnitude_mask();
  }
  /// Code of the largest finite number.
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t max_code() const noexcept {
    if (has_infinity()) return infinity_code() - 1U;
    const bool top_is_nan = has_nan() && !nan_is_negative_zero();
    return magnitude_mask() - (top_is_nan ? 1U : 0U);
  }

  /// Exponent of the smallest normal number; the step below it is 2^(min_exponent - mantissa_bits).
  [[nodiscard]] NIBBLE_FUNCTION int min_exponent() const noexcept { return has_zero ? 1 - bias : -bias; }
  /// floor(log2(max_value())); OCP MX calls it emax.
  [[nodiscard]] NIBBLE_FUNCTION int max_exponent() const noexcept {
    const auto field = static_cast<int>(max_code() >> mantissa_bits);
    if (field != 0 || !has_zero) return field - bias;
    int exponent = min_exponent() - mantissa_bits - 1;
    for (std::uint32_t rest = max_code(); rest != 0; rest >>= 1) ++exponent;
    return exponent;
  }
  /// The values behind codes below: exact doubles.
  [[nodiscard]] NIBBLE_FUNCTION double magnitude_value(std::uint32_t magnitude) const noexcept {
    const auto field = static_cast<int>(magnitude >> mantissa_bits);
    const auto fraction = magnitude & ((std::uint32_t{1} << mantissa_bits) - 1U);
    const bool subnormal = exponent_bits == 0 || (field == 0 && has_zero);
    const auto significand = subnormal ? magnitude : fraction + (std::uint32_t{1} << mantissa_bits);
    return significand * power_of_two((subnormal ? min_exponent() : field - bias) - mantissa_bits);
  }
  [[nodiscard]] NIBBLE_FUNCTION double max_value() const noexcept { return magnitude_value(max_code()); }
  [[nodiscard]] NIBBLE_FUNCTION double min_normal() const noexcept { return power_of_two(min_exponent()); }
  /// Smallest positive number: a subnormal where the format has them.
  [[nodiscard]] NIBBLE_FUNCTION double min_positive() const noexcept { return magnitude_value(has_zero ? 1U : 0U); }

  /// Whether the library's codecs take this format: 2 to 16 bits (or binary32), every number an exact normal double,
  /// a NaN at the code of -0 only with a sign and a zero, Inf and NaN as in IEEE 754 only with exponent and mantissa, at
  /// least one positive finite number.
  [[nodiscard]] NIBBLE_FUNCTION bool is_valid() const noexcept {
    const bool fields = exponent_bits >= 0 && mantissa_bits >= 0 && exponent_bits <= 11 && mantissa_bits <= 23;
    if (!fields) return false;
    const bool is_binary32 = exponent_bits == 8 && mantissa_bits == 23 && has_sign;
    if (magnitude_bits() < 1 || bits() < 2 || (bits() > 16 && !is_binary32)) return false;
    if (specials == special_values::fnuz && !has_sign) return false;
    if (nan_is_negative_zero() && !has_zero) return false;
    if (specials == special_values::infinity_and_nan && (exponent_bits == 0 || mantissa_bits == 0)) return false;
    if (twos_complement && (exponent_bits != 0 || specials != special_values::none || !has_sign)) return false;
    if (exponent_bits == 0 && !has_zero) return false;
    const int room = (1 << exponent_bits) + mantissa_bits;
    if (min_exponent() - mantissa_bits < -1000 || min_exponent() + room > 1023 + mantissa_bits) return false;
    return magnitude_mask() >= 3U || specials == special_values::none ||
           (specials == special_values::nan_only && !has_zero);
  }
  /// Whether every number of the format is an exact float32 (subnormals included).
  [[nodiscard]] NIBBLE_FUNCTION bool fits_binary32() const noexcept {
    // The most negative integer has twice the magnitude of the largest power of two.
    const int last = max_exponent() + (twos_complement ? 1 : 0);
    return mantissa_bits <= 23 && min_exponent() - mantissa_bits >= -149 && last <= 127;
  }
};

}  // namespace v0
}  // namespace nibble
