// SPDX-License-Identifier: Apache-2.0
//
// Launching: a grid of any size on a stream, the first failure kept, nothing left in the runtime's error state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/backend.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Threads in a block of every kernel of the library.
inline constexpr unsigned cuda_threads = 256;
/// The largest grid that is launched; kernels stride over what is beyond it.
inline constexpr std::size_t cuda_largest_grid = 0x7fff'ffffU;
/// The most rows of a grid.
inline constexpr std::size_t cuda_largest_rows = 65535;

// A kernel with a template argument of class type has a first parameter of that type, named by itself, which it
// ignores: nvcc 13 declares the type to the host compiler only where a kernel has such a parameter.

/// Queues kernel(arguments...) with a grid of so many blocks of so many threads.
template <class... Parameters, class... Arguments>
cuda_status launch_grid(cudaStream_t stream, dim3 grid, unsigned threads, void (*kernel)(Parameters...),
                        const Arguments&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.stream = stream;
  return cuda_status(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}
/// The same with cuda_threads threads a block, and `blocks` blocks, at least one and at most the largest grid.
template <class... Parameters, class... Arguments>
cuda_status launch(cudaStream_t stream, std::size_t blocks, void (*kernel)(Parameters...),
                   const Arguments&... arguments) {
  const std::size_t grid = blocks < 1 ? 1 : blocks > cuda_largest_grid ? cuda_largest_grid : blocks;
  return launch_grid(stream, dim3(static_cast<unsigned>(grid)), cuda_threads, kernel, arguments...);
}

/// Thread blocks for a kernel that strides over `items`, one for each thread at a time: fewer than one round needs
/// where that leaves enough of them.
inline std::size_t strided_grid(std::size_t items) noexcept {
  const std::size_t single = pieces(items, cuda_threads);
  const std::size_t rounds = single / 4096 < 1 ? 1 : single / 4096 > 8 ? 8 : single / 4096;
  return pieces(single, rounds);
}

/// Rejects a workspace that is too small.
inline void check_workspace(const cuda& device, std::size_t needed) {
  if (device.workspace.size() >= needed) return;
  throw_argument("cuda.workspace has " + std::to_string(device.workspace.size()) + " bytes; the call needs " +
                 std::to_string(needed) + " (workspace_bytes says so)");
}

/// The index of this thread in the grid, and the number of threads of the grid.
inline __device__ std::size_t thread_index() noexcept { return std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; }
inline __device__ std::size_t thread_count() noexcept { return std::size_t{gridDim.x} * blockDim.x; }

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
