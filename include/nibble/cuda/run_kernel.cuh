// SPDX-License-Identifier: Apache-2.0
//
// Rows of blocks of 16 or 32 elements of 16 bits to E2M1 under the default recipe: a thread takes runs of 16 elements.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/element_run.cuh>
#include <nibble/cuda/likely_run.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Formats and types that run_kernel takes.
template <block_format F, class T>
inline constexpr bool has_run_kernel =
    has_block_kernel<F, T> && sizeof(T) == 2 && F.element == formats::e2m1&& F.packing == layouts::nibbles_low_first &&
    (F.block_size == 16 || F.block_size == 32);

/// The work of one thread, with so many rounds of Philox.
template <block_format F, class T, class Rounding, bool Transformed, int Rounds>
__device__ void quantize_runs(const T* x, const quantize_call& call, const run_plan& plan,
                              const tensor_scaling& scaling) noexcept {
  using run = element_run<F, T, Rounding>;
  const std::size_t first = std::size_t{blockIdx.x} * plan.rounds * cuda_threads + threadIdx.x;
  if (first >= plan.runs) return;
  const std::size_t after = (plan.runs - first - 1) / cuda_threads;
  unsigned left = after < plan.rounds - 1 ? static_cast<unsigned>(after) : plan.rounds - 1;
  x += first * run_elements;
  std::uint8_t* codes = call.codes + first * (run_elements / 2);
  std::uint8_t* scale = static_cast<std::uint8_t*>(call.scales) + first / run::lanes;
  auto at = static_cast<std::uint32_t>(first / run::lanes);
  std::uint64_t block = block_of<run::drawn>(first * run_elements + call.random.first_element);
  run next;
  next.load(x);
  while (true) {
    run own = next;
    // What comes next is on its way while this is worked on.
    if (left != 0) {
      x += cuda_threads * run_elements;
      next.load(x);
    }
    const block_multiplier multiplier = own.prepare(Transformed, call.hadamard, scaling, 3U << (threadIdx.x & 30U));
    if (run::lanes == 1 || threadIdx.x % run::lanes == 0) {
      std::uint8_t* place = scale;
      if (call.tiled_scales) {
        place = static_cast<std::uint8_t*>(call.scales) +
                tiled_place(at, static_cast<std::uint32_t>(call.scale_stride), plan.inverse);
      }
      *place = static_cast<std::uint8_t>(multiplier.code);
    }
    random_eight<run::drawn> random[2];
    draw_sixteen<Rounds>(call.stream, block, random);
    packed_chunk packed[2];
    own.pack(multiplier.operand, random, packed);
    store_run<true>(codes, packed);
    if (left == 0) return;
    --left;
    codes += cuda_threads * (run_elements / 2);
    scale += cuda_threads / run::lanes;
    at += cuda_threads / run::lanes;
    block += block_of<run::drawn>(cuda_threads * run_elements);
  }
}

/// Thread blocks that a multiprocessor holds at least: what leaves the random words in registers.
template <class Rounding, bool Transformed>
inline constexpr unsigned run_kernel_residents = Rounding::random_bits == 32                  ? 3
                                                 : Rounding::random_bits == 0 && !Transformed ? 5
                                                                                              : 4;

/// Transformed says that call.hadamard is wanted.
template <block_format F, class T, class Rounding, bool Transformed>
__global__ void __launch_bounds__(cuda_threads, run_kernel_residents<Rounding, Transformed>)
    run_kernel(block_format, const T* __restrict__ x, const __grid_constant__ quantize_call call, const run_plan plan) {
  const tensor_scaling scaling = call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  if (thread_index() == 0 && call.tensor_scale != nullptr) *call.tensor_scale = static_cast<float>(scaling.decode);
  // Rounds of Philox that are known leave no branch among its registers.
  if (Rounding::random_bits != 0 && call.stream.rounds == 7) {
    quantize_runs<F, T, Rounding, Transformed, 7>(x, call, plan, scaling);
  } else {
    quantize_runs<F, T, Rounding, Transformed, 10>(x, call, plan, scaling);
  }
}

/// Whether a call that takes_block_kernel is one of run_kernel's.
inline bool takes_run_kernel(const quantize_call& call) noexcept {
  return draws_runs(call) && reinterpret_cast<std::uintptr_t>(call.codes) % 8 == 0 &&
         !(call.tiled_scales && call.scale_stride < 2);
}

/// Queues the kernel of a call that takes_run_kernel.
template <block_format F, class T>
cuda_status queue_run_call(const cuda& device, const matrix_view<T>& stored, const quantize_call& call) {
  run_plan plan;
  plan.runs = call.rows * (call.cols / run_elements);
  plan.rounds = static_cast<unsigned>(pieces(pieces(plan.runs, std::size_t{cuda_threads}), strided_grid(plan.runs)));
  if (call.tiled_scales) plan.inverse = ~std::uint64_t{0} / call.scale_stride + 1;
  return with_block_rounding(call, [&]<class Rounding>() {
    const auto queue = [&](unsigned threads, auto kernel) {
      const std::size_t blocks = pieces(plan.runs, std::size_t{plan.rounds} * threads);
      return launch_grid(device.stream, dim3(static_cast<unsigned>(blocks)), threads, kernel, F, stored.data, call,
                         plan);
    };
    if (call.hadamard.wanted) return queue(cuda_threads, &run_kernel<F, T, Rounding, true>);
    if constexpr (Rounding::random_bits == 32) {
      return queue(likely_threads, &likely_run_kernel<F, T, Rounding>);
    } else {
      return queue(cuda_threads, &run_kernel<F, T, Rounding, false>);
    }
  });
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
