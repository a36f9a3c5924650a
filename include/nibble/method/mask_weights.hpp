// SPDX-License-Identifier: Apache-2.0
//
// What an M x M block of a matrix weighs in the search for a transposable mask: integers, so that sums are exact and no
// build decides otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/matrix_view.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A block of at most M x M elements, cut at the edge of its matrix.
template <std::size_t M>
struct mask_block {
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::uint32_t magnitude[M][M] = {};  ///< binary32 bits without the sign
  std::int64_t weight[M][M] = {};
  [[nodiscard]] NIBBLE_HD constexpr bool is_whole() const noexcept { return rows == M && cols == M; }
};

/// A binary32 magnitude in steps of 2^-31 of the unit in the last place of a number with exponent field `top` (0 for
/// subnormals counts as 1), times 2^-drop; what lies below is cut off.
NIBBLE_FUNCTION std::int64_t mask_weight(std::uint32_t magnitude, std::uint32_t top, std::uint32_t drop) noexcept {
  const std::uint32_t field = magnitude >> 23;
  const std::uint64_t significand = field == 0 ? magnitude : (magnitude & 0x007f'ffffU) | 0x0080'0000U;
  const std::uint32_t shift = top - (field == 0 ? 1U : field) + drop;
  return shift < 64 ? static_cast<std::int64_t>((significand << 31) >> shift) : 0;
}

/// Fills in the weights. Numbers are read as fixed-point numbers of 55 bits below the block's largest, which any sum of a
/// block keeps exactly. In a block with NaN or Inf, numbers are read with 38 bits, one Inf outweighs all numbers, and one
/// NaN all Infs.
template <std::size_t M>
NIBBLE_HD constexpr void weigh(mask_block<M>& block) noexcept {
  constexpr std::uint32_t infinity = 0x7f80'0000U;
  std::uint32_t largest = 0;
  bool is_finite = true;
  for (std::size_t i = 0; i < block.rows; ++i) {
    for (std::size_t j = 0; j < block.cols; ++j) {
      const std::uint32_t m = block.magnitude[i][j];
      is_finite = is_finite && m < infinity;
      if (m < infinity && m > largest) largest = m;
    }
  }
  const std::uint32_t top = largest >> 23 == 0 ? 1U : largest >> 23;
  const std::uint32_t drop = is_finite ? 0U : 17U;
  for (std::size_t i = 0; i < block.rows; ++i) {
    for (std::size_t j = 0; j < block.cols; ++j) {
      const std::uint32_t m = block.magnitude[i][j];
      block.weight[i][j] = m < infinity    ? mask_weight(m, top, drop)
                           : m == infinity ? std::int64_t{1} << 46
                                           : std::int64_t{1} << 54;
    }
  }
}

/// The block of w that begins at element (row, col).
template <std::size_t M, class T>
NIBBLE_HD mask_block<M> load_block(const matrix_view<T>& w, std::size_t row, std::size_t col) noexcept {
  mask_block<M> block;
  block.rows = w.rows - row < M ? w.rows - row : M;
  block.cols = w.cols - col < M ? w.cols - col : M;
  for (std::size_t i = 0; i < block.rows; ++i) {
    for (std::size_t j = 0; j < block.cols; ++j) {
      block.magnitude[i][j] = element_bits(w(row + i, col + j)) & 0x7fff'ffffU;
    }
  }
  return block;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
