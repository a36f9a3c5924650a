// SPDX-License-Identifier: Apache-2.0
//
// The primitive of tensor-core arithmetic: products and an accumulator are aligned to the largest exponent among them,
// cut to a number of fraction bits, summed as integers and converted once. Everything here is integer arithmetic.
#pragma once

#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/format/catalogue.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {

/// TF32 as a tensor core reads it: the upper 19 bits of a binary32 pattern. Codes of this format are the whole patterns.
NIBBLE_CONSTANT float_format tf32{
    .exponent_bits = 8, .mantissa_bits = 10, .bias = 127, .specials = special_values::infinity_and_nan};

/// What a fused sum becomes, and with it the type of the accumulator.
enum class sum_output : std::uint8_t {
  f32,          ///< binary32, truncated to 23 fraction bits
  f32_13_bits,  ///< binary32, truncated to 13 fraction bits (FP8 of Ada and Hopper)
  f16,          ///< binary16, rounded to nearest even
};

/// The exponent with which a zero takes part in the search for the largest one.
enum class zero_exponent : std::uint8_t {
  lowest,          ///< -126, whatever the format
  none,            ///< it takes no part, and neither does a product with a zero factor
  format_minimum,  ///< that of the smallest normal number of its format
};

/// What a sum beyond the range of binary32 becomes.
enum class sum_overflow : std::uint8_t { infinity, largest };

/// The parameters of one fused sum.
struct sum_rule {
  int fraction_bits = 25;  ///< fraction bits that an aligned term keeps; 1 to 36
  sum_output output = sum_output::f32;
  zero_exponent zeros = zero_exponent::lowest;
  sum_overflow overflow = sum_overflow::infinity;
  bool keeps_sign_of_underflow = true;  ///< a negative sum that ends as zero is -0, not +0
  int least_exponent = -(1 << 22);      ///< terms are aligned to this exponent at least

  friend constexpr bool operator==(const sum_rule&, const sum_rule&) = default;
};

/// The number `significand * 2^(exponent - fraction)`, where `exponent` takes part in the alignment: it is not normalised.
struct sum_term {
  std::int64_t significand = 0;
  int exponent = 0;
  int fraction = 0;
};

/// The NaN that every unit writes.
inline constexpr std::uint32_t f32_nan = 0x7fff'ffffU;
inline constexpr std::uint32_t f16_nan = 0x7fffU;

namespace detail::inline NIBBLE_UNIT {

/// A code taken apart as a multiplier reads it: subnormal numbers keep the smallest exponent and are not normalised.
struct operand {
  std::int32_t significand = 0;  // with sign
  std::int32_t exponent = 0;
  bool negative = false;
  bool infinite = false;
  bool nan = false;
};

NIBBLE_FUNCTION operand unpack(const float_format& f, std::uint32_t code, zero_exponent zeros) noexcept {
  if (f == tf32) code >>= 13;
  const std::uint32_t magnitude = code & f.magnitude_mask();
  const std::uint32_t field = magnitude >> f.mantissa_bits;
  const std::uint32_t hidden = std::uint32_t{1} << f.mantissa_bits;
  const std::uint32_t fraction = magnitude & (hidden - 1U);
  operand x;
  x.negative = (code & f.sign_mask()) != 0;
  x.infinite = f.has_infinity() && magnitude == f.infinity_code();
  x.nan = f.has_nan() && magnitude > f.max_code() && !x.infinite;
  const bool normal = field != 0 || !f.has_zero;
  const auto significand = static_cast<std::int32_t>(normal ? fraction | hidden : fraction);
  x.significand = x.negative ? -significand : significand;
  x.exponent = normal ? static_cast<std::int32_t>(field) - f.bias : f.min_exponent();
  if (significand == 0 && zeros == zero_exponent::lowest) x.exponent = -126;
  if (significand == 0 && zeros == zero_exponent::none) x.exponent = -(1 << 20);  // far below any sum of exponents
  return x;
}

/// Infinities and NaNs of a sum, kept apart from the numbers.
struct special_sum {
  bool nan = false;
  bool infinity[2] = {false, false};

  NIBBLE_FUNCTION void add(const operand& c) noexcept {
    nan = nan || c.nan;
    if (c.infinite) infinity[c.negative ? 1 : 0] = true;
  }
  NIBBLE_FUNCTION void add_product(const operand& a, const operand& b) noexcept {
    if (!(a.infinite || b.infinite || a.nan || b.nan)) return;
    const bool zero = (a.significand == 0 && !a.nan) || (b.significand == 0 && !b.nan);
    if (a.nan || b.nan || (zero && (a.infinite || b.infinite))) {
      nan = true;
    } else {
      infinity[a.negative != b.negative ? 1 : 0] = true;
    }
  }
  [[nodiscard]] NIBBLE_FUNCTION bool any() const noexcept { return nan || infinity[0] || infinity[1]; }
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t code(sum_output output) const noexcept {
    const bool f16 = output == sum_output::f16;
    if (nan || (infinity[0] && infinity[1])) return f16 ? f16_nan : f32_nan;
    const std::uint32_t positive = f16 ? 0x7c00U : 0x7f80'0000U;
    return infinity[1] ? positive | (f16 ? 0x8000U : 0x8000'0000U) : positive;
  }
};

/// The aligned integer of a term: trunc(value * 2^(fraction_bits - largest)).
NIBBLE_FUNCTION std::int64_t align_term(const sum_term& t, int fraction_bits, int largest) noexcept {
  const int shift = fraction_bits + t.exponent - largest - t.fraction;
  if (shift >= 0) return t.significand * (std::int64_t{1} << shift);
  const auto magnitude = static_cast<std::uint64_t>(t.significand < 0 ? -t.significand : t.significand);
  const auto kept = static_cast<std::int64_t>(shift > -64 ? magnitude >> -shift : 0U);
  return t.significand < 0 ? -kept : kept;
}

NIBBLE_FUNCTION int bit_width(std::uint64_t x) noexcept {
  int bits = 0;
  for (int step = 32; step > 0; step /= 2) {
    if ((x >> step) != 0) {
      x >>= step;
      bits += step;
    }
  }
  return bits + (x != 0 ? 1 : 0);
}

/// sum * 2^unit as binary32 with `kept_bits` fraction bits, truncated.
NIBBLE_FUNCTION std::uint32_t truncate_sum(std::int64_t sum, int unit, int kept_bits, const sum_rule& rule) noexcept {
  if (sum == 0) return 0U;
  const std::uint32_t sign = sum < 0 ? 0x8000'0000U : 0U;
  const auto magnitude = static_cast<std::uint64_t>(sum < 0 ? -sum : sum);
  const int top = bit_width(magnitude) - 1 + unit;
  if (top > 127) {
    const std::uint32_t largest = 0x7f7f'ffffU & ~((std::uint32_t{1} << (23 - kept_bits)) - 1U);
    return sign | (rule.overflow == sum_overflow::infinity ? 0x7f80'0000U : largest);
  }
  const int step = top < -126 ? -126 - kept_bits : top - kept_bits;
  const int shift = step - unit;
  const std::uint64_t kept = shift <= 0 ? magnitude << -shift : (shift < 64 ? magnitude >> shift : 0U);
  if (kept == 0) return rule.keeps_sign_of_underflow ? sign : 0U;
  const int field = step + kept_bits - 23 + 149;
  return sign | ((static_cast<std::uint32_t>(field) << 23) + static_cast<std::uint32_t>(kept << (23 - kept_bits)));
}

/// The conversion at the end of a fused sum of the value sum * 2^unit, |sum| < 2^53.
NIBBLE_FUNCTION std::uint32_t convert_sum(std::int64_t sum, int unit, const sum_rule& rule) noexcept {
  if (sum == 0) return 0U;
  if (rule.output == sum_output::f32) return truncate_sum(sum, unit, 23, rule);
  if (rule.output == sum_output::f32_13_bits) return truncate_sum(sum, unit, 13, rule);
  // Exact: an integer of at most 53 bits times a power of two, far from the ends of binary64.
  const double value = static_cast<double>(sum) * power_of_two(unit);
  const std::uint32_t code = encode(formats::f16, value, nearest_even{}, overflow::special);
  return code == 0x8000U && !rule.keeps_sign_of_underflow ? 0U : code;
}

}  // namespace detail

/// The fused sum of `count` finite terms, as the bits of the output type. At most 2^10 terms, each below 4 in magnitude
/// before its exponent (2^12 with fraction_bits up to 36).
NIBBLE_FUNCTION std::uint32_t fused_sum(const sum_rule& rule, const sum_term* terms, int count) noexcept {
  int largest = rule.least_exponent;
  for (int i = 0; i < count; ++i) largest = terms[i].exponent > largest ? terms[i].exponent : largest;
  std::int64_t sum = 0;
  for (int i = 0; i < count; ++i) sum += detail::align_term(terms[i], rule.fraction_bits, largest);
  return detail::convert_sum(sum, largest - rule.fraction_bits, rule);
}

}  // namespace emulate
}  // namespace v0
}  // namespace nibble
