// SPDX-License-Identifier: Apache-2.0
//
// Element and dot-product SNR: by hand, the correlation identity, and its limits.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/dot_product.hpp>

namespace {

using namespace nibble;

TEST_CASE("dot_product: two products by hand") {
  const float w[] = {1, 2, 3, 4};
  const float x[] = {1, 1, 2, -1};
  const float wq[] = {1, 3, 3, 4};
  const float xq[] = {2, 1, 2, -1};
  const auto m =
      measure_dot_products(matrix_view(w, 2, 2), matrix_view(x, 2, 2), matrix_view(wq, 2, 2), matrix_view(xq, 2, 2));
  // s: (1, 2), (6, -4); n: (1, 1), (0, 0).
  CHECK(m.term_signal == (1 + 4 + 36 + 16) / 4.0);
  CHECK(m.term_noise == 0.5);
  CHECK(m.dot_signal == (9 + 4) / 2.0);
  CHECK(m.dot_noise == 2);
  CHECK(m.term_snr() == 28.5);
  CHECK(m.dot_snr() == 3.25);
  CHECK(m.noise_correlation() == 1);
  CHECK(m.signal_correlation() == doctest::Approx((6.5 - 28.5) / 28.5));
}

TEST_CASE("dot_product: the identity of gain and correlations is exact") {
  std::mt19937 generator(9);
  std::normal_distribution<float> normal;
  for (const std::size_t length : {2U, 7U, 64U}) {
    constexpr std::size_t rows = 50;
    std::vector<float> w(rows * length), x(w.size()), wq(w.size()), xq(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      w[i] = normal(generator) + 0.3F;
      x[i] = normal(generator) + 0.5F;
      wq[i] = w[i] + 0.1F * normal(generator) + 0.01F;
      xq[i] = x[i] * 1.02F;
    }
    const auto m = measure_dot_products(matrix_view(w.data(), rows, length), matrix_view(x.data(), rows, length),
                                        matrix_view(wq.data(), rows, length), matrix_view(xq.data(), rows, length));
    CHECK(m.gain() == doctest::Approx(m.dot_snr() / m.term_snr()).epsilon(1e-12));
  }
}

TEST_CASE("dot_product: nothing, one term, no noise, wrong shapes") {
  const float x[] = {1, 2, 3};
  const auto view = matrix_view(x, 3, 1);
  const auto one = measure_dot_products(view, view, view, view);
  CHECK(one.gain() == 1);
  CHECK(std::isinf(one.dot_snr()));
  const matrix_view<float> empty;
  CHECK(measure_dot_products(empty, empty, empty, empty).dot_signal == 0);
  CHECK_THROWS_AS(static_cast<void>(measure_dot_products(view, view, view.transposed(), view)), std::invalid_argument);
}

}  // namespace
