// SPDX-License-Identifier: Apache-2.0
//
// Runs of codes into and out of the bytes of one row of a quantized matrix.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_format.hpp>
#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether columns first, ..., first + count - 1 are whole bytes of consecutive pairs.
template <block_format F>
NIBBLE_FUNCTION bool is_whole_pairs(std::size_t first, std::size_t count) noexcept {
  return F.packing.slot_bits == 4 && F.packing.order == nibble_order::low_first && (first | count) % 2 == 0;
}

/// Whether rows of codes and of scales with these strides lie one behind the other, without gaps and in whole blocks: then
/// they are one row.
template <block_format F>
NIBBLE_FUNCTION bool rows_are_one(std::size_t cols, std::size_t code_stride, std::size_t scale_stride) noexcept {
  if (F.block_rows != 1 || F.block_size == 0 || cols % F.block_cols(cols) != 0) return false;
  const std::size_t bytes = F.row_bytes(cols);
  return 8 * bytes == cols * static_cast<std::size_t>(F.packing.slot_bits) && code_stride == bytes &&
         scale_stride == F.scale_cols(cols);
}

/// Writes the codes of columns first, ..., first + count - 1; neighbouring codes keep their bits.
template <block_format F>
NIBBLE_FUNCTION void store_codes(std::uint8_t* row, std::size_t first, std::size_t count,
                                 const std::uint8_t* codes) noexcept {
  if (is_whole_pairs<F>(first, count)) {
    for (std::size_t i = 0; i < count; i += 2) {
      row[(first + i) / 2] = static_cast<std::uint8_t>(codes[i] | codes[i + 1] << 4);
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) store_code(F.packing, row, first + i, codes[i]);
}

/// Reads the codes of columns first, ..., first + count - 1; bits beyond the element format are dropped.
template <block_format F>
NIBBLE_FUNCTION void load_codes(const std::uint8_t* row, std::size_t first, std::size_t count,
                                std::uint8_t* codes) noexcept {
  constexpr std::uint32_t mask = F.element.code_mask();
  if (is_whole_pairs<F>(first, count)) {
    for (std::size_t i = 0; i < count; i += 2) {
      const unsigned byte = row[(first + i) / 2];
      codes[i] = static_cast<std::uint8_t>(byte & mask & 15U);
      codes[i + 1] = static_cast<std::uint8_t>(byte >> 4 & mask);
    }
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = static_cast<std::uint8_t>(load_code(F.packing, row, first + i) & mask);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
