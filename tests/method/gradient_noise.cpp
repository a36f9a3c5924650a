// SPDX-License-Identifier: Apache-2.0
//
// The ratio of gradient to noise and its threshold: closed forms, a numerical optimum, and a simulated descent.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include <nibble/method/gradient_noise.hpp>

namespace {

using namespace nibble;

TEST_CASE("gradient_noise: values at and around the threshold") {
  CHECK(gradient_noise_threshold * gradient_noise_threshold == doctest::Approx(3).epsilon(1e-15));
  CHECK(step_efficiency(gradient_noise_threshold) == doctest::Approx(0.75));
  CHECK(step_efficiency(1) == 0.5);
  CHECK(step_efficiency(2) == 0.8);
  CHECK(quadratic_contraction(2) == doctest::Approx(4.0 / 7));
  CHECK(quadratic_contraction(1) == 0.25);
  CHECK(quadratic_contraction(0.5) == doctest::Approx(1.0 / 13));
  CHECK(critical_sigma(6, 12) == 1);
  CHECK(critical_sigma_of_curvature(36, 12) == 1);
  CHECK(biased_residual_loss(2, 4) == 0.5);
}

TEST_CASE("gradient_noise: the expected decrease changes fastest at the critical sigma") {
  const auto decrease = [](double s) { return 1 / (1 + s * s); };  // s = sigma sqrt(d) / ||g||
  double best = 0;
  double steepest = 0;
  for (double s = 0.001; s < 3; s += 0.001) {
    const double slope = (decrease(s) - decrease(s + 1e-5)) / 1e-5;
    if (slope > steepest) {
      steepest = slope;
      best = s;
    }
  }
  CHECK(1 / best == doctest::Approx(gradient_noise_threshold).epsilon(1e-2));
  CHECK(critical_sigma(1, 1) == doctest::Approx(best).epsilon(1e-2));
}

TEST_CASE("gradient_noise: one optimal step on a quadratic leaves k^2 / (3 + k^2) of the loss") {
  constexpr std::size_t d = 64;
  std::mt19937 generator(8);
  std::normal_distribution<double> normal;
  for (const double k : {2.0, 1.0, 0.5}) {
    double ratio = 0;
    constexpr int runs = 4000;
    for (int run = 0; run < runs; ++run) {
      std::vector<double> g(d);
      double energy = 0;
      for (double& v : g) {
        v = normal(generator);
        energy += v * v;
      }
      const double sigma = k * critical_sigma(std::sqrt(energy), d);
      const double step = energy / (energy + sigma * sigma * d);  // lambda = 1, so e = g
      double left = 0;
      for (const double v : g) {
        const double e = v - step * (v + sigma * normal(generator));
        left += e * e;
      }
      ratio += left / energy / runs;
    }
    CHECK(ratio == doctest::Approx(quadratic_contraction(k)).epsilon(0.02));
  }
}

TEST_CASE("gradient_noise: ratios of sums") {
  const float g[] = {3, 4};
  const float q[] = {3, 5};
  CHECK(gradient_noise_ratio(measure(g, q)) == 5);
  CHECK(std::isinf(gradient_noise_ratio(measure(g, g))));
  CHECK(gradient_noise_ratio(stochastic_noise{.signal = 12, .variance = 3}) == 2);
  CHECK(std::isinf(gradient_noise_ratio(stochastic_noise{})));
  CHECK(std::isnan(gradient_noise_ratio(error_measures{.broken = 1})));
  // Normal data in NVFP4: relative variance .01885, ratio 7.3.
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> x(std::size_t{1} << 16);
  for (float& v : x) v = normal(generator);
  const auto n = measure_stochastic_noise<nvfp4>(matrix_view<float>(x.data(), 256, 256));
  CHECK(gradient_noise_ratio(n) == doctest::Approx(7.3).epsilon(0.01));
}

}  // namespace
