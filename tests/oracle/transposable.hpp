// SPDX-License-Identifier: Apache-2.0
//
// Brute force for transposable masks: all 0/1 blocks with given sums of rows and columns, tried one by one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace oracle {

/// A block of 4 x 4 as 16 bits, element (i, j) at bit 4 i + j.
inline unsigned row_of(std::uint32_t block, unsigned i) { return block >> (4 * i) & 15U; }

/// All blocks of 4 x 4 with sums of 2, or, if `is_bound`, of at most 2, in the order of a tree that keeps each element
/// before it prunes it: of two blocks, the one that keeps the first element in which they differ comes first.
inline std::vector<std::uint32_t> two_four_blocks(bool is_bound) {
  std::vector<std::uint32_t> blocks;
  for (std::uint32_t reversed = 0x10000; reversed-- > 0;) {
    std::uint32_t block = 0;
    for (unsigned i = 0; i < 16; ++i) block |= (reversed >> (15 - i) & 1U) << i;
    bool fits = true;
    for (unsigned i = 0; i < 4; ++i) {
      int row = 0;
      int col = 0;
      for (unsigned j = 0; j < 4; ++j) {
        row += static_cast<int>(block >> (4 * i + j) & 1U);
        col += static_cast<int>(block >> (4 * j + i) & 1U);
      }
      fits = fits && (is_bound ? row <= 2 && col <= 2 : row == 2 && col == 2);
    }
    if (fits) blocks.push_back(block);
  }
  return blocks;
}

/// The first heaviest of the blocks.
template <class Weight>
std::uint32_t heaviest_block(const std::vector<std::uint32_t>& blocks, const std::array<Weight, 16>& weights) {
  std::uint32_t best = blocks.front();
  Weight most = -1;
  for (const std::uint32_t block : blocks) {
    Weight sum = 0;
    for (unsigned i = 0; i < 16; ++i) sum += (block >> i & 1U) != 0 ? weights[i] : Weight(0);
    if (sum > most) {
      most = sum;
      best = block;
    }
  }
  return best;
}

}  // namespace oracle
