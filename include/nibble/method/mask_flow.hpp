// SPDX-License-Identifier: Apache-2.0
//
// The heaviest 0/1 block with row and column sums of n (or at most n), by minimum-cost flow: successive shortest paths with
// potentials, one unit of one row at a time, as the Hungarian method does for n = 1 (Ahuja, Magnanti and Orlin, "Network
// flows", section 9.7). The constraint matrix is totally unimodular, so that the flow is the optimum of the integer program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <nibble/method/mask_weights.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The search on one block. With prices u of rows and v >= 0 of columns, slack(i, j) = u_i + v_j - weight is >= 0 where
/// (i, j) is pruned and <= 0 where it is kept; v_j = 0 where column j has room. Where n is only an upper bound, a row may
/// hand units to the dump, at weight 0; then u >= 0, and u_i = 0 where row i has handed some.
template <std::size_t M>
class mask_flow {
 public:
  /// `is_bound`: sums of at most n; needed where the block is cut.
  NIBBLE_HD constexpr mask_flow(const mask_block<M>& block, std::size_t n, bool is_bound) noexcept
      : block_(&block), n_(n), is_bound_(is_bound) {
    for (std::size_t i = 0; i < block.rows; ++i) {
      u_[i] = is_bound ? 0 : -far;
      for (std::size_t j = 0; j < block.cols; ++j) {
        const std::int64_t need = block.weight[i][j] - v_[j];
        if (need > u_[i]) u_[i] = need;
      }
      ++rows_;
      for (std::size_t k = 0; k < n; ++k) place_unit(i);
    }
  }

  /// Of all optimal masks, moves to the one that keeps the element at the first position, row by row, where any two differ.
  NIBBLE_HD constexpr void make_first() noexcept {
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t j = 0; j < block_->cols; ++j) tight_[i] |= slack(i, j) == 0 ? bit(j) : 0U;
      open_[i] = bit(block_->cols) - 1;
    }
    for (std::size_t i = 0; i < rows_; ++i) {
      for (std::size_t j = 0; j < block_->cols; ++j) {
        if ((kept_[i] & bit(j)) == 0 && (tight_[i] & bit(j)) != 0) exchange(i, j);
        open_[i] &= ~bit(j);
      }
    }
  }

  /// The kept columns of a row.
  [[nodiscard]] NIBBLE_FUNCTION std::uint32_t kept(std::size_t row) const noexcept { return kept_[row]; }

 private:
  static constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  static constexpr std::size_t dump = 2 * M;  ///< nodes: rows, columns from M on, the dump
  static constexpr std::size_t none = 2 * M + 1;

  NIBBLE_FUNCTION static std::uint32_t bit(std::size_t j) noexcept { return std::uint32_t{1} << j; }
  [[nodiscard]] NIBBLE_FUNCTION std::int64_t slack(std::size_t i, std::size_t j) const noexcept {
    return u_[i] + v_[j] - block_->weight[i][j];
  }

  /// Gives row `start` one more unit along a shortest path to a column with room, or to the dump.
  NIBBLE_HD constexpr void place_unit(std::size_t start) noexcept {
    std::int64_t distance[2 * M + 1];
    std::size_t parent[2 * M + 1];
    bool is_final[2 * M + 1];
    for (std::size_t n = 0; n <= dump; ++n) {
      distance[n] = far;
      parent[n] = none;
      is_final[n] = false;
    }
    distance[start] = 0;
    std::size_t node = start;
    while (node < M || (node != dump && load_[node - M] == n_)) {
      is_final[node] = true;
      if (node < M) {
        leave_row(node, distance, parent);
      } else {
        leave_column(node - M, distance, parent);
      }
      // Of equally near ends a column comes before the dump.
      std::int64_t least = far;
      for (std::size_t n = 0; n <= dump; ++n) {
        if (!is_final[n] && distance[n] < least) {
          least = distance[n];
          node = n;
        }
      }
    }
    const std::int64_t length = distance[node];
    for (std::size_t i = 0; i < rows_; ++i) u_[i] -= is_final[i] ? length - distance[i] : 0;
    for (std::size_t j = 0; j < block_->cols; ++j) v_[j] += is_final[M + j] ? length - distance[M + j] : 0;
    if (node == dump) ++dumped_[parent[node]]; else ++load_[node - M];
    for (; node != start; node = parent[node]) {
      if (node != dump) turn(parent[node], node);
    }
  }

  NIBBLE_HD constexpr void leave_row(std::size_t i, std::int64_t* distance, std::size_t* parent) const noexcept {
    for (std::size_t j = 0; j < block_->cols; ++j) {
      const std::int64_t length = distance[i] + slack(i, j);
      if ((kept_[i] & bit(j)) == 0 && length < distance[M + j]) {
        distance[M + j] = length;
        parent[M + j] = i;
      }
    }
    if (is_bound_ && distance[i] + u_[i] < distance[dump]) {
      distance[dump] = distance[i] + u_[i];
      parent[dump] = i;
    }
  }

  NIBBLE_HD constexpr void leave_column(std::size_t j, std::int64_t* distance, std::size_t* parent) const noexcept {
    for (std::size_t i = 0; i < rows_; ++i) {
      if ((kept_[i] & bit(j)) == 0) continue;
      const std::int64_t length = distance[M + j] - slack(i, j);
      if (length < distance[i]) {
        distance[i] = length;
        parent[i] = M + j;
      }
    }
  }

  /// Follows an edge between a row and a column: what was pruned is kept, what was kept is pruned.
  NIBBLE_FUNCTION void turn(std::size_t from, std::size_t to) noexcept {
    if (from < M) kept_[from] ^= bit(to - M); else kept_[to] ^= bit(from - M);
  }

  /// Keeps the pruned element (row, col) if something else of the same weight can go: along a path of open edges without
  /// slack from its column back to its row.
  NIBBLE_HD constexpr void exchange(std::size_t row, std::size_t col) noexcept {
    std::size_t parent[2 * M + 1];
    for (std::size_t n = 0; n <= dump; ++n) parent[n] = none;
    std::size_t queue[2 * M + 1] = {M + col};
    std::size_t count = 1;
    parent[M + col] = M + col;
    for (std::size_t at = 0; at < count && parent[row] == none; ++at) {
      for (std::size_t n = 0; n <= dump; ++n) {
        if (parent[n] == none && is_open(queue[at], n)) {
          parent[n] = queue[at];
          queue[count++] = n;
        }
      }
    }
    if (parent[row] == none) return;
    for (std::size_t node = row; node != M + col; node = parent[node]) follow(parent[node], node);
    kept_[row] |= bit(col);
  }

  /// Whether a unit can move from one node to the other at no loss. The dump stands for the sink as well.
  [[nodiscard]] NIBBLE_HD constexpr bool is_open(std::size_t from, std::size_t to) const noexcept {
    const bool from_row = from < M;
    const bool to_row = to < M;
    if (from == dump) return to_row ? dumped_[to] > 0 : to != dump && load_[to - M] > 0 && v_[to - M] == 0;
    if (to == dump) return from_row ? is_bound_ && from < rows_ && u_[from] == 0 : load_[from - M] < n_;
    if (from_row == to_row) return false;
    const std::size_t i = from_row ? from : to;
    const std::uint32_t edges = tight_[i] & open_[i] & (from_row ? ~kept_[i] : kept_[i]);
    return (edges & bit((from_row ? to : from) - M)) != 0;
  }

  NIBBLE_FUNCTION void follow(std::size_t from, std::size_t to) noexcept {
    if (from == dump) {
      --(to < M ? dumped_[to] : load_[to - M]);
    } else if (to == dump) {
      ++(from < M ? dumped_[from] : load_[from - M]);
    } else {
      turn(from, to);
    }
  }

  const mask_block<M>* block_;
  std::size_t n_;
  bool is_bound_;
  std::size_t rows_ = 0;  ///< that have joined
  std::int64_t u_[M] = {};
  std::int64_t v_[M] = {};
  std::uint32_t kept_[M] = {};
  std::size_t load_[M] = {};
  std::size_t dumped_[M] = {};
  std::uint32_t tight_[M] = {};
  std::uint32_t open_[M] = {};
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
