// SPDX-License-Identifier: Apache-2.0
//
// Runs of codes into and out of the bytes of one row, under the packing of a block format.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_format.hpp>

namespace nibble {
inline namespace v0 {
namespace detail {

/// std::min without <algorithm>, whose parsing costs more than this library's.
NIBBLE_FUNCTION std::size_t smaller(std::size_t a, std::size_t b) noexcept { return a < b ? a : b; }

/// Where the bits of one code lie: it may cross into the next byte.
struct code_place {
  std::size_t byte;
  int shift;
};

/// The place of column `c` in a row of `cols` columns.
template <block_format F>
NIBBLE_FUNCTION code_place place_of(std::size_t c, [[maybe_unused]] std::size_t cols) noexcept {
  if constexpr (F.packing == code_packing::bytes) {
    return {c, 0};
  } else if constexpr (F.packing == code_packing::nibbles_low_first) {
    return {c / 2, c % 2 == 0 ? 0 : 4};
  } else if constexpr (F.packing == code_packing::nibbles_high_first) {
    return {c / 2, c % 2 == 0 ? 4 : 0};
  } else if constexpr (F.packing == code_packing::nibbles_split_halves) {
    const std::size_t half = F.block_cols(cols) / 2;
    const std::size_t in_block = c % (2 * half);
    return {c / (2 * half) * half + in_block % half, in_block < half ? 0 : 4};
  } else {
    return {c * 6 / 8, static_cast<int>(c * 6 % 8)};
  }
}

/// Writes the codes of columns first, ..., first + count - 1; neighbouring codes keep their bits.
template <block_format F>
NIBBLE_FUNCTION void store_codes(std::uint8_t* row, std::size_t cols, std::size_t first, std::size_t count,
                                 const std::uint8_t* codes) noexcept {
  if constexpr (F.packing == code_packing::bytes) {
    for (std::size_t i = 0; i < count; ++i) row[first + i] = codes[i];
    return;
  }
  constexpr unsigned mask = F.packing == code_packing::dense_6bit ? 0x3fU : 0x0fU;
  for (std::size_t i = 0; i < count; ++i) {
    const code_place p = place_of<F>(first + i, cols);
    const unsigned low = static_cast<unsigned>(row[p.byte]);
    const unsigned code = codes[i] & mask;
    row[p.byte] = static_cast<std::uint8_t>((low & ~(mask << p.shift)) | (code << p.shift));
    if (F.packing == code_packing::dense_6bit && p.shift > 2) {
      const unsigned high = static_cast<unsigned>(row[p.byte + 1]);
      row[p.byte + 1] = static_cast<std::uint8_t>((high & ~(mask >> (8 - p.shift))) | (code >> (8 - p.shift)));
    }
  }
}

/// Reads the codes of columns first, ..., first + count - 1.
template <block_format F>
NIBBLE_FUNCTION void load_codes(const std::uint8_t* row, std::size_t cols, std::size_t first, std::size_t count,
                                std::uint8_t* codes) noexcept {
  constexpr unsigned mask = F.packing == code_packing::dense_6bit ? 0x3fU
                            : F.packing == code_packing::bytes    ? F.element.code_mask()
                                                                  : 0x0fU;
  for (std::size_t i = 0; i < count; ++i) {
    const code_place p = place_of<F>(first + i, cols);
    unsigned value = static_cast<unsigned>(row[p.byte]) >> p.shift;
    if (F.packing == code_packing::dense_6bit && p.shift > 2) {
      value |= static_cast<unsigned>(row[p.byte + 1]) << (8 - p.shift);
    }
    codes[i] = static_cast<std::uint8_t>(value & mask);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
