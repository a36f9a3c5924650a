// SPDX-License-Identifier: Apache-2.0

// The closed form of stochastic rounding against the definition in IEEE P3109 4.7, applied to every random word.
#include <doctest/doctest.h>

#include <oracle/formats.hpp>
#include <oracle/stochastic.hpp>
#include <oracle/tensors.hpp>

namespace {

using oracle::stochastic_variant;

constexpr int fraction_bits = 20;

/// Whether fraction / 2^20 rounds up for a word of n bits, in integers as the standard writes it.
bool definition(std::uint64_t fraction, int n, std::uint64_t word, stochastic_variant variant) {
  const std::uint64_t all = std::uint64_t{1} << n;
  if (variant == stochastic_variant::a) return ((fraction << n) >> fraction_bits) + word >= all;
  if (variant == stochastic_variant::b) return ((fraction << (n + 1)) >> fraction_bits) + 2 * word + 1 >= 2 * all;
  const std::uint64_t scaled = fraction << n;
  const std::uint64_t rest = scaled & ((std::uint64_t{1} << fraction_bits) - 1);
  const std::uint64_t half = std::uint64_t{1} << (fraction_bits - 1);
  std::uint64_t whole = scaled >> fraction_bits;
  if (rest > half || (rest == half && whole % 2 != 0)) ++whole;
  return whole + word >= all;
}

}  // namespace

TEST_CASE("oracle: counts of words that round up") {
  oracle::generator g(3);
  int wrong = 0;
  for (int i = 0; i < 3000; ++i) {
    const int n = 1 + static_cast<int>(g.below(8));
    const std::uint64_t fraction = g.one_in(3) ? std::uint64_t{g.below(64)} << (fraction_bits - 6) : g.below(1U << 20);
    const double magnitude = 2.0 + std::ldexp(static_cast<double>(fraction), -fraction_bits);
    for (const auto variant : {stochastic_variant::a, stochastic_variant::b, stochastic_variant::c}) {
      const auto odds = oracle::odds(oracle::e2m1, magnitude, n, variant);
      std::uint64_t up = 0;
      for (std::uint64_t word = 0; word < odds.words; ++word) {
        const bool expected = definition(fraction, n, word, variant);
        up += expected ? 1U : 0U;
        if (oracle::stochastic_up(odds, word) != expected) ++wrong;
      }
      if (odds.up != up || odds.lower != 4) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("oracle: stochastic rounding at exact values, ends and below the smallest number") {
  using v = stochastic_variant;
  CHECK(oracle::odds(oracle::e2m1, 1.5, 16, v::a).up == 0);
  CHECK(oracle::odds(oracle::e2m1, 1.5, 16, v::b).up == 0);
  CHECK(oracle::odds(oracle::e2m1, 0.25, 16, v::a).up == 0x8000);
  CHECK(oracle::odds(oracle::e2m1, 0x1p-18, 16, v::a).up == 0);
  CHECK(oracle::odds(oracle::e2m1, 0x1p-18, 16, v::b).up == 1);
  CHECK(oracle::odds(oracle::e2m1, 0x1p-18, 16, v::c).up == 0);
  CHECK(oracle::odds(oracle::e2m1, 0x1.8p-18, 16, v::c).up == 1);
  CHECK(oracle::odds(oracle::e2m1, 6.5, 8, v::a).lower == 7);
  CHECK(oracle::odds(oracle::e2m1, 6.5, 8, v::a).up == 64);
  CHECK(oracle::odds(oracle::e2m1, 8.0, 8, v::a).up == 256);
  CHECK(oracle::odds(oracle::e8m0, 0x1p-130, 8, v::a).up == 0);
  CHECK(oracle::odds(oracle::e8m0, 3.0, 8, v::a).up == 128);
  CHECK(oracle::odds(oracle::e4m3, 0x1p-149, 32, v::b).up == 0);
  CHECK(oracle::odds(oracle::e4m3, 1.0 + 0x1p-35, 32, v::a).up == 1);
}
