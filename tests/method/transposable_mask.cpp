// SPDX-License-Identifier: Apache-2.0
//
// Transposable masks of matrices: worked blocks, brute force, edges, special values, threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <nibble/method/transposable_mask.hpp>

#include "oracle/transposable.hpp"

namespace {

using namespace nibble;

std::string text(const sparsity_mask& mask) {
  std::string result;
  for (std::size_t r = 0; r < mask.rows(); ++r) {
    if (r > 0) result += '/';
    for (std::size_t c = 0; c < mask.cols(); ++c) result += mask(r, c) ? '1' : '0';
  }
  return result;
}

template <class T>
double kept_sum(const sparsity_mask& mask, const matrix_view<T>& w) {
  double sum = 0;
  for (std::size_t r = 0; r < w.rows; ++r) {
    for (std::size_t c = 0; c < w.cols; ++c) sum += mask(r, c) ? std::abs(double{w(r, c)}) : 0.0;
  }
  return sum;
}

std::vector<float> some_matrix(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (std::size_t i = 0; i < count; ++i) x[i] = i / 64 % 2 == 0 ? normal(generator) : std::round(normal(generator));
  return x;
}

TEST_CASE("a worked block: the optimum, and where greedy ends") {
  const float x[] = {15, 14, 2, 11, 4, 10, 9, 5, 6, 1, 7, 12, 13, 3, 16, 8};
  const matrix_view<float> w{x, 4, 4};
  CHECK(text(transposable_mask<2, 4>(w)) == "1100/0101/0011/1010");
  CHECK(kept_sum(transposable_mask<2, 4>(w), w) == 92);
  CHECK(text(transposable_mask<2, 4>(w, greedy{})) == "1100/0110/0001/1010");
  CHECK(kept_sum(transposable_mask<2, 4>(w, greedy{}), w) == 89);
  const sparsity_mask full = transposable_mask<2, 4>(w, greedy{.is_completed = true});
  // Row 2 and column 3 lack one and meet in a kept 12: of the six exchanges 9 for 7 + 5 gains most.
  CHECK(text(full) == "1100/0101/0011/1010");
  CHECK(kept_sum(transposable_mask<2, 4>(w, swaps{full}), w) >= kept_sum(full, w));
}

TEST_CASE("2:4 by brute force on 10^5 blocks, ties included") {
  const std::vector<std::uint32_t> blocks = oracle::two_four_blocks(false);
  std::mt19937 generator(2);
  std::normal_distribution<float> normal;
  std::vector<float> x(1'600'000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::round(normal(generator) * (i / 16 % 4 == 0 ? 1.5F : 0x1p12F));
  }
  const matrix_view<float> w{x.data(), x.size() / 4, 4};
  const sparsity_mask mask = transposable_mask<2, 4>(w);
  int wrong = 0;
  for (std::size_t b = 0; b < x.size() / 16; ++b) {
    std::array<double, 16> weights{};
    for (std::size_t i = 0; i < 16; ++i) weights[i] = std::abs(double{x[16 * b + i]});
    const std::uint32_t best = oracle::heaviest_block(blocks, weights);
    for (unsigned i = 0; i < 4; ++i) wrong += mask.bits(4 * b + i, 0, 4) != oracle::row_of(best, i) ? 1 : 0;
  }
  CHECK(wrong == 0);
}

template <std::size_t N, std::size_t M, class Method>
void check_matrix(const Method& method) {
  const std::size_t rows = 3 * M + 1;
  const std::size_t cols = 4 * M - 1;
  const std::vector<float> x = some_matrix(rows * cols, 3);
  const matrix_view<float> w{x.data(), rows, cols};
  const sparsity_mask mask = transposable_mask<N, M>(w, method);
  CHECK(is_transposable<N, M>(mask));
  CHECK(is_transposable<N, M>(mask.transposed()));
  // A block depends on nothing but itself.
  bool alone = true;
  for (std::size_t r = 0; r < rows; r += M) {
    for (std::size_t c = 0; c < cols; c += M) {
      const std::size_t height = std::min(M, rows - r);
      const std::size_t width = std::min(M, cols - c);
      const sparsity_mask own = transposable_mask<N, M>(matrix_view<float>{&x[r * cols + c], height, width, cols}, method);
      for (std::size_t i = 0; i < height; ++i) alone = alone && own.bits(i, 0, width) == mask.bits(r + i, c, width);
    }
  }
  CHECK(alone);
  const auto backwards = [](std::size_t count, auto&& task) {
    for (std::size_t i = count; i-- > 0;) task(i);
  };
  CHECK(transposable_mask<N, M>(w, method, backwards) == mask);
  if constexpr (std::is_same_v<Method, heaviest>) CHECK(transposable_mask({N, M}, w, method) == mask);
  // Signs and powers of two do not matter, nor the type.
  std::vector<double> scaled(x.begin(), x.end());
  for (double& v : scaled) v *= -0x1p-30;
  CHECK(transposable_mask<N, M>(matrix_view<double>{scaled.data(), rows, cols}, method) == mask);
}

TEST_CASE("blocks, edges, threads, types") {
  check_matrix<2, 4>(heaviest{});
  check_matrix<4, 8>(heaviest{});
  check_matrix<4, 8>(heaviest{.sums = mask_sums::bound});
  check_matrix<1, 3>(heaviest{});
  check_matrix<2, 4>(greedy{});
  check_matrix<4, 8>(greedy{.is_completed = true});
  check_matrix<8, 16>(heaviest{});
}

TEST_CASE("whole blocks have sums of N; a wide mask is as heavy as its transpose's") {
  const std::vector<float> x = some_matrix(64 * 64, 4);
  const matrix_view<float> w{x.data(), 64, 64};
  const sparsity_mask exact = transposable_mask<4, 8>(w);
  CHECK(exact.count() == 64 * 32);
  const sparsity_mask other = transposable_mask<4, 8>(w.transposed());
  CHECK(kept_sum(exact, w) == doctest::Approx(kept_sum(other, w.transposed())).epsilon(1e-12));
  const sparsity_mask bound = transposable_mask<4, 8>(w, heaviest{.sums = mask_sums::bound});
  CHECK(kept_sum(bound, w) >= kept_sum(exact, w));
  const sparsity_mask fast = transposable_mask<4, 8>(w, greedy{});
  CHECK(kept_sum(fast, w) >= 0.5 * kept_sum(bound, w));
  // Swaps leave an optimum as it is, and do not lose from anything else.
  CHECK(transposable_mask<4, 8>(w, swaps{exact}) == exact);
  const sparsity_mask full = transposable_mask<4, 8>(w, greedy{.is_completed = true});
  const sparsity_mask better = transposable_mask<4, 8>(w, swaps{full});
  CHECK(better.count() == full.count());
  CHECK(is_transposable<4, 8>(better));
  CHECK(kept_sum(better, w) > kept_sum(full, w));
  CHECK(transposable_mask<4, 8>(w, swaps{full, 0}) == full);
}

TEST_CASE("zeros, ties, Inf and NaN") {
  const std::vector<float> zeros(16, -0.0F);
  CHECK(text(transposable_mask<2, 4>(matrix_view<float>{zeros.data(), 4, 4})) == "1100/1100/0011/0011");
  CHECK(text(transposable_mask<2, 4>(matrix_view<float>{zeros.data(), 4, 4}, greedy{})) == "1100/1100/0011/0011");
  CHECK(text(transposable_mask<2, 4>(matrix_view<float>{zeros.data(), 3, 3})) == "110/110/001");
  const std::vector<float> ones(16, 1.0F);
  CHECK(text(transposable_mask<2, 4>(matrix_view<float>{ones.data(), 3, 3})) == "110/101/011");
  const float inf = bit_cast<float>(0x7f80'0000U);
  const float nan = bit_cast<float>(0xffc0'0000U);
  // Three NaN in one row: two stay, and of those the ones that leave room for the Inf.
  std::vector<float> x(16, 1e38F);
  x[0] = x[1] = x[2] = nan;
  x[4] = x[8] = -inf;
  const sparsity_mask mask = transposable_mask<2, 4>(matrix_view<float>{x.data(), 4, 4});
  CHECK(mask.bits(0, 0, 4) == 0b0110);
  CHECK(mask(1, 0));
  CHECK(mask(2, 0));
  const sparsity_mask fast = transposable_mask<2, 4>(matrix_view<float>{x.data(), 4, 4}, greedy{});
  CHECK(fast.bits(0, 0, 4) == 0b0011);
}

/// A magnitude: of a few exponents, few significands, many exponents, subnormal and near, or a special value.
std::uint32_t hostile_magnitude(unsigned kind, std::uint32_t word) {
  switch (kind) {
    case 0: return to_bits(static_cast<float>(word % 8));
    case 1: return (100 + word % 25) << 23 | (word & 0x007f'ffffU);
    case 2: return 0x3f80'0000U + word % 4;
    case 3: return word % 2 == 0 ? word % 0x0180'0000U : 0U;
    case 4: return (word % 22 + 1) << 23 | (word >> 31);
    case 5: return word % 9 == 0 ? 0x7f80'0000U + word % 2 : word & 0x7f7f'ffffU;
    default: return word & 0x7fff'ffffU;
  }
}

TEST_CASE("2:4 blocks by keys are those by all sums of weights; keys say where they cannot tell") {
  std::mt19937 generator(5);
  int decided = 0;
  int wrong = 0;
  int wrongly_refused = 0;
  for (int i = 0; i < 140'000; ++i) {
    std::uint32_t m[16];
    detail::mask_block<4> block;
    block.rows = block.cols = 4;
    std::uint32_t largest = 0;
    for (unsigned k = 0; k < 16; ++k) {
      m[k] = block.magnitude[k / 4][k % 4] = hostile_magnitude(static_cast<unsigned>(i) % 7, static_cast<std::uint32_t>(generator()));
      largest = std::max(largest, m[k]);
    }
    bool in_reach = largest < 0x7f80'0000U;
    for (const std::uint32_t x : m) in_reach = in_reach && (x == 0 || (x >> 23 != 0 && (largest >> 23) - (x >> 23) <= 21));
    const std::uint32_t keys = detail::choose_by_keys(m);
    wrongly_refused += (keys != 0) != in_reach ? 1 : 0;
    if (keys == 0) continue;
    ++decided;
    std::uint32_t kept[4];
    detail::weigh(block);
    detail::choose_of_90(block, kept);
    for (int r = 0; r < 4; ++r) wrong += detail::row_of_keys(keys, r) != kept[r] ? 1 : 0;
  }
  CHECK(wrong == 0);
  CHECK(wrongly_refused == 0);
  CHECK(decided > 60'000);
}

TEST_CASE("wrong arguments; no elements") {
  const std::vector<float> x(16);
  const matrix_view<float> w{x.data(), 4, 4};
  CHECK_THROWS_AS((void)(transposable_mask<2, 4>(matrix_view<float>{nullptr, 4, 4})), std::invalid_argument);
  CHECK_THROWS_AS((void)(transposable_mask<2, 4>(w, swaps{sparsity_mask(4, 5)})), std::invalid_argument);
  CHECK_THROWS_AS((void)(transposable_mask<2, 4>(w, heaviest{static_cast<mask_sums>(2)})), std::invalid_argument);
  CHECK_THROWS_AS((void)transposable_mask({5, 4}, w), std::invalid_argument);
  CHECK(transposable_mask<2, 4>(matrix_view<float>{x.data(), 0, 4}).count() == 0);
}

}  // namespace
