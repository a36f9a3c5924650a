// SPDX-License-Identifier: Apache-2.0

// References for the MX formats: blocks of 32 with one E8M0 scale.
#pragma once

#include <oracle/blocks.hpp>

#include <algorithm>

namespace oracle {

/// torchao to_mx in its four modes, microxcaling (round "nearest"), ggml quantize_row_mxfp4_ref, Transformer Engine
/// MXFP8.
enum class mx_rule { floor, ceil, even, rceil, microxcaling, ggml, transformer_engine };

namespace mx_detail {

inline constexpr int nan_scale = 255;

inline int largest_exponent(const format& f) {
  return f.twos_complement ? 0 : std::ilogb(static_cast<double>(max_value(f)));
}

/// Exponent of the scale, biased by 127, in torchao's modes floor, ceil and even.
inline int exponent_rule(mx_rule rule, const format& element, double amax) {
  if (is_zero(amax)) return 0;
  int exponent = std::ilogb(amax);
  if (rule == mx_rule::ceil && amax != std::ldexp(1.0, exponent)) ++exponent;
  if (rule == mx_rule::even) {
    const double half_step = std::ldexp(1.0, exponent - element.mantissa_bits - 1);
    exponent = std::ilogb(amax + half_step);
    if (exponent > 127) return nan_scale;
  }
  return std::clamp(exponent - largest_exponent(element) + 127, 0, 255);
}

/// The smallest power of two that is at least amax / largest element, the quotient taken as a float32 product.
inline int round_up_rule(const format& element, double amax) {
  const double reciprocal = f32::div(1.0, static_cast<double>(max_value(element)));
  return static_cast<int>(encode(e8m0, f32::mul(amax, reciprocal), rounding::upward));
}

inline int microxcaling_scale(const format& element, double amax) {
  if (is_nan(amax) || is_infinite(amax)) return nan_scale;
  const int exponent = f32::floor_log2(is_zero(amax) ? 0x1p-126 : amax) - largest_exponent(element);
  return exponent > 127 ? nan_scale : std::max(exponent, -127) + 127;
}

/// The conversion of a negative or huge float to a byte is undefined in C; these are the results of x86 (to int32, low
/// byte).
inline int ggml_scale(double amax) {
  if (is_zero(amax) || is_infinite(amax)) return 0;
  return (f32::floor_log2(amax) - 2 + 127) & 0xFF;
}

inline int scale_of(mx_rule rule, const format& element, double amax) {
  switch (rule) {
    case mx_rule::floor:
    case mx_rule::ceil:
    case mx_rule::even: return is_nan(amax) || is_infinite(amax) ? nan_scale : exponent_rule(rule, element, amax);
    case mx_rule::rceil: return is_nan(amax) || is_infinite(amax) ? nan_scale : round_up_rule(element, amax);
    case mx_rule::transformer_engine: return round_up_rule(element, amax);
    case mx_rule::microxcaling: return microxcaling_scale(element, amax);
    case mx_rule::ggml: return ggml_scale(amax);
  }
  return 0;
}

/// Elements of a NaN block: NaN in FP8 (with the sign of a NaN element), 0 in formats without NaN, where the reference
/// has no defined result.
inline std::uint32_t nan_block_code(const format& element, double x) {
  if (!element.has_nan()) return 0;
  return (element.magnitude_codes() - 1) | (is_nan(x) && is_negative(x) ? element.sign_code() : 0);
}

/// microxcaling's rounding: half away from zero by floor(x + 0.5) in float32, on a grid set by the exponent of the
/// value.
inline std::uint32_t microxcaling_element(const format& element, double x, int scale) {
  if (scale == nan_scale) return element.has_nan() ? element.magnitude_codes() - 1 : 0;
  const double v = with_sign(round_to_float(std::ldexp(magnitude(x), 127 - scale)), is_negative(x));
  if (is_zero(v)) return 0;
  const int smallest = element.twos_complement ? 0 : 1 - element.bias;
  const int exponent = element.twos_complement ? 0 : std::max(f32::floor_log2(magnitude(v)), smallest);
  const int fraction_bits = element.twos_complement ? 6 : element.mantissa_bits;
  const double steps = std::floor(f32::add(std::ldexp(magnitude(v), fraction_bits - exponent), 0.5));
  const double rounded = std::ldexp(steps, exponent - fraction_bits);
  return encode(element, with_sign(rounded, is_negative(v)));
}

inline std::uint32_t element_of(mx_rule rule, const format& element, double x, int scale) {
  if (rule == mx_rule::microxcaling) return microxcaling_element(element, x, scale);
  if (rule == mx_rule::ggml) return ggml_code(x, std::ldexp(1.0, scale - 128));
  if (scale == nan_scale) return nan_block_code(element, x);
  return encode(element, f32::mul(x, std::ldexp(1.0, 127 - scale)));
}

}  // namespace mx_detail

inline quantized quantize_mx(mx_rule rule, const format& element, const matrix& x) {
  using namespace mx_detail;
  constexpr std::size_t block = 32;
  const std::size_t blocks = (x.columns + block - 1) / block;
  const bool propagate = rule != mx_rule::ggml && rule != mx_rule::transformer_engine;
  quantized q;
  q.codes.resize(x.rows * x.columns);
  q.scales.resize(x.rows * blocks);
  for (std::size_t row = 0; row < x.rows; ++row) {
    for (std::size_t k = 0; k < blocks; ++k) {
      const auto values = tile_of(x, row, k * block, 1, block);
      const int scale = scale_of(rule, element, amax_of(values, propagate));
      q.scales[row * blocks + k] = static_cast<std::uint8_t>(scale);
      for (std::size_t j = 0; j < block && k * block + j < x.columns; ++j) {
        q.codes[row * x.columns + k * block + j] =
            static_cast<std::uint8_t>(element_of(rule, element, values[j], scale));
      }
    }
  }
  return q;
}

}  // namespace oracle
