// SPDX-License-Identifier: Apache-2.0
//
// From unstructured masks to N:M: probabilities by enumeration, block sums that stay, least squares against descent.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/mask_conversion.hpp>
#include <nibble/method/transposable_mask.hpp>

namespace {

using namespace nibble;

TEST_CASE("the probability that a block is legal: worked values and enumeration") {
  const double four[] = {legality_probability(4, 2, .5), legality_probability(4, 2, .7), legality_probability(4, 2, .75),
                         legality_probability(4, 2, .8)};
  CHECK(four[0] == doctest::Approx(.6875).epsilon(1e-12));
  CHECK(four[1] == doctest::Approx(.9163).epsilon(1e-4));
  CHECK(four[2] == doctest::Approx(.94922).epsilon(1e-5));
  CHECK(four[3] == doctest::Approx(.9728).epsilon(1e-12));
  CHECK(legality_probability(8, 4, .5) == doctest::Approx(.63672).epsilon(1e-5));
  CHECK(legality_probability(8, 4, .7) == doctest::Approx(.94203).epsilon(1e-5));
  CHECK(legality_probability(8, 4, .75) == doctest::Approx(.97270).epsilon(1e-5));
  CHECK(legality_probability(8, 4, .8) == doctest::Approx(.98959).epsilon(1e-5));
  for (const double p : {0.0, 0.3, 1.0}) {
    for (std::size_t zeros = 0; zeros <= 10; ++zeros) {
      double sum = 0;
      for (unsigned mask = 0; mask < 1024; ++mask) {
        double term = 1;
        std::size_t count = 0;
        for (unsigned i = 0; i < 10; ++i) {
          const bool zero = (mask >> i & 1) != 0;
          count += zero ? 1U : 0U;
          term *= zero ? p : 1 - p;
        }
        sum += count >= zeros ? term : 0.0;
      }
      CHECK(legality_probability(10, zeros, p) == doctest::Approx(sum).epsilon(1e-12));
    }
  }
  CHECK(fitting_n(4, .8) == 2);
  CHECK(fitting_n(4, .75) == 3);
  CHECK(fitting_n(8, .75) == 4);
  CHECK(fitting_n(8, .7) == 5);
  CHECK(fitting_n(4, 0) == 4);
  CHECK(fitting_n(4, 1) == 0);
  CHECK_THROWS_AS((void)legality_probability(65, 1, .5), std::invalid_argument);
  CHECK_THROWS_AS((void)legality_probability(4, 1, 1.5), std::invalid_argument);
  CHECK_THROWS_AS((void)legality_probability(4, 1, std::nan("")), std::invalid_argument);
}

TEST_CASE("absorbed: the block keeps its sum, a legal block its bits") {
  const float x[] = {1, -4, 2, 8, 0, 3, -0.0F, -2, 5, 1, 1};
  float out[11];
  absorb<2, 4>(x, out);
  const float expected[] = {0, -2.5F, 0, 9.5F, 0, 3, -0.0F, -2, 5.5F, 1.5F, 0};
  for (std::size_t i = 0; i < 11; ++i) CHECK(to_bits(out[i]) == to_bits(expected[i]));
  std::mt19937 generator(1);
  std::vector<float> y(8000);
  for (float& v : y) v = generator() % 2 == 0 ? 0.0F : static_cast<float>(static_cast<int>(generator() % 4001) - 2000);
  std::vector<float> absorbed(y.size());
  absorb<4, 8>(y, absorbed);
  bool right = true;
  for (std::size_t b = 0; b < y.size(); b += 8) {
    double before = 0;
    double after = 0;
    int kept = 0;
    for (std::size_t i = b; i < b + 8; ++i) {
      before += double{y[i]};
      after += double{absorbed[i]};
      kept += absorbed[i] != 0 ? 1 : 0;
    }
    right = right && before == after && kept <= 4;  // quarters of integers are exact
  }
  CHECK(right);
  CHECK_THROWS_AS((absorb<2, 4>(x, std::span(out).first(4))), std::invalid_argument);
}

double output_error(const std::vector<double>& change, const std::vector<double>& gram) {
  double sum = 0;
  for (std::size_t i = 0; i < change.size(); ++i) {
    for (std::size_t j = 0; j < change.size(); ++j) sum += change[i] * gram[i * change.size() + j] * change[j];
  }
  return sum;
}

TEST_CASE("least squares on the support: no other weights do better") {
  constexpr std::size_t rows = 6;
  constexpr std::size_t cols = 12;
  constexpr std::size_t samples = 40;
  std::mt19937 generator(2);
  std::normal_distribution<double> normal;
  std::vector<float> w(rows * cols);
  for (float& v : w) v = static_cast<float>(normal(generator));
  std::vector<double> x(cols * samples);
  for (std::size_t s = 0; s < samples; ++s) {
    const double common = normal(generator);
    for (std::size_t c = 0; c < cols; ++c) x[c * samples + s] = common + normal(generator);
    x[3 * samples + s] = 0;                     // an input that is never active
    x[8 * samples + s] = 2 * x[2 * samples + s];  // and one that another explains
  }
  std::vector<double> gram(cols * cols);
  for (std::size_t i = 0; i < cols * cols; ++i) {
    for (std::size_t s = 0; s < samples; ++s) gram[i] += x[i / cols * samples + s] * x[i % cols * samples + s];
  }
  const matrix_view<float> view{w.data(), rows, cols};
  const sparsity_mask mask = transposable_mask<2, 4>(view);
  std::vector<float> pruned(w.size());
  std::vector<float> fitted(w.size());
  apply_mask(mask, view, std::span<float>(pruned));
  least_squares_on_mask(view, mask, matrix_view<double>{gram.data(), cols, cols}, std::span<float>(fitted));
  const auto error = [&](std::size_t r, const std::vector<float>& y) {
    std::vector<double> change(cols);
    for (std::size_t c = 0; c < cols; ++c) change[c] = double{w[r * cols + c]} - double{y[r * cols + c]};
    return output_error(change, gram);
  };
  for (std::size_t r = 0; r < rows; ++r) {
    const double least = error(r, fitted);
    CHECK(least < error(r, pruned));
    for (std::size_t c = 0; c < cols; ++c) {
      if (!mask(r, c)) {
        CHECK(fitted[r * cols + c] == 0);
        continue;
      }
      for (const float step : {0x1p-10F, -0x1p-10F}) {
        std::vector<float> other = fitted;
        other[r * cols + c] += step;
        CHECK(error(r, other) >= least * (1 - 1e-9) - 1e-9);
      }
    }
    if (mask(r, 3)) CHECK(fitted[r * cols + 3] == w[r * cols + 3]);
  }
  CHECK_THROWS_AS(least_squares_on_mask(view, mask, matrix_view<double>{gram.data(), 6, 24}, std::span<float>(fitted)),
                  std::invalid_argument);
  CHECK_THROWS_AS(least_squares_on_mask(view, sparsity_mask(6, 11), matrix_view<double>{gram.data(), cols, cols},
                                        std::span<float>(fitted)),
                  std::invalid_argument);
}

TEST_CASE("least squares by hand") {
  // Inputs with Gram matrix [[2, 1], [1, 2]]: pruning w1 = 3 moves w0 by 1 * 3 / 2.
  const float w[] = {1, 3};
  const double gram[] = {2, 1, 1, 2};
  sparsity_mask mask(1, 2);
  mask.set(0, 0, true);
  float out[2];
  least_squares_on_mask(matrix_view<float>{w, 1, 2}, mask, matrix_view<double>{gram, 2, 2}, std::span<float>(out));
  CHECK(out[0] == 2.5F);
  CHECK(out[1] == 0);
}

}  // namespace
