// SPDX-License-Identifier: Apache-2.0
//
// Bit patterns of the IEEE 754 interchange formats that a source value may have.
#pragma once

#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {

/// `std::bit_cast` that device code may call without a compiler flag.
template <class To, class From>
  requires(sizeof(To) == sizeof(From))
NIBBLE_FUNCTION To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
}

/// Field widths of an IEEE 754 binary interchange format, by the unsigned integer that holds its bits.
template <class Unsigned>
struct ieee_layout;

/// binary32.
template <>
struct ieee_layout<std::uint32_t> {
  using value_type = float;
  static constexpr int mantissa_bits = 23;
  static constexpr int bias = 127;
  static constexpr std::uint32_t sign_bit = 0x8000'0000U;
  static constexpr std::uint32_t magnitude_mask = 0x7fff'ffffU;
  static constexpr std::uint32_t infinity = 0x7f80'0000U;
  static constexpr std::uint32_t quiet_nan = 0x7fc0'0000U;
};

/// binary64.
template <>
struct ieee_layout<std::uint64_t> {
  using value_type = double;
  static constexpr int mantissa_bits = 52;
  static constexpr int bias = 1023;
  static constexpr std::uint64_t sign_bit = 0x8000'0000'0000'0000U;
  static constexpr std::uint64_t magnitude_mask = 0x7fff'ffff'ffff'ffffU;
  static constexpr std::uint64_t infinity = 0x7ff0'0000'0000'0000U;
  static constexpr std::uint64_t quiet_nan = 0x7ff8'0000'0000'0000U;
};

NIBBLE_FUNCTION std::uint32_t to_bits(float x) noexcept { return bit_cast<std::uint32_t>(x); }
NIBBLE_FUNCTION std::uint64_t to_bits(double x) noexcept { return bit_cast<std::uint64_t>(x); }

/// 2^exponent as a double; exponent in [-1022, 1023].
NIBBLE_FUNCTION double power_of_two(int exponent) noexcept {
  return bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

}  // namespace v0
}  // namespace nibble
