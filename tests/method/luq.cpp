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
#include <string>
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

/// The code of `x` for a short word by whole numbers: the upper of the two neighbours where floor(2^bits p) + word is
/// 2^bits or more, p the share of the step that lies below x. x is not above the grid, not below 2^-24 alpha, both are
/// normal numbers.
int code_of_short_word(float x, float alpha, int bits, std::uint32_t word) {
  int x_exponent = 0;
  int alpha_exponent = 0;
  const auto whole = [](float v, int& exponent) {
    return static_cast<std::uint64_t>(std::ldexp(std::frexp(double{std::abs(v)}, &exponent), 24));
  };
  const std::uint64_t n = whole(x, x_exponent);
  const std::uint64_t a = whole(alpha, alpha_exponent);
  if (n == 0) return 0;
  int k = x_exponent - alpha_exponent;
  if (n < a) --k;
  std::uint64_t share = 0;  // floor(2^bits p)
  if (k < 0) {
    share = (n << bits) / (a << (alpha_exponent - x_exponent));
  } else {
    share = (((n << (n < a ? 1 : 0)) - a) << bits) / a;
  }
  return (k < 0 ? 0 : k + 1) + (share + word >= std::uint64_t{1} << bits ? 1 : 0);
}

TEST_CASE("luq: all words of 8 and 16 bits give the probability, cut off to so many bits") {
  std::mt19937 generator(4);
  std::uniform_real_distribution<float> uniform(0.0F, 1.0F);
  for (const int bits : {8, 16}) {
    for (int round = 0; round < (bits == 8 ? 2000 : 60); ++round) {
      // Every third alpha and magnitude has few bits, so that shares meet a word.
      float alpha = 1.0F + uniform(generator);
      float x = alpha * std::ldexp(1.0F + uniform(generator), round % 15 - 9);
      if (round % 3 == 0) alpha = std::ldexp(std::floor(std::ldexp(alpha, 3)), -3);
      if (round % 3 != 1) x = std::ldexp(std::floor(std::ldexp(x, 11)), -11);
      if (x >= 64.0F * alpha) continue;
      const auto number = detail::luq_split(to_bits(alpha));
      int wrong = 0;
      double sum = 0;
      for (std::uint32_t word = 0; word < 1U << bits; ++word) {
        const int code = detail::luq_code({}, number, to_bits(x), word << (32 - bits));
        wrong += code == code_of_short_word(x, alpha, bits, word) ? 0 : 1;
        sum += code == 0 ? 0.0 : std::ldexp(double{alpha}, code - 1);
      }
      CHECK(wrong == 0);
      const double expectation = std::ldexp(sum, -bits);
      const double step = x < alpha ? double{alpha} : std::ldexp(double{alpha}, std::ilogb(double{x} / double{alpha}));
      CHECK(expectation <= double{x});
      CHECK(expectation > double{x} - std::ldexp(step, -bits));
    }
  }
}

TEST_CASE("luq: short words are those of the bit string of the stream") {
  std::mt19937 generator(6);
  std::normal_distribution<float> normal;
  std::vector<float> x(1001);
  for (float& v : x) v = normal(generator);
  for (const int bits : {8, 16}) {
    luq_options o{.known_maximum = 4.5F,
                  .random = {.seed = 77, .stream = 3, .bits = bits, .first_element = 21, .rounds = bits == 8 ? 7 : 10}};
    const float alpha = 4.5F / 64;
    // Bits [i bits, (i + 1) bits) of the words of the stream are those of element i.
    const auto word = [&](std::uint64_t stream, std::uint64_t element) {
      std::uint32_t result = 0;
      for (int b = 0; b < bits; ++b) {
        const std::uint64_t place = element * static_cast<std::uint64_t>(bits) + static_cast<std::uint64_t>(b);
        const std::uint32_t whole = random_block(77, stream, place / 128, o.random.rounds).words[place / 32 % 4];
        result |= (whole >> (place % 32) & 1U) << b;
      }
      return result;
    };
    std::vector<std::uint8_t> packed((x.size() + 1) / 2);
    std::vector<float> values(x.size());
    CHECK(luq(x, packed, o) == alpha);
    o.samples = 3;
    luq_values(x, values, o);
    int wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      float sum = 0;
      int code = 0;
      for (std::uint64_t s = 3; s-- > 0;) {
        code = code_of_short_word(x[i], alpha, bits, word(3 + s, 21 + i));
        sum += code == 0 ? 0.0F : std::ldexp(1.0F, code - 1);
      }
      const int whole = code == 0 ? 0 : code | (std::signbit(x[i]) ? 8 : 0);
      wrong += (packed[i / 2] >> (i % 2 * 4) & 15) == whole ? 0 : 1;
      wrong += values[i] == std::copysign(alpha * sum / 3.0F, x[i]) ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("luq: nearest power in linear distance turns at 1.5") {
  const luq_options o = luq_options::plain();
  const auto one = detail::luq_split(to_bits(1.0F));
  CHECK(detail::luq_code(o, one, to_bits(1.5F), 0) == 2);
  CHECK(detail::luq_code(o, one, to_bits(1.5F) - 1, ~0U) == 1);
  CHECK(detail::luq_code(o, one, to_bits(1.0F) - 1, ~0U) == 0);
}

TEST_CASE("luq: nearest exponent turns at the square root of two") {
  luq_options o{.inside = luq_inside::nearest_logarithm};
  const auto alpha = detail::luq_split(to_bits(0.75F));
  for (int k = 0; k < 6; ++k) {
    const float turn = std::ldexp(0.75F * 1.41421356F, k);  // the float32 below 0.75 sqrt(2), or the one above
    int last = 0;
    for (std::uint32_t bits = to_bits(turn) - 4; bits != to_bits(turn) + 5; ++bits) {
      const double ratio = double{bit_cast<float>(bits)} / std::ldexp(0.75, k);
      const int code = detail::luq_code(o, alpha, bits, 0);
      CHECK(code == (ratio * ratio >= 2 ? 2 + k : 1 + k));
      CHECK(code >= last);
      last = code;
    }
  }
}

TEST_CASE("luq: packed codes decode to the values") {
  const float x[] = {1.0F, -64.0F, 3.0F, 0.0F, -0.3F};
  std::vector<std::uint8_t> packed(3);
  std::vector<float> values(5);
  std::vector<float> averaged(5);
  const float alpha = luq(x, packed);
  luq_decode(packed, alpha, values);
  luq_values(x, averaged);
  CHECK(values == averaged);
  CHECK(values[0] == 1.0F);
  CHECK(values[1] == -64.0F);
  CHECK_THROWS_AS(luq_decode(packed, alpha, std::span(values).first(4)), std::invalid_argument);
}

TEST_CASE("luq: relative variance of normal and Laplace data by the number of levels") {
  constexpr std::size_t count = 200000;
  std::mt19937_64 generator(12);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  std::vector<float> gaussian(count), laplace(count);
  for (std::size_t i = 0; i < count; ++i) {
    gaussian[i] = static_cast<float>(normal(generator));
    laplace[i] = static_cast<float>(exponential(generator)) * (i % 2 == 0 ? 1.0F : -1.0F);
  }
  const auto relative = [](const std::vector<float>& x, int levels) {
    const float alpha = luq_alpha(x, {.levels = levels});
    double variance = 0;
    double energy = 0;
    for (const float v : x) {
      variance += luq_variance(v, alpha, levels);
      energy += double{v} * double{v};
    }
    return variance / energy;
  };
  constexpr int levels[] = {5, 7, 8, 9};
  constexpr double wanted_gaussian[] = {.0844, .0817, .0816, .0816};
  constexpr double wanted_laplace[] = {.106, .0820, .0816, .0815};
  for (int i = 0; i < 4; ++i) {
    CHECK(relative(gaussian, levels[i]) == doctest::Approx(wanted_gaussian[i]).epsilon(0.01));
    // At 5 levels the largest of the sample decides: 13 to 15 deviations.
    CHECK(relative(laplace, levels[i]) == doctest::Approx(wanted_laplace[i]).epsilon(i == 0 ? 0.1 : 0.01));
  }
  // Log-uniform magnitudes inside the range: (3/2 - 2 ln 2) / (3/2).
  std::vector<float> uniform(count);
  for (std::size_t i = 0; i < count; ++i) {
    uniform[i] = static_cast<float>(std::exp2(6.0 * (static_cast<double>(i) + 0.5) / static_cast<double>(count)));
  }
  double variance = 0;
  double energy = 0;
  for (const float v : uniform) {
    variance += luq_variance(v, 1.0F);
    energy += double{v} * double{v};
  }
  CHECK(variance / energy == doctest::Approx(1 - 4 * std::log(2.0) / 3).epsilon(1e-3));
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
  for (std::size_t i = 0; i < count; ++i)
    averaged += (double{values[i]} - double{x[i]}) * (double{values[i]} - double{x[i]});
  CHECK(averaged == doctest::Approx(expected / 4).epsilon(0.01));
}

TEST_CASE("luq: wrong arguments, empty and zero input") {
  std::vector<std::uint8_t> bytes(1);
  const float x[] = {1.0F, std::numeric_limits<float>::infinity()};
  CHECK_THROWS_AS(luq(x, bytes), std::invalid_argument);
  const float zeros[] = {0.0F, -0.0F};
  CHECK_THROWS_AS(luq(zeros, bytes, {.levels = 8}), std::invalid_argument);
  CHECK_THROWS_AS(luq(zeros, bytes, {.random = {.first_element = std::uint64_t{1} << 63}}), std::invalid_argument);
  for (const int bits : {0, 1, 15, 24, 33, -8}) {
    const std::string message = "nibble: options.random.bits is " + std::to_string(bits) + "; it must be 8, 16 or 32";
    CHECK_THROWS_WITH_AS(luq(zeros, bytes, {.random = {.bits = bits}}), message.c_str(), std::invalid_argument);
  }
  CHECK_THROWS_AS(luq(zeros, bytes, {.random = {.variant = stochastic_variant::b}}), std::invalid_argument);
  CHECK_THROWS_AS(luq(std::span(zeros).first(0), bytes), std::invalid_argument);
  CHECK(luq(zeros, bytes) == 0.0F);
  CHECK(bytes[0] == 0);
  CHECK(hindsight_maximum(4.0F, 8.0F, 0.25F) == 5.0F);
}

}  // namespace
