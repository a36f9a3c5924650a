// SPDX-License-Identifier: Apache-2.0
//
// Transposable N:M masks: every aligned M x M block has N ones in each row and each column, so that the matrix and its
// transpose are both N:M sparse (Hubara, Chmiel, Island, Banner, Naor and Soudry, "Accelerated sparse neural training: a
// provable and efficient method to find N:M transposable masks", NeurIPS 2021).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <nibble/base/executor.hpp>
#include <nibble/block/options.hpp>
#include <nibble/method/mask_flow.hpp>
#include <nibble/method/mask_greedy.hpp>
#include <nibble/method/mask_weights.hpp>
#include <nibble/method/sparsify.hpp>
#include <nibble/method/sparsity_mask.hpp>
#include <nibble/method/two_four_keys.hpp>

namespace nibble {
inline namespace v0 {

/// What the sums of a row and a column of a block may be. A block that the edge of the matrix cuts always has at most N.
enum class mask_sums : std::uint8_t {
  equal,  ///< exactly N: the published program, and what sparse matrix units take without padding
  bound,  ///< at most N: the kept sum can be larger, since a short row may hold one element that two others would cost
};

/// The mask of the largest kept sum of magnitudes. Of several, the one that keeps the element at the first position, row
/// by row, where any two of them differ.
struct heaviest {
  mask_sums sums = mask_sums::equal;
};

/// Elements by falling magnitude, ties by rising position, each kept where its row and column have room: at least half of
/// the largest sum. Rows may stay short; `is_completed` fills whole blocks up to N.
struct greedy {
  bool is_completed = false;
};

/// A mask from an earlier step, improved by exchanging two kept elements for two pruned ones in the same two rows and
/// columns while that gains, in at most `sweeps` passes over a block. Sums of rows and columns stay as they are.
struct swaps {
  const sparsity_mask& previous;
  std::size_t sweeps = 16;
};

namespace detail::inline NIBBLE_UNIT {

/// The columns that a row of a 2:4 block may keep, in the order in which ties prefer them.
NIBBLE_CONSTANT std::uint8_t two_four_rows[6] = {0b0011, 0b0101, 0b1001, 0b0110, 0b1010, 0b1100};

/// The 90 blocks of 4 x 4 with sums of 2: for each row its place in two_four_rows, in the order in which ties prefer them.
struct two_four_masks {
  std::uint8_t rows[90][4] = {};
  NIBBLE_HD constexpr two_four_masks() noexcept {
    std::size_t count = 0;
    for (unsigned choice = 0; choice < 6 * 6 * 6 * 6; ++choice) {
      const unsigned places[4] = {choice / 216, choice / 36 % 6, choice / 6 % 6, choice % 6};
      unsigned odd = 0;
      unsigned some = 0;
      unsigned all = 15;
      for (const unsigned place : places) {
        odd ^= two_four_rows[place];
        some |= two_four_rows[place];
        all &= two_four_rows[place];
      }
      if (odd != 0 || some != 15 || all != 0) continue;  // a column with another number of ones than two
      for (std::size_t i = 0; i < 4; ++i) rows[count][i] = static_cast<std::uint8_t>(places[i]);
      ++count;
    }
  }
};
NIBBLE_CONSTANT two_four_masks all_two_four_masks{};

/// By all 90 sums.
NIBBLE_HD constexpr void choose_of_90(const mask_block<4>& block, std::uint32_t (&kept)[4]) noexcept {
  std::int64_t sums[4][6] = {};
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t place = 0; place < 6; ++place) {
      for (std::size_t j = 0; j < 4; ++j) sums[i][place] += (two_four_rows[place] >> j & 1) != 0 ? block.weight[i][j] : 0;
    }
  }
  std::int64_t most = -1;
  std::size_t best = 0;
  for (std::size_t n = 0; n < 90; ++n) {
    const auto& rows = all_two_four_masks.rows[n];
    const std::int64_t sum = sums[0][rows[0]] + sums[1][rows[1]] + sums[2][rows[2]] + sums[3][rows[3]];
    if (sum > most) {
      most = sum;
      best = n;
    }
  }
  for (std::size_t i = 0; i < 4; ++i) kept[i] = two_four_rows[all_two_four_masks.rows[best][i]];
}

/// A whole 2:4 block: by keys, or where they cannot tell by weights.
NIBBLE_HD constexpr void choose_two_four(mask_block<4>& block, std::uint32_t (&kept)[4]) noexcept {
  std::uint32_t magnitudes[16] = {};
  for (std::size_t k = 0; k < 16; ++k) magnitudes[k] = block.magnitude[k / 4][k % 4];
  const std::uint32_t bits = choose_by_keys(magnitudes);
  for (std::size_t i = 0; i < 4; ++i) kept[i] = row_of_keys(bits, static_cast<int>(i));
  if (bits != 0) return;
  weigh(block);
  choose_of_90(block, kept);
}

template <std::size_t M>
NIBBLE_HD constexpr void choose(mask_block<M>& block, std::size_t n, const heaviest& method,
                                std::uint32_t (&kept)[M]) noexcept {
  const bool is_bound = method.sums == mask_sums::bound || !block.is_whole();
  if constexpr (M == 4) {
    if (n == 2 && !is_bound) return choose_two_four(block, kept);
  }
  weigh(block);
  mask_flow<M> flow(block, n, is_bound);
  flow.make_first();
  for (std::size_t i = 0; i < M; ++i) kept[i] = flow.kept(i);
}

template <std::size_t M>
void choose(mask_block<M>& block, std::size_t n, const greedy& method, std::uint32_t (&kept)[M]) noexcept {
  choose_greedily(block, n, kept);
  if (!method.is_completed || !block.is_whole()) return;
  weigh(block);
  complete(block, n, kept);
}

template <std::size_t M>
constexpr void choose(mask_block<M>& block, std::size_t /*n*/, const swaps& method, std::uint32_t (&kept)[M]) noexcept {
  weigh(block);
  improve(block, kept, method.sweeps);
}

template <class T>
void check_mask_method(const matrix_view<T>& /*w*/, const heaviest& method) {
  check_enumerator(method.sums, mask_sums::bound, "method.sums");
}
template <class T>
void check_mask_method(const matrix_view<T>& /*w*/, const greedy& /*method*/) {}
template <class T>
void check_mask_method(const matrix_view<T>& w, const swaps& method) {
  const sparsity_mask& p = method.previous;
  if (p.rows() == w.rows && p.cols() == w.cols) return;
  throw_argument("method.previous is " + std::to_string(p.rows()) + " x " + std::to_string(p.cols()) + "; it must be " +
                 std::to_string(w.rows) + " x " + std::to_string(w.cols) + " as w is");
}

/// The blocks of rows row, ..., row + M - 1, from column `first_col` on.
template <std::size_t M, class T, class Method>
void mask_band(const matrix_view<T>& w, std::size_t n, std::size_t row, const Method& method, sparsity_mask& mask,
               std::size_t first_col = 0) {
  for (std::size_t col = first_col; col < w.cols; col += M) {
    mask_block<M> block = load_block<M>(w, row, col);
    std::uint32_t kept[M] = {};
    if constexpr (requires { method.previous; }) {
      for (std::size_t i = 0; i < block.rows; ++i) kept[i] = method.previous.bits(row + i, col, block.cols);
    }
    choose(block, n, method, kept);
    for (std::size_t i = 0; i < block.rows; ++i) mask.set_bits(row + i, col, block.cols, kept[i]);
  }
}

template <std::size_t M, class T, class Method, class Executor>
sparsity_mask mask_matrix(const matrix_view<T>& w, std::size_t n, const Method& method, Executor& run) {
  check_view(w, "w");
  check_mask_method(w, method);
  sparsity_mask mask(w.rows, w.cols);
  if (w.size() == 0) return mask;
  run(w.rows / M + (w.rows % M != 0 ? 1U : 0U), [&](std::size_t band) { mask_band<M>(w, n, band * M, method, mask); });
  return mask;
}

}  // namespace detail

/// A mask of the elements of w to keep, at most N in each row and column of every aligned M x M block; `Method` is
/// heaviest, greedy or swaps. Magnitudes decide, read as fixed-point numbers of 55 bits below the largest of their block
/// (swaps and heaviest) or whole (greedy). Zeros of either sign weigh nothing, and are kept where sums of N ask for it. One
/// Inf outweighs all numbers of its block and one NaN all Infs. Blocks at the right and lower edge may be cut: there the
/// elements that are missing cannot be kept, and the sums are at most N. A matrix without elements gives an empty mask.
/// With an executor, bands of M rows are its tasks. Throws std::invalid_argument for a view that cannot be read, a value
/// that is no enumerator, or an earlier mask of another shape.
template <std::size_t N, std::size_t M, class T, class Method = heaviest, executor Executor = serial>
[[nodiscard]] sparsity_mask transposable_mask(const matrix_view<T>& w, const Method& method = {}, Executor&& run = {}) {
  static_assert(N >= 1 && N <= M && M >= 2 && M <= 16, "transposable_mask<N, M>: 1 <= N <= M and 2 <= M <= 16");
  return detail::mask_matrix<M>(w, N, method, run);
}
/// The same for a pattern that is known when the program runs. Throws std::invalid_argument for one that is none.
template <class T, class Method = heaviest, executor Executor = serial>
[[nodiscard]] sparsity_mask transposable_mask(const sparsity_pattern& pattern, const matrix_view<T>& w,
                                              const Method& method = {}, Executor&& run = {}) {
  sparsity_mask mask;
  detail::with_pattern(pattern, [&](auto size) { mask = detail::mask_matrix<size>(w, pattern.n, method, run); });
  return mask;
}

}  // namespace v0
}  // namespace nibble
