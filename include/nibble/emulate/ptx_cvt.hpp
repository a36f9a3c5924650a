// SPDX-License-Identifier: Apache-2.0
//
// The conversion instructions of PTX with an FP8, FP6 or FP4 side, bit for bit, on host and device.
#pragma once

#include <cstdint>

#include <nibble/emulate/ptx_pack.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
/// PTX instructions by name: dots are underscores, operands in the order of the instruction.
namespace ptx {

/// To two narrow elements, rounded to nearest even and saturating: Inf is the largest number, NaN is 0x7f in FP8 and the
/// positive largest number in FP6 and FP4, -0 stays. `a` is the upper element. FP6 elements lie in a byte each with two
/// zero bits above (PTX ISA 9.0, 9.7.9.21).
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_e4m3x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e4m3, 8, false, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_relu_e4m3x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e4m3, 8, true, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_e5m2x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e5m2, 8, false, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_relu_e5m2x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e5m2, 8, true, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_e2m3x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e2m3, 8, false, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_relu_e2m3x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e2m3, 8, true, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_e3m2x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e3m2, 8, false, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_relu_e3m2x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e3m2, 8, true, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint8_t cvt_rn_satfinite_e2m1x2_f32(float a, float b) noexcept {
  return static_cast<std::uint8_t>(detail::convert_x2(formats::e2m1, 4, false, a, b));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint8_t cvt_rn_satfinite_relu_e2m1x2_f32(float a, float b) noexcept {
  return static_cast<std::uint8_t>(detail::convert_x2(formats::e2m1, 4, true, a, b));
}

/// The same from a register of two binary16 numbers, upper to upper.
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_e4m3x2_f16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(detail::convert_pair(formats::e4m3, 8, formats::f16, false, a));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_relu_e4m3x2_f16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(detail::convert_pair(formats::e4m3, 8, formats::f16, true, a));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_e5m2x2_f16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(detail::convert_pair(formats::e5m2, 8, formats::f16, false, a));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_relu_e5m2x2_f16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(detail::convert_pair(formats::e5m2, 8, formats::f16, true, a));
}

/// Two narrow elements widened to binary16, exact; NaN is 0x7fff whatever its sign. Padding bits are ignored.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_f16x2_e4m3x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e4m3, 8, false, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_f16x2_e4m3x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e4m3, 8, true, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_f16x2_e5m2x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e5m2, 8, false, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_f16x2_e5m2x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e5m2, 8, true, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_f16x2_e2m3x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e2m3, 8, false, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_f16x2_e2m3x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e2m3, 8, true, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_f16x2_e3m2x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e3m2, 8, false, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_f16x2_e3m2x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e3m2, 8, true, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_f16x2_e2m1x2(std::uint8_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e2m1, 4, false, a);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_f16x2_e2m1x2(std::uint8_t a) noexcept {
  return detail::widen_x2(formats::f16, formats::e2m1, 4, true, a);
}
}  // namespace ptx
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
