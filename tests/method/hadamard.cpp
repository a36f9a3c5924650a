// SPDX-License-Identifier: Apache-2.0
//
// The Hadamard transform against the matrix product in integers, where float32 is exact.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
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

TEST_CASE("hadamard: orthonormal with any signs, and undone by the inverse") {
  std::mt19937 generator(6);
  std::normal_distribution<float> normal;
  for (const std::size_t lanes : {16U, 32U, 64U, 128U}) {
    for (const auto& signs : {hadamard_signs{}, hadamard_signs::published(), hadamard_signs::seeded(42, lanes)}) {
      std::vector<float> a(lanes), b(lanes);
      for (std::size_t i = 0; i < lanes; ++i) {
        a[i] = normal(generator);
        b[i] = normal(generator);
      }
      std::vector<float> c = a;
      std::vector<float> d = b;
      hadamard(c, lanes, signs);
      hadamard(d, lanes, signs);
      double before = 0;
      double after = 0;
      for (std::size_t i = 0; i < lanes; ++i) {
        before += double{a[i]} * double{b[i]};
        after += double{c[i]} * double{d[i]};
      }
      CHECK(std::abs(after - before) < 1e-6 * static_cast<double>(lanes));
      inverse_hadamard(c, lanes, signs);
      for (std::size_t i = 0; i < lanes; ++i) CHECK(std::abs(c[i] - a[i]) < 2e-6F);
    }
  }
}

TEST_CASE("hadamard: seeded signs are the bits of Philox, and are used") {
  const hadamard_signs signs = hadamard_signs::seeded(7, 3);
  const philox_block block = random_block(7, 3, 0);
  int negative = 0;
  for (std::size_t lane = 0; lane < 128; ++lane) {
    std::vector<float> x(128);
    x[lane] = 1.0F;
    hadamard(x, 128, signs);
    const bool expected = (block.words[lane / 32] >> (lane % 32) & 1U) != 0;
    CHECK((x[0] < 0) == expected);  // column 0 of the matrix is all ones
    negative += expected ? 1 : 0;
  }
  CHECK(negative > 35);
  CHECK(negative < 93);
}

TEST_CASE("hadamard: bfloat16 is rounded once, to nearest even") {
  using bf16_number = minifloat<formats::bf16>;
  std::mt19937 generator(8);
  std::normal_distribution<float> normal;
  for (const std::size_t lanes : {16U, 64U}) {
    std::vector<bf16_number> x;
    for (std::size_t i = 0; i < 10 * lanes; ++i) x.emplace_back(normal(generator));
    std::vector<bf16_number> y = x;
    hadamard(y, lanes);
    for (std::size_t j = 0; j < x.size(); ++j) {
      // The sum of bfloat16 numbers of similar size is exact in double, and here in float32 as well but for its last
      // bits.
      double sum = 0;
      for (std::size_t i = 0; i < lanes; ++i) {
        constexpr int published[16] = {1, 1, 1, -1, 1, -1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1};
        const int sign = (__builtin_popcountll(i & (j % lanes)) % 2 != 0 ? -1 : 1) * published[i % 16];
        sum += sign * double{float(x[j / lanes * lanes + i])};
      }
      sum /= std::sqrt(static_cast<double>(lanes));
      const double step = std::ldexp(1.0, std::ilogb(sum) - 7);
      CHECK(std::abs(double{float(y[j])} - sum) <= step * (0.5 + 1e-4));
    }
    std::vector<bf16_number> back = y;
    inverse_hadamard(back, lanes);
    for (std::size_t j = 0; j < x.size(); ++j) CHECK(std::abs(float(back[j]) - float(x[j])) < 0.05F);
  }
  // A tie: 1 + 2^-8 after the sum goes to the even 1, 1 + 3 * 2^-8 to 1 + 2^-6.
  for (const int odd : {1, 3}) {
    std::vector<bf16_number> x(16, bf16_number(0.0F));
    x[0] = bf16_number(4.0F);
    x[1] = bf16_number(static_cast<float>(odd) * 0x1p-6F);
    hadamard(x, 16, hadamard_signs{});
    CHECK(float(x[0]) == (odd == 1 ? 1.0F : 1.0F + 0x1p-6F));
  }
}

TEST_CASE("hadamard: NaN and Inf stay in their tile") {
  std::vector<float> x(32, 1.0F);
  x[3] = std::numeric_limits<float>::quiet_NaN();
  hadamard(x, 16);
  for (std::size_t i = 0; i < 32; ++i) CHECK(std::isnan(x[i]) == (i < 16));
}

TEST_CASE("hadamard: wrong arguments") {
  std::vector<float> x(24);
  CHECK_THROWS_AS(hadamard(x, 8), std::invalid_argument);
  CHECK_THROWS_AS(hadamard(x, 16), std::invalid_argument);
}

}  // namespace
