// SPDX-License-Identifier: Apache-2.0
//
// The largest magnitude of a matrix on the device: an integer maximum in two stages, so that the order of threads
// cannot matter and nothing has to be cleared before.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/block/amax.hpp>
#include <nibble/block/tensor_scale.hpp>
#include <nibble/cuda/launch.cuh>
#include <nibble/cuda/source.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The maximum over a block of cuda_threads threads; every thread gets it. Ends with a barrier, begins with one.
inline __device__ std::uint32_t block_maximum(std::uint32_t value) {
  __shared__ std::uint32_t warps[cuda_threads / 32];
  value = __reduce_max_sync(0xffff'ffffU, value);
  __syncthreads();
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  std::uint32_t largest = 0;
  for (const std::uint32_t w : warps) largest = w > largest ? w : largest;
  return largest;
}

/// 16 bytes of elements and the largest of their counted magnitudes.
template <class T>
struct amax_vector {
  static constexpr std::size_t elements = 16 / sizeof(T);

  __device__ static std::uint32_t largest(const uint4& v, amax_rule rule) noexcept {
    const std::uint32_t words[4] = {v.x, v.y, v.z, v.w};
    if constexpr (std::is_same_v<T, bf16>) {
      // A bfloat16 is the upper half of a binary32, so that pairs compare as they lie. What the rule may change is
      // rare.
      constexpr std::uint32_t mask = 0x7fff'7fffU;
      const std::uint32_t pair = __vmaxu2(__vmaxu2(v.x & mask, v.y & mask), __vmaxu2(v.z & mask, v.w & mask));
      const std::uint32_t low = pair << 16;
      const std::uint32_t high = pair & 0xffff'0000U;
      const std::uint32_t magnitude = low > high ? low : high;
      if (magnitude < 0x7f80'0000U) return magnitude;
    }
    std::uint32_t best = 0;
#pragma unroll
    for (const std::uint32_t word : words) {
      if constexpr (sizeof(T) == 4) {
        const std::uint32_t m = counted_magnitude(word, rule);
        best = m > best ? m : best;
      } else {
        const std::uint32_t low = counted(word & 0xffffU, rule);
        const std::uint32_t high = counted(word >> 16, rule);
        best = low > best ? low : best;
        best = high > best ? high : best;
      }
    }
    return best;
  }

 private:
  __device__ static std::uint32_t counted(std::uint32_t half, amax_rule rule) noexcept {
    return counted_magnitude(element_bits(T::from_bits(static_cast<std::uint16_t>(half))), rule);
  }
};

/// Stage one where rows follow each other without gaps: partial[block] is the largest of the block's share.
template <class T>
__global__ void __launch_bounds__(cuda_threads)
    contiguous_amax_kernel(const T* x, std::size_t count, amax_rule rule, std::uint32_t* partial) {
  constexpr std::size_t width = amax_vector<T>::elements;
  const auto* vectors = reinterpret_cast<const uint4*>(x);
  const std::size_t whole = count / width;
  const std::size_t step = thread_count();
  std::uint32_t best = 0;
  std::size_t i = thread_index();
  for (; i + 3 * step < whole; i += 4 * step) {
    uint4 v[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) v[k] = __ldcs(vectors + i + static_cast<std::size_t>(k) * step);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const std::uint32_t m = amax_vector<T>::largest(v[k], rule);
      best = m > best ? m : best;
    }
  }
  for (; i < whole; i += step) {
    const std::uint32_t m = amax_vector<T>::largest(__ldcs(vectors + i), rule);
    best = m > best ? m : best;
  }
  const std::size_t rest = whole * width + thread_index();
  if (rest < count) {
    const std::uint32_t m = counted_magnitude(element_bits(x[rest]), rule);
    best = m > best ? m : best;
  }
  best = block_maximum(best);
  if (threadIdx.x == 0) partial[blockIdx.x] = best;
}

/// Stage one for any strides and types.
template <class Source>
__global__ void __launch_bounds__(cuda_threads) strided_amax_kernel(Source x, amax_rule rule, std::uint32_t* partial) {
  std::uint32_t best = 0;
  const std::size_t size = x.rows * x.cols;
  for (std::size_t i = thread_index(); i < size; i += thread_count()) {
    const std::uint32_t m = counted_magnitude(x.bits(i / x.cols, i % x.cols), rule);
    best = m > best ? m : best;
  }
  best = block_maximum(best);
  if (threadIdx.x == 0) partial[blockIdx.x] = best;
}

/// Stage one for the transform of a matrix, a thread for each tile of a row. Neighbours take neighbouring tiles, or
/// rows where these lie closer.
template <class Source>
__global__ void __launch_bounds__(cuda_threads)
    transformed_amax_kernel(Source x, amax_rule rule, bool by_rows, std::uint32_t* partial) {
  std::uint32_t best = 0;
  const std::size_t across = x.cols / hadamard_lanes;
  const std::size_t tiles = x.rows * across;
  for (std::size_t i = thread_index(); i < tiles; i += thread_count()) {
    std::uint32_t y[hadamard_lanes];
    x.transformed_tile(by_rows ? i % x.rows : i / across, (by_rows ? i / x.rows : i % across) * hadamard_lanes, y);
#pragma unroll
    for (const std::uint32_t bits : y) {
      const std::uint32_t m = counted_magnitude(bits, rule);
      best = m > best ? m : best;
    }
  }
  best = block_maximum(best);
  if (threadIdx.x == 0) partial[blockIdx.x] = best;
}

/// Stage two: the amax, and what follows from it.
template <int Threads = cuda_threads>
__global__ void __launch_bounds__(Threads)
    finish_amax_kernel(const std::uint32_t* partial, std::uint32_t count, float* amax, tensor_scaling* scaling,
                       block_format f, recipe r) {
  std::uint32_t best = 0;
  for (std::uint32_t i = threadIdx.x; i < count; i += Threads) best = partial[i] > best ? partial[i] : best;
  best = block_maximum(best);
  if (threadIdx.x != 0) return;
  if (amax != nullptr) *amax = bit_cast<float>(best);
  if (scaling != nullptr) *scaling = make_tensor_scaling(f, r, binary32::from_bits(best));
}

/// How a workspace of amax_workspace_bytes is used: the results first, then a word for each block of stage one.
struct amax_workspace {
  static constexpr std::size_t results = 64;
  static constexpr std::size_t partials = (amax_workspace_bytes - results) / sizeof(std::uint32_t);
  static_assert(2 * sizeof(tensor_scaling) <= results);
  std::byte* memory;

  /// The first or the second of two results.
  [[nodiscard]] tensor_scaling* scaling(std::size_t i = 0) const noexcept {
    return reinterpret_cast<tensor_scaling*>(memory) + i;
  }
  [[nodiscard]] std::uint32_t* partial() const noexcept { return reinterpret_cast<std::uint32_t*>(memory + results); }
};

/// Blocks of stage one for `count` elements.
inline std::size_t amax_blocks(std::size_t count) noexcept {
  const std::size_t wanted = pieces(count, std::size_t{cuda_threads} * 16);
  return wanted < 1 ? 1 : wanted > amax_workspace::partials ? amax_workspace::partials : wanted;
}

/// Queues stage one, for the transform of the rows of x where that is wanted; `blocks` results are in the workspace.
template <class T>
cuda_status queue_partial_amax(const cuda& device, const matrix_view<T>& x, const hadamard_call& hadamard,
                               amax_rule rule, std::size_t& blocks) {
  const amax_workspace space{device.workspace.data()};
  const std::size_t count = x.rows * x.cols;
  const bool dense = x.col_stride == 1 && (x.rows <= 1 || x.row_stride == static_cast<std::ptrdiff_t>(x.cols));
  blocks = amax_blocks(count);
  if constexpr (is_common_source<T>) {
    if (hadamard.wanted) {
      return launch(device.stream, blocks, &transformed_amax_kernel<common_source>, kernel_source(x, hadamard), rule,
                    x.row_stride < x.col_stride, space.partial());
    }
  }
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, f16> || std::is_same_v<T, bf16>) {
    if (dense && reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0) {
      return launch(device.stream, blocks, &contiguous_amax_kernel<T>, x.data, count, rule, space.partial());
    }
  }
  const auto source = kernel_source(x);
  using source_type = std::remove_const_t<decltype(source)>;
  return launch(device.stream, blocks, &strided_amax_kernel<source_type>, source, rule, space.partial());
}

/// Queues both stages.
template <class T>
cuda_status queue_amax(const cuda& device, const matrix_view<T>& x, const hadamard_call& hadamard, amax_rule rule,
                       float* amax, tensor_scaling* scaling, const block_format& f, const recipe& r) {
  std::size_t blocks = 0;
  const cuda_status status = queue_partial_amax(device, x, hadamard, rule, blocks);
  if (!status.ok()) return status;
  return launch(device.stream, 1, &finish_amax_kernel<>, amax_workspace{device.workspace.data()}.partial(),
                static_cast<std::uint32_t>(blocks), amax, scaling, f, r);
}

}  // namespace detail

/// Queues the writing of amax(x, rule) to `result`, a device pointer. The workspace holds amax_workspace_bytes. Throws
/// std::invalid_argument for a null matrix or result and for a short workspace.
template <class T>
cuda_status amax(const cuda& device, const matrix_view<T>& x, float* result, amax_rule rule = amax_rule::finite) {
  detail::check_view(x, "x");
  if (result == nullptr) detail::throw_argument("result is null");
  detail::check_workspace(device, amax_workspace_bytes);
  return detail::queue_amax(device, x, detail::hadamard_call{}, rule, result, nullptr, block_format{}, recipe{});
}

}  // namespace v0
}  // namespace nibble
