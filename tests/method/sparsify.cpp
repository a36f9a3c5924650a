// SPDX-License-Identifier: Apache-2.0
//
// N:M sparsity: exact expectations over the breakpoints of the uniform, worked variances, optimality against random
// competitors, brute-force magnitude masks, compressed storage both ways, statistics with a verdict.
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

struct moments {
  std::vector<double> mean, variance;
  bool sizes = true;
};

/// Integrates over u exactly: the result is constant between breakpoints, which are found by bisection of the mask.
template <std::size_t N, std::size_t M>
moments integrate(const float (&x)[M]) {
  std::uint32_t bits[M];
  std::uint32_t out[M];
  for (std::size_t i = 0; i < M; ++i) bits[i] = to_bits(x[i]);
  moments m{std::vector<double>(M), std::vector<double>(M)};
  std::uint64_t at = 0;
  while (true) {
    const std::uint32_t mask = detail::minimum_variance_block<N, M>(bits, at, out);
    std::uint64_t low = at;
    std::uint64_t high = ~std::uint64_t{0};
    // Systematic picks move monotonically in u, so that equal masks lie together.
    std::uint32_t other[M];
    while (low < high) {
      const std::uint64_t middle = high - (high - low) / 2;
      if (detail::minimum_variance_block<N, M>(bits, middle, other) == mask) low = middle; else high = middle - 1;
    }
    const double share = std::ldexp(static_cast<double>(low - at) + 1.0, -64);
    int kept = 0;
    for (std::size_t i = 0; i < M; ++i) {
      const double value = double{bit_cast<float>(out[i])};
      kept += static_cast<int>(mask >> i & 1U);
      m.mean[i] += share * value;
      m.variance[i] += share * (value - double{x[i]}) * (value - double{x[i]});
    }
    m.sizes = m.sizes && kept == static_cast<int>(N);
    if (low == ~std::uint64_t{0}) return m;
    at = low + 1;
  }
}

double total(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum;
}

/// The least variance over all thresholds k of the closed form that are feasible: a plain search in double.
template <std::size_t M>
double least_variance(const float (&x)[M], std::size_t n) {
  std::vector<double> a;
  for (const float v : x) a.push_back(std::abs(double{v}));
  std::sort(a.rbegin(), a.rend());
  double best = 1e300;
  for (std::size_t k = 0; k <= n; ++k) {
    double rest = 0;
    double squares = 0;
    for (std::size_t j = k; j < M; ++j) {
      rest += a[j];
      squares += a[j] * a[j];
    }
    if (k == n ? rest == 0 : static_cast<double>(n - k) * a[k] <= rest * (1 + 1e-12)) {
      best = std::min(best, k == n ? 0.0 : rest * rest / static_cast<double>(n - k) - squares);
    }
  }
  return best;
}

TEST_CASE("minimum variance: worked values") {
  const auto check = [](const float (&x)[4], double variance) {
    const moments m = integrate<2, 4>(x);
    for (std::size_t i = 0; i < 4; ++i) CHECK(m.mean[i] == doctest::Approx(double{x[i]}).epsilon(1e-6));
    CHECK(total(m.variance) == doctest::Approx(variance).epsilon(1e-6));
    CHECK(m.sizes);
  };
  check({1, 2, 3, 4}, 20);
  check({1, -2, 3, -4}, 20);
  check({1, 1, 1, 1}, 4);
  check({1, 1, 1, 10}, 6);
  check({0.1F, 0.2F, 0.3F, 5}, 0.22);
  const moments pair = integrate<1, 2>({3, -4});
  CHECK(total(pair.variance) == doctest::Approx(24).epsilon(1e-6));
}

template <std::size_t N, std::size_t M>
void random_blocks(int count) {
  std::mt19937 generator(static_cast<unsigned>(N * 31 + M));
  std::normal_distribution<float> normal;
  bool right = true;
  for (int t = 0; t < count; ++t) {
    float x[M];
    for (float& v : x) v = t % 3 == 0 ? std::round(normal(generator) * 2) : std::ldexp(std::exp(normal(generator) * 2) - 1, t % 200 - 100);
    const moments m = integrate<N, M>(x);
    double energy = 0;
    for (std::size_t i = 0; i < M; ++i) {
      right = right && std::abs(m.mean[i] - double{x[i]}) <= 1e-6 * std::abs(double{x[i]});
      energy += double{x[i]} * double{x[i]};
    }
    right = right && std::abs(total(m.variance) - least_variance(x, N)) <= 2e-6 * energy;
  }
  CHECK(right);
}

TEST_CASE("minimum variance: the exact expectation is the input and the variance the closed form, any N:M") {
  random_blocks<1, 2>(500);
  random_blocks<2, 4>(1000);
  random_blocks<4, 8>(500);
  random_blocks<3, 7>(300);
  random_blocks<1, 16>(100);
  random_blocks<8, 16>(200);
  random_blocks<4, 4>(50);
}

TEST_CASE("minimum variance: no feasible probabilities do better on 10^4 blocks of 2:4") {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> uniform;
  int beaten = 0;
  for (int t = 0; t < 10000; ++t) {
    float x[4];
    double energy = 0;
    for (float& v : x) {
      v = normal(generator);
      energy += double{v} * double{v};
    }
    // Projected search over p: move mass between two coordinates while it helps.
    double p[4] = {0.5, 0.5, 0.5, 0.5};
    for (double step = 0.25; step > 1e-5; step /= 2) {
      for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < 4; ++i) {
          for (int j = 0; j < 4; ++j) {
            if (i == j || p[i] + step > 1 || p[j] - step <= 0) continue;
            const double xi = double{x[i]} * double{x[i]};
            const double xj = double{x[j]} * double{x[j]};
            if (xi / (p[i] + step) + xj / (p[j] - step) < xi / p[i] + xj / p[j] - 1e-15) {
              p[i] += step;
              p[j] -= step;
              moved = true;
            }
          }
        }
      }
    }
    double found = -energy;
    for (int i = 0; i < 4; ++i) found += double{x[i]} * double{x[i]} / p[i];
    const double ours = least_variance(x, 2);
    if (found < ours - 1e-6 * energy || found > ours + 1e-4 * energy) ++beaten;
  }
  CHECK(beaten == 0);
}

TEST_CASE("magnitude 2:4 by brute force; ties keep the lower index") {
  std::mt19937 generator(5);
  std::vector<float> x(40000);
  for (float& v : x) v = static_cast<float>(static_cast<int>(generator() % 9) - 4);
  std::vector<float> out(x.size());
  sparsify<2, 4>(x, out, magnitude{});
  bool right = true;
  for (std::size_t b = 0; b < x.size(); b += 4) {
    for (std::size_t i = 0; i < 4; ++i) {
      int larger = 0;
      for (std::size_t j = 0; j < 4; ++j) {
        larger += std::abs(x[b + j]) > std::abs(x[b + i]) || (j < i && std::abs(x[b + j]) == std::abs(x[b + i])) ? 1 : 0;
      }
      right = right && out[b + i] == (larger < 2 ? x[b + i] : 0.0F);
    }
  }
  CHECK(right);
  std::vector<float> values(x.size() / 2);
  std::vector<std::uint16_t> metadata(x.size() / 16);
  std::vector<float> back(x.size());
  compress_2_4(out, values, metadata);
  decompress_2_4(values, metadata, back);
  CHECK(back == out);
  CHECK_THROWS_AS(compress_2_4(std::vector<float>(x.size(), 1.0F), values, metadata), std::invalid_argument);
  CHECK(metadata_2_4(0b1010) == 0b1101);
  CHECK(metadata_2_4(0b1100) == 0b1110);
  CHECK(metadata_2_4(0) == 0b0100);
  CHECK(metadata_2_4(0b1000) == 0b1100);
}

TEST_CASE("soft threshold") {
  const float x[] = {1, -4, 2, 3};
  float out[4];
  soft_threshold(x, out);
  CHECK(out[0] == 0);
  CHECK(out[1] == -2);
  CHECK(out[2] == 0);
  CHECK(out[3] == 1);
}

TEST_CASE("minimum variance: pieces are the whole, and the statistics of 2^20 Gaussians") {
  constexpr std::size_t count = std::size_t{1} << 20;
  std::mt19937 generator(9);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (float& v : x) v = normal(generator);
  std::vector<float> out(count);
  sparsify<2, 4>(x, out, minimum_variance{.seed = 3});
  std::vector<float> piece(400);
  sparsify<2, 4>(std::span(x).subspan(12, 400), piece, minimum_variance{.seed = 3, .first_element = 12});
  CHECK(std::equal(piece.begin(), piece.end(), out.begin() + 12));
  double energy = 0;
  double measured = 0;
  double expected = 0;
  for (std::size_t b = 0; b < count; b += 4) {
    const float block[] = {x[b], x[b + 1], x[b + 2], x[b + 3]};
    expected += least_variance(block, 2);
  }
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::abs(x[a]) < std::abs(x[b]); });
  for (std::size_t d = 0; d < 10; ++d) {
    double error = 0;
    double squares = 0;
    for (std::size_t i = d * count / 10; i < (d + 1) * count / 10; ++i) {
      const double v = double{x[order[i]]};
      const double e = double{out[order[i]]} - v;
      error += v < 0 ? -e : e;
      squares += e * e;
      energy += v * v;
    }
    measured += squares;
    CHECK(std::abs(error / std::sqrt(squares)) < 5);
  }
  CHECK(measured == doctest::Approx(expected).epsilon(0.01));
  CHECK(expected / energy == doctest::Approx(0.474).epsilon(0.01));
}

TEST_CASE("sparsify: wrong arguments") {
  std::vector<float> x(6);
  std::vector<float> y(6);
  CHECK_THROWS_AS((sparsify<2, 4>(x, y, magnitude{})), std::invalid_argument);
  CHECK_THROWS_AS((sparsify<1, 2>(x, y, minimum_variance{.first_element = 1})), std::invalid_argument);
}

}  // namespace
