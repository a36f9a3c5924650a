// SPDX-License-Identifier: Apache-2.0
//
// The scaled conversion instructions of AMD's CDNA 4 (gfx950): V_CVT_SCALEF32_* between binary32, binary16 or bfloat16
// and FP8, FP6 or FP4. From documents alone, as amd_cvt.hpp says: nothing here has been compared with a device.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/emulate/amd_cvt.hpp>
#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// The E8M0 code of a scale operand: its exponent field. The sign and the fraction do not matter.
NIBBLE_FUNCTION std::uint32_t amd_scale_code(float scale) noexcept { return to_bits(scale) >> 23 & 0xffU; }

/// x / 2^(code - 127), rounded once. Inf and NaN do not meet the scale; the code 255 gives the format's NaN.
template <rounding Rounding>
NIBBLE_FUNCTION std::uint32_t amd_scaled(const float_format& f, float x, float scale, Rounding r, overflow o) noexcept {
  const std::uint32_t code = amd_scale_code(scale);
  const std::uint32_t bits = to_bits(x);
  if (code == 255) return amd_convert(f, bit_cast<float>((bits & 0x8000'0000U) | 0x7fc0'0000U), r, o);
  if ((bits & 0x7f80'0000U) == 0x7f80'0000U) return amd_convert(f, x, r, o);
  // Exact: 24 bits, and exponents far from the ends of binary64.
  const double value = decode_double(formats::f32, bits) * power_of_two(127 - static_cast<int>(code));
  return nibble::detail::encode_bits(f, to_bits(value), choice_of(r), o, amd_policy);
}

/// value * 2^(code - 127) in binary32: exact, subnormal numbers included, Inf beyond the range; code 255 gives NaN.
NIBBLE_FUNCTION float amd_widened(const float_format& f, std::uint32_t code, float scale) noexcept {
  const std::uint32_t multiplier = to_bits(decode(formats::e8m0, amd_scale_code(scale)));
  return static_cast<float>(binary32::from_bits(to_bits(decode(f, code))) * binary32::from_bits(multiplier));
}

NIBBLE_FUNCTION std::uint32_t amd_scaled_pair(const float_format& f, int width, float a, float b, float scale,
                                              overflow o) noexcept {
  return amd_scaled(f, b, scale, nearest_even{}, o) << width | amd_scaled(f, a, scale, nearest_even{}, o);
}

}  // namespace detail::inline NIBBLE_UNIT

namespace amd {
/// V_PRNG_B32: the step of the linear feedback register that gives the elements of one instruction their random words.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_prng_b32(std::uint32_t x) noexcept {
  return x << 1 ^ ((x >> 31) != 0 ? 197U : 0U);
}

namespace gfx950 {
/// Two elements of x / 2^e, rounded once to nearest even, where 2^e is the power of two of the exponent field of
/// `scale` (the field 0 is 2^-127, 255 gives NaN; CDNA 4 manual). The first operand is the lower element; the low half
/// of `a` where both come in one register. binary32 subnormals count with their value (unverified: MODE may flush
/// them).
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_fp8_f32(float a, float b, float scale,
                                                                      std::uint32_t d = 0, int word = 0,
                                                                      overflow o = overflow::special) noexcept {
  return detail::insert_bits(d, 16, word, detail::amd_scaled_pair(formats::e4m3, 8, a, b, scale, o));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_bf8_f32(float a, float b, float scale,
                                                                      std::uint32_t d = 0, int word = 0,
                                                                      overflow o = overflow::special) noexcept {
  return detail::insert_bits(d, 16, word, detail::amd_scaled_pair(formats::e5m2, 8, a, b, scale, o));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_fp8_f16(std::uint32_t a, float scale, std::uint32_t d = 0,
                                                                      int word = 0,
                                                                      overflow o = overflow::special) noexcept {
  return v_cvt_scalef32_pk_fp8_f32(decode(formats::f16, a & 0xffffU), decode(formats::f16, a >> 16), scale, d, word, o);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_bf8_f16(std::uint32_t a, float scale, std::uint32_t d = 0,
                                                                      int word = 0,
                                                                      overflow o = overflow::special) noexcept {
  return v_cvt_scalef32_pk_bf8_f32(decode(formats::f16, a & 0xffffU), decode(formats::f16, a >> 16), scale, d, word, o);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_fp8_bf16(std::uint32_t a, float scale,
                                                                       std::uint32_t d = 0, int word = 0,
                                                                       overflow o = overflow::special) noexcept {
  return v_cvt_scalef32_pk_fp8_f32(decode(formats::bf16, a & 0xffffU), decode(formats::bf16, a >> 16), scale, d, word,
                                   o);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_bf8_bf16(std::uint32_t a, float scale,
                                                                       std::uint32_t d = 0, int word = 0,
                                                                       overflow o = overflow::special) noexcept {
  return v_cvt_scalef32_pk_bf8_f32(decode(formats::bf16, a & 0xffffU), decode(formats::bf16, a >> 16), scale, d, word,
                                   o);
}

/// The same to two FP4 elements in a byte of `d`. FP4 always saturates: Inf and NaN are the largest number of their
/// sign.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_fp4_f32(float a, float b, float scale,
                                                                      std::uint32_t d = 0, int byte = 0) noexcept {
  return detail::insert_bits(d, 8, byte, detail::amd_scaled_pair(formats::e2m1, 4, a, b, scale, overflow::saturate));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_fp4_f16(std::uint32_t a, float scale, std::uint32_t d = 0,
                                                                      int byte = 0) noexcept {
  return v_cvt_scalef32_pk_fp4_f32(decode(formats::f16, a & 0xffffU), decode(formats::f16, a >> 16), scale, d, byte);
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_pk_fp4_bf16(std::uint32_t a, float scale,
                                                                       std::uint32_t d = 0, int byte = 0) noexcept {
  return v_cvt_scalef32_pk_fp4_f32(decode(formats::bf16, a & 0xffffU), decode(formats::bf16, a >> 16), scale, d, byte);
}

/// Rounded stochastically by the upper bits of `random`: 20 for fp8, 21 for bf8, 22 for fp4 (ROCm's host emulation; the
/// manual leaves the function unwritten). The upper fp4 element takes v_prng_b32(random) in the manual, and so here;
/// ROCm's host emulation gives both the same word. The forms from binary16 and bfloat16 are left out: how many bits
/// they take is unverified.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_sr_fp8_f32(float a, std::uint32_t random, float scale,
                                                                      std::uint32_t d = 0, int byte = 0,
                                                                      overflow o = overflow::special) noexcept {
  const rounding_choice r = detail::amd_stochastic(formats::e4m3, random);
  return detail::insert_bits(d, 8, byte, detail::amd_scaled(formats::e4m3, a, scale, r, o));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_sr_bf8_f32(float a, std::uint32_t random, float scale,
                                                                      std::uint32_t d = 0, int byte = 0,
                                                                      overflow o = overflow::special) noexcept {
  const rounding_choice r = detail::amd_stochastic(formats::e5m2, random);
  return detail::insert_bits(d, 8, byte, detail::amd_scaled(formats::e5m2, a, scale, r, o));
}
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t v_cvt_scalef32_sr_pk_fp4_f32(float a, float b, std::uint32_t random,
                                                                         float scale, std::uint32_t d = 0,
                                                                         int byte = 0) noexcept {
  const float_format& f = formats::e2m1;
  constexpr overflow o = overflow::saturate;
  const std::uint32_t low = detail::amd_scaled(f, a, scale, detail::amd_stochastic(f, random), o);
  const std::uint32_t high = detail::amd_scaled(f, b, scale, detail::amd_stochastic(f, v_prng_b32(random)), o);
  return detail::insert_bits(d, 8, byte, high << 4 | low);
}

/// Elements times the power of two of the exponent field of `scale`, in binary32: exact, Inf beyond the range; the
/// field 255 gives NaN. The bits of a NaN are unverified.
[[nodiscard]] NIBBLE_FUNCTION float v_cvt_scalef32_f32_fp8(std::uint32_t a, float scale, int byte = 0) noexcept {
  return detail::amd_widened(formats::e4m3, detail::byte_of(a, byte), scale);
}
[[nodiscard]] NIBBLE_FUNCTION float v_cvt_scalef32_f32_bf8(std::uint32_t a, float scale, int byte = 0) noexcept {
  return detail::amd_widened(formats::e5m2, detail::byte_of(a, byte), scale);
}
[[nodiscard]] NIBBLE_FUNCTION float_pair v_cvt_scalef32_pk_f32_fp8(std::uint32_t a, float scale,
                                                                   int word = 0) noexcept {
  return {v_cvt_scalef32_f32_fp8(a, scale, 2 * word), v_cvt_scalef32_f32_fp8(a, scale, 2 * word + 1)};
}
[[nodiscard]] NIBBLE_FUNCTION float_pair v_cvt_scalef32_pk_f32_bf8(std::uint32_t a, float scale,
                                                                   int word = 0) noexcept {
  return {v_cvt_scalef32_f32_bf8(a, scale, 2 * word), v_cvt_scalef32_f32_bf8(a, scale, 2 * word + 1)};
}
[[nodiscard]] NIBBLE_FUNCTION float_pair v_cvt_scalef32_pk_f32_fp4(std::uint32_t a, float scale,
                                                                   int byte = 0) noexcept {
  const std::uint32_t pair = detail::byte_of(a, byte);
  return {detail::amd_widened(formats::e2m1, pair & 15U, scale), detail::amd_widened(formats::e2m1, pair >> 4, scale)};
}

/// 32 FP6 elements in 24 bytes, element i at bits 6 i: a[0], b[0], a[1], b[1], ... of 16 numbers each, rounded to
/// nearest even. FP6 always saturates, as FP4 does.
NIBBLE_FUNCTION void v_cvt_scalef32_2xpk16_fp6_f32(const float* a, const float* b, float scale,
                                                   std::uint8_t* d) noexcept {
  for (std::size_t i = 0; i < 32; ++i) {
    const float x = i % 2 == 0 ? a[i / 2] : b[i / 2];
    store_code(layouts::dense6, d, i, detail::amd_scaled(formats::e2m3, x, scale, nearest_even{}, overflow::saturate));
  }
}
NIBBLE_FUNCTION void v_cvt_scalef32_2xpk16_bf6_f32(const float* a, const float* b, float scale,
                                                   std::uint8_t* d) noexcept {
  for (std::size_t i = 0; i < 32; ++i) {
    const float x = i % 2 == 0 ? a[i / 2] : b[i / 2];
    store_code(layouts::dense6, d, i, detail::amd_scaled(formats::e3m2, x, scale, nearest_even{}, overflow::saturate));
  }
}
/// 32 FP6 elements in their order, rounded stochastically; each takes v_prng_b32 of the word of the one before.
NIBBLE_FUNCTION void v_cvt_scalef32_sr_pk32_fp6_f32(const float* a, std::uint32_t random, float scale,
                                                    std::uint8_t* d) noexcept {
  for (std::size_t i = 0; i < 32; ++i, random = v_prng_b32(random)) {
    const rounding_choice r = detail::amd_stochastic(formats::e2m3, random);
    store_code(layouts::dense6, d, i, detail::amd_scaled(formats::e2m3, a[i], scale, r, overflow::saturate));
  }
}
NIBBLE_FUNCTION void v_cvt_scalef32_sr_pk32_bf6_f32(const float* a, std::uint32_t random, float scale,
                                                    std::uint8_t* d) noexcept {
  for (std::size_t i = 0; i < 32; ++i, random = v_prng_b32(random)) {
    const rounding_choice r = detail::amd_stochastic(formats::e3m2, random);
    store_code(layouts::dense6, d, i, detail::amd_scaled(formats::e3m2, a[i], scale, r, overflow::saturate));
  }
}
/// 32 FP6 elements widened.
NIBBLE_FUNCTION void v_cvt_scalef32_pk32_f32_fp6(const std::uint8_t* a, float scale, float* d) noexcept {
  for (std::size_t i = 0; i < 32; ++i)
    d[i] = detail::amd_widened(formats::e2m3, load_code(layouts::dense6, a, i), scale);
}
NIBBLE_FUNCTION void v_cvt_scalef32_pk32_f32_bf6(const std::uint8_t* a, float scale, float* d) noexcept {
  for (std::size_t i = 0; i < 32; ++i)
    d[i] = detail::amd_widened(formats::e3m2, load_code(layouts::dense6, a, i), scale);
}
}  // namespace gfx950
}  // namespace amd
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
