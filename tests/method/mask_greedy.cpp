// SPDX-License-Identifier: Apache-2.0
//
// The greedy mask against a plain loop, its completion, and swaps.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>

#include <nibble/method/mask_flow.hpp>
#include <nibble/method/mask_greedy.hpp>

namespace {

using namespace nibble;

template <std::size_t M>
detail::mask_block<M> random_block(std::mt19937& generator, bool has_ties) {
  std::normal_distribution<float> normal;
  detail::mask_block<M> block;
  block.rows = block.cols = M;
  for (auto& row : block.magnitude) {
    for (std::uint32_t& m : row) {
      const float x = std::abs(normal(generator));
      m = to_bits(has_ties ? std::round(2 * x) : x);
    }
  }
  detail::weigh(block);
  return block;
}

template <std::size_t M>
std::int64_t kept_sum(const detail::mask_block<M>& block, const std::uint32_t (&kept)[M]) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < M * M; ++i) sum += (kept[i / M] >> (i % M) & 1U) != 0 ? block.weight[i / M][i % M] : 0;
  return sum;
}

template <std::size_t N, std::size_t M>
bool has_sums_of_n(const std::uint32_t (&kept)[M]) {
  for (std::size_t i = 0; i < M; ++i) {
    std::size_t row = 0;
    std::size_t col = 0;
    for (std::size_t j = 0; j < M; ++j) {
      row += kept[i] >> j & 1U;
      col += kept[j] >> i & 1U;
    }
    if (row != N || col != N) return false;
  }
  return true;
}

/// Takes the largest element that still fits, over and over.
template <std::size_t N, std::size_t M>
void plain_greedy(const detail::mask_block<M>& block, std::uint32_t (&kept)[M]) {
  std::size_t row[M] = {};
  std::size_t col[M] = {};
  while (true) {
    std::size_t best = M * M;
    for (std::size_t k = 0; k < block.rows * M; ++k) {
      const std::size_t i = k / M;
      const std::size_t j = k % M;
      if (j >= block.cols || row[i] == N || col[j] == N || (kept[i] >> j & 1U) != 0) continue;
      if (best == M * M || block.magnitude[i][j] > block.magnitude[best / M][best % M]) best = k;
    }
    if (best == M * M) return;
    kept[best / M] |= std::uint32_t{1} << (best % M);
    ++row[best / M];
    ++col[best % M];
  }
}

template <std::size_t N, std::size_t M>
void check_greedy(int count) {
  std::mt19937 generator(static_cast<unsigned>(100 * N + M));
  bool right = true;
  for (int t = 0; t < count; ++t) {
    auto block = random_block<M>(generator, t % 2 == 0);
    std::uint32_t kept[M] = {};
    std::uint32_t expected[M] = {};
    detail::choose_greedily(block, N, kept);
    plain_greedy<N>(block, expected);
    for (std::size_t i = 0; i < M; ++i) right = right && kept[i] == expected[i];
    // At least half of the best, also of masks with short rows.
    const detail::mask_flow<M> bound(block, N, true);
    const detail::mask_flow<M> equal(block, N, false);
    std::uint32_t best[M];
    std::uint32_t full[M];
    for (std::size_t i = 0; i < M; ++i) {
      best[i] = bound.kept(i);
      full[i] = equal.kept(i);
    }
    const std::int64_t before = kept_sum(block, kept);
    right = right && 2 * before >= kept_sum(block, best) && before <= kept_sum(block, best);
    detail::complete(block, N, kept);
    right = right && has_sums_of_n<N>(kept) && kept_sum(block, kept) <= kept_sum(block, full);
    const std::int64_t completed = kept_sum(block, kept);
    detail::improve(block, kept, 100);
    right = right && has_sums_of_n<N>(kept) && kept_sum(block, kept) >= completed;
    right = right && kept_sum(block, kept) <= kept_sum(block, full);
    // No swap is left that gains, and nothing changes any more.
    for (std::size_t i = 0; i < M * M; ++i) {
      for (std::size_t k = 0; k < M * M; ++k) {
        const bool can = detail::can_swap(kept, i / M, i % M, k / M, k % M);
        right = right && !(can && detail::swap_gain(block, i / M, i % M, k / M, k % M) > 0);
      }
    }
    block.rows = 1 + static_cast<std::size_t>(t) % M;
    block.cols = 1 + static_cast<std::size_t>(t) / M % M;
    std::uint32_t cut[M] = {};
    std::uint32_t cut_expected[M] = {};
    detail::choose_greedily(block, N, cut);
    plain_greedy<N>(block, cut_expected);
    for (std::size_t i = 0; i < M; ++i) right = right && cut[i] == cut_expected[i];
  }
  CHECK(right);
}

TEST_CASE("greedy, completed, improved") {
  check_greedy<2, 4>(1000);
  check_greedy<4, 8>(300);
  check_greedy<1, 4>(300);
  check_greedy<3, 4>(300);
  check_greedy<8, 16>(20);
  check_greedy<5, 7>(100);
}

TEST_CASE("a swap by hand") {
  detail::mask_block<4> block;
  block.rows = block.cols = 4;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) block.weight[i][j] = i == j ? 5 : 1;
  }
  // One swap at (0, 0): rows and columns 0 and 1 lose 2 and gain 10; the second does the same for 2 and 3.
  std::uint32_t kept[4] = {0b0010, 0b0001, 0b1000, 0b0100};
  detail::improve(block, kept, 1);
  for (std::size_t i = 0; i < 4; ++i) CHECK(kept[i] == 1U << i);
}

TEST_CASE("statistics of Gaussian 2:4 blocks: full of 8, share of the optimum") {
  std::mt19937 generator(5);
  double share = 0;
  double worst = 1;
  int full = 0;
  constexpr int count = 20000;
  for (int t = 0; t < count; ++t) {
    const auto block = random_block<4>(generator, false);
    std::uint32_t kept[4] = {};
    std::uint32_t best[4];
    detail::choose_greedily(block, 2, kept);
    const detail::mask_flow<4> flow(block, 2, false);
    for (std::size_t i = 0; i < 4; ++i) best[i] = flow.kept(i);
    const double ratio = static_cast<double>(kept_sum(block, kept)) / static_cast<double>(kept_sum(block, best));
    share += ratio / count;
    worst = std::min(worst, ratio);
    full += has_sums_of_n<2>(kept) ? 1 : 0;
  }
  CHECK(share == doctest::Approx(0.985).epsilon(0.002));
  CHECK(worst > 0.75);
  CHECK(static_cast<double>(full) / count == doctest::Approx(0.84).epsilon(0.02));
}

}  // namespace
