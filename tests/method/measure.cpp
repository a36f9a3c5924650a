// SPDX-License-Identifier: Apache-2.0
//
// MSE, SQNR, cosine and bias: by hand, against long double sums, with NaN, Inf, nothing and strides; z against its law.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/format/catalogue.hpp>
#include <nibble/method/measure.hpp>

namespace {

using namespace nibble;

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

TEST_CASE("measure: figures by hand") {
  const float x[] = {3.0F, -4.0F, 0.0F, -0.0F};
  const float y[] = {4.0F, -3.0F, 0.0F, 2.0F};
  const error_measures m = measure(x, y);
  CHECK(m.elements == 4);
  CHECK(m.used() == 4);
  CHECK(m.signal == 25);
  CHECK(m.output == 29);
  CHECK(m.product == 24);
  CHECK(m.error == 4);
  CHECK(m.outward == -2);  // +1, -1, 0, and -2 since -0 has a sign
  CHECK(m.noise == 6);
  CHECK(m.largest == 2);
  CHECK(m.mse() == 1.5);
  CHECK(m.relative_mse() == 6.0 / 25);
  CHECK(m.sqnr_db() == doctest::Approx(10 * std::log10(25.0 / 6)));
  CHECK(m.cosine() == doctest::Approx(24 / std::sqrt(25.0 * 29)));
  CHECK(m.bias().mean == 1);
  CHECK(m.bias().standard_error == doctest::Approx(std::sqrt((6 - 4.0 * 4 / 4) / 3 / 4)));
  CHECK(m.bias().z() == doctest::Approx(1 / std::sqrt(2.0 / 12)));
  CHECK(m.outward_bias().mean == -0.5);
  CHECK(m.outward_bias().z_against(0.25) == -2);
}

TEST_CASE("measure: nothing, exact copies, zeros") {
  const error_measures nothing = measure(std::span<const float>(), std::span<const float>());
  CHECK(nothing.mse() == 0);
  CHECK(nothing.relative_mse() == 0);
  CHECK(nothing.sqnr_db() == inf);
  CHECK(nothing.cosine() == 1);
  CHECK(nothing.bias().z() == 0);
  const float x[] = {1.0F, -2.5F};
  const float zeros[] = {0.0F, 0.0F};
  CHECK(measure(x, x).sqnr_db() == inf);
  CHECK(measure(x, x).cosine() == doctest::Approx(1));
  CHECK(measure(x, x).bias().z() == 0);
  CHECK(measure(x, zeros).cosine() == 0);
  CHECK(measure(x, zeros).relative_mse() == 1);
  CHECK(measure(zeros, x).relative_mse() == inf);
  CHECK(measure(zeros, x).sqnr_db() == -inf);
  const float ones[] = {1.0F, 1.0F};
  CHECK(measure(zeros, ones).bias().z() == inf);
}

TEST_CASE("measure: NaN and Inf are counted, and a broken pair cannot go unnoticed") {
  const float x[] = {nan, inf, 1.0F, -inf, 2.0F};
  const float y[] = {nan, 7.0F, 1.5F, nan, 2.0F};
  const error_measures left_out = measure(x, y);
  CHECK(left_out.nonfinite == 3);
  CHECK(left_out.broken == 0);
  CHECK(left_out.used() == 2);
  CHECK(left_out.mse() == 0.125);
  const float broken[] = {nan, 7.0F, nan, nan, inf};
  const error_measures m = measure(x, broken);
  CHECK(m.broken == 2);
  CHECK(std::isnan(m.mse()));
  CHECK(std::isnan(m.relative_mse()));
  CHECK(std::isnan(m.sqnr_db()));
  CHECK(std::isnan(m.cosine()));
  CHECK(std::isnan(m.bias().mean));
  CHECK(std::isnan(m.outward_bias().mean));
}

TEST_CASE("measure: long double sums agree, also for strides, pieces, far exponents and other types") {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  constexpr std::size_t rows = 37;
  constexpr std::size_t cols = 53;
  std::vector<float> x(rows * cols);
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::ldexp(normal(generator), static_cast<int>(i % 200) - 100);
    y[i] = i % 3 == 0 ? x[i] * 1.25F : std::ldexp(normal(generator), static_cast<int>(i % 170) - 90);
  }
  long double signal = 0;
  long double noise = 0;
  long double product = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    signal += static_cast<long double>(x[i]) * x[i];
    product += static_cast<long double>(x[i]) * y[i];
    noise += (static_cast<long double>(y[i]) - x[i]) * (static_cast<long double>(y[i]) - x[i]);
  }
  const matrix_view<float> a(x.data(), rows, cols);
  const matrix_view<float> b(y.data(), rows, cols);
  const error_measures m = measure(a, b);
  CHECK(m.signal == doctest::Approx(static_cast<double>(signal)).epsilon(1e-13));
  CHECK(m.product == doctest::Approx(static_cast<double>(product)).epsilon(1e-13));
  CHECK(m.noise == doctest::Approx(static_cast<double>(noise)).epsilon(1e-7));  // differences have 26 bits
  const error_measures turned = measure(a.transposed(), b.transposed());
  CHECK(turned.noise == doctest::Approx(m.noise).epsilon(1e-13));
  CHECK(turned.largest == m.largest);
  error_measures pieces = measure(a.row_slice(0, 20), b.row_slice(0, 20));
  pieces += measure(a.row_slice(20, 17), b.row_slice(20, 17));
  CHECK(pieces.noise == doctest::Approx(m.noise).epsilon(1e-13));
  CHECK(pieces.elements == m.elements);
  std::vector<minifloat<formats::bf16>> rounded;
  double direct = 0;
  for (const float v : x) {
    rounded.emplace_back(v);
    direct += (double{float(rounded.back())} - v) * (double{float(rounded.back())} - v);
  }
  const matrix_view<minifloat<formats::bf16>> c(rounded.data(), rows, cols);
  CHECK(measure(a, c).noise == doctest::Approx(direct).epsilon(1e-7));
  CHECK(measure(a, c).relative_mse() < 1.5e-5);
}

TEST_CASE("measure: the difference keeps 26 bits, and its square is exact") {
  for (const float y : {1.0F, 0x1.fffffep-1F, 3.0e-7F, 0x1.abcdefp-20F, 7.0F}) {
    const double e = detail::short_difference(to_bits(0x1.23456p0F), to_bits(y));
    const double whole = double{y} - 0x1.23456p0;
    CHECK(std::abs(e - whole) <= std::abs(whole) * std::ldexp(1.0, -26));
    CHECK(static_cast<double>(static_cast<long double>(e) * e) == static_cast<long double>(e) * e);
  }
  CHECK(detail::short_difference(to_bits(1.0F), to_bits(1.0F)) == 0);
  CHECK(detail::short_difference(to_bits(-3e38F), to_bits(3e38F)) == 2 * double{3e38F});
}

TEST_CASE("measure: z is standard normal where there is no bias") {
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  double squares = 0;
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<float> x(100);
    std::vector<float> y(100);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = normal(generator);
      y[i] = x[i] + normal(generator);
    }
    const double z = measure(x, y).outward_bias().z();
    squares += z * z;
  }
  CHECK(squares / 400 == doctest::Approx(1).epsilon(0.36));  // five deviations of chi squared with 400 degrees
}

TEST_CASE("measure: wrong arguments") {
  const float x[] = {1.0F, 2.0F};
  CHECK_THROWS_AS(static_cast<void>(measure(x, std::span(x).first(1))), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(measure(matrix_view<float>(nullptr, 1, 2), matrix_view<float>(x, 1, 2))),
                  std::invalid_argument);
}

}  // namespace
