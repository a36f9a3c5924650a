// SPDX-License-Identifier: Apache-2.0
//
// The conversion instructions of PTX from binary32 to TF32, bit for bit, on host and device.
#pragma once

#include <cstdint>

#include <nibble/emulate/fused_sum.hpp>
#include <nibble/emulate/ptx_pack.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

template <rounding Rounding>
NIBBLE_FUNCTION std::uint32_t convert_tf32(bool with_relu, float a, Rounding r, overflow o) noexcept {
  const std::uint32_t code = convert(tf32, with_relu, a, r, o);
  return code == tf32.nan_code() ? 0x7fff'ffffU : code << 13;
}

}  // namespace detail

/// PTX instructions by name: dots are underscores, operands in the order of the instruction.
namespace ptx {

/// To TF32: a binary32 pattern with 13 zero bits below; NaN is 0x7fffffff. An overflow is Inf, but toward zero the largest
/// number; with .satfinite Inf is the largest number, too. .rna is nearest with ties away from zero.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rna_tf32_f32(float a) noexcept {
  return detail::convert_tf32(false, a, nearest_away{}, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rna_satfinite_tf32_f32(float a) noexcept {
  return detail::convert_tf32(false, a, nearest_away{}, overflow::saturate);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_tf32_f32(float a) noexcept {
  return detail::convert_tf32(false, a, nearest_even{}, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_satfinite_tf32_f32(float a) noexcept {
  return detail::convert_tf32(false, a, nearest_even{}, overflow::saturate);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_tf32_f32(float a) noexcept {
  return detail::convert_tf32(true, a, nearest_even{}, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rn_relu_satfinite_tf32_f32(float a) noexcept {
  return detail::convert_tf32(true, a, nearest_even{}, overflow::saturate);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_tf32_f32(float a) noexcept {
  return detail::convert_tf32(false, a, toward_zero{}, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_satfinite_tf32_f32(float a) noexcept {
  return detail::convert_tf32(false, a, toward_zero{}, overflow::saturate);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_relu_tf32_f32(float a) noexcept {
  return detail::convert_tf32(true, a, toward_zero{}, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t cvt_rz_relu_satfinite_tf32_f32(float a) noexcept {
  return detail::convert_tf32(true, a, toward_zero{}, overflow::saturate);
}
}  // namespace ptx
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
