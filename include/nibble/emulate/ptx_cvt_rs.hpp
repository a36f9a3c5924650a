// SPDX-License-Identifier: Apache-2.0
//
// The stochastically rounding conversions of PTX (cvt.rs, sm_100a and sm_103a) with their exact assignment of random
// bits, on host and device.
#pragma once

#include <cstdint>

#include <nibble/emulate/ptx_pack.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

NIBBLE_FUNCTION std::uint32_t reverse_16(std::uint32_t x) noexcept {
  std::uint32_t result = 0;
  for (int i = 0; i < 16; ++i) result |= (x >> i & 1U) << (15 - i);
  return result;
}

/// A source as cvt.rs reads it: subnormal numbers are zeros of their sign.
NIBBLE_FUNCTION float without_subnormals(float x) noexcept {
  const std::uint32_t bits = to_bits(x);
  return bit_cast<float>((bits & 0x7f80'0000U) == 0 ? bits & 0x8000'0000U : bits);
}

NIBBLE_FUNCTION std::uint32_t stochastic_x2(const float_format& to, int bits, bool with_relu, float a, float b,
                                            std::uint32_t rbits, overflow o) noexcept {
  const auto lane = [&](float x, std::uint32_t random) NIBBLE_INLINE_LAMBDA {
    const rounding_choice r{rounding_mode::stochastic, stochastic_variant::a, bits, random};
    return convert(to, with_relu, without_subnormals(x), r, o);
  };
  return lane(a, rbits >> 16) << 16 | lane(b, rbits & 0xffffU);
}

/// The sixteen random bits of the lower pair {e, f} and of the upper pair {a, b}, as their second operand sees them.
NIBBLE_FUNCTION std::uint32_t random_of_pair(int width, std::uint32_t rbits, bool upper) noexcept {
  if (width == 8) return upper ? rbits >> 16 : rbits & 0xffffU;
  const std::uint32_t bytes = upper ? rbits >> 8 : rbits;
  return (bytes >> 8 & 0xff00U) | (bytes & 0xffU);
}

NIBBLE_FUNCTION std::uint32_t stochastic_x4(const float_format& to, int width, bool with_relu, float a, float b, float e,
                                            float f, std::uint32_t rbits) noexcept {
  const auto lane = [&](float x, std::uint32_t random) NIBBLE_INLINE_LAMBDA {
    return convert(to, with_relu, without_subnormals(x), stochastic_bits<16>{random}, overflow::saturate);
  };
  const std::uint32_t low = random_of_pair(width, rbits, false);
  const std::uint32_t high = random_of_pair(width, rbits, true);
  return lane(a, reverse_16(high)) << (3 * width) | lane(b, high) << (2 * width) | lane(e, reverse_16(low)) << width |
         lane(f, low);
}

}  // namespace detail

/// PTX instructions by name: dots are underscores, operands in the order of the instruction.
namespace ptx {

/// To two 16-bit numbers, rounded stochastically: a lane goes up when its discarded fraction plus its random bits carries.
/// binary16 takes the low 13 bits of each half of `rbits`, bfloat16 all 16; the low half serves `b`, the high half `a`.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_f16x2_f32(float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::f16, 13, false, a, b, rbits, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_satfinite_f16x2_f32(float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::f16, 13, false, a, b, rbits, overflow::saturate);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_f16x2_f32(float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::f16, 13, true, a, b, rbits, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_satfinite_f16x2_f32(
    float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::f16, 13, true, a, b, rbits, overflow::saturate);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_bf16x2_f32(float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::bf16, 16, false, a, b, rbits, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_satfinite_bf16x2_f32(
    float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::bf16, 16, false, a, b, rbits, overflow::saturate);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_bf16x2_f32(float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::bf16, 16, true, a, b, rbits, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_satfinite_bf16x2_f32(
    float a, float b, std::uint32_t rbits) noexcept {
  return detail::stochastic_x2(formats::bf16, 16, true, a, b, rbits, overflow::saturate);
}

/// To four narrow elements {a, b, e, f}, `a` the uppermost and `f` the lowest, from 16 random bits each: two lanes share
/// sixteen bits and see them in opposite order (probed on a B200 for e2m1x4, e4m3x4 and e5m2x4; e2m3x4 and e3m2x4 are
/// presumed to be as e4m3x4).
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_satfinite_e4m3x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e4m3, 8, false, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_satfinite_e4m3x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e4m3, 8, true, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_satfinite_e5m2x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e5m2, 8, false, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_satfinite_e5m2x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e5m2, 8, true, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_satfinite_e2m3x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e2m3, 8, false, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_satfinite_e2m3x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e2m3, 8, true, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_satfinite_e3m2x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e3m2, 8, false, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rs_relu_satfinite_e3m2x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return detail::stochastic_x4(formats::e3m2, 8, true, a, b, e, f, rbits);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rs_satfinite_e2m1x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return static_cast<std::uint16_t>(detail::stochastic_x4(formats::e2m1, 4, false, a, b, e, f, rbits));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rs_relu_satfinite_e2m1x4_f32(
    float a, float b, float e, float f, std::uint32_t rbits) noexcept {
  return static_cast<std::uint16_t>(detail::stochastic_x4(formats::e2m1, 4, true, a, b, e, f, rbits));
}
}  // namespace ptx
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
