// SPDX-License-Identifier: Apache-2.0
//
// x / (scale * tensor scale) as a real number, held in a binary64 that is rounded to odd: any later rounding to a
// format of at most 19 significand bits, stochastic with 32 random bits included, is then the single rounding of the
// exact quotient (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
#pragma once

#include <cstdint>

#include <nibble/base/binary32.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A positive divisor significand * 2^exponent, significand in [2^31, 2^32).
struct exact_divisor {
  std::uint64_t significand = 1;
  int exponent = 0;
};

/// The product of two positive finite numbers whose significands, without trailing zeros, have at most 32 bits together.
NIBBLE_OUTLINED exact_divisor make_divisor(binary32 a, binary32 b) noexcept {
  exact_divisor d;
  const binary32 factors[] = {a, b};
  for (const binary32 x : factors) {
    const std::uint32_t field = x.magnitude() >> 23;
    std::uint64_t significand = (x.magnitude() & 0x007f'ffffU) | (field != 0 ? 0x0080'0000U : 0U);
    int exponent = (field != 0 ? static_cast<int>(field) : 1) - 150;
    while (significand != 0 && (significand & 1U) == 0) {
      significand >>= 1;
      ++exponent;
    }
    d.significand *= significand != 0 ? significand : 1U;
    d.exponent += exponent;
  }
  while (d.significand < 0x8000'0000U) {
    d.significand <<= 1;
    --d.exponent;
  }
  return d;
}

/// Bits of the binary64 that holds x / d for finite x, rounded to odd.
NIBBLE_OUTLINED std::uint64_t exact_quotient(binary32 x, const exact_divisor& d) noexcept {
  const std::uint64_t sign = static_cast<std::uint64_t>(x.bits() & 0x8000'0000U) << 32;
  if (x.is_nan()) return sign | ieee_layout<std::uint64_t>::quiet_nan;
  if (x.is_infinity()) return sign | ieee_layout<std::uint64_t>::infinity;
  if (x.is_zero()) return sign;
  const std::uint32_t field = x.magnitude() >> 23;
  std::uint64_t significand = (x.magnitude() & 0x007f'ffffU) | (field != 0 ? 0x0080'0000U : 0U);
  int exponent = (field != 0 ? static_cast<int>(field) : 1) - 150 - d.exponent;
  while (significand < 0x8000'0000U) {
    significand <<= 1;
    --exponent;
  }
  // Long division in two digits of 32 and 31 bits: the first has 32 or 33 bits, so the quotient has at least 63.
  const std::uint64_t high = (significand << 32) / d.significand;
  const std::uint64_t rest = ((significand << 32) % d.significand) << 31;
  std::uint64_t quotient = (high << 31) + rest / d.significand;
  bool sticky = rest % d.significand != 0;
  exponent -= 63;
  while (quotient < (std::uint64_t{1} << 63)) {
    quotient <<= 1;
    --exponent;
  }
  sticky = sticky || (quotient & 0x7ffU) != 0;
  const std::uint64_t fraction = ((quotient >> 11) & 0x000f'ffff'ffff'ffffU) | (sticky ? 1U : 0U);
  return sign | (static_cast<std::uint64_t>(exponent + 63 + 1023) << 52) | fraction;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
