// SPDX-License-Identifier: Apache-2.0
//
// Block-scaled multiply-accumulate instructions of Blackwell tensor cores as parameters of one fused sum. The model is the
// one that MMA-Sim publishes; no device has been compared with it here.
#pragma once

#include <concepts>
#include <cstdint>

#include <nibble/emulate/fused_sum.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {

/// One block-scaled instruction: `k` products and an f32 accumulator in one fused sum.
struct scaled_unit {
  int k = 64;      ///< products of an instruction; at most 64
  int group = 16;  ///< products that are added exactly and scaled as one term; 1: each product is a term of its own
  sum_rule rule{.fraction_bits = 35};

  friend constexpr bool operator==(const scaled_unit&, const scaled_unit&) = default;
};

namespace units {
/// tcgen05 kind::mxf8f6f4 (FP8, FP6, FP4 operands in any pair, UE8M0 scales of 32 elements): the exponents of both scales
/// are added to that of each product (simulator, for FP8; FP6 and FP4 operands unverified).
inline constexpr scaled_unit blackwell_mxf8f6f4{.k = 32, .group = 1, .rule = {.fraction_bits = 25}};
/// kind::mxf4 (E2M1, UE8M0 scales of 32 elements) and kind::mxf4nvf4 (E2M1, UE4M3 scales of 16, or UE8M0 of 16 or 32): sums
/// of sixteen products are exact, and the exponents of their scales alone align them (simulator).
inline constexpr scaled_unit blackwell_mxf4{.k = 64, .group = 16, .rule = {.fraction_bits = 35}};
inline constexpr scaled_unit blackwell_mxf4nvf4 = blackwell_mxf4;
}  // namespace units

/// The scales beside the operands of one instruction: codes of `format`, one for `block` elements. In a signed format
/// (E4M3 bytes used as UE4M3) the sign bit is ignored.
struct scale_operands {
  float_format format;
  int block = 32;
  const std::uint8_t* a = nullptr;
  const std::uint8_t* b = nullptr;
};

namespace detail::inline NIBBLE_UNIT {

/// An element as an integer multiple of the smallest positive number of its format.
NIBBLE_FUNCTION std::int64_t in_smallest_steps(const float_format& f, const operand& x) noexcept {
  if (x.significand == 0) return 0;
  return static_cast<std::int64_t>(x.significand) * (std::int64_t{1} << (x.exponent - f.min_exponent()));
}

/// The scale of element k.
NIBBLE_FUNCTION operand unpack_scale(const scale_operands& s, const std::uint8_t* scales, int k) noexcept {
  return unpack(s.format, std::uint32_t{scales[k / s.block]} & s.format.magnitude_mask(), zero_exponent::format_minimum);
}

}  // namespace detail

/// One output element of one block-scaled instruction: D = sum of a[k] b[k] scale_a scale_b, plus C, in binary32.
///
/// `a` and `b` hold `u.k` codes, `scales` u.k / scales.block scales each. Every bit pattern is valid: a NaN scale, a NaN
/// element, Inf * 0 and Inf - Inf give 0x7fffffff; an exact zero is +0. A zero scale or sum still takes part in the search
/// for the largest exponent. With `u.group` above 1 elements are of FP4 or FP6, which have neither Inf nor NaN.
template <std::unsigned_integral A, std::unsigned_integral B>
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t multiply_accumulate(const scaled_unit& u, const float_format& a_format,
                                                                const float_format& b_format, const A* a, const B* b,
                                                                const scale_operands& scales, std::uint32_t c) noexcept {
  sum_term terms[65] = {};
  detail::special_sum special;
  const int grouped = u.group > 1 ? 1 : 0;
  const int fraction = a_format.mantissa_bits + b_format.mantissa_bits + 2 * scales.format.mantissa_bits -
                       grouped * (a_format.min_exponent() + b_format.min_exponent());
  int count = 0;
  for (int first = 0; first < u.k; first += u.group) {
    const detail::operand s = detail::unpack_scale(scales, scales.a, first);
    const detail::operand t = detail::unpack_scale(scales, scales.b, first);
    special.nan = special.nan || s.nan || t.nan;
    std::int64_t sum = 0;
    int exponent = s.exponent + t.exponent;
    for (int k = first; k < first + u.group; ++k) {
      const detail::operand x = detail::unpack(a_format, static_cast<std::uint32_t>(a[k]), u.rule.zeros);
      const detail::operand y = detail::unpack(b_format, static_cast<std::uint32_t>(b[k]), u.rule.zeros);
      special.add_product(x, y);
      if (u.group > 1) {
        sum += detail::in_smallest_steps(a_format, x) * detail::in_smallest_steps(b_format, y);
      } else {
        sum = static_cast<std::int64_t>(x.significand) * y.significand;
        exponent += x.exponent + y.exponent;
      }
    }
    terms[count++] = {sum * s.significand * t.significand, exponent, fraction};
  }
  const detail::operand z = detail::unpack(formats::f32, c, u.rule.zeros);
  special.add(z);
  terms[count] = {z.significand, z.exponent, 23};
  return special.any() ? special.code(u.rule.output) : fused_sum(u.rule, terms, count + 1);
}

}  // namespace emulate
}  // namespace v0
}  // namespace nibble
