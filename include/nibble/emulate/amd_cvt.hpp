// SPDX-License-Identifier: Apache-2.0
//
// The conversion instructions of AMD's CDNA 3 (gfx942) and CDNA 4 (gfx950) between binary32 and FP8, on host and
// device.
//
// From documents alone: nothing here has been compared with a device. What the instruction set manuals say (operand
// order, which bytes are written, rounding, which random bits) is followed; where they are silent, ROCm's host
// emulation of gfx950 (amd_hip_ocp_host.hpp) is; what neither settles is called unverified.
#pragma once

#include <cstdint>

#include <nibble/base/bits.hpp>
#include <nibble/format/catalogue.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// NaN keeps its sign, is 0x7f in E4M3, 0x7e in E5M2, 0x80 in FNUZ formats and the largest number in FP6 and FP4; Inf
/// does not saturate where the format has Inf or NaN (CDNA 4 manual, MODE.FP16_OVFL: "preserving true INF values").
NIBBLE_CONSTANT special_policy amd_policy{.nan_code = nan_code_rule::quiet,
                                          .nan_sign = nan_sign_rule::keep,
                                          .absent_nan = absent_nan_rule::max_with_sign,
                                          .infinity = infinity_rule::special};

/// Stochastic rounding to a format by the upper bits of a random word, as many as binary32 has fraction bits to
/// discard: 20 for E4M3, 21 for E5M2 (the S1[31:12] and S1[31:11] of the manuals). They are added to what is discarded,
/// and the sum is cut; below the normal range what lies under the last of these bits is cut first.
NIBBLE_FUNCTION rounding_choice amd_stochastic(const float_format& f, std::uint32_t random) noexcept {
  const int bits = 23 - f.mantissa_bits;
  return {rounding_mode::stochastic, stochastic_variant::a, bits, random >> (32 - bits)};
}

/// One element.
template <rounding Rounding>
NIBBLE_FUNCTION std::uint32_t amd_convert(const float_format& f, float x, Rounding r, overflow o) noexcept {
  return nibble::detail::encode_bits(f, to_bits(x), choice_of(r), o, amd_policy);
}

/// `d` with `width` of its bits, the `index`-th of that width, replaced.
NIBBLE_FUNCTION std::uint32_t insert_bits(std::uint32_t d, int width, int index, std::uint32_t bits) noexcept {
  const std::uint32_t mask = ((std::uint32_t{1} << width) - 1U) << (index * width);
  return (d & ~mask) | (bits << (index * width) & mask);
}
NIBBLE_FUNCTION std::uint32_t byte_of(std::uint32_t a, int byte) noexcept { return a >> (8 * byte) & 0xffU; }

/// Two elements, the first operand in the low byte, into a half of `d`.
NIBBLE_FUNCTION std::uint32_t amd_pair(const float_format& f, float a, float b, std::uint32_t d, int word,
                                       overflow o) noexcept {
  const std::uint32_t pair = amd_convert(f, b, nearest_even{}, o) << 8 | amd_convert(f, a, nearest_even{}, o);
  return insert_bits(d, 16, word, pair);
}

}  // namespace detail::inline NIBBLE_UNIT

/// AMD's instructions by name, a namespace for each processor: operands in the order of the instruction, then the
/// register `d` that keeps the bytes that are not written (0 to 3 of them from below), then OPSEL as the index of what
/// is read or written (`byte` 0 to 3, `word` 0 or 1).
///
/// `o` of gfx950 stands for MODE.FP16_OVFL: overflow::special is the bit clear (a finite overflow becomes NaN in E4M3,
/// Inf in E5M2), overflow::saturate the bit set (it becomes the largest number). Inf stays Inf, or NaN in E4M3, under
/// both; ROCm's host emulation always saturates, Inf too.
namespace amd {

/// Two numbers widened from one register.
struct float_pair {
  float low = 0.0F, high = 0.0F;
};

/// CDNA 3, where fp8 is E4M3FNUZ and bf8 E5M2FNUZ (CDNA 3 manual, V_CVT_*): a finite overflow, Inf and NaN are 0x80.
/// What MODE.FP16_OVFL does to them is unverified, and left out: ROCm's code clamps before the instruction. Verified on
/// no device.
namespace gfx942 {
/// Two elements, rounded to nearest even; -0 and what underflows is 0.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_pk_fp8_f32(float a, float b, std::uint32_t d = 0,
                                                             int word = 0) noexcept {
  return detail::amd_pair(formats::e4m3fnuz, a, b, d, word, overflow::special);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_pk_bf8_f32(float a, float b, std::uint32_t d = 0,
                                                             int word = 0) noexcept {
  return detail::amd_pair(formats::e5m2fnuz, a, b, d, word, overflow::special);
}
/// One element, rounded stochastically by the upper 20 (fp8) or 21 (bf8) bits of `random`. The manual adds them to the
/// fraction without a carry into the exponent and rounds the sum to nearest; here they carry and the sum is cut, as on
/// gfx950 in ROCm's host emulation. ROCm's older software conversions take the low bits of the word instead.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_sr_fp8_f32(float a, std::uint32_t random, std::uint32_t d = 0,
                                                             int byte = 0) noexcept {
  const rounding_choice r = detail::amd_stochastic(formats::e4m3fnuz, random);
  return detail::insert_bits(d, 8, byte, detail::amd_convert(formats::e4m3fnuz, a, r, overflow::special));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_sr_bf8_f32(float a, std::uint32_t random, std::uint32_t d = 0,
                                                             int byte = 0) noexcept {
  const rounding_choice r = detail::amd_stochastic(formats::e5m2fnuz, random);
  return detail::insert_bits(d, 8, byte, detail::amd_convert(formats::e5m2fnuz, a, r, overflow::special));
}
/// One byte of `a` widened: exact. Which NaN comes of 0x80 is unverified.
[[nodiscard]] NIBBLE_FUNCTION float v_cvt_f32_fp8(std::uint32_t a, int byte = 0) noexcept {
  return decode(formats::e4m3fnuz, detail::byte_of(a, byte));
}
[[nodiscard]] NIBBLE_FUNCTION float v_cvt_f32_bf8(std::uint32_t a, int byte = 0) noexcept {
  return decode(formats::e5m2fnuz, detail::byte_of(a, byte));
}
/// Both bytes of a half of `a`.
[[nodiscard]] NIBBLE_FUNCTION float_pair v_cvt_pk_f32_fp8(std::uint32_t a, int word = 0) noexcept {
  return {v_cvt_f32_fp8(a, 2 * word), v_cvt_f32_fp8(a, 2 * word + 1)};
}
[[nodiscard]] NIBBLE_FUNCTION float_pair v_cvt_pk_f32_bf8(std::uint32_t a, int word = 0) noexcept {
  return {v_cvt_f32_bf8(a, 2 * word), v_cvt_f32_bf8(a, 2 * word + 1)};
}
}  // namespace gfx942

/// CDNA 4, where fp8 is E4M3 and bf8 E5M2 of the OCP, fp6 E2M3, bf6 E3M2, fp4 E2M1 (CDNA 4 manual, V_CVT_*). NaN keeps
/// its sign as in ROCm's host emulation (0x7f and 0x7e); captures of RDNA 4 published elsewhere have negative NaN
/// always. Verified on no device.
namespace gfx950 {
/// Two elements, rounded to nearest even; -0 stays.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_pk_fp8_f32(float a, float b, std::uint32_t d = 0, int word = 0,
                                                             overflow o = overflow::special) noexcept {
  return detail::amd_pair(formats::e4m3, a, b, d, word, o);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_pk_bf8_f32(float a, float b, std::uint32_t d = 0, int word = 0,
                                                             overflow o = overflow::special) noexcept {
  return detail::amd_pair(formats::e5m2, a, b, d, word, o);
}
/// One element, rounded stochastically by the upper 20 (fp8) or 21 (bf8) bits of `random`; see gfx942.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_sr_fp8_f32(float a, std::uint32_t random, std::uint32_t d = 0,
                                                             int byte = 0, overflow o = overflow::special) noexcept {
  const rounding_choice r = detail::amd_stochastic(formats::e4m3, random);
  return detail::insert_bits(d, 8, byte, detail::amd_convert(formats::e4m3, a, r, o));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_sr_bf8_f32(float a, std::uint32_t random, std::uint32_t d = 0,
                                                             int byte = 0, overflow o = overflow::special) noexcept {
  const rounding_choice r = detail::amd_stochastic(formats::e5m2, random);
  return detail::insert_bits(d, 8, byte, detail::amd_convert(formats::e5m2, a, r, o));
}
/// One byte of `a` widened: exact. The bits of a NaN are unverified.
[[nodiscard]] NIBBLE_FUNCTION float v_cvt_f32_fp8(std::uint32_t a, int byte = 0) noexcept {
  return decode(formats::e4m3, detail::byte_of(a, byte));
}
[[nodiscard]] NIBBLE_FUNCTION float v_cvt_f32_bf8(std::uint32_t a, int byte = 0) noexcept {
  return decode(formats::e5m2, detail::byte_of(a, byte));
}
/// Both bytes of a half of `a`.
[[nodiscard]] NIBBLE_FUNCTION float_pair v_cvt_pk_f32_fp8(std::uint32_t a, int word = 0) noexcept {
  return {v_cvt_f32_fp8(a, 2 * word), v_cvt_f32_fp8(a, 2 * word + 1)};
}
[[nodiscard]] NIBBLE_FUNCTION float_pair v_cvt_pk_f32_bf8(std::uint32_t a, int word = 0) noexcept {
  return {v_cvt_f32_bf8(a, 2 * word), v_cvt_f32_bf8(a, 2 * word + 1)};
}
}  // namespace gfx950
}  // namespace amd
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
