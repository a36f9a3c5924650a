// SPDX-License-Identifier: Apache-2.0
//
// The conversion instructions of PTX with a UE8M0 side, bit for bit, on host and device.
#pragma once

#include <cstdint>

#include <nibble/emulate/ptx_pack.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
/// PTX instructions by name: dots are underscores, operands in the order of the instruction.
namespace ptx {

/// To two UE8M0 scales; the sign is dropped, zero and everything up to 2^-127 is 0x00, NaN is 0xff. Inf and what rounds
/// beyond 2^127 is 0xfe with .satfinite and 0xff without. `a` is the upper element.
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_ue8m0x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e8m0, 8, false, a, b, overflow::special, toward_zero{}));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_satfinite_ue8m0x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e8m0, 8, false, a, b, overflow::saturate, toward_zero{}));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rp_ue8m0x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e8m0, 8, false, a, b, overflow::special, upward{}));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rp_satfinite_ue8m0x2_f32(float a, float b) noexcept {
  return static_cast<std::uint16_t>(detail::convert_x2(formats::e8m0, 8, false, a, b, overflow::saturate, upward{}));
}

/// The same from a register of two bfloat16 numbers.
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_ue8m0x2_bf16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(
      detail::convert_pair(formats::e8m0, 8, formats::bf16, false, a, overflow::special, toward_zero{}));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rz_satfinite_ue8m0x2_bf16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(
      detail::convert_pair(formats::e8m0, 8, formats::bf16, false, a, overflow::saturate, toward_zero{}));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rp_ue8m0x2_bf16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(
      detail::convert_pair(formats::e8m0, 8, formats::bf16, false, a, overflow::special, upward{}));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint16_t cvt_rp_satfinite_ue8m0x2_bf16x2(std::uint32_t a) noexcept {
  return static_cast<std::uint16_t>(
      detail::convert_pair(formats::e8m0, 8, formats::bf16, false, a, overflow::saturate, upward{}));
}

/// Two UE8M0 scales as bfloat16, exact: 0x00 is the subnormal 0x0040, 0xff is NaN 0x7fff.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_bf16x2_ue8m0x2(std::uint16_t a) noexcept {
  return detail::widen_x2(formats::bf16, formats::e8m0, 8, false, a);
}
}  // namespace ptx
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
