// SPDX-License-Identifier: Apache-2.0
//
// The 128x4-tile layout in which block-scaled matrix units read one-byte scales (cuBLAS manual 3.1.4.4, CUTLASS
// SfKMajorAtom, tcgen05 scale factors), both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <nibble/block/tensor.hpp>

namespace nibble {
inline namespace v0 {

/// Byte offset of scale (r, c) of a matrix with `cols` scales a row: tiles of 128 rows by 4 columns are 512 bytes, run
/// along a row of tiles first, and hold row r at 16-byte line r % 32, word (r % 128) / 32.
/// For example with 5 columns: (0, 3) -> 3, (1, 0) -> 16, (32, 0) -> 4, (0, 4) -> 512, (128, 0) -> 1024.
[[nodiscard]] NIBBLE_FUNCTION std::size_t tiled_scale_offset(std::size_t r, std::size_t c, std::size_t cols) noexcept {
  const std::size_t tile = (r / 128) * ((cols + 3) / 4) + c / 4;
  return tile * 512 + (r % 32) * 16 + (r % 128) / 32 * 4 + c % 4;
}

/// Bytes of a tiled scale matrix: rows padded to 128, columns to 4.
[[nodiscard]] NIBBLE_FUNCTION std::size_t tiled_scale_bytes(std::size_t rows, std::size_t cols) noexcept {
  return (rows + 127) / 128 * 128 * ((cols + 3) / 4 * 4);
}

namespace detail::inline NIBBLE_UNIT {

/// Rejects shapes whose number of bytes wraps around and could then be that of a short span.
inline void check_tiled_shape(std::size_t rows, std::size_t cols) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  if (rows == 0 || cols == 0) return;
  if (rows <= most - 127 && cols <= most - 3 && rows + 127 <= most / (cols + 3)) return;
  throw_argument({"rows x cols is ", rows, " x ", cols, "; so many scales do not fit std::size_t"});
}

}  // namespace detail

/// Row-major to tiles; the padding is zero. Throws std::invalid_argument where `scales` is not rows * cols bytes or
/// `tiled` not tiled_scale_bytes(rows, cols).
inline void tile_scales(std::span<const std::uint8_t> scales, std::size_t rows, std::size_t cols,
                        std::span<std::uint8_t> tiled) {
  detail::check_tiled_shape(rows, cols);
  if (scales.size() != rows * cols) {
    detail::throw_argument("scales has " + std::to_string(scales.size()) + " bytes; " + std::to_string(rows) + " x " +
                           std::to_string(cols) + " scales take " + std::to_string(rows * cols));
  }
  if (tiled.size() != tiled_scale_bytes(rows, cols)) {
    detail::throw_argument("tiled has " + std::to_string(tiled.size()) + " bytes; it must have " +
                           std::to_string(tiled_scale_bytes(rows, cols)));
  }
  for (std::uint8_t& byte : tiled) byte = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) tiled[tiled_scale_offset(r, c, cols)] = scales[r * cols + c];
  }
}

/// Tiles to row-major; the padding is ignored. Throws as tile_scales.
inline void untile_scales(std::span<const std::uint8_t> tiled, std::size_t rows, std::size_t cols,
                          std::span<std::uint8_t> scales) {
  detail::check_tiled_shape(rows, cols);
  if (scales.size() != rows * cols) {
    detail::throw_argument("scales has " + std::to_string(scales.size()) + " bytes; it must have " +
                           std::to_string(rows * cols));
  }
  if (tiled.size() != tiled_scale_bytes(rows, cols)) {
    detail::throw_argument("tiled has " + std::to_string(tiled.size()) + " bytes; " + std::to_string(rows) + " x " +
                           std::to_string(cols) + " scales in tiles take " +
                           std::to_string(tiled_scale_bytes(rows, cols)));
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) scales[r * cols + c] = tiled[tiled_scale_offset(r, c, cols)];
  }
}

/// The scales of a tensor in the tiled layout. Formats whose scale is one byte, stored for every row.
template <block_format F>
[[nodiscard]] std::vector<std::uint8_t> swizzled_scales(const block_tensor<F>& w) {
  static_assert(F.scale_bytes() == 1 && (F.block_rows == 1 || F.replicate_scales),
                "swizzled_scales: matrix units read one-byte scales, one for each row of a block");
  const std::size_t rows = F.scale_rows(w.rows());
  const std::size_t cols = F.scale_cols(w.cols());
  std::vector<std::uint8_t> tiled(tiled_scale_bytes(rows, cols));
  tile_scales(w.scales(), rows, cols, tiled);
  return tiled;
}

}  // namespace v0
}  // namespace nibble
