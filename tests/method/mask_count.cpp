// SPDX-License-Identifier: Apache-2.0
//
// Mask diversity: worked counts, brute force on small blocks, and whole numbers of any size.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <nibble/method/mask_count.hpp>

namespace {

using namespace nibble;

TEST_CASE("worked counts of an 8 x 8 tensor at half density") {
  CHECK(unstructured_masks(64, 32).text() == "1832624140942590534");
  CHECK(row_masks(4, 8).power(8).text() == "576480100000000");
  CHECK(row_masks(2, 4).power(16).text() == "2821109907456");
  CHECK(transposable_masks(4, 8).text() == "116963796250");
  CHECK(transposable_masks(2, 4).power(4).text() == "65610000");
  CHECK(transposable_masks(1, 2) == mask_count(2));
  CHECK(transposable_masks(1, 4) == mask_count(24));
  CHECK(transposable_masks(2, 4) == mask_count(90));
  CHECK(transposable_masks(2, 8).text() == "187530840");
  CHECK(unstructured_masks(4, 2) == mask_count(6));
  // The formula of the paper counts far more.
  CHECK(published_transposable_masks(4, 8).text() == "17557585920000");
  CHECK(published_transposable_masks(2, 4).power(4).text() == "429981696");
}

/// Counts m x m matrices with sums of n by trying all rows, column sums in one word.
std::uint64_t brute_force(unsigned n, unsigned m, unsigned row = 0, std::uint64_t sums = 0) {
  if (row == m) {
    for (unsigned j = 0; j < m; ++j) {
      if ((sums >> (8 * j) & 255) != n) return 0;
    }
    return 1;
  }
  std::uint64_t total = 0;
  for (unsigned choice = 0; choice < 1U << m; ++choice) {
    std::uint64_t next = sums;
    unsigned ones = 0;
    bool fits = true;
    for (unsigned j = 0; j < m; ++j) {
      if ((choice >> j & 1) == 0) continue;
      ++ones;
      next += std::uint64_t{1} << (8 * j);
      fits = fits && (next >> (8 * j) & 255) <= n;
    }
    if (fits && ones == n) total += brute_force(n, m, row + 1, next);
  }
  return total;
}

TEST_CASE("all blocks up to 5 x 5 by brute force") {
  for (unsigned m = 2; m <= 5; ++m) {
    for (unsigned n = 1; n <= m; ++n) CHECK(transposable_masks(n, m) == mask_count(brute_force(n, m)));
  }
}

TEST_CASE("known counts of larger blocks") {
  // Sequences A001499 (sums of 2) and A058527 (sums of m/2) of the On-Line Encyclopedia of Integer Sequences.
  CHECK(transposable_masks(2, 10).text() == "1371785398200");
  CHECK(transposable_masks(2, 11).text() == "158815387962000");
  CHECK(transposable_masks(3, 6).text() == "297200");
  CHECK(transposable_masks(5, 10).text() == "6736218287430460752");
  CHECK(transposable_masks(6, 12).text() == "64051375889927380035549804336");
  CHECK(transposable_masks(10, 12) == transposable_masks(2, 12));
  // Permutations.
  mask_count factorial = 1;
  for (std::uint64_t i = 2; i <= 16; ++i) factorial = factorial * mask_count(i);
  CHECK(transposable_masks(1, 16) == factorial);
}

TEST_CASE("whole numbers") {
  CHECK(mask_count().text() == "0");
  CHECK(mask_count(10).power(40).text() == "1" + std::string(40, '0'));
  mask_count power = mask_count(2).power(200);
  CHECK(power.log2() == 200.0);
  CHECK(power.text() == "1606938044258990275541962092341162602522202993782792835301376");
  CHECK(power.divide(7) == 4);
  mask_count sum = 0xffff'ffff'ffff'ffffU;
  sum += 1;
  CHECK(sum == mask_count(2).power(64));
  CHECK(mask_count(1).log2() == 0.0);
  CHECK(std::isinf(mask_count().log2()));
  CHECK(mask_count(6).log2() == doctest::Approx(std::log2(6.0)));
  CHECK((mask_count(5) * mask_count()).text() == "0");
  CHECK(mask_count(3).power(0) == mask_count(1));
}

TEST_CASE("wrong shapes") {
  CHECK_THROWS_AS((void)transposable_masks(0, 4), std::invalid_argument);
  CHECK_THROWS_AS((void)transposable_masks(2, 17), std::invalid_argument);
  CHECK_THROWS_AS((void)row_masks(5, 4), std::invalid_argument);
  CHECK_THROWS_AS((void)unstructured_masks(4, 5), std::invalid_argument);
}

}  // namespace
