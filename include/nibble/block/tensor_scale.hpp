// SPDX-License-Identifier: Apache-2.0
//
// The second level of scaling: one float32 for the whole tensor, from its amax.
#pragma once

#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/block/block_format.hpp>
#include <nibble/block/recipe.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {

/// What a tensor's amax gives: the decode multiplier T, which is stored, and the encode multiplier S of the recipe.
struct tensor_scaling {
  binary32 decode{1.0F};
  binary32 encode{1.0F};
  binary32 amax{0.0F};
};

namespace detail::inline NIBBLE_UNIT {

/// `x`, an exact float32 value or beyond them all, as binary32.
NIBBLE_OUTLINED binary32 exact_binary32(double x) noexcept {
  const std::uint64_t bits = to_bits(x);
  const auto sign = static_cast<std::uint32_t>(bits >> 32) & 0x8000'0000U;
  const std::uint64_t fraction = bits & 0x000f'ffff'ffff'ffffU;
  const int field = static_cast<int>(bits >> 52 & 0x7ffU) - 1023 + 127;
  if (field >= 255) return binary32::from_bits(sign | ieee_layout<std::uint32_t>::infinity);
  if (field >= 1) {
    return binary32::from_bits(sign | static_cast<std::uint32_t>(field) << 23 | static_cast<std::uint32_t>(fraction >> 29));
  }
  const int shift = 30 - field;
  const std::uint64_t units = shift < 64 ? (fraction | std::uint64_t{1} << 52) >> shift : 0U;
  return binary32::from_bits(sign | static_cast<std::uint32_t>(units));
}
/// `x` as double.
NIBBLE_OUTLINED double exact_double(binary32 x) noexcept {
  return bit_cast<double>(decode_lanes<std::uint64_t>(formats::f32, std::uint64_t{x.bits()}));
}

/// The largest float32 whose product with the positive number `factor`, rounded to float32, is finite; 0 for Inf.
NIBBLE_FUNCTION binary32 largest_finite_cofactor(binary32 factor) noexcept {
  const binary32 limit = binary32::from_bits(0x7f7f'ffffU);
  if (!(binary32(1.0F) < factor)) return limit;
  binary32 x = limit / factor;
  while (factor.is_finite() && !(x * factor).is_finite()) x = binary32::from_bits(x.bits() - 1U);
  return x;
}

/// The largest encode multiplier for which no decoded block scale times T is a float32 subnormal and no reciprocal of
/// it overflows: 2^114 for E4M3 scales.
NIBBLE_FUNCTION binary32 largest_guarded_encode(const block_format& f) noexcept {
  const int lowest = f.scale.min_exponent() - f.scale.mantissa_bits;
  const int exponent = 123 + (lowest < 0 ? lowest : 0);
  return exact_binary32(power_of_two(exponent > -100 ? exponent : -100));
}

/// The largest scale in Q, by recipe or format. Told from zero by its bits: processors may read a subnormal one as zero.
NIBBLE_FUNCTION double largest_scale(const block_format& f, const recipe& r) noexcept {
  const binary32 known(r.tensor_scale_max);
  return known.is_zero() ? f.scale.max_value() : exact_double(known);
}

/// The smallest power of two at or above a / q, not below `least`, for finite a >= 0.
NIBBLE_FUNCTION binary32 power_of_two_at_least(binary32 a, double q, binary32 least) noexcept {
  binary32 power = least;
  const double amax = exact_double(a);
  // Both sides are exact: q has at most 16 significand bits, and the exponents stay in the range of double.
  while (q * exact_double(power) < amax) {
    power = binary32::from_bits(power.bits() + 0x0080'0000U);
  }
  return power;
}

}  // namespace detail

/// The tensor scale that `r` gives for the tensor amax `amax` (a magnitude; Inf and NaN as the recipe's formulas treat
/// them, except that nibble's guarded rules never see them). T = S = 1 for formats without tensor scale.
NIBBLE_FUNCTION tensor_scaling make_tensor_scaling(const block_format& f, const recipe& r, binary32 amax) noexcept {
  tensor_scaling t{.amax = amax};
  if (!f.tensor_scale || r.tensor == tensor_scale_rule::one) return t;
  const double q_value = f.element.max_value() * detail::largest_scale(f, r);
  const binary32 q = detail::exact_binary32(q_value);
  const binary32 one(1.0F);
  const binary32 limit = binary32::from_bits(0x7f7f'ffffU);
  switch (r.tensor) {
    case tensor_scale_rule::one: break;
    case tensor_scale_rule::guarded_reciprocal: {
      if (amax.is_zero()) break;
      // No less than the least normal number: a reciprocal would be Inf, and all scales of a tensor beyond the range 0.
      t.encode = maximum(minimum(q / amax, detail::largest_guarded_encode(f)), binary32(0x1p-126F));
      t.decode = one / t.encode;
      // The bound is seldom near, and costs a division.
      if (!(t.decode * q < binary32(0x1p127F))) t.decode = minimum(t.decode, detail::largest_finite_cofactor(q));
      if (f.element.max_value() < 1.0) {
        // Where the largest number is finite, the largest scale times T may not be.
        const binary32 most = detail::largest_finite_cofactor(detail::exact_binary32(detail::largest_scale(f, r)));
        if (most < t.decode) t = {.decode = most, .encode = one / most, .amax = amax};
      }
      break;
    }
    case tensor_scale_rule::reciprocal:
      t.encode = minimum(q / amax, limit);
      if (t.encode.is_zero() || (amax.is_zero() && r.zero_tensor_encodes_one)) t.encode = one;
      t.decode = one / t.encode;
      break;
    case tensor_scale_rule::quotient:
      t.decode = amax / q;
      t.encode = one / t.decode;
      break;
    case tensor_scale_rule::clamped_reciprocal:
      t.encode = q / maximum(amax, binary32::from_bits(0x0080'0000U));
      if (!t.encode.is_finite()) t.encode = one;
      t.decode = one / t.encode;
      break;
    case tensor_scale_rule::power_of_two_up:
      t.decode = detail::power_of_two_at_least(amax, q_value, one / detail::largest_guarded_encode(f));
      t.encode = one / t.decode;
      break;
  }
  return t;
}

}  // namespace v0
}  // namespace nibble
