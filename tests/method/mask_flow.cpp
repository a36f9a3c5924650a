// SPDX-License-Identifier: Apache-2.0
//
// The flow against brute force, ties included, and against the linear program of the GNU Linear Programming Kit.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include <nibble/method/mask_flow.hpp>

#include "oracle/transposable.hpp"

#if defined(NIBBLE_TEST_HAS_GLPK)
#include <glpk.h>
#endif

namespace {

using namespace nibble;

/// Weights that tie often, that do not, and that span 40 binades.
std::int64_t some_weight(std::mt19937& generator, int mode) {
  if (mode == 0) return static_cast<std::int64_t>(generator() % 3);
  if (mode == 1) return static_cast<std::int64_t>(generator() % 16);
  if (mode == 2) return static_cast<std::int64_t>(generator()) << 20;
  return static_cast<std::int64_t>(generator()) << (generator() % 22) >> (generator() % 22);
}

template <std::size_t M>
detail::mask_block<M> random_block(std::mt19937& generator, int mode) {
  detail::mask_block<M> block;
  block.rows = M;
  block.cols = M;
  for (auto& row : block.weight) {
    for (std::int64_t& w : row) w = some_weight(generator, mode);
  }
  return block;
}

TEST_CASE("2:4 with sums of 2 and of at most 2: brute force, and which of several optimal masks") {
  const std::vector<std::uint32_t> blocks[2] = {oracle::two_four_blocks(false), oracle::two_four_blocks(true)};
  CHECK(blocks[0].size() == 90);
  std::mt19937 generator(1);
  int wrong = 0;
  int larger = 0;
  for (int t = 0; t < 8000; ++t) {
    const auto block = random_block<4>(generator, t % 4);
    std::array<std::int64_t, 16> weights{};
    for (unsigned i = 0; i < 16; ++i) weights[i] = block.weight[i / 4][i % 4];
    std::int64_t sums[2] = {};
    for (const bool is_bound : {false, true}) {
      detail::mask_flow<4> flow(block, 2, is_bound);
      flow.make_first();
      const std::uint32_t expected = oracle::heaviest_block(blocks[is_bound ? 1 : 0], weights);
      for (unsigned i = 0; i < 4; ++i) wrong += flow.kept(i) != oracle::row_of(expected, i) ? 1 : 0;
      for (unsigned i = 0; i < 16; ++i) sums[is_bound ? 1 : 0] += (expected >> i & 1U) != 0 ? weights[i] : 0;
    }
    larger += sums[1] > sums[0] ? 1 : 0;
  }
  CHECK(wrong == 0);
  CHECK(larger > 100);
}

TEST_CASE("a block that is worth more with a short row") {
  // Keeping (0, 0) alone in its row and column leaves a 2-regular block of 3 x 3 elsewhere.
  detail::mask_block<4> block;
  block.rows = block.cols = 4;
  const std::int64_t weights[4][4] = {{10, 0, 0, 0}, {0, 0, 10, 10}, {0, 10, 0, 10}, {0, 10, 10, 0}};
  for (std::size_t i = 0; i < 16; ++i) block.weight[i / 4][i % 4] = weights[i / 4][i % 4];
  const auto sum = [&](bool is_bound) {
    const detail::mask_flow<4> flow(block, 2, is_bound);
    std::int64_t total = 0;
    for (std::size_t i = 0; i < 16; ++i) total += (flow.kept(i / 4) >> (i % 4) & 1U) != 0 ? weights[i / 4][i % 4] : 0;
    return total;
  };
  CHECK(sum(true) == 70);
  CHECK(sum(false) == 60);
}

/// All masks of a cut block, row by row, in the order that ties prefer.
template <std::size_t N, std::size_t M>
void search(const detail::mask_block<M>& block, std::size_t place, std::uint32_t (&kept)[M], std::size_t (&row)[M],
            std::size_t (&col)[M], std::int64_t sum, std::int64_t& most, std::uint32_t (&best)[M]) {
  if (place == block.rows * block.cols) {
    if (sum <= most) return;
    most = sum;
    std::copy(kept, kept + M, best);
    return;
  }
  const std::size_t i = place / block.cols;
  const std::size_t j = place % block.cols;
  if (row[i] < N && col[j] < N) {
    kept[i] |= std::uint32_t{1} << j;
    ++row[i];
    ++col[j];
    search<N, M>(block, place + 1, kept, row, col, sum + block.weight[i][j], most, best);
    kept[i] &= ~(std::uint32_t{1} << j);
    --row[i];
    --col[j];
  }
  search<N, M>(block, place + 1, kept, row, col, sum, most, best);
}

template <std::size_t N, std::size_t M>
void check_cut(std::size_t rows, std::size_t cols) {
  std::mt19937 generator(static_cast<unsigned>(N + 10 * M + 100 * rows + 1000 * cols));
  int wrong = 0;
  for (int t = 0; t < 40; ++t) {
    auto block = random_block<M>(generator, t % 4);
    block.rows = rows;
    block.cols = cols;
    detail::mask_flow<M> flow(block, N, true);
    flow.make_first();
    std::uint32_t kept[M] = {};
    std::uint32_t best[M] = {};
    std::size_t row[M] = {};
    std::size_t col[M] = {};
    std::int64_t most = -1;
    search<N, M>(block, 0, kept, row, col, 0, most, best);
    for (std::size_t i = 0; i < rows; ++i) wrong += flow.kept(i) != best[i] ? 1 : 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("cut blocks by search") {
  check_cut<2, 4>(3, 4);
  check_cut<2, 4>(4, 1);
  check_cut<2, 4>(1, 3);
  check_cut<1, 8>(3, 5);
  check_cut<4, 8>(2, 7);
  check_cut<4, 8>(5, 3);
  check_cut<3, 16>(4, 4);
}

#if defined(NIBBLE_TEST_HAS_GLPK)
/// The optimum of the linear program: maximise sum w x with all sums N (or at most N), 0 <= x <= 1.
template <std::size_t N, std::size_t M>
double linear_optimum(const detail::mask_block<M>& block, bool is_bound) {
  glp_prob* problem = glp_create_prob();
  glp_set_obj_dir(problem, GLP_MAX);
  glp_add_rows(problem, static_cast<int>(2 * M));
  glp_add_cols(problem, static_cast<int>(M * M));
  for (int i = 1; i <= static_cast<int>(2 * M); ++i) glp_set_row_bnds(problem, i, is_bound ? GLP_UP : GLP_FX, N, N);
  for (int k = 0; k < static_cast<int>(M * M); ++k) {
    const int i = k / static_cast<int>(M);
    const int j = k % static_cast<int>(M);
    const int rows[3] = {0, i + 1, static_cast<int>(M) + j + 1};
    const double ones[3] = {0, 1, 1};
    glp_set_col_bnds(problem, k + 1, GLP_DB, 0, 1);
    glp_set_obj_coef(problem, k + 1, static_cast<double>(block.weight[i][j]));
    glp_set_mat_col(problem, k + 1, 2, rows, ones);
  }
  glp_smcp control;
  glp_init_smcp(&control);
  control.msg_lev = GLP_MSG_OFF;
  CHECK(glp_simplex(problem, &control) == 0);
  const double optimum = glp_get_obj_val(problem);
  glp_delete_prob(problem);
  return optimum;
}

template <std::size_t N, std::size_t M>
void check_program(int count) {
  std::mt19937 generator(static_cast<unsigned>(N * 100 + M));
  int wrong = 0;
  for (int t = 0; t < count; ++t) {
    // Weights of at most 20 bits, so that double arithmetic keeps their sums.
    auto block = random_block<M>(generator, t % 2);
    if (t % 4 >= 2) {
      for (auto& row : block.weight) {
        for (std::int64_t& w : row) w = static_cast<std::int64_t>(generator() % (1U << 20));
      }
    }
    for (const bool is_bound : {false, true}) {
      detail::mask_flow<M> flow(block, N, is_bound);
      flow.make_first();
      std::int64_t sum = 0;
      std::size_t col[M] = {};
      for (std::size_t i = 0; i < M; ++i) {
        std::size_t row = 0;
        for (std::size_t j = 0; j < M; ++j) {
          if ((flow.kept(i) >> j & 1U) == 0) continue;
          sum += block.weight[i][j];
          ++row;
          ++col[j];
        }
        wrong += is_bound ? row > N : row != N;
      }
      for (const std::size_t c : col) wrong += is_bound ? c > N : c != N;
      wrong += std::abs(linear_optimum<N>(block, is_bound) - static_cast<double>(sum)) > 0.01 ? 1 : 0;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the optimum of a linear program") {
  check_program<4, 8>(1000);
  check_program<2, 4>(200);
  check_program<1, 8>(50);
  check_program<7, 8>(50);
  check_program<3, 10>(30);
  check_program<8, 16>(20);
  check_program<2, 16>(20);
  check_program<16, 16>(2);
}
#endif

}  // namespace
