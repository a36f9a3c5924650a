// SPDX-License-Identifier: Apache-2.0
//
// Power-of-two scales: from a block's amax to an E8M0-like code, on exponent bits. No float log2 takes part; where a
// published implementation uses one, its rounding is reproduced in integers.
#pragma once

#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/block/recipe.hpp>
#include <nibble/block/tensor_scale.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/float_format.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// floor(log2 x) for a finite x > 0 given by its bits, and the number of floats from x up to the next power of two.
struct binary_logarithm {
  int floor;
  std::uint32_t floats_below_next;
};
NIBBLE_HD constexpr binary_logarithm binary_log(std::uint32_t magnitude) noexcept {
  const std::uint32_t field = magnitude >> 23;
  if (field != 0) return {static_cast<int>(field) - 127, 0x0080'0000U - (magnitude & 0x007f'ffffU)};
  int floor = -149;
  while ((magnitude >> (floor + 150)) != 0) ++floor;
  return {floor, (std::uint32_t{1} << (floor + 150)) - magnitude};
}

/// floor(log2f(x)) with log2f correctly rounded to float32. Just below 2^k the logarithm is k - n * 2^-24 / ln 2 for
/// the n-th float below; it rounds to k while that distance is under half the float spacing at k.
NIBBLE_HD constexpr int floor_of_float_log2(std::uint32_t magnitude) noexcept {
  const binary_logarithm log = binary_log(magnitude);
  const int k = log.floor + 1;
  const int size = k > 0 ? k - 1 : -k;  // the spacing below k follows from floor(log2 |logarithm|)
  if (size < 1) return log.floor;
  int binade = 0;
  while ((size >> (binade + 1)) != 0) ++binade;
  // floor(2^binade * ln 2): how many floats round up.
  constexpr std::uint32_t rounds_up[] = {0, 1, 2, 5, 11, 22, 44, 88};
  std::uint32_t count = rounds_up[binade];
  // Subnormal floats lie further apart than their binade would have it.
  for (int lost = -125 - k; lost > 0; --lost) count /= 2;
  return log.floats_below_next <= count ? k : log.floor;
}

/// What rules on exponent bits add to a float32 pattern, so that its exponent field is the rounded one.
NIBBLE_FUNCTION std::uint32_t rounding_addend(exponent_rule rule, const float_format& element) noexcept {
  const int precision = element.exponent_bits == 0 ? element.mantissa_bits - 1 : element.mantissa_bits;
  if (rule == exponent_rule::even) return std::uint32_t{1} << (22 - precision);
  if (rule == exponent_rule::ceil || rule == exponent_rule::reciprocal_ceil) return 0x007f'ffffU;
  // A fraction above that of the largest element carries.
  if (rule == exponent_rule::exact_ceil) return 0x007f'ffffU - (exact_binary32(element.max_value()).bits() & 0x007f'ffffU);
  return 0;
}

/// The binary32 exponent field that the rules on exponent bits give, before the element's emax is taken off. `bits` is
/// the amax, or its product with 1 / M for reciprocal_ceil, which must be a normal number or zero.
template <class Lanes>
NIBBLE_FUNCTION Lanes rounded_field(exponent_rule rule, const float_format& element, Lanes bits) noexcept {
  return (bits + Lanes(rounding_addend(rule, element))) >> 23;
}

/// The code of the power-of-two scale for a finite `amax`, before clamping to the scale format: an exponent plus the
/// bias of `scale`.
NIBBLE_HD constexpr int exponent_code(const float_format& element, const float_format& scale, exponent_rule rule,
                                      binary32 amax) noexcept {
  const std::uint32_t bits = amax.bits();
  const int emax = element.max_exponent();
  const int bias = scale.bias - 127;  // relative to the exponent field of binary32
  switch (rule) {
    case exponent_rule::unspecified:
    case exponent_rule::floor:
    case exponent_rule::ceil: return static_cast<int>(rounded_field(rule, element, bits)) - emax + bias;
    case exponent_rule::even: {
      // An amax that rounds to Inf has no scale.
      const auto field = static_cast<int>(rounded_field(rule, element, bits));
      return field == 255 ? static_cast<int>(scale.max_code()) + 1 : field - emax + bias;
    }
    case exponent_rule::reciprocal_ceil: {
      const binary32 reciprocal = binary32(1.0F) / exact_binary32(element.max_value());
      const std::uint32_t product = (amax * reciprocal).bits();
      if ((product >> 23) == 0) return (product > 0x0040'0000U ? 1 : 0) + bias;
      return static_cast<int>(rounded_field(rule, element, product)) + bias;
    }
    case exponent_rule::exact_ceil: {
      if (bits == 0) return 0;
      // amax = (1 + f) 2^floor against max = (1 + g) 2^emax.
      const binary_logarithm log = binary_log(bits);
      const double maximum_significand = element.max_value() * power_of_two(-emax);
      const double significand = power_of_two(-log.floor) *
                                 exact_double(amax);
      return log.floor - emax + (significand > maximum_significand ? 1 : 0) + scale.bias;
    }
    case exponent_rule::float_log2_floor: {
      const std::uint32_t nonzero = bits == 0 ? 0x0080'0000U : bits;
      return floor_of_float_log2(nonzero) - emax + scale.bias;
    }
    case exponent_rule::float_log2_floor_wrapped:
      return bits == 0 ? 0 : (floor_of_float_log2(bits) - emax + scale.bias) & static_cast<int>(scale.magnitude_mask());
  }
  return 0;
}

/// The code of a power-of-two scale: clamped at the small end; at the large end NaN if the format has one and the
/// rule computes past the largest scale, else the largest.
NIBBLE_HD constexpr std::uint32_t exponent_scale_code(const block_format& f, const recipe& r, binary32 amax) noexcept {
  const auto largest = static_cast<int>(f.scale.max_code());
  const std::uint32_t nan = f.scale.has_nan() ? f.scale.nan_code() : f.scale.max_code();
  if (r.exponent == exponent_rule::float_log2_floor_wrapped && !amax.is_finite()) return 0;
  if (amax.is_nan()) return nan;
  if (amax.is_infinity()) return r.infinite_amax_saturates ? f.scale.max_code() : nan;
  const int code = exponent_code(f.element, f.scale, r.exponent, amax);
  // Where code 0 is a zero, it is for blocks of zeros.
  const int smallest = f.scale.has_zero && !amax.is_zero() ? 1 : 0;
  if (code < smallest) return static_cast<std::uint32_t>(smallest);
  if (r.exponent == exponent_rule::float_log2_floor_wrapped) return static_cast<std::uint32_t>(code);
  if (code <= largest) return static_cast<std::uint32_t>(code);
  const bool to_nan = r.amax != amax_rule::finite && !r.infinite_amax_saturates;
  return to_nan ? nan : f.scale.max_code();
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
