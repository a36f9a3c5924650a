// SPDX-License-Identifier: Apache-2.0
//
// A tensor in pieces that can be worked on apart: each holds whole blocks and is small enough for a cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "stored_tensor.hpp"

namespace nibble::tool {

/// A rectangle of the folded tensor.
struct tile {
  std::uint64_t row = 0, rows = 0, col = 0, cols = 0;
  [[nodiscard]] std::uint64_t size() const noexcept { return rows * cols; }
};

/// Cuts a matrix into tiles of about `target` elements. Tiles are bands of whole rows, a multiple of `block_rows`
/// many, where a band fits; else they are `block_rows` rows high and a multiple of `column_step` columns wide, so that they
/// end at the end of a block of any size that divides it. Tiles are numbered along rows, then down.
class tiling {
 public:
  tiling(matrix_shape shape, std::uint64_t block_rows, std::uint64_t target = std::uint64_t{1} << 18,
         std::uint64_t column_step = 128);
  [[nodiscard]] std::uint64_t count() const noexcept { return across_ * down_; }
  [[nodiscard]] tile at(std::uint64_t index) const noexcept;
  /// Elements of the largest tile.
  [[nodiscard]] std::uint64_t max_size() const noexcept { return tile_rows_ * tile_cols_; }

 private:
  matrix_shape shape_;
  std::uint64_t tile_rows_ = 0, tile_cols_ = 0, across_ = 0, down_ = 0;
};

/// Calls `work(index, worker)` for every index below `count` on up to `threads` threads; `worker` is below `threads`
/// and no two calls at a time have the same one. The first exception ends the work and is thrown here.
void parallel_for(std::uint64_t count, unsigned threads,
                  const std::function<void(std::uint64_t index, unsigned worker)>& work);

/// The number of processors that the program may use, at least 1.
unsigned default_threads();

}  // namespace nibble::tool
