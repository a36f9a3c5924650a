// SPDX-License-Identifier: Apache-2.0
//
// Transposable masks on vectors against the scalar backend: ties, zeros, exponents from end to end, NaN, edges, strides.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/simd/transposable_mask.hpp>

namespace {

using namespace nibble;

/// Every band of four rows has a kind of number of its own.
std::vector<float> some_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(rows * cols);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto bits = static_cast<std::uint32_t>(generator());
    switch (i / cols / 4 % 8) {
      case 0: x[i] = normal(generator); break;
      case 1: x[i] = static_cast<float>(static_cast<int>(bits % 7) - 3); break;
      case 2: x[i] = bit_cast<float>((bits & 0x807f'ffffU) | (100 + bits % 40) << 23); break;
      case 3: x[i] = bit_cast<float>((bits & 0x807f'ffffU) | (50 + bits % 12) << 23); break;
      case 4: x[i] = bits % 3 != 0 ? (bits % 2 != 0 ? 0.0F : -0.0F) : normal(generator); break;
      case 5: x[i] = bits % 64 == 0 ? bit_cast<float>(static_cast<std::uint32_t>(generator())) : normal(generator); break;
      case 6: x[i] = bit_cast<float>((bits & 0x807f'ffffU) | (bits % 2 == 0 ? 0 : bits / 7 % 60) << 23); break;
      default: x[i] = bit_cast<float>(bits & 0x80ff'ffffU); break;
    }
  }
  return x;
}

TEST_CASE("the heaviest 2:4 masks on vectors") {
  const auto backwards = [](std::size_t count, auto&& task) {
    for (std::size_t i = count; i-- > 0;) task(i);
  };
  for (const std::size_t cols : {1U, 4U, 15U, 16U, 17U, 63U, 300U}) {
    for (const std::size_t rows : {1U, 3U, 4U, 29U, 280U}) {
      const std::vector<float> x = some_matrix(rows, cols, static_cast<unsigned>(rows + cols));
      const matrix_view<float> w{x.data(), rows, cols};
      const sparsity_mask expected = transposable_mask<2, 4>(w);
      CHECK(transposable_mask<2, 4>(simd{}, w) == expected);
      CHECK(transposable_mask<2, 4>(simd{}, w, heaviest{}, backwards) == expected);
      CHECK(transposable_mask<2, 4>(simd{}, w.transposed()) == transposable_mask<2, 4>(w.transposed()));
    }
  }
}

TEST_CASE("other masks run as they do without vectors") {
  const std::vector<float> x = some_matrix(33, 40, 1);
  const matrix_view<float> w{x.data(), 33, 40};
  const heaviest bound{.sums = mask_sums::bound};
  CHECK(transposable_mask<2, 4>(simd{}, w, bound) == transposable_mask<2, 4>(w, bound));
  CHECK(transposable_mask<4, 8>(simd{}, w) == transposable_mask<4, 8>(w));
  CHECK(transposable_mask<4, 8>(simd{}, w, greedy{}) == transposable_mask<4, 8>(w, greedy{}));
  CHECK_THROWS_AS((void)(transposable_mask<2, 4>(simd{}, matrix_view<float>{nullptr, 4, 4})), std::invalid_argument);
  CHECK(transposable_mask<2, 4>(simd{}, matrix_view<float>{x.data(), 4, 0}).count() == 0);
}

}  // namespace
