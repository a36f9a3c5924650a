// SPDX-License-Identifier: Apache-2.0
//
// Bit masks of matrices against a plain vector of bools.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/sparsity_mask.hpp>

namespace {

using namespace nibble;

TEST_CASE("bits, counts and transposition for rows of any length") {
  std::mt19937 generator(1);
  for (const std::size_t cols : {1U, 5U, 63U, 64U, 65U, 130U}) {
    const std::size_t rows = 4;
    sparsity_mask mask(rows, cols);
    std::vector<bool> plain(rows * cols);
    CHECK(mask.words().size() == rows * ((cols + 63) / 64));
    for (int step = 0; step < 200; ++step) {
      const std::size_t r = generator() % rows;
      const std::size_t c = generator() % cols;
      const std::size_t count = std::min<std::size_t>(generator() % 33, cols - c);
      const auto value = static_cast<std::uint32_t>(generator());
      mask.set_bits(r, c, count, value);
      for (std::size_t i = 0; i < count; ++i) plain[r * cols + c + i] = (value >> i & 1) != 0;
    }
    std::size_t kept = 0;
    bool right = true;
    const sparsity_mask other = mask.transposed();
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) {
        kept += plain[r * cols + c] ? 1U : 0U;
        right = right && mask(r, c) == plain[r * cols + c] && other(c, r) == mask(r, c);
        std::uint32_t bits = 0;
        const std::size_t count = std::min<std::size_t>(20, cols - c);
        for (std::size_t i = 0; i < count; ++i) bits |= (plain[r * cols + c + i] ? 1U : 0U) << i;
        right = right && mask.bits(r, c, count) == bits;
      }
    }
    CHECK(right);
    CHECK(mask.count() == kept);
    CHECK(other.transposed() == mask);
    mask.set(0, cols - 1, !mask(0, cols - 1));
    CHECK(other.transposed() != mask);
  }
}

TEST_CASE("a mask applied, and what does not fit") {
  const double w[] = {1.5, -0.0, 3, 4, 0.1, 6};
  sparsity_mask mask(2, 3);
  mask.set(0, 0, true);
  mask.set(0, 1, true);
  mask.set(1, 1, true);
  std::vector<float> out(6, 9.0F);
  apply_mask(mask, matrix_view<double>{w, 2, 3}, std::span<float>(out));
  CHECK(out == std::vector<float>{1.5F, 0, 0, 0, 0.1F, 0});
  CHECK(to_bits(out[1]) == 0x8000'0000U);
  CHECK_THROWS_AS(apply_mask(mask, matrix_view<double>{w, 3, 2}, std::span<float>(out)), std::invalid_argument);
  CHECK_THROWS_AS(apply_mask(mask, matrix_view<double>{w, 2, 3}, std::span(out).first(5)), std::invalid_argument);
  CHECK_THROWS_AS(sparsity_mask(std::size_t{1} << 40, std::size_t{1} << 40), std::invalid_argument);
}

TEST_CASE("transposable or not") {
  sparsity_mask mask(5, 6);
  CHECK(is_transposable<1, 4>(mask));
  mask.set(0, 0, true);
  mask.set(4, 5, true);
  mask.set(4, 0, true);
  CHECK(is_transposable<1, 4>(mask));
  mask.set(3, 0, true);
  CHECK_FALSE(is_transposable<1, 4>(mask));
  CHECK(is_transposable<2, 4>(mask));
  mask.set(3, 0, false);
  mask.set(4, 4, true);
  CHECK_FALSE(is_transposable<1, 4>(mask));
}

}  // namespace
