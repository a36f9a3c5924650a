// SPDX-License-Identifier: Apache-2.0
//
// The conversion instructions of PTX from binary32 to binary16 and bfloat16, bit for bit, on host and device.
#pragma once

#include <cstdint>

#include <nibble/emulate/ptx_pack.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
/// PTX instructions by name: dots are underscores, operands in the order of the instruction.
namespace ptx {

/// To binary16 or bfloat16, one element or two (`a` the upper one). NaN is 0x7fff. Without .satfinite an overflow is Inf,
/// but toward zero the largest number; with it Inf is the largest number, too.
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, false, a, nearest_even{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, false, a, b, overflow::special, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, false, a, nearest_even{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_satfinite_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, false, a, b, overflow::saturate, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_relu_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, true, a, nearest_even{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, true, a, b, overflow::special, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_relu_satfinite_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, true, a, nearest_even{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_satfinite_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, true, a, b, overflow::saturate, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, false, a, toward_zero{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, false, a, b, overflow::special, toward_zero{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_satfinite_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, false, a, toward_zero{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_satfinite_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, false, a, b, overflow::saturate, toward_zero{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_relu_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, true, a, toward_zero{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_relu_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, true, a, b, overflow::special, toward_zero{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_relu_satfinite_f16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::f16, true, a, toward_zero{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_relu_satfinite_f16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::f16, 16, true, a, b, overflow::saturate, toward_zero{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, false, a, nearest_even{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, false, a, b, overflow::special, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_satfinite_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, false, a, nearest_even{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_satfinite_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, false, a, b, overflow::saturate, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_relu_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, true, a, nearest_even{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, true, a, b, overflow::special, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rn_relu_satfinite_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, true, a, nearest_even{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_satfinite_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, true, a, b, overflow::saturate, nearest_even{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, false, a, toward_zero{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, false, a, b, overflow::special, toward_zero{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_satfinite_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, false, a, toward_zero{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_satfinite_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, false, a, b, overflow::saturate, toward_zero{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_relu_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, true, a, toward_zero{}, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_relu_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, true, a, b, overflow::special, toward_zero{});
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_relu_satfinite_bf16_f32(float a) noexcept {
  return static_cast<std::uint16_t>(detail::convert(formats::bf16, true, a, toward_zero{}, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_relu_satfinite_bf16x2_f32(float a, float b) noexcept {
  return detail::convert_x2(formats::bf16, 16, true, a, b, overflow::saturate, toward_zero{});
}
}  // namespace ptx
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
