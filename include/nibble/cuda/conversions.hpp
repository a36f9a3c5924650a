// SPDX-License-Identifier: Apache-2.0
//
// Eight codes by the conversion instructions of sm_100 and later: which operand an element is, which random bits it gets,
// where its code lies in the result. `Instructions` has the instructions: conversions.cuh those of the device, the tests
// those of emulate/, which prove the paths without such a device.
#pragma once

#include <cstdint>

#include <nibble/base/config.hpp>
#include <nibble/format/catalogue.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Eight codes: 32 bits of nibbles in `low`, or 64 bits of bytes.
struct packed_chunk {
  std::uint32_t low = 0, high = 0;
};

/// Formats that cvt.rn.satfinite.<format>x2.f32 converts to besides the FP8 ones: NaN is the positive largest number, the
/// sign of zero stays (PTX ISA 9.0, 9.7.9.21).
NIBBLE_FUNCTION bool is_narrow_conversion(const float_format& f) noexcept {
  return f == formats::e2m1 || f == formats::e2m3 || f == formats::e3m2;
}
/// Formats of cvt.rs.satfinite.<format>x4.f32 whose random bits are known from the hardware. NaN is not among its inputs.
NIBBLE_FUNCTION bool is_stochastic_conversion(const float_format& f) noexcept {
  return f == formats::e2m1 || f == formats::e4m3 || f == formats::e5m2;
}

/// To nearest even. Instructions::nearest<F>(a, b) gives the code of b below that of a, from binary32 bits.
template <float_format F, class Instructions>
NIBBLE_FUNCTION packed_chunk convert_to_nearest(const std::uint32_t (&bits)[8]) noexcept {
  std::uint32_t pairs[4] = {};
  for (int i = 0; i < 4; ++i) pairs[i] = Instructions::template nearest<F>(bits[2 * i + 1], bits[2 * i]);
  if constexpr (F.bits() == 4) return {pairs[0] | pairs[1] << 8 | pairs[2] << 16 | pairs[3] << 24, 0U};
  return {pairs[0] | pairs[1] << 16, pairs[2] | pairs[3] << 16};
}

/// The random operand of cvt.rs that gives the sixteen bits of `f` to its last number and those of `b` to its second. E2M1
/// takes the lower bytes of both words from the lower half.
template <float_format F>
NIBBLE_FUNCTION std::uint32_t random_operand(std::uint32_t f, std::uint32_t b) noexcept {
  if constexpr (F.bits() != 4) return f | b << 16;
  return (f & 0xffU) | (b & 0xffU) << 8 | (f & 0xff00U) << 8 | (b & 0xff00U) << 16;
}

/// Stochastic with `Bits` random bits, 8 or 16, of variant a; `random.of(i)` has those of element i. The first and third
/// number of Instructions::stochastic<F>(a, b, e, f, random) see the bits of the others in reverse order, so that each
/// conversion serves two elements: the others are zero. Fewer bits than sixteen are their upper ones: the fraction's other
/// bits cannot carry into them.
template <float_format F, int Bits, class Instructions, class Random>
NIBBLE_FUNCTION packed_chunk convert_stochastically(const std::uint32_t (&bits)[8], const Random& random) noexcept {
  static_assert(Bits == 8 || Bits == 16);
  std::uint32_t pairs[4] = {};
  for (int i = 0; i < 4; ++i) {
    const auto place = static_cast<unsigned>(2 * i);
    const std::uint32_t operand =
        random_operand<F>(random.of(place) << (16 - Bits), random.of(place + 1) << (16 - Bits));
    const std::uint32_t four = Instructions::template stochastic<F>(0U, bits[2 * i + 1], 0U, bits[2 * i], operand);
    pairs[i] = F.bits() == 4 ? (four & 0xfU) | (four >> 4 & 0xf0U) : (four & 0xffU) | (four >> 8 & 0xff00U);
  }
  if constexpr (F.bits() == 4) return {pairs[0] | pairs[1] << 8 | pairs[2] << 16 | pairs[3] << 24, 0U};
  return {pairs[0] | pairs[1] << 16, pairs[2] | pairs[3] << 16};
}

/// UE8M0 toward zero, or upward: the sign is dropped, NaN 0xff, beyond 2^127 0xfe (9.7.9.21).
template <bool Upward, class Instructions>
NIBBLE_FUNCTION packed_chunk convert_to_scales(const std::uint32_t (&bits)[8]) noexcept {
  std::uint32_t pairs[4] = {};
  for (int i = 0; i < 4; ++i) pairs[i] = Instructions::template scale<Upward>(bits[2 * i + 1], bits[2 * i]);
  return {pairs[0] | pairs[1] << 16, pairs[2] | pairs[3] << 16};
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
