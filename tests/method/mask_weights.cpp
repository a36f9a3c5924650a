// SPDX-License-Identifier: Apache-2.0
//
// Magnitudes as integers: exact within 31 bits below the largest, ordered, with Inf and NaN above all sums.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>

#include <nibble/method/mask_weights.hpp>

namespace {

using namespace nibble;

TEST_CASE("weights are the magnitudes in steps of the largest number's, cut off below") {
  std::mt19937 generator(1);
  bool right = true;
  for (int t = 0; t < 2000; ++t) {
    detail::mask_block<4> block;
    block.rows = block.cols = 4;
    std::uint32_t largest = 0;
    for (auto& row : block.magnitude) {
      for (std::uint32_t& m : row) {
        // Exponent fields from all, the subnormal ones or a few.
        const std::uint32_t range = t % 3 == 0 ? 255 : t % 3 == 1 ? 2 : 40;
        m = static_cast<std::uint32_t>(generator()) % range << 23 | static_cast<std::uint32_t>(generator() >> 9);
        largest = m > largest ? m : largest;
      }
    }
    detail::weigh(block);
    const int exponent = largest >> 23 == 0 ? -149 : static_cast<int>(largest >> 23) - 150;
    for (std::size_t k = 0; k < 16; ++k) {
      const double value = double{bit_cast<float>(block.magnitude[k / 4][k % 4])};
      const double steps = std::floor(std::ldexp(value, 31 - exponent));
      right = right && static_cast<double>(block.weight[k / 4][k % 4]) == steps;
    }
  }
  CHECK(right);
}

TEST_CASE("an Inf outweighs all numbers, a NaN all Infs") {
  detail::mask_block<16> block;
  block.rows = block.cols = 16;
  for (auto& row : block.magnitude) {
    for (std::uint32_t& m : row) m = 0x7f7f'ffffU;
  }
  block.magnitude[3][4] = 0x7f80'0000U;
  block.magnitude[5][6] = 0x7fc0'0001U;
  detail::weigh(block);
  CHECK(block.weight[3][4] >= 255 * block.weight[0][0]);
  CHECK(block.weight[5][6] >= 255 * block.weight[3][4]);
  CHECK(block.weight[5][6] <= (std::int64_t{1} << 62) / 256);
  block.magnitude[0][0] = 0;
  block.magnitude[0][1] = 1;
  detail::weigh(block);
  CHECK(block.weight[0][0] == 0);
  CHECK(block.weight[0][1] == 0);
}

TEST_CASE("a block at the edge of a strided matrix") {
  const float x[12] = {1, -2, 3, 4, 5, -6, 7, 8, 9, 10, 11, 12};
  const matrix_view<float> w{x, 3, 4};
  const auto block = detail::load_block<2>(w.transposed(), 2, 2);
  CHECK(block.rows == 2);
  CHECK(block.cols == 1);
  CHECK(block.magnitude[0][0] == to_bits(11.0F));
  CHECK(block.magnitude[1][0] == to_bits(12.0F));
  CHECK(detail::load_block<2>(w, 0, 0).magnitude[1][1] == to_bits(6.0F));
}

}  // namespace
