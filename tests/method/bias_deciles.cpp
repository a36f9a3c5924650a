// SPDX-License-Identifier: Apache-2.0
//
// Deciles: which elements belong to which, and a bias that only the smallest magnitudes have.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/bias_deciles.hpp>

namespace {

using namespace nibble;

TEST_CASE("bias_deciles: ranks, ties, and a bias of one decile alone") {
  std::vector<float> x;
  for (int i = 0; i < 100; ++i) x.push_back(static_cast<float>(i % 2 == 0 ? 99 - i : i - 99));  // 99, -98, ...
  std::vector<float> y = x;
  for (std::size_t i = 90; i < 100; ++i) y[i] += x[i] < 0 ? 0.5F : -0.5F;  // |x| below 10 shrinks, 0 too
  y[99] = -0.25F;                                                         // x = -0: grows by 1/4 along its sign
  const auto deciles = bias_by_decile(x, y);
  for (std::size_t d = 0; d < 10; ++d) {
    CHECK(deciles[d].smallest == static_cast<float>(10 * d));
    CHECK(deciles[d].largest == static_cast<float>(10 * d + 9));
    CHECK(deciles[d].bias.elements == 10);
    CHECK(deciles[d].bias.mean == (d == 0 ? (9 * -0.5 + (std::signbit(x[99]) ? 0.25 : -0.25)) / 10 : 0.0));
  }
  CHECK(deciles[0].bias.z() < -4);
}

TEST_CASE("bias_deciles: the order is that of a stable sort, over all exponents") {
  std::mt19937 generator(2);
  std::vector<float> x(5000);
  std::vector<std::size_t> order(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = bit_cast<float>(static_cast<std::uint32_t>(generator()) & (i % 3 == 0 ? 0xff80'0000U : 0xffff'ffffU));
    order[i] = i;
  }
  std::vector<std::size_t> wanted = order;
  std::stable_sort(wanted.begin(), wanted.end(), [&](std::size_t a, std::size_t b) {
    return (to_bits(x[a]) << 1) < (to_bits(x[b]) << 1);
  });
  detail::sort_by_magnitude(x, order);
  CHECK(order == wanted);
}

TEST_CASE("bias_deciles: equal magnitudes by index, few elements, NaN and Inf left out") {
  const std::vector<float> same(20, -2.0F);
  std::vector<float> y = same;
  y[0] = y[1] = -3.0F;
  const auto deciles = bias_by_decile(same, y);
  CHECK(deciles[0].bias.mean == 1);
  CHECK(deciles[1].bias.mean == 0);
  const float x[] = {std::numeric_limits<float>::quiet_NaN(), 1.0F, 2.0F, std::numeric_limits<float>::infinity(), 3.0F};
  const float z[] = {1.0F, 1.0F, std::numeric_limits<float>::quiet_NaN(), 1.0F, 4.0F};
  const auto few = bias_by_decile(x, z);
  std::uint64_t elements = 0;
  for (const bias_decile& d : few) elements += d.bias.elements;
  CHECK(elements == 2);
  CHECK(few[9].bias.mean == 1);
  CHECK(bias_by_decile({}, {})[3].bias.elements == 0);
  CHECK_THROWS_AS(static_cast<void>(bias_by_decile(x, same)), std::invalid_argument);
}

}  // namespace
