// SPDX-License-Identifier: Apache-2.0
//
// Where kernels put scales and codes: the byte of a scale in each layout, the byte and bit of a code in each order.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_format.hpp>
#include <nibble/block/scale_layout.hpp>
#include <nibble/check/kernel_model.hpp>
#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// Offset of scale (r, c) of a rows x cols matrix of scales.
[[nodiscard]] NIBBLE_FUNCTION std::size_t scale_offset(scale_layout layout, std::size_t r, std::size_t c,
                                                       std::size_t rows, std::size_t cols) noexcept {
  switch (layout) {
    case scale_layout::row_major: break;
    case scale_layout::tiled_128x4: return tiled_scale_offset(r, c, cols);
    case scale_layout::transposed: return c * rows + r;
    case scale_layout::padded_rows: return r * ((cols + 3) / 4 * 4) + c;
    case scale_layout::tiled_column_first: {
      const std::size_t tile = c / 4 * ((rows + 127) / 128) + r / 128;
      return tile * 512 + r % 32 * 16 + r % 128 / 32 * 4 + c % 4;
    }
    case scale_layout::tiled_without_interleave: {
      const std::size_t tile = r / 128 * ((cols + 3) / 4) + c / 4;
      return tile * 512 + r % 128 * 4 + c % 4;
    }
  }
  return r * cols + c;
}

/// Bytes that a rows x cols matrix of scales takes.
[[nodiscard]] NIBBLE_FUNCTION std::size_t scale_layout_bytes(scale_layout layout, std::size_t rows,
                                                             std::size_t cols) noexcept {
  switch (layout) {
    case scale_layout::row_major:
    case scale_layout::transposed: break;
    case scale_layout::padded_rows: return rows * ((cols + 3) / 4 * 4);
    case scale_layout::tiled_128x4:
    case scale_layout::tiled_column_first:
    case scale_layout::tiled_without_interleave: return tiled_scale_bytes(rows, cols);
  }
  return rows * cols;
}

/// Whether an order means anything for a format and shape, and differs from the format's own.
[[nodiscard]] NIBBLE_FUNCTION bool is_applicable(code_order order, const block_format& f, std::size_t rows,
                                                 std::size_t cols) noexcept {
  const bool nibbles = f.packing.slot_bits == 4;
  const std::size_t row_bytes = f.row_bytes(cols);
  switch (order) {
    case code_order::as_format: break;
    case code_order::swapped: return row_bytes % 2 == 0 || (nibbles && cols % 2 == 0);
    case code_order::split_halves:
      return nibbles && f.packing.order != nibble_order::split_halves && cols % f.block_cols(cols) == 0;
    case code_order::split_row: return nibbles && cols % 2 == 0 && cols > f.block_cols(cols);
    case code_order::reversed_words: return row_bytes % 4 == 0;
    case code_order::transposed: return rows * row_bytes == cols * f.row_bytes(rows) && rows > 1 && cols > 1;
    case code_order::high_bits: return f.packing.slot_bits == 8 && f.element.bits() < 8;
  }
  return true;
}

/// The byte, counted from the first code, and the bit where the code of element (r, c) begins.
[[nodiscard]] NIBBLE_FUNCTION code_place code_location(code_order order, const block_format& f, std::size_t rows,
                                                       std::size_t cols, std::size_t r, std::size_t c) noexcept {
  if (order == code_order::transposed) {
    code_place place = locate(f.packing, r);
    place.byte += c * f.row_bytes(rows);
    return place;
  }
  const std::size_t start = r * f.row_bytes(cols);
  const bool nibbles = f.packing.slot_bits == 4;
  code_place place = locate(f.packing, c);
  switch (order) {
    case code_order::as_format:
    case code_order::transposed: break;
    case code_order::swapped:
      if (nibbles) place.shift ^= 4;
      if (!nibbles) place.byte ^= 1U;
      break;
    case code_order::split_halves: place = locate(nibble_order::split_halves, c, f.block_cols(cols)); break;
    case code_order::split_row: place = locate(nibble_order::split_halves, c, cols); break;
    case code_order::reversed_words:
      place.byte ^= 3U;
      if (nibbles) place.shift ^= 4;
      break;
    case code_order::high_bits: place.shift = 8 - f.element.bits(); break;
  }
  place.byte += start;
  return place;
}

}  // namespace check
}  // namespace v0
}  // namespace nibble
