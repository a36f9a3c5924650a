// SPDX-License-Identifier: Apache-2.0
//
// Transposable masks without a search: the greedy choice, its completion, and swaps that improve a mask which is there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <nibble/method/mask_weights.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Goes through the elements by falling magnitude, ties by rising position, and keeps each whose row and column have room.
template <std::size_t M>
void choose_greedily(const mask_block<M>& block, std::size_t n, std::uint32_t (&kept)[M]) noexcept {
  std::uint64_t keys[16 * 16];  // GCC 12 warns of std::sort on fewer than 16
  std::size_t count = 0;
  for (std::size_t i = 0; i < block.rows; ++i) {
    for (std::size_t j = 0; j < block.cols; ++j) {
      keys[count++] = std::uint64_t{block.magnitude[i][j]} << 8 | (255 - (i * 16 + j));
    }
  }
  std::sort(keys, keys + count, [](std::uint64_t a, std::uint64_t b) { return a > b; });
  std::size_t row_load[M] = {};
  std::size_t col_load[M] = {};
  for (std::uint32_t& row : kept) row = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const auto place = static_cast<std::size_t>(255 - (keys[k] & 255));
    const std::size_t i = place / 16;
    const std::size_t j = place % 16;
    if (row_load[i] == n || col_load[j] == n) continue;
    ++row_load[i];
    ++col_load[j];
    kept[i] |= std::uint32_t{1} << j;
  }
}

/// What a swap at (i, j) gains: it keeps (i, j) and (k, l), which are pruned, and prunes (i, l) and (k, j), which are kept.
template <std::size_t M>
NIBBLE_FUNCTION bool can_swap(const std::uint32_t (&kept)[M], std::size_t i, std::size_t j, std::size_t k,
                              std::size_t l) noexcept {
  return (kept[i] >> l & kept[k] >> j & ~(kept[k] >> l) & ~(kept[i] >> j) & 1U) != 0;
}
template <std::size_t M>
NIBBLE_FUNCTION std::int64_t swap_gain(const mask_block<M>& block, std::size_t i, std::size_t j, std::size_t k,
                                       std::size_t l) noexcept {
  return block.weight[i][j] + block.weight[k][l] - block.weight[i][l] - block.weight[k][j];
}
template <std::size_t M>
NIBBLE_FUNCTION void swap(std::uint32_t (&kept)[M], std::size_t i, std::size_t j, std::size_t k, std::size_t l) noexcept {
  kept[i] ^= std::uint32_t{1} << j | std::uint32_t{1} << l;
  kept[k] ^= std::uint32_t{1} << j | std::uint32_t{1} << l;
}

/// Adds to a whole block until all row and column sums are n. Where a short row i and a short column j meet in a kept
/// element, a kept (k, l) makes room: (i, l) and (k, j) are kept in its place, the heaviest such exchange.
template <std::size_t M>
constexpr void complete(const mask_block<M>& block, std::size_t n, std::uint32_t (&kept)[M]) noexcept {
  std::size_t col_load[M] = {};
  std::size_t row_load[M] = {};
  for (std::size_t i = 0; i < M; ++i) {
    for (std::size_t j = 0; j < M; ++j) {
      col_load[j] += kept[i] >> j & 1U;
      row_load[i] += kept[i] >> j & 1U;
    }
  }
  for (std::size_t i = 0; i < M; ++i) {
    while (row_load[i] < n) {
      std::size_t j = 0;
      while (col_load[j] == n) ++j;
      for (std::size_t other = j + 1; other < M; ++other) {
        // A short column that is free comes before one that takes an exchange; of free ones the heaviest.
        const bool is_free = (kept[i] >> other & 1U) == 0;
        const bool was_free = (kept[i] >> j & 1U) == 0;
        if (col_load[other] < n && is_free && (!was_free || block.weight[i][other] > block.weight[i][j])) j = other;
      }
      ++row_load[i];
      ++col_load[j];
      if ((kept[i] >> j & 1U) == 0) {
        kept[i] |= std::uint32_t{1} << j;
        continue;
      }
      std::size_t best[2] = {M, M};
      std::int64_t most = 0;
      for (std::size_t k = 0; k < M; ++k) {
        for (std::size_t l = 0; l < M; ++l) {
          const bool fits = (kept[k] >> l & ~(kept[i] >> l) & ~(kept[k] >> j) & 1U) != 0;
          const std::int64_t gain = block.weight[i][l] + block.weight[k][j] - block.weight[k][l];
          if (fits && (best[0] == M || gain > most)) {
            best[0] = k;
            best[1] = l;
            most = gain;
          }
        }
      }
      kept[i] |= std::uint32_t{1} << best[1];
      kept[best[0]] ^= std::uint32_t{1} << best[1] | std::uint32_t{1} << j;
    }
  }
}

/// Sweeps over the pruned elements row by row, and makes at each the swap that gains most, if one gains; until a sweep
/// changes nothing, `sweeps` at most. Row and column sums stay as they are.
template <std::size_t M>
constexpr void improve(const mask_block<M>& block, std::uint32_t (&kept)[M], std::size_t sweeps) noexcept {
  for (bool changed = true; changed && sweeps > 0; --sweeps) {
    changed = false;
    for (std::size_t i = 0; i < block.rows; ++i) {
      for (std::size_t j = 0; j < block.cols; ++j) {
        if ((kept[i] >> j & 1U) != 0) continue;
        std::size_t best[2] = {M, M};
        std::int64_t most = 0;
        for (std::size_t k = 0; k < block.rows; ++k) {
          for (std::size_t l = 0; l < block.cols; ++l) {
            if (!can_swap(kept, i, j, k, l) || swap_gain(block, i, j, k, l) <= most) continue;
            best[0] = k;
            best[1] = l;
            most = swap_gain(block, i, j, k, l);
          }
        }
        if (most == 0) continue;
        swap(kept, i, j, best[0], best[1]);
        changed = true;
      }
    }
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
