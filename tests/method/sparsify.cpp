// SPDX-License-Identifier: Apache-2.0
//
// N:M sparsity of tensors: brute-force magnitude masks, tails that are cut, parts and threads, statistics with a verdict.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/sparsify.hpp>

namespace {

using namespace nibble;

std::vector<float> gaussian(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (float& v : x) v = normal(generator);
  return x;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) { return to_bits(x) == to_bits(y); });
}

/// Element i of a block stays if fewer than n others are larger, or as large and earlier. A cut block ends with x.
std::vector<float> by_rank(std::span<const float> x, std::size_t n, std::size_t m) {
  std::vector<float> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::size_t better = 0;
    for (std::size_t j = i / m * m; j < std::min(x.size(), (i / m + 1) * m); ++j) {
      const std::uint32_t a = to_bits(x[i]) & 0x7fff'ffffU;
      const std::uint32_t b = to_bits(x[j]) & 0x7fff'ffffU;
      better += b > a || (b == a && j < i) ? 1U : 0U;
    }
    out[i] = better < n ? x[i] : 0.0F;
  }
  return out;
}

template <std::size_t N, std::size_t M>
void check_magnitude() {
  std::mt19937 generator(5);
  std::vector<float> x(4003);
  for (float& v : x) {
    const auto kind = generator() % 20;
    v = static_cast<float>(static_cast<int>(generator() % 9) - 4);
    if (kind == 0) v = bit_cast<float>(static_cast<std::uint32_t>(generator()));
  }
  CHECK(same_bits(sparsify<N, M>(std::span<const float>(x), magnitude{}), by_rank(x, N, M)));
}

TEST_CASE("magnitude by rank, with ties, zeros, NaN and a cut tail") {
  check_magnitude<2, 4>();
  check_magnitude<1, 2>();
  check_magnitude<4, 8>();
  check_magnitude<3, 7>();
  check_magnitude<8, 16>();
  check_magnitude<4, 4>();
}

template <std::size_t N, std::size_t M, class Method>
void check_parts(const Method& method) {
  const std::vector<float> x = gaussian(1003, 7);
  const std::vector<float> whole = sparsify<N, M>(std::span<const float>(x), method);
  // In place.
  std::vector<float> y = x;
  sparsify<N, M>(std::span<const float>(y), std::span<float>(y), method);
  CHECK(same_bits(y, whole));
  // Calls split at any elements.
  std::mt19937 generator(3);
  std::vector<float> parts(x.size());
  for (std::size_t first = 0; first < x.size();) {
    const std::size_t size = std::min<std::size_t>(generator() % 23, x.size() - first);
    sparsify_part<N, M>(x, first, std::span(parts).subspan(first, size), method);
    first += size;
  }
  CHECK(same_bits(parts, whole));
  // Pieces of whole blocks under their own first element.
  if constexpr (requires { method.seed; }) {
    Method shifted = method;
    shifted.first_element = 3 * M;
    const auto tail = sparsify<N, M>(std::span<const float>(x).subspan(3 * M), shifted);
    CHECK(same_bits(tail, std::span(whole).subspan(3 * M)));
  }
  // A matrix of one row is the span; rows of whole blocks are a longer one; threads in any order.
  CHECK(same_bits(sparsify<N, M>(matrix_view<float>{x.data(), 1, x.size()}, method), whole));
  const std::size_t cols = 5 * M;
  const std::size_t rows = x.size() / cols;
  std::vector<float> matrix(rows * cols);
  const auto backwards = [](std::size_t count, auto&& task) {
    for (std::size_t i = count; i-- > 0;) task(i);
  };
  sparsify<N, M>(matrix_view<float>{x.data(), rows, cols}, std::span<float>(matrix), method, backwards);
  CHECK(same_bits(matrix, std::span(whole).first(rows * cols)));
  // Rows with a cut block: as if each were padded with zeros.
  const std::size_t cut = 4 * M + 1;
  const std::size_t padded = 5 * M;
  std::vector<float> wide(3 * padded);
  for (std::size_t i = 0; i < 3 * cut; ++i) wide[i / cut * padded + i % cut] = x[i];
  const std::vector<float> expected = sparsify<N, M>(std::span<const float>(wide), method);
  const std::vector<float> narrow = sparsify<N, M>(matrix_view<float>{x.data(), 3, cut}, method);
  bool right = true;
  for (std::size_t i = 0; i < 3 * cut; ++i) {
    right = right && to_bits(narrow[i]) == to_bits(expected[i / cut * padded + i % cut]);
  }
  CHECK(right);
}

TEST_CASE("calls split anywhere, rows, pieces and threads give the same bits") {
  check_parts<2, 4>(magnitude{});
  check_parts<3, 5>(magnitude{});
  for (const int bits : {64, 32, 16}) {
    check_parts<2, 4>(minimum_variance{.seed = 3, .stream = 1, .bits = bits});
    check_parts<1, 2>(minimum_variance{.seed = 4, .rounds = 7, .bits = bits});
    check_parts<4, 8>(minimum_variance{.seed = 5, .bits = bits});
    check_parts<5, 13>(minimum_variance{.seed = 6, .bits = bits});
  }
  check_parts<2, 4>(sequential_draws{.seed = 7});
  check_parts<2, 4>(sequential_draws{.seed = 8, .epsilon = 0x1p-23F});
}

template <std::size_t M>
void check_run_time_patterns(std::span<const float> x) {
  const matrix_view<float> w{x.data(), 5, x.size() / 5};
  const minimum_variance method{.seed = 9};
  std::vector<float> out(x.size());
  sparsify({1, M}, w, std::span<float>(out), method);
  CHECK(same_bits(out, sparsify<1, M>(w, method)));
  sparsify({M / 2, M}, w, std::span<float>(out), magnitude{});
  CHECK(same_bits(out, sparsify<M / 2, M>(w, magnitude{})));
}

TEST_CASE("patterns that are known when the program runs") {
  check_run_time_patterns<2>(gaussian(85, 1));
  check_run_time_patterns<4>(gaussian(85, 2));
  check_run_time_patterns<13>(gaussian(85, 3));
  check_run_time_patterns<16>(gaussian(85, 4));
}

TEST_CASE("which bits of the stream a block takes") {
  const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const philox_block words[2] = {random_block(11, 12, 0, 10), random_block(11, 12, 1, 10)};
  const auto word = [&](std::size_t i) { return std::uint64_t{words[i / 4].words[i % 4]}; };
  for (const int bits : {64, 32, 16}) {
    const auto out = sparsify<2, 4>(std::span<const float>(x), minimum_variance{.seed = 11, .stream = 12, .bits = bits});
    for (std::size_t b = 0; b < 3; ++b) {
      const std::uint64_t u = bits == 64   ? word(2 * b) | word(2 * b + 1) << 32
                              : bits == 32 ? word(b) << 32
                                           : (word(b / 2) >> (b % 2 * 16) & 0xffffU) << 48;
      std::uint32_t in[4];
      std::uint32_t expected[4];
      for (std::size_t i = 0; i < 4; ++i) in[i] = to_bits(x[4 * b + i]);
      detail::minimum_variance_block<4>(2, in, u, bits == 64 ? 32 : 4, expected);
      for (std::size_t i = 0; i < 4; ++i) CHECK(to_bits(out[4 * b + i]) == expected[i]);
    }
  }
}

/// The mean error of each decile of magnitude as a z-score, and the total squared error.
template <class Method>
double check_statistics(std::span<const float> x, const Method& method) {
  const std::vector<float> out = sparsify<2, 4>(x, method);
  std::vector<std::size_t> order(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::abs(x[a]) < std::abs(x[b]); });
  double measured = 0;
  for (std::size_t d = 0; d < 10; ++d) {
    double error = 0;
    double squares = 0;
    for (std::size_t i = d * x.size() / 10; i < (d + 1) * x.size() / 10; ++i) {
      const double v = double{x[order[i]]};
      const double e = double{out[order[i]]} - v;
      error += v < 0 ? -e : e;
      squares += e * e;
    }
    measured += squares;
    // |z| > 5 has a probability of 6e-7 a decile.
    CHECK(std::abs(error / std::sqrt(squares)) < 5);
  }
  return measured;
}

TEST_CASE("statistics of 2^20 Gaussians: no bias in any decile, the variance of the closed form") {
  const std::vector<float> x = gaussian(std::size_t{1} << 20, 9);
  double energy = 0;
  double least = 0;
  double in_turn = 0;
  for (std::size_t b = 0; b < x.size(); b += 4) {
    double a[4];
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      a[i] = std::abs(double{x[b + i]});
      sum += a[i];
      squares += a[i] * a[i];
    }
    const double top = *std::max_element(a, a + 4);
    least += 2 * top >= sum ? (sum - top) * (sum - top) - (squares - top * top) : sum * sum / 2 - squares;
    energy += squares;
    double odds = 1;
    for (const double v : a) odds += v / (sum - v);
    for (const double v : a) in_turn += v * v * (sum / (v * (odds - v / (sum - v))) - 1);
  }
  for (const int bits : {64, 32, 16}) {
    CHECK(check_statistics(x, minimum_variance{.seed = 3, .bits = bits}) == doctest::Approx(least).epsilon(0.01));
  }
  CHECK(check_statistics(x, sequential_draws{.seed = 3}) == doctest::Approx(in_turn).epsilon(0.01));
  CHECK(check_statistics(x, sequential_draws{.seed = 4, .epsilon = 0x1p-23F}) == doctest::Approx(in_turn).epsilon(0.01));
  CHECK(least / energy == doctest::Approx(0.474).epsilon(0.01));
  CHECK(in_turn / energy == doctest::Approx(0.503).epsilon(0.01));
}

TEST_CASE("soft threshold") {
  const float nan = bit_cast<float>(0x7fc0'0000U);
  const float x[] = {1, -4, 2, 3, -1, 1, 1, 1, nan, 1, 2, -3, 5, 4};
  const float expected[] = {0, -2, 0, 1, -0.0F, 0, 0, 0, nan, 0, 0, -1, 5, 4};
  float out[14];
  soft_threshold(x, out);
  CHECK(same_bits(out, expected));
}

TEST_CASE("sparsify: wrong arguments; no elements") {
  std::vector<float> x(6);
  std::vector<float> y(7);
  CHECK_THROWS_AS((sparsify<2, 4>(std::span<const float>(x), std::span<float>(y), magnitude{})), std::invalid_argument);
  const matrix_view<float> w{x.data(), 2, 3};
  CHECK_THROWS_AS((sparsify<2, 4>(w, std::span<float>(y), magnitude{})), std::invalid_argument);
  const auto rejects = [&](const minimum_variance& method) {
    CHECK_THROWS_AS((void)(sparsify<1, 2>(std::span<const float>(x), method)), std::invalid_argument);
  };
  rejects({.first_element = 1});
  rejects({.rounds = 8});
  rejects({.first_element = std::uint64_t{1} << 63});
  rejects({.bits = 8});
  CHECK_THROWS_AS((sparsify_part<1, 2>(x, 6, std::span(y).first(1), magnitude{})), std::invalid_argument);
  CHECK_THROWS_AS((void)(sparsify<2, 4>(std::span<const float>(x), sequential_draws{.epsilon = -1})), std::invalid_argument);
  CHECK_THROWS_AS((void)(sparsify<4, 8>(std::span<const float>(x), sequential_draws{})), std::invalid_argument);
  for (const sparsity_pattern p : {sparsity_pattern{0, 4}, {5, 4}, {1, 1}, {2, 17}}) {
    CHECK_THROWS_AS(sparsify(p, w, std::span<float>(x), magnitude{}), std::invalid_argument);
  }
  CHECK(sparsify<2, 4>(std::span<const float>(), minimum_variance{}).empty());
  CHECK(sparsify<2, 4>(matrix_view<float>{}, magnitude{}).empty());
}

}  // namespace
