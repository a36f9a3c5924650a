// SPDX-License-Identifier: Apache-2.0
//
// LUQ: worked values of the paper's grid, exact expectations by enumeration of the breakpoints of the random word, all
// products of INT4 and FP4, pieces against the whole, statistics with a verdict.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/luq.hpp>

namespace {

using namespace nibble;

/// The number of words that give the upper of two neighbouring codes, found by bisection: code is monotone in the word.
double expectation(const luq_options& o, float alpha, float x) {
  const auto number = detail::luq_split(to_bits(alpha));
  const auto value = [&](std::uint32_t word) {
    const int code = detail::luq_code(o, number, to_bits(x) & 0x7fffffffU, word);
    return code == 0 ? 0.0 : std::ldexp(double{alpha}, code - 1);
  };
  const double low = value(0);
  const double high = value(0xffffffffU);
  std::uint64_t first = 0;
  std::uint64_t last = std::uint64_t{1} << 32;
  while (first < last) {
    const std::uint64_t middle = (first + last) / 2;
    if (value(static_cast<std::uint32_t>(middle)) > low) last = middle; else first = middle + 1;
  }
  return low + (high - low) * std::ldexp(static_cast<double>((std::uint64_t{1} << 32) - first), -32);
}

TEST_CASE("luq: worked values with alpha 1") {
  const luq_options o;
  for (const float x : {0.25F, 5.0F, 40.0F, 64.0F, 1.0F, 0.3F, 3.0F, 48.0F, 63.999F, 5.7F, 0.001F, 0.75F}) {
    CAPTURE(x);
    CHECK(expectation(o, 1.0F, x) == doctest::Approx(double{x}).epsilon(1e-6));
  }
  const auto one = detail::luq_split(to_bits(1.0F));
  for (const std::uint32_t word : {0U, 0xbfffffffU, 0xc0000000U, 0xffffffffU}) {
    const bool up = word >= 0xc0000000U;  // the last quarter of all words
    CHECK(detail::luq_code(o, one, to_bits(0.25F), word) == (up ? 1 : 0));
    CHECK(detail::luq_code(o, one, to_bits(5.0F), word) == (up ? 4 : 3));
    CHECK(detail::luq_code(o, one, to_bits(40.0F), word) == (up ? 7 : 6));
    CHECK(detail::luq_code(o, one, to_bits(64.0F), word) == 7);
    CHECK(detail::luq_code(o, one, 0, word) == 0);
  }
  CHECK(luq_variance(0.3F, 1.0F) == doctest::Approx(0.21));
  CHECK(luq_variance(3.0F, 1.0F) == 1.0);
  CHECK(luq_variance(-48.0F, 1.0F) == 256.0);
}

TEST_CASE("luq: the expectation is the input for any alpha, subnormal ones too, and never for the biased variants") {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> uniform(0.0F, 1.0F);
  for (int i = 0; i < 2000; ++i) {
    const float maximum = std::ldexp(1.0F + uniform(generator), i % 250 - 140);
    luq_options o{.levels = 1 + i % 16, .power_of_two_alpha = i % 3 == 0};
    const float list[] = {maximum};
    const float alpha = luq_alpha(list, o);
    CHECK(std::ldexp(double{alpha}, o.levels - 1) >= double{maximum});
    const float x = maximum * uniform(generator);
    CHECK(std::abs(expectation(o, alpha, x) - double{x}) <= 1e-6 * double{x} + 2.4e-10 * double{alpha});
  }
  const double worst = expectation(luq_options::log_domain_port(), 1.0F, 1.443F);
  CHECK(worst / 1.443 == doctest::Approx(1.0 + 0.0615).epsilon(1e-3));
}

TEST_CASE("luq: nearest power in linear distance turns at 1.5") {
  const luq_options o = luq_options::plain();
  const auto one = detail::luq_split(to_bits(1.0F));
  CHECK(detail::luq_code(o, one, to_bits(1.5F), 0) == 2);
  CHECK(detail::luq_code(o, one, to_bits(1.5F) - 1, ~0U) == 1);
  CHECK(detail::luq_code(o, one, to_bits(1.0F) - 1, ~0U) == 0);
}

TEST_CASE("luq: presets are the readings of paper and codes") {
  const float x[] = {-128.0F, 16.0F};
  CHECK(luq_alpha(x, luq_options::paper()) == 8.0F);
  CHECK(luq_alpha(x, luq_options::authors_code()) == 0.125F);
  CHECK(luq_alpha(x, luq_options::log_domain_port()) == 0.5F);
  CHECK(luq_alpha(x) == 2.0F);
  const float y[] = {100.0F};
  CHECK(luq_alpha(y, {.power_of_two_alpha = true}) == 2.0F);
}

TEST_CASE("luq: INT4 times FP4 is FP7, all codes") {
  for (int a = -8; a < 8; ++a) {
    for (int b = 0; b < 16; ++b) {
      const double wanted = a * double{luq_decode(b, 1.0F)};
      const int c = multiply_int4_fp4(a & 15, b);
      const int field = c >> 2 & 15;
      const double magnitude = field == 0 ? 0.0 : std::ldexp(1.0 + (c & 3) / 4.0, field - 1);
      CHECK((c >> 6 != 0 ? -magnitude : magnitude) == wanted);
    }
  }
}

TEST_CASE("luq: pieces give the codes of the whole; statistics of 2^20 Gaussians") {
  constexpr std::size_t count = std::size_t{1} << 20;
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (float& v : x) v = normal(generator);
  luq_options o{.random = {.seed = 11, .first_element = 5}};
  std::vector<std::uint8_t> packed(count / 2);
  const float alpha = luq(x, packed, o);
  o.known_maximum = alpha * 64.0F;
  std::vector<float> values(count);
  CHECK(luq_values(x, values, o) == alpha);
  bool same = true;
  for (std::size_t i = 0; i < count; ++i) same = same && values[i] == luq_decode(packed[i / 2] >> (i % 2 * 4), alpha);
  CHECK(same);
  for (const std::size_t cut : {1U, 3U, 17U, 1000U}) {
    luq_options rest = o;
    rest.random.first_element += cut;
    std::vector<float> piece(2000);
    luq_values(std::span(x).subspan(cut, 2000), piece, rest);
    CHECK(std::equal(piece.begin(), piece.end(), values.begin() + static_cast<std::ptrdiff_t>(cut)));
  }
  // Deciles of magnitude: Gaussian quantiles by sorting; |z| < 5 has a false alarm rate of 6e-7 each.
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::abs(x[a]) < std::abs(x[b]); });
  double measured = 0;
  double expected = 0;
  double energy = 0;
  for (std::size_t d = 0; d < 10; ++d) {
    double error = 0;
    double variance = 0;
    for (std::size_t i = d * count / 10; i < (d + 1) * count / 10; ++i) {
      const float v = x[order[i]];
      const double e = double{values[order[i]]} - double{v};
      error += v < 0 ? -e : e;
      measured += e * e;
      variance += luq_variance(v, alpha);
      energy += double{v} * double{v};
    }
    expected += variance;
    CHECK(std::abs(error / std::sqrt(variance)) < 5);
  }
  CHECK(measured == doctest::Approx(expected).epsilon(0.01));
  CHECK(expected / energy == doctest::Approx(0.0817).epsilon(0.01));
  o.samples = 4;
  luq_values(x, values, o);
  double averaged = 0;
  for (std::size_t i = 0; i < count; ++i) averaged += (double{values[i]} - double{x[i]}) * (double{values[i]} - double{x[i]});
  CHECK(averaged == doctest::Approx(expected / 4).epsilon(0.01));
}

TEST_CASE("luq: wrong arguments, empty and zero input") {
  std::vector<std::uint8_t> bytes(1);
  const float x[] = {1.0F, std::numeric_limits<float>::infinity()};
  CHECK_THROWS_AS(luq(x, bytes), std::invalid_argument);
  const float zeros[] = {0.0F, -0.0F};
  CHECK_THROWS_AS(luq(zeros, bytes, {.levels = 8}), std::invalid_argument);
  CHECK_THROWS_AS(luq(std::span(zeros).first(0), bytes), std::invalid_argument);
  CHECK(luq(zeros, bytes) == 0.0F);
  CHECK(bytes[0] == 0);
  CHECK(hindsight_maximum(4.0F, 8.0F, 0.25F) == 5.0F);
}

}  // namespace
