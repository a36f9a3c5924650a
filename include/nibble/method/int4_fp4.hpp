// SPDX-License-Identifier: Apache-2.0
//
// The multiplication-free product of the backward pass: an INT4 weight or activation times a logarithmic FP4 gradient
// is an FP7 number of 1 sign, 4 exponent and 2 mantissa bits, exactly (LUQ paper, section 7).
#pragma once

#include <cstdint>

#include <nibble/base/bits.hpp>

namespace nibble {
inline namespace v0 {

/// The product of a two's complement INT4 code and a LUQ code as FP7: bit 6 the sign, bits 2 to 5 exponent + 1 (0:
/// zero), bits 0 and 1 the mantissa. value = (1 + m / 4) * 2^(exponent). No multiplication and no rounding: a table of
/// 16 entries and an addition. -8 is covered: its exponent is at most 9.
[[nodiscard]] NIBBLE_FUNCTION std::uint8_t multiply_int4_fp4(int int4, int fp4) noexcept {
  constexpr std::uint8_t table[9] = {0, 4, 8, 10, 12, 13, 14, 15, 16};  // (k + 1) * 4 + mantissa
  const int negative = int4 >> 3 & 1;
  const int magnitude = negative != 0 ? 16 - (int4 & 15) : int4 & 15;
  if (magnitude == 0 || (fp4 & 7) == 0) return 0;
  const int sign = negative ^ (fp4 >> 3 & 1);
  return static_cast<std::uint8_t>(sign << 6 | (table[magnitude] + ((fp4 & 7) - 1) * 4));
}

/// The value of such a product: its alpha (of the FP4 side) and scale (of the INT4 side) still multiply it.
[[nodiscard]] NIBBLE_FUNCTION float decode_fp7(std::uint8_t code) noexcept {
  const int field = code >> 2 & 15;
  if (field == 0) return 0.0F;
  const auto mantissa = static_cast<std::uint32_t>(code & 3);
  const auto sign = static_cast<std::uint32_t>(code >> 6 & 1) << 31;
  return bit_cast<float>(sign | static_cast<std::uint32_t>(field - 1 + 127) << 23 | mantissa << 21);
}

}  // namespace v0
}  // namespace nibble
