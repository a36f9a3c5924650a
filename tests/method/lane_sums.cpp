// SPDX-License-Identifier: Apache-2.0
//
// The order of summation, where it shows: large terms that cancel in one order and swallow small ones in another.
#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <vector>

#include <nibble/method/lane_sums.hpp>

namespace {

using namespace nibble;

/// The stated order, written out.
double reference(const std::vector<double>& row) {
  double lanes[16] = {};
  for (std::size_t c = 0; c < row.size(); ++c) lanes[c % 16] += row[c];
  double eight[8], four[4];
  for (int i = 0; i < 8; ++i) eight[i] = lanes[i] + lanes[i + 8];
  for (int i = 0; i < 4; ++i) four[i] = eight[i] + eight[i + 4];
  const double two[] = {four[0] + four[2], four[1] + four[3]};
  return two[0] + two[1];
}

TEST_CASE("lane_sums: 16 lanes, halves onto halves, rows in order") {
  for (std::size_t cols = 0; cols < 70; ++cols) {
    std::vector<float> x(2 * cols);
    std::vector<double> first, second;
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = (i * 7 % 5 == 0 ? 1e20F : i * 7 % 5 == 1 ? -1e20F : 1.5F) * static_cast<float>(1 + i % 3);
      (i < cols ? first : second).push_back(x[i]);
    }
    const double sum = detail::sum_of_finite(matrix_view<float>(x.data(), 2, cols), [](double v) { return v; });
    CHECK(sum == 0.0 + reference(first) + reference(second));
  }
}

TEST_CASE("lane_sums: NaN and Inf are left out in their lane") {
  const float x[] = {1, std::numeric_limits<float>::quiet_NaN(), 2, -std::numeric_limits<float>::infinity()};
  CHECK(detail::sum_of_finite(matrix_view<float>(x, 1, 4), [](double v) { return v; }) == 3);
  CHECK(detail::sum_of_finite(matrix_view<float>(), [](double v) { return v; }) == 0);
}

}  // namespace
