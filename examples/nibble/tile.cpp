// SPDX-License-Identifier: Apache-2.0
//
// Implementation of tile.hpp.
#include "tile.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace nibble::tool {
namespace {

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) { return value / by + (value % by != 0 ? 1 : 0); }

}  // namespace

tiling::tiling(matrix_shape shape, std::uint64_t block_rows, std::uint64_t target, std::uint64_t column_step)
    : shape_(shape) {
  if (shape.rows == 0 || shape.cols == 0) return;
  const std::uint64_t bands = target / shape.cols / block_rows;
  if (bands > 0) {
    tile_rows_ = std::min(bands * block_rows, shape.rows);
    tile_cols_ = shape.cols;
  } else {
    tile_rows_ = std::min(block_rows, shape.rows);
    tile_cols_ = std::min(std::max(target / block_rows / column_step, std::uint64_t{1}) * column_step, shape.cols);
  }
  across_ = divide_up(shape.cols, tile_cols_);
  down_ = divide_up(shape.rows, tile_rows_);
}

tile tiling::at(std::uint64_t index) const noexcept {
  tile part;
  part.row = index / across_ * tile_rows_;
  part.col = index % across_ * tile_cols_;
  part.rows = std::min(tile_rows_, shape_.rows - part.row);
  part.cols = std::min(tile_cols_, shape_.cols - part.col);
  return part;
}

void parallel_for(std::uint64_t count, unsigned threads,
                  const std::function<void(std::uint64_t index, unsigned worker)>& work) {
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  std::exception_ptr fault;
  const auto loop = [&](unsigned worker) {
    try {
      for (std::uint64_t index = next++; index < count; index = next++) work(index, worker);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!fault) fault = std::current_exception();
    }
  };
  const auto useful = static_cast<unsigned>(std::min<std::uint64_t>(threads, count));
  {
    std::vector<std::jthread> others;
    for (unsigned worker = 1; worker < useful; ++worker) others.emplace_back(loop, worker);
    loop(0);
  }
  if (fault) std::rethrow_exception(fault);
}

unsigned default_threads() { return std::max(1U, std::thread::hardware_concurrency()); }

}  // namespace nibble::tool
