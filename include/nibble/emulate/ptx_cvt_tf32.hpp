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

/// NaN is 0x7fffe000 here, and with .rna (which is not rounded then) the pattern with its low bits cleared, less one step
/// with .satfinite: all of it as an H200 does.
template <rounding Rounding>
NIBBLE_FUNCTION std::uint32_t convert_tf32(bool with_relu, float a, Rounding r, overflow o) noexcept {
  const std::uint32_t bits = to_bits(a);
  const bool nan = (bits & 0x7fff'ffffU) > 0x7f80'0000U;
  if (nan && choice_of(r).mode == rounding_mode::nearest_away) {
    return (bits & 0xffff'e000U) - (o == overflow::saturate ? 0x2000U : 0U);
  }
  return convert(tf32, with_relu, a, r, o) << 13;
}

}  // namespace detail

/// PTX instructions by name: dots are underscores, operands in the order of the instruction.
namespace ptx {

/// To TF32: a binary32 pattern with 13 zero bits below. NaN is 0x7fffe000; with .rna it keeps its sign and upper bits, so
/// that NaN can become Inf, and .rna.satfinite takes one step off. An overflow is Inf, but toward zero the largest number;
/// with .satfinite Inf is the largest number, too. .rna is nearest with ties away from zero. Compared with an H200 on all
/// inputs, but for .rn and .rz with .satfinite, which it does not have.
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
