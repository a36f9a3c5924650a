// SPDX-License-Identifier: Apache-2.0
//
// Measures by vectors against the scalar ones: the bits of every sum, for all lengths, strides, exponents, NaN and Inf.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/format/catalogue.hpp>
#include <nibble/simd/measure.hpp>

namespace {

using namespace nibble;

bool same(const error_measures& a, const error_measures& b) {
  const auto equal = [](double p, double q) { return to_bits(p) == to_bits(q); };
  return a.elements == b.elements && a.nonfinite == b.nonfinite && a.broken == b.broken && equal(a.signal, b.signal) &&
         equal(a.output, b.output) && equal(a.product, b.product) && equal(a.error, b.error) &&
         equal(a.outward, b.outward) && equal(a.noise, b.noise) && equal(a.largest, b.largest);
}

TEST_CASE("measure: the bits of the scalar sums") {
  std::mt19937 generator(6);
  std::normal_distribution<float> normal;
  int wrong = 0;
  for (std::size_t cols = 0; cols < 3500; cols += cols < 200 ? 1 : 401) {
    constexpr std::size_t rows = 3;
    std::vector<float> x(rows * (cols + 5));
    std::vector<float> y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const int spread = cols % 4 == 0 ? 0 : static_cast<int>(generator() % 120U) - 60;
      x[i] = std::ldexp(normal(generator), spread);
      y[i] = generator() % 4 == 0 ? std::ldexp(normal(generator), spread / 2) : std::round(x[i]);
      if (cols % 5 == 1 && generator() % 20 == 0) x[i] = -std::numeric_limits<float>::infinity();
      if (cols % 5 == 2 && generator() % 20 == 0) x[i] = y[i] = std::numeric_limits<float>::quiet_NaN();
      if (cols % 5 == 3 && generator() % 20 == 0) y[i] = std::numeric_limits<float>::infinity();
      if (generator() % 30 == 0) x[i] = -0.0F;
    }
    const auto stride = static_cast<std::ptrdiff_t>(cols + 5);
    const matrix_view<float> a(x.data(), rows, cols, stride);
    const matrix_view<float> b(y.data(), rows, cols, stride);
    wrong += same(measure(simd{}, a, b), measure(a, b)) ? 0 : 1;
    wrong += same(measure(simd{}, a.transposed(), b.transposed()), measure(a.transposed(), b.transposed())) ? 0 : 1;
    wrong += same(measure(simd{}, std::span<const float>(x), y), measure(x, y)) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("measure: other types and wrong arguments") {
  const float x[] = {1.0F, 2.5F};
  const minifloat<formats::bf16> y[] = {minifloat<formats::bf16>(1.0F), minifloat<formats::bf16>(2.0F)};
  CHECK(measure(simd{}, matrix_view(x, 1, 2), matrix_view(y, 1, 2)).noise == 0.25);
  CHECK_THROWS_AS(static_cast<void>(measure(simd{}, std::span(x), std::span(x).first(1))), std::invalid_argument);
}

}  // namespace
