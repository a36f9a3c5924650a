// SPDX-License-Identifier: Apache-2.0
//
// The N:M rules on one block: exact expectations over the breakpoints of the uniforms, worked variances, optimality against
// a search over all probabilities.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <nibble/method/sparse_block.hpp>

namespace {

using namespace nibble;

struct moments {
  std::vector<double> mean, variance;
  bool sizes = true;
};

/// Integrates over u exactly: the result is constant between breakpoints, which are found by bisection of the mask.
template <std::size_t N, std::size_t M>
moments integrate(const float (&x)[M], int spare = 32) {
  std::uint32_t bits[M];
  std::uint32_t out[M];
  for (std::size_t i = 0; i < M; ++i) bits[i] = to_bits(x[i]);
  moments m{std::vector<double>(M), std::vector<double>(M)};
  std::uint64_t at = 0;
  while (true) {
    const std::uint32_t mask = detail::minimum_variance_block<M>(N, bits, at, spare, out);
    std::uint64_t low = at;
    std::uint64_t high = ~std::uint64_t{0};
    // Systematic picks move monotonically in u, so that equal masks lie together.
    std::uint32_t other[M];
    while (low < high) {
      const std::uint64_t middle = high - (high - low) / 2;
      if (detail::minimum_variance_block<M>(N, bits, middle, spare, other) == mask) low = middle; else high = middle - 1;
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
    for (float& v : x) {
      const float z = 2 * normal(generator);
      v = t % 3 == 0 ? std::round(z) : std::ldexp(std::exp(z) - 1, t % 200 - 100);
    }
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

TEST_CASE("minimum variance on 28 bits: the expectation is within 2^-26 of the largest") {
  std::mt19937 generator(4);
  std::normal_distribution<float> normal;
  bool right = true;
  for (int t = 0; t < 1000; ++t) {
    float x[4];
    float largest = 0;
    for (float& v : x) {
      v = std::ldexp(normal(generator), t % 5 == 0 ? -static_cast<int>(generator() % 40) : 0);
      largest = std::max(largest, std::abs(v));
    }
    const moments m = integrate<2, 4>(x, 4);
    for (std::size_t i = 0; i < 4; ++i) {
      right = right && std::abs(m.mean[i] - double{x[i]}) <= 1e-7 * std::abs(double{x[i]}) + 0x1p-26 * double{largest};
    }
  }
  CHECK(right);
}

TEST_CASE("minimum variance: 2:4 does no worse than 1:2 on both halves, as well where their sums agree") {
  std::mt19937 generator(6);
  std::normal_distribution<float> normal;
  const auto variance = [](float a, float b, float c, float d) {
    const float whole[4] = {a, b, c, d};
    const float first[2] = {a, b};
    const float second[2] = {c, d};
    const double halves = total(integrate<1, 2>(first).variance) + total(integrate<1, 2>(second).variance);
    return std::pair(total(integrate<2, 4>(whole).variance), halves);
  };
  bool right = true;
  for (int t = 0; t < 300; ++t) {
    const auto [whole, halves] = variance(normal(generator), normal(generator), normal(generator), normal(generator));
    right = right && whole <= halves * (1 + 1e-6);
  }
  CHECK(right);
  const auto [whole, halves] = variance(1, 4, 2, 3);
  CHECK(whole == doctest::Approx(20).epsilon(1e-6));
  CHECK(halves == doctest::Approx(20).epsilon(1e-6));
  CHECK(variance(1, 2, 3, 4).second == doctest::Approx(28).epsilon(1e-6));
  CHECK(variance(1, 1, 1, 1).second == doctest::Approx(4).epsilon(1e-6));
  CHECK(variance(1, 1, 1, 10).second == doctest::Approx(22).epsilon(1e-6));
  CHECK(variance(0.1F, 0.2F, 0.3F, 5).second == doctest::Approx(3.04).epsilon(1e-6));
}

TEST_CASE("minimum variance: zeros, fewer nonzeros than N, and what is not a number") {
  const float nan = bit_cast<float>(0x7fc0'0000U);
  const float inf = bit_cast<float>(0x7f80'0000U);
  const auto run = [](std::vector<float> x, std::uint64_t u, std::uint32_t mask, std::vector<float> expected) {
    std::uint32_t bits[4];
    std::uint32_t out[4];
    for (std::size_t i = 0; i < 4; ++i) bits[i] = to_bits(x[i]);
    CHECK(detail::minimum_variance_block<4>(2, bits, u, 32, out) == mask);
    for (std::size_t i = 0; i < 4; ++i) CHECK(out[i] == to_bits(expected[i]));
  };
  for (const std::uint64_t u : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    run({-0.0F, 0, -0.0F, 0}, u, 0, {0, 0, 0, 0});
    run({0, -3, 0, -0.0F}, u, 2, {0, -3, 0, 0});
    run({-3, 0, -0.0F, 5}, u, 9, {-3, 0, 0, 5});
    run({1, nan, inf, 5}, u, 6, {0, nan, inf, 0});
    run({0x1p-149F, 0, -0x1p-149F, 0}, u, 5, {0x1p-149F, 0, -0x1p-149F, 0});
  }
  run({0x1p127F, 0x1p127F, 0x1p127F, 0x1p127F}, 0, 5, {inf, 0, inf, 0});
}

struct pair_moments {
  double mean[4] = {};
  double variance = 0;
  double shares[4] = {};
};

/// Integrates over both uniforms exactly: each index is constant between breakpoints that bisection finds.
pair_moments integrate_draws(const float (&x)[4], float epsilon = 0) {
  std::uint32_t bits[4];
  std::uint32_t out[4];
  for (std::size_t i = 0; i < 4; ++i) bits[i] = to_bits(x[i]);
  pair_moments m;
  const auto draw = [&](std::uint32_t u, std::uint32_t v) {
    return detail::sequential_block(bits, u, v, binary32(epsilon), out);
  };
  // The last point from `at` on with the same mask, along one axis. A second index that changes sides of the first leaves
  // no gap: masks of rising v differ or stay together.
  const auto last = [](std::uint32_t at, const auto& mask_at) {
    std::uint64_t low = at;
    std::uint64_t high = 0xffff'ffffU;
    const std::uint32_t mask = mask_at(at);
    while (low < high) {
      const std::uint64_t middle = high - (high - low) / 2;
      if (mask_at(static_cast<std::uint32_t>(middle)) == mask) low = middle; else high = middle - 1;
    }
    return low;
  };
  // The first index alone: with v = 0 and v = max the mask changes exactly where it changes.
  for (std::uint64_t u = 0; u <= 0xffff'ffffU;) {
    const auto first = static_cast<std::uint32_t>(u);
    const std::uint64_t u_end = std::min(last(first, [&](std::uint32_t t) { return draw(t, 0); }),
                                         last(first, [&](std::uint32_t t) { return draw(t, 0xffff'ffffU); }));
    for (std::uint64_t v = 0; v <= 0xffff'ffffU;) {
      const auto second = static_cast<std::uint32_t>(v);
      const std::uint64_t v_end = last(second, [&](std::uint32_t t) { return draw(first, t); });
      const double share = std::ldexp(static_cast<double>(u_end - u + 1) * static_cast<double>(v_end - v + 1), -64);
      const std::uint32_t mask = draw(first, second);
      for (std::size_t i = 0; i < 4; ++i) {
        const double value = double{bit_cast<float>(out[i])};
        m.mean[i] += share * value;
        m.variance += share * (value - double{x[i]}) * (value - double{x[i]});
        m.shares[i] += share * static_cast<double>(mask >> i & 1U);
      }
      v = v_end + 1;
    }
    u = u_end + 1;
  }
  return m;
}

TEST_CASE("two draws in turn: worked probabilities and variances") {
  const auto check = [](const float (&x)[4], const double (&p)[4], double variance) {
    const pair_moments m = integrate_draws(x);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(m.shares[i] == doctest::Approx(p[i]).epsilon(3e-6));
      CHECK(m.mean[i] == doctest::Approx(double{x[i]}).epsilon(1e-6));
    }
    CHECK(m.variance == doctest::Approx(variance).epsilon(3e-6));
  };
  check({1, 2, 3, 4}, {0.234524, 0.441270, 0.608333, 0.715873}, 20.473561);
  check({1, -2, 3, -4}, {0.234524, 0.441270, 0.608333, 0.715873}, 20.473561);
  check({1, 1, 1, 1}, {0.5, 0.5, 0.5, 0.5}, 4);
  check({1, 1, 1, 10}, {9 / 26.0, 9 / 26.0, 9 / 26.0, 25 / 26.0}, 29 / 3.0);
  check({0.1F, 0.2F, 0.3F, 5}, {0.168339, 0.336004, 0.502958, 0.992699}, 0.401265);
  check({0x1p120F, 0x1p121F, 0x1.8p121F, 0x1p122F}, {0.234524, 0.441270, 0.608333, 0.715873}, std::ldexp(20.473561, 240));
}

TEST_CASE("two draws in turn: unbiased, never better than the optimum, at most twice its variance") {
  std::mt19937 generator(8);
  std::normal_distribution<float> normal;
  bool right = true;
  for (int t = 0; t < 200; ++t) {
    float x[4];
    for (float& v : x) v = t % 2 == 0 ? normal(generator) : std::exp(2 * normal(generator));
    if (t % 7 == 0) x[t % 4] = 0;
    const float epsilon = t % 3 == 0 ? 0x1p-23F : 0.0F;
    const pair_moments m = integrate_draws(x, epsilon);
    float largest = 0;
    double energy = 0;
    for (const float v : x) largest = std::max(largest, std::abs(v));
    for (const float v : x) energy += double{v} * double{v};
    for (std::size_t i = 0; i < 4; ++i) {
      right = right && std::abs(m.mean[i] - double{x[i]}) <= 1e-6 * std::abs(double{x[i]}) + 0x1p-29 * double{largest};
    }
    const double best = least_variance(x, 2);
    right = right && m.variance >= best - 1e-6 * energy && m.variance <= 2 * best + 1e-6 * energy;
  }
  CHECK(right);
  const float two[4] = {0, -3, 0.3F, 0};
  CHECK(integrate_draws(two).variance == 0);
}

}  // namespace
