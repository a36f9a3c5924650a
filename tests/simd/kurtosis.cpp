// SPDX-License-Identifier: Apache-2.0
//
// Moments by vectors against the scalar ones: the bits of every figure, for all lengths, strides, exponents, NaN and
// Inf.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/format/catalogue.hpp>
#include <nibble/simd/kurtosis.hpp>

namespace {

using namespace nibble;

bool same(const moments& a, const moments& b) {
  const auto equal = [](double p, double q) { return to_bits(p) == to_bits(q); };
  return a.elements == b.elements && a.nonfinite == b.nonfinite && equal(a.mean, b.mean) &&
         equal(a.variance, b.variance) && equal(a.kurtosis, b.kurtosis);
}

TEST_CASE("measure_moments: the bits of the scalar sums") {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  int wrong = 0;
  for (std::size_t cols = 0; cols < 3500; cols += cols < 200 ? 1 : 401) {
    constexpr std::size_t rows = 3;
    std::vector<float> x(rows * (cols + 5));
    for (float& v : x) {
      v = std::ldexp(normal(generator) + 0.5F, cols % 3 == 0 ? 0 : static_cast<int>(generator() % 240U) - 140);
      if (cols % 5 == 1 && generator() % 20 == 0) v = -std::numeric_limits<float>::infinity();
      if (cols % 5 == 2 && generator() % 20 == 0) v = std::numeric_limits<float>::quiet_NaN();
      if (cols % 7 == 3) v = 2.75F;
      if (generator() % 30 == 0) v = -0.0F;
    }
    const matrix_view<float> a(x.data(), rows, cols, static_cast<std::ptrdiff_t>(cols + 5));
    wrong += same(measure_moments(simd{}, a), measure_moments(a)) ? 0 : 1;
    wrong += same(measure_moments(simd{}, a.transposed()), measure_moments(a.transposed())) ? 0 : 1;
    const std::span<const float> all(x);
    wrong +=
        same(measure_moments(simd{}, all, kurtosis_deviation::sample), measure_moments(all, kurtosis_deviation::sample))
            ? 0
            : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("measure_moments: other types and wrong arguments") {
  const minifloat<formats::bf16> x[] = {minifloat<formats::bf16>(1.0F), minifloat<formats::bf16>(-1.0F)};
  CHECK(measure_moments(simd{}, matrix_view(x, 1, 2)).kurtosis == 1);
  const float y[] = {1, 2};
  CHECK_THROWS_AS(
      static_cast<void>(measure_moments(simd{}, std::span<const float>(y), static_cast<kurtosis_deviation>(2))),
      std::invalid_argument);
  CHECK(measure_moments(simd{}, std::span<const float>()).elements == 0);
}

}  // namespace
