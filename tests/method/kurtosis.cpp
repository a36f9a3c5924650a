// SPDX-License-Identifier: Apache-2.0
//
// Kurtosis: exact values of known laws, gradient against finite differences, degenerate input.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/kurtosis.hpp>

namespace {

using namespace nibble;

/// The quantiles of a law at the midpoints of n equal steps of probability.
template <class Quantile>
std::vector<float> law(std::size_t n, const Quantile& quantile) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i)
    x[i] = static_cast<float>(quantile((static_cast<double>(i) + 0.5) / static_cast<double>(n)));
  return x;
}

/// Population kurtosis in long double.
double reference(const std::vector<double>& x) {
  long double mean = 0;
  for (const double v : x) mean += v;
  mean /= static_cast<long double>(x.size());
  long double second = 0;
  long double fourth = 0;
  for (const double v : x) {
    const long double d = v - mean;
    second += d * d;
    fourth += d * d * d * d;
  }
  return static_cast<double>(fourth * static_cast<long double>(x.size()) / (second * second));
}

TEST_CASE("kurtosis: two points, uniform, logistic, Laplace, normal") {
  const float two[] = {-1, 1, 1, -1};
  CHECK(measure_moments(two).kurtosis == 1);
  CHECK(measure_moments(two).variance == 1);
  constexpr std::size_t n = std::size_t{1} << 20;
  CHECK(measure_moments(law(n, [](double p) { return p; })).kurtosis == doctest::Approx(1.8).epsilon(1e-5));
  CHECK(measure_moments(law(n, [](double p) { return std::log(p / (1 - p)); })).kurtosis ==
        doctest::Approx(4.2).epsilon(1e-3));
  const auto laplace = law(n, [](double p) { return p < 0.5 ? std::log(2 * p) : -std::log(2 * (1 - p)); });
  CHECK(measure_moments(laplace).kurtosis == doctest::Approx(6).epsilon(2e-3));
  std::mt19937 generator(2);
  std::normal_distribution<float> normal(5.0F, 0.5F);
  std::vector<float> x(n);
  for (float& v : x) v = normal(generator);
  const moments m = measure_moments(x);
  CHECK(m.kurtosis == doctest::Approx(3).epsilon(5 * std::sqrt(24.0 / n) / 3));
  CHECK(m.mean == doctest::Approx(5).epsilon(1e-3));
  CHECK(m.variance == doctest::Approx(0.25).epsilon(1e-2));
  const double ratio = (n - 1.0) / n;
  CHECK(measure_moments(x, kurtosis_deviation::sample).kurtosis ==
        doctest::Approx(m.kurtosis * ratio * ratio).epsilon(1e-15));
}

TEST_CASE("kurtosis: the gradient is that of finite differences") {
  std::mt19937 generator(4);
  std::normal_distribution<float> normal;
  std::vector<float> x(23);
  for (float& v : x) v = normal(generator) * normal(generator) + 0.25F;
  for (const auto deviation : {kurtosis_deviation::population, kurtosis_deviation::sample}) {
    const double factor = deviation == kurtosis_deviation::population ? 1 : (22.0 / 23) * (22.0 / 23);
    std::vector<float> gradient(x.size());
    const moments m = kurtosis_gradient(x, gradient, deviation);
    const std::vector<double> wide(x.begin(), x.end());
    // Deviations and their squares have 26 bits.
    CHECK(m.kurtosis == doctest::Approx(factor * reference(wide)).epsilon(0x1p-24));
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::vector<double> up = wide;
      std::vector<double> down = wide;
      up[i] += 1e-5;
      down[i] -= 1e-5;
      const double slope = factor * (reference(up) - reference(down)) / 2e-5;
      CHECK(std::abs(double{gradient[i]} - slope) < 1e-6);
    }
  }
}

TEST_CASE("kurtosis: equal elements, nothing, NaN and Inf, wrong arguments") {
  const float same[] = {2, 2, 2};
  float gradient[] = {7, 7, 7};
  CHECK(kurtosis_gradient(same, gradient).kurtosis == 0);
  CHECK(gradient[1] == 0);
  CHECK(measure_moments(std::span<const float>()).elements == 0);
  const float x[] = {-1, std::numeric_limits<float>::quiet_NaN(), 1, std::numeric_limits<float>::infinity()};
  const moments m = measure_moments(x);
  CHECK(m.nonfinite == 2);
  CHECK(m.kurtosis == 1);
  float four[4];
  kurtosis_gradient(x, four);
  CHECK(four[1] == 0);
  CHECK(four[3] == 0);
  CHECK_THROWS_AS(kurtosis_gradient(x, gradient), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(measure_moments(same, static_cast<kurtosis_deviation>(2))), std::invalid_argument);
}

}  // namespace
