// SPDX-License-Identifier: Apache-2.0
//
// Row-wise and column-wise quantization under the default recipe in one pass over the input. A thread block takes a
// tile of 64 x 64 elements: it quantizes the rows as they arrive, leaves elements and random words in shared memory,
// and quantizes the columns from there, a block of one column, or of two that share words, for each thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/launch.cuh>
#include <nibble/cuda/tile_worker.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Thread blocks that a multiprocessor holds at least: what was fastest on an H200.
template <class T, class Rounding, tile_transforms Transforms>
inline constexpr unsigned tile_residents = Rounding::random_bits == 32          ? 4
                                           : Rounding::random_bits != 0         ? (sizeof(T) == 2 ? 5 : 4)
                                           : sizeof(T) == 4                     ? 5
                                           : Transforms == tile_transforms::any ? 7
                                                                                : 8;

/// The grid has a column for each column of tiles, and a row for each `rounds` rows of tiles.
template <block_format F, class T, class Rounding, tile_transforms Transforms>
__global__ void __launch_bounds__(tile_threads, tile_residents<T, Rounding, Transforms>)
    tile_kernel(block_format, const T* __restrict__ x, const __grid_constant__ tile_calls calls, unsigned rounds) {
  using worker = tile_worker<F, T, Rounding, Transforms>;
  __shared__ typename worker::memory shared;
  if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0) {
    for (const quantize_call* call : {&calls.rows, &calls.columns}) {
      if (call->codes == nullptr || call->tensor_scale == nullptr) continue;
      const tensor_scaling& scaling = call->device_scaling != nullptr ? *call->device_scaling : call->scaling;
      *call->tensor_scale = static_cast<float>(scaling.decode);
    }
  }
  worker(x, calls, shared, std::size_t{blockIdx.y} * rounds * tile_side, std::size_t{blockIdx.x} * tile_side)
      .run_tiles(rounds);
}

/// Queues tile_kernel for a source that takes_tile_source.
template <block_format F, class T, class Rounding>
cuda_status launch_tiles(cudaStream_t stream, const T* x, tile_calls calls) {
  const std::size_t across = pieces(calls.source_cols, tile_side);
  const std::size_t down = pieces(calls.source_rows, tile_side);
  // One tile for a thread block where there are few of them, unless the grid has no room for so many rows.
  const std::size_t shared_out = across * down / 4096;
  std::size_t rounds = shared_out < 1 ? 1 : shared_out < tile_rounds ? shared_out : tile_rounds;
  if (pieces(down, rounds) > cuda_largest_rows) rounds = tile_rounds;
  if (calls.rows.tiled_scales) {
    const std::size_t row = pieces(calls.rows.cols / static_cast<std::size_t>(F.block_size), std::size_t{4}) * 512;
    calls.scale_step = 4;
    calls.scale_advance[0] = row - 8;
    calls.scale_advance[1] = 8;
  } else {
    calls.scale_step = 32 * calls.rows.scale_stride;
    calls.scale_advance[0] = calls.scale_advance[1] = 2 * calls.scale_step;
  }
  const dim3 grid(static_cast<unsigned>(across), static_cast<unsigned>(pieces(down, rounds)));
  auto kernel = &tile_kernel<F, T, Rounding, tile_transforms::any>;
  if constexpr (has_transformed_blocks<F>) {
    if (!calls.rows.hadamard.wanted) {
      kernel = calls.columns.hadamard.wanted ? &tile_kernel<F, T, Rounding, tile_transforms::columns>
                                             : &tile_kernel<F, T, Rounding, tile_transforms::none>;
    }
  }
  return launch_grid(stream, grid, tile_threads, kernel, F, x, calls, static_cast<unsigned>(rounds));
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
