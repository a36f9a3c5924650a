// SPDX-License-Identifier: Apache-2.0
//
// Scales to and from the 128x4 tiles of block/scale_layout.hpp on the device, and quantization straight into tiles.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/block/scale_layout.hpp>
#include <nibble/cuda/launch.cuh>
#include <nibble/cuda/quantize.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Both ways: a thread takes one line of 16 bytes of a tile, neighbours the tiles to its right, so that rows are read
/// and written in whole sectors.
template <bool ToTiles>
__global__ void __launch_bounds__(cuda_threads)
    scale_tiles_kernel(const std::uint8_t* from, std::uint8_t* to, std::size_t rows, std::size_t cols) {
  const std::size_t across = pieces(cols, 4);
  const std::size_t groups = pieces(across, 8);
  const std::size_t lines = pieces(rows, 128) * groups * cuda_threads;
  for (std::size_t i = thread_index(); i < lines; i += thread_count()) {
    const std::size_t tile_col = i / cuda_threads % groups * 8 + i % 8;
    if (tile_col >= across) continue;
    const std::size_t first_row = i / cuda_threads / groups * 128 + i % cuda_threads / 8;
    for (unsigned word = 0; word < 4; ++word) {
      const std::size_t row = first_row + 32 * word;
      for (unsigned byte = 0; byte < 4; ++byte) {
        const std::size_t col = 4 * tile_col + byte;
        const std::size_t at = tiled_scale_offset(row, col, cols);
        const bool inside = row < rows && col < cols;
        if (ToTiles) {
          to[at] = inside ? from[row * cols + col] : std::uint8_t{0};
        } else if (inside) {
          to[row * cols + col] = from[at];
        }
      }
    }
  }
}

template <bool ToTiles>
cuda_status queue_scale_tiles(const cuda& device, const std::uint8_t* from, std::uint8_t* to, std::size_t rows,
                              std::size_t cols) {
  if (rows == 0 || cols == 0) return cuda_status{};
  return launch(device.stream, pieces(rows, 128) * pieces(pieces(cols, 4), 8), &scale_tiles_kernel<ToTiles>, from, to,
                rows, cols);
}

inline void check_tiles(std::size_t scales, std::size_t rows, std::size_t cols, std::size_t tiled) {
  check_tiled_shape(rows, cols);
  if (scales != rows * cols) {
    throw_argument("scales has " + std::to_string(scales) + " bytes; " + std::to_string(rows) + " x " +
                   std::to_string(cols) + " scales take " + std::to_string(rows * cols));
  }
  if (tiled != tiled_scale_bytes(rows, cols)) {
    throw_argument("tiled has " + std::to_string(tiled) + " bytes; it must have " +
                   std::to_string(tiled_scale_bytes(rows, cols)));
  }
}

}  // namespace detail

/// Queues tile_scales(scales, rows, cols, tiled) on spans of device memory; the padding is zero. Throws as that does.
inline cuda_status tile_scales(const cuda& device, std::span<const std::uint8_t> scales, std::size_t rows,
                               std::size_t cols, std::span<std::uint8_t> tiled) {
  detail::check_tiles(scales.size(), rows, cols, tiled.size());
  return detail::queue_scale_tiles<true>(device, scales.data(), tiled.data(), rows, cols);
}

/// Queues untile_scales(tiled, rows, cols, scales) on spans of device memory. Throws as that does.
inline cuda_status untile_scales(const cuda& device, std::span<const std::uint8_t> tiled, std::size_t rows,
                                 std::size_t cols, std::span<std::uint8_t> scales) {
  detail::check_tiles(scales.size(), rows, cols, tiled.size());
  return detail::queue_scale_tiles<false>(device, tiled.data(), scales.data(), rows, cols);
}

}  // namespace v0
}  // namespace nibble
