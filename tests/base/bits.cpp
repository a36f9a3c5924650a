// SPDX-License-Identifier: Apache-2.0
//
// Bit patterns of binary32 and binary64 against the standard library's numeric_limits and ldexp.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include <nibble/base/bits.hpp>

namespace {

template <class Word>
void check_layout() {
  using layout = nibble::ieee_layout<Word>;
  using value = typename layout::value_type;
  using limits = std::numeric_limits<value>;
  static_assert(sizeof(value) == sizeof(Word) && limits::is_iec559);
  CHECK(layout::mantissa_bits == limits::digits - 1);
  CHECK(layout::bias == limits::max_exponent - 1);
  const auto pattern = [](value x) {
    Word bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
  };
  CHECK(layout::sign_bit == pattern(-value{0}));
  CHECK(layout::magnitude_mask == static_cast<Word>(~layout::sign_bit));
  CHECK(layout::infinity == pattern(limits::infinity()));
  CHECK(layout::quiet_nan == pattern(limits::quiet_NaN()));
}

}  // namespace

TEST_CASE("ieee_layout names the fields of float and double") {
  check_layout<std::uint32_t>();
  check_layout<std::uint64_t>();
}

TEST_CASE("to_bits and bit_cast keep patterns, in constant expressions too") {
  static_assert(nibble::to_bits(1.0f) == 0x3f800000U);
  static_assert(nibble::to_bits(-2.0) == 0xc000000000000000U);
  static_assert(nibble::bit_cast<float>(0x40490fdbU) == 3.14159274f);
  const std::uint32_t signalling = 0x7f800001U;
  float x = 0;
  std::memcpy(&x, &signalling, sizeof x);
  CHECK(nibble::bit_cast<std::uint32_t>(nibble::bit_cast<float>(0x00000001U)) == 1U);
  CHECK(nibble::to_bits(x) == signalling);
}

TEST_CASE("power_of_two is exact over the normal exponents of double") {
  static_assert(nibble::power_of_two(-1) == 0.5);
  int wrong = 0;
  for (int exponent = -1022; exponent <= 1023; ++exponent) {
    if (nibble::power_of_two(exponent) != std::ldexp(1.0, exponent)) ++wrong;
  }
  CHECK(wrong == 0);
}
