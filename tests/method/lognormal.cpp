// SPDX-License-Identifier: Apache-2.0
//
// Lognormal gradients: published worked values, Monte Carlo of the real operators, and exact expectations.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/format/encode.hpp>
#include <nibble/method/bias_deciles.hpp>
#include <nibble/method/lognormal.hpp>

namespace {

using namespace nibble;

std::vector<float> lognormal(std::size_t n, double mu, double sigma, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal(mu, sigma);
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(std::exp(normal(generator)) * (i % 2 == 0 ? 1 : -1));
  return x;
}

TEST_CASE("lognormal: the fit finds mu and sigma, zeros and NaN apart") {
  std::vector<float> x = lognormal(100000, -3.0, 2.0, 1);
  const lognormal_fit fit = fit_lognormal(x);
  CHECK(std::abs(fit.mu + 3) < 5 * 2 / std::sqrt(1e5));
  CHECK(std::abs(fit.sigma - 2) < 5 * 2 / std::sqrt(2e5));
  CHECK(fit.sigma_log2() == doctest::Approx(fit.sigma / std::log(2.0)));
  x.insert(x.end(), {0.0F, -0.0F, std::numeric_limits<float>::quiet_NaN()});
  const lognormal_fit more = fit_lognormal(x);
  CHECK(more.zeros == 2);
  CHECK(more.nonfinite == 1);
  CHECK(more.mu == doctest::Approx(fit.mu).epsilon(1e-12));
  const float e[] = {1.0F, -7.389056F};
  CHECK(fit_lognormal(e).mu == doctest::Approx(1));
  CHECK(fit_lognormal(e).sigma == doctest::Approx(1));
  CHECK(fit_lognormal(std::span<const float>()).sigma == 0);
}

TEST_CASE("lognormal: thresholds for a target sparsity") {
  const double targets[] = {.5, .8, .85, .9};
  const double wanted[4][4] = {{.87580, 2.05697, 2.36904, 2.79187},
                               {.94574, 2.83256, 3.28436, 3.86403},
                               {.97072, 3.63918, 4.26459, 5.05691},
                               {.98200, 4.45821, 5.26746, 6.28873}};
  for (int s = 0; s < 4; ++s) {
    for (int t = 0; t < 4; ++t) {
      const double ln_a = lognormal_threshold(0, s + 1, targets[t]);
      CHECK(std::abs(ln_a - wanted[s][t]) < 1e-5);
      CHECK(lognormal_sparsity(0, s + 1, ln_a) == doctest::Approx(targets[t]).epsilon(1e-9));
      CHECK(lognormal_threshold(-5, s + 1, targets[t]) == doctest::Approx(ln_a - 5).epsilon(1e-9));
    }
  }
  CHECK_THROWS_AS(static_cast<void>(lognormal_threshold(0, 1, 1)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(lognormal_threshold(0, 0, 0.5)), std::invalid_argument);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double wrong : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS(static_cast<void>(lognormal_threshold(wrong, 1, 0.5)), std::invalid_argument);
    CHECK_THROWS_AS(static_cast<void>(lognormal_threshold(0, wrong, 0.5)), std::invalid_argument);
  }
}

TEST_CASE("lognormal: deviations so large that e^(sigma^2 / 2) is no double") {
  // By Simpson's rule on phi(z) (1 - exp(sigma (z - tau))), bisected.
  struct row {
    double sigma, target, ln_a;
  };
  for (const row& r : {row{20, .9, 26.663524979756872}, row{50, .9, 65.09047451890379}, row{50, .5, .9998668160098936},
                       row{200, .8, 169.32634826352844}, row{1e6, .9, 1281552.5655431808}}) {
    CAPTURE(r.sigma);
    CHECK(lognormal_threshold(0, r.sigma, r.target) == doctest::Approx(r.ln_a).epsilon(1e-9));
    CHECK(lognormal_sparsity(3, r.sigma, 3 + r.ln_a) == doctest::Approx(r.target).epsilon(1e-9));
  }
  // The two ways to form the product meet: both sides of sigma - tau = 30.
  CHECK(lognormal_sparsity(0, 29.999999, 0) == doctest::Approx(lognormal_sparsity(0, 30.000001, 0)).epsilon(1e-8));
  // Half of what is far too wide underflows, half saturates.
  CHECK(exponent_mantissa_error(1e9, 3, 0) == doctest::Approx(1).epsilon(1e-6));
  CHECK(exponent_mantissa_error(53.9, 8, 2) == doctest::Approx(exponent_mantissa_error(54.1, 8, 2)).epsilon(0.01));
}

TEST_CASE("lognormal: pruning reaches the target and keeps the mean of every decile") {
  constexpr std::size_t count = std::size_t{1} << 20;
  const std::vector<float> x = lognormal(count, 0.5, 2.0, 2);
  const auto a = static_cast<float>(std::exp(lognormal_threshold(0.5, 2.0, 0.8)));
  std::vector<float> y(count);
  prune_stochastically(x, y, a, {.seed = 9});
  const auto zeros = static_cast<double>(std::count(y.begin(), y.end(), 0.0F));
  CHECK(zeros / count == doctest::Approx(0.8).epsilon(0.005));
  const double expected = expected_sparsity(matrix_view<float>(x.data(), 1, count), double{a});
  CHECK(std::abs(zeros / count - expected) < 5 * std::sqrt(0.25 / count));
  double variance = 0;
  for (const float v : x) variance += std::abs(v) < a ? std::abs(double{v}) * (double{a} - std::abs(double{v})) : 0.0;
  CHECK(measure(x, y).noise == doctest::Approx(variance).epsilon(0.01));
  for (const bias_decile& d : bias_by_decile(x, y)) CHECK(std::abs(d.bias.z()) < 5);
  // A piece, in place, is the piece of the whole.
  std::vector<float> piece(x.begin() + 77, x.begin() + 177);
  prune_stochastically(piece, piece, a, {.seed = 9, .first_element = 77});
  CHECK(std::equal(piece.begin(), piece.end(), y.begin() + 77));
}

TEST_CASE("lognormal: what pruning does to single numbers") {
  const float x[] = {2.0F, -2.0F, 3.5F, 0.0F, std::numeric_limits<float>::infinity(), -std::nextafter(2.0F, 0.0F)};
  std::vector<float> y(6);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    prune_stochastically(x, y, 2.0F, {.seed = seed});
    CHECK(y[0] == 2.0F);
    CHECK(y[1] == -2.0F);
    CHECK(y[2] == 3.5F);
    CHECK(y[3] == 0.0F);
    CHECK(y[4] == x[4]);
    CHECK(y[5] == -2.0F);
  }
  CHECK_THROWS_AS(prune_stochastically(x, y, 0.0F), std::invalid_argument);
  CHECK_THROWS_AS(prune_stochastically(x, std::span(y).first(2), 1.0F), std::invalid_argument);
  CHECK_THROWS_AS(prune_stochastically(x, y, 1.0F, {.bits = 12}), std::invalid_argument);
}

TEST_CASE("lognormal: mean relative rounding error") {
  const double wanted[] = {.169925, .088641, .044883, .022516};
  for (int m = 0; m < 4; ++m) CHECK(std::abs(mean_relative_rounding_error(m) - wanted[m]) < 1e-6);
}

/// The mean relative error of rounding 2^y, y normal with deviation s, in a format with enough exponents, cut at 2^+-E.
template <int M>
double monte_carlo(double s, int exponent_bits) {
  constexpr float_format f{.exponent_bits = 8, .mantissa_bits = M, .bias = 127};
  const double reach = std::ldexp(1.0, 1 << (exponent_bits - 1));
  std::mt19937_64 generator(4);
  std::normal_distribution<double> normal(0.0, s);
  double sum = 0;
  constexpr int count = 200000;
  for (int i = 0; i < count; ++i) {
    const double x = std::exp2(normal(generator));
    const double y = x < 1 / reach ? 0
                     : x > reach   ? reach
                                   : decode_double<f>(encode<f>(x, nearest_even{}, overflow::saturate));
    sum += std::abs(y - x) / x;
  }
  return sum / count;
}

TEST_CASE("lognormal: the expected error is that of the quantizer, and so is the best split") {
  CHECK(exponent_mantissa_error(2, 3, 0) == doctest::Approx(monte_carlo<0>(2, 3)).epsilon(0.01));
  CHECK(exponent_mantissa_error(3, 3, 2) == doctest::Approx(monte_carlo<2>(3, 3)).epsilon(0.02));
  CHECK(exponent_mantissa_error(1.5, 2, 1) == doctest::Approx(monte_carlo<1>(1.5, 2)).epsilon(0.01));
  CHECK(exponent_mantissa_error(0.1, 6, 3) == doctest::Approx(mean_relative_rounding_error(3)));
  const auto check = [](int bits, std::initializer_list<double> list, exponent_mantissa wanted) {
    for (const double s : list) CHECK(best_exponent_mantissa(s, bits) == wanted);
  };
  check(4, {1.5, 2, 2.5, 3, 4, 5, 6, 7, 8}, {3, 0});
  check(4, {1}, {2, 1});
  check(5, {1.5, 2, 2.5}, {3, 1});
  check(5, {3, 4, 5, 6, 7, 8}, {4, 0});
  check(6, {1, 1.5, 2}, {3, 2});
  check(6, {2.5, 3, 4, 5}, {4, 1});
  check(6, {6, 7, 8}, {5, 0});
  check(7, {1, 1.5}, {3, 3});
  check(7, {2, 2.5, 3, 4}, {4, 2});
  check(7, {5, 6, 7, 8}, {5, 1});
  check(8, {1, 1.5}, {3, 4});
  check(8, {2, 2.5, 3}, {4, 3});
  check(8, {4, 5, 6, 7, 8}, {5, 2});
  CHECK_THROWS_AS(static_cast<void>(best_exponent_mantissa(1, 2)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(best_exponent_mantissa(0, 4)), std::invalid_argument);
}

}  // namespace
