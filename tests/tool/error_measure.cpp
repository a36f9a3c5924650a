// SPDX-License-Identifier: Apache-2.0
//
// add_errors against sums in double, element by element: the vector code sums in float32 where that can hold the squares, and
// must know where it cannot.
#include "error_measure.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nibble/block/block_format.hpp>
#include <random>
#include <vector>

namespace {

using namespace nibble::tool;

struct rows {
  std::vector<float> before, after;
  std::vector<std::uint8_t> scales;
  std::size_t cols;
};

error_sums plainly(const rows& r, const clip_limits& limits) {
  error_sums sums;
  for (std::size_t i = 0; i < r.before.size(); ++i) {
    const double x = double{r.before[i]}, difference = double{r.after[i]} - x;
    ++sums.elements;
    if (!std::isfinite(x)) {
      ++sums.nonfinite;
      continue;
    }
    sums.signal += x * x;
    sums.noise += difference * difference;
    sums.error += std::signbit(x) ? -difference : difference;
    sums.largest = std::max(sums.largest, std::fabs(difference));
    if (x != 0 && r.after[i] == 0) ++sums.zeroed;
    if (std::fabs(x) > double{limits.data()[r.scales[i / 16]]}) ++sums.clipped;
  }
  return sums;
}

rows make(std::size_t cols, float size, bool specials) {
  rows r{std::vector<float>(cols), std::vector<float>(cols), std::vector<std::uint8_t>((cols + 15) / 16, 0x38), cols};
  std::mt19937 random(static_cast<unsigned>(cols));
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < cols; ++i) {
    r.before[i] = i % 7 == 3 ? 0.0F : normal(random) * size;
    r.after[i] = i % 5 == 1 ? 0.0F : r.before[i] * 1.125F;
  }
  if (specials && cols > 9) {
    r.before[9] = std::numeric_limits<float>::quiet_NaN();
    r.before[cols / 2] = -std::numeric_limits<float>::infinity();
  }
  return r;
}

void compare(const rows& r) {
  const clip_limits limits(nibble::nvfp4, 1.0F);
  error_sums got;
  add_errors({r.before.data(), 1, r.cols}, r.after.data(), nibble::nvfp4, limits, r.scales.data(), r.scales.size(), got);
  const error_sums wanted = plainly(r, limits);
  CHECK(got.elements == wanted.elements);
  CHECK(got.nonfinite == wanted.nonfinite);
  CHECK(got.zeroed == wanted.zeroed);
  CHECK(got.clipped == wanted.clipped);
  const auto near = [](double a, double b, double scale) { return std::fabs(a - b) <= 1e-5 * scale; };
  CHECK(near(got.signal, wanted.signal, wanted.signal));
  CHECK(near(got.noise, wanted.noise, wanted.noise));
  CHECK(near(got.largest, wanted.largest, wanted.largest));
  CHECK(near(got.error, wanted.error, std::sqrt(wanted.noise * static_cast<double>(r.cols))));
}

TEST_CASE("Errors of rows of every size and length") {
  for (const float size : {1.0F, 1e-3F, 1e-15F, 1e-25F, 1e-38F, 1e15F, 1e25F, 1e37F}) {
    for (const std::size_t cols : {1U, 7U, 8U, 9U, 16U, 250U, 512U, 513U, 1031U, 4096U}) {
      CAPTURE(size);
      CAPTURE(cols);
      compare(make(cols, size, false));
      compare(make(cols, size, true));
    }
  }
}

TEST_CASE("One tiny error is no exact result") {
  rows r = make(512, 1.0F, false);
  r.after = r.before;
  r.before[100] = 0.0F;
  r.after[100] = 1e-30F;
  compare(r);
}

}  // namespace
