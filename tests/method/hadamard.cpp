// SPDX-License-Identifier: Apache-2.0
//
// The Hadamard transform against the matrix product in integers, where float32 is exact.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <nibble/method/hadamard.hpp>

namespace {

using namespace nibble;

TEST_CASE("hadamard: the published signs and the matrix, exactly on integers") {
  constexpr int published[16] = {1, 1, 1, -1, 1, -1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1};
  for (const std::size_t lanes : {16U, 32U, 64U, 128U}) {
    std::vector<float> x(2 * lanes);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<int>(i * 37 % 101) - 50);
    std::vector<float> y = x;
    hadamard(y, lanes);
    for (std::size_t j = 0; j < x.size(); ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < lanes; ++i) {
        const int sign = (__builtin_popcountll(i & (j % lanes)) % 2 != 0 ? -1 : 1) * published[i % 16];
        sum += sign * double{x[j / lanes * lanes + i]};
      }
      const float norm = static_cast<float>(1.0 / std::sqrt(static_cast<double>(lanes)));
      CHECK(y[j] == static_cast<float>(sum * double{norm}));
    }
  }
}

TEST_CASE("hadamard: wrong arguments") {
  std::vector<float> x(24);
  CHECK_THROWS_AS(hadamard(x, 8), std::invalid_argument);
  CHECK_THROWS_AS(hadamard(x, 16), std::invalid_argument);
}

}  // namespace
