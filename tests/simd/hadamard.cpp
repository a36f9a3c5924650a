// SPDX-License-Identifier: Apache-2.0
//
// The Hadamard transform by vectors against the scalar one: every length, all kinds of numbers, signs, both directions.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/simd/hadamard.hpp>

namespace {

using namespace nibble;

/// Whether all bits agree, any NaN for any NaN.
bool equal_bits(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (binary32(a[i]).is_nan() != binary32(b[i]).is_nan()) return false;
    if (!binary32(a[i]).is_nan() && to_bits(a[i]) != to_bits(b[i])) return false;
  }
  return true;
}

TEST_CASE("hadamard: the bits of the scalar transform") {
  std::mt19937 generator(4);
  std::normal_distribution<float> normal;
  int wrong = 0;
  for (const std::size_t lanes : {16U, 32U, 64U, 128U}) {
    for (int round = 0; round < 60; ++round) {
      std::vector<float> x(lanes * static_cast<std::size_t>(round % 5));
      for (float& v : x) {
        v = normal(generator);
        if (round % 6 == 1) v = std::round(2 * v);                                           // zeros and ties
        if (round % 6 == 2) v = std::ldexp(v, static_cast<int>(generator() % 60) - 30);      // bits get lost
        if (round % 6 == 3) v = std::ldexp(v, static_cast<int>(generator() % 30) - 145);     // subnormals
        if (round % 6 == 4) v = std::ldexp(v, 126);                                          // overflow, Inf less Inf
        if (round % 6 == 5 && generator() % 40 == 0) v = std::numeric_limits<float>::quiet_NaN();
      }
      const hadamard_signs signs = round % 2 == 0 ? hadamard_signs::published() : hadamard_signs::seeded(generator());
      std::vector<float> a = x;
      std::vector<float> b = x;
      hadamard(a, lanes, signs);
      hadamard(simd{}, b, lanes, signs);
      wrong += equal_bits(a, b) ? 0 : 1;
      a = x;
      b = x;
      inverse_hadamard(a, lanes, signs);
      inverse_hadamard(simd{}, b, lanes, signs);
      wrong += equal_bits(a, b) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("hadamard: wrong arguments") {
  std::vector<float> x(24);
  CHECK_THROWS_AS(hadamard(simd{}, x, 8), std::invalid_argument);
  CHECK_THROWS_AS(hadamard(simd{}, x, 16), std::invalid_argument);
  CHECK_THROWS_AS(inverse_hadamard(simd{}, x, 16), std::invalid_argument);
}

}  // namespace
