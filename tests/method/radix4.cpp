// SPDX-License-Identifier: Apache-2.0
//
// Two-phase radix 4 against the nearest number of its grid, found by trying all in double.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include <nibble/method/radix4.hpp>

namespace {

using namespace nibble;

/// The nearest of 0 and alpha * 4^k, a tie going up; `first` is where zero ends, in units of alpha.
int nearest(double x, double alpha, int levels, double first) {
  int code = 0;
  for (int k = 0; k < levels; ++k) {
    const double turn = k == 0 ? first * alpha : 2.5 * std::ldexp(alpha, 2 * (k - 1));
    if (x >= turn) code = k + 1;
  }
  return code;
}

TEST_CASE("radix4: codes are the nearest ones, near every turning point and elsewhere") {
  std::mt19937 generator(5);
  std::uniform_real_distribution<float> uniform(1.0F, 2.0F);
  int wrong = 0;
  for (int i = 0; i < 400; ++i) {
    const float maximum = std::ldexp(uniform(generator), i % 200 - 90);
    for (const int levels : {2, 5, 7}) {
      for (const auto phase : {radix4_phase::even, radix4_phase::odd}) {
        for (const auto underflow : {radix4_underflow::by_formula, radix4_underflow::nearest}) {
          const radix4_options o{.levels = levels, .phase = phase, .underflow = underflow, .known_maximum = maximum};
          const double alpha = std::ldexp(double{maximum}, -2 * (levels - 1) + (phase == radix4_phase::odd ? 1 : 0));
          const double first = underflow == radix4_underflow::nearest ? 0.5 : 0.625;
          std::vector<float> x{maximum, maximum * 0.75F, std::ldexp(uniform(generator), i % 200 - 100), 0.0F};
          for (int k = 0; k < levels; ++k) {
            const auto turn = static_cast<float>(k == 0 ? first * alpha : 2.5 * std::ldexp(alpha, 2 * (k - 1)));
            x.insert(x.end(), {turn, std::nextafter(turn, 0.0F), -std::nextafter(turn, 2 * turn)});
          }
          std::vector<std::uint8_t> packed((x.size() + 1) / 2);
          wrong += double{radix4(x, packed, o)} == alpha ? 0 : 1;
          for (std::size_t j = 0; j < x.size(); ++j) {
            const int code = packed[j / 2] >> (j % 2 * 4) & 15;
            const int wanted = nearest(std::abs(double{x[j]}), alpha, levels, first);
            wrong += code == (wanted == 0 ? 0 : wanted | (x[j] < 0 ? 8 : 0)) ? 0 : 1;
          }
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("radix4: the union of both grids is the grid of powers of two") {
  const float x[] = {64.0F};
  std::uint8_t packed[1];
  std::set<float> values;
  for (const auto phase : {radix4_phase::even, radix4_phase::odd}) {
    const float alpha = radix4(x, packed, {.levels = 4, .phase = phase});
    for (int code = 1; code <= 4; ++code) values.insert(radix4_decode(code, alpha));
    CHECK(radix4_decode(0, alpha) == 0);
    CHECK(radix4_decode(9, alpha) == -alpha);
  }
  CHECK(values == std::set<float>{1, 2, 4, 8, 16, 32, 64, 128});
}

TEST_CASE("radix4: wrong arguments, empty and zero input, a subnormal alpha") {
  std::uint8_t packed[1] = {0xff};
  const float zeros[] = {0.0F, -0.0F};
  CHECK(radix4(zeros, packed) == 0);
  CHECK(packed[0] == 0);
  CHECK(radix4({}, std::span(packed).first(0)) == 0);
  const float tiny[] = {0x1.8p-126F, 0x1p-148F};
  CHECK(radix4(tiny, packed) == 0x1p-137F);  // 1.5 * 2^-138 is no normal number: the power of two above
  const float bad[] = {std::numeric_limits<float>::quiet_NaN()};
  CHECK_THROWS_AS(radix4(bad, packed), std::invalid_argument);
  CHECK_THROWS_AS(radix4(zeros, packed, {.levels = 8}), std::invalid_argument);
  CHECK_THROWS_AS(radix4(zeros, packed, {.levels = 1}), std::invalid_argument);
  CHECK_THROWS_AS(radix4(zeros, std::span(packed).first(0)), std::invalid_argument);
  CHECK_THROWS_AS(radix4(zeros, packed, {.phase = static_cast<radix4_phase>(2)}), std::invalid_argument);
}

}  // namespace
