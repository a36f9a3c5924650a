// SPDX-License-Identifier: Apache-2.0
//
// Rows of blocks of 16 or 32 elements of 16 bits to E2M1 with 32 random bits: what the words leave of the
// multiprocessor is little, so a thread takes the way that is exact but for rare sums, and redoes a run with such a
// sum.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/scale_layout.hpp>
#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/element_run.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Threads in a block, and thread blocks that a multiprocessor holds at least.
inline constexpr unsigned likely_threads = 128;
inline constexpr unsigned likely_residents = 7;

/// How the runs of a call are shared out: a thread block takes `rounds` times as many as it has threads, side by side.
struct run_plan {
  std::size_t runs = 0;
  unsigned rounds = 1;
  std::uint32_t zeros = 0x8000'0000U;  ///< of widen_finite_bf16
  std::uint64_t inverse = 0;           ///< ceil(2^64 / scales in a row), for scales in tiles; those are at least two
};

/// Where the block with index `at` has its scale in tiles. The quotient by `width` is exact for 32 bits: D. Lemire,
/// O. Kaser, N. Kurz, "Faster remainder by direct computation" (2019), theorem 1.
inline __device__ std::size_t tiled_place(std::uint32_t at, std::uint32_t width, std::uint64_t inverse) noexcept {
  const auto row = static_cast<std::uint32_t>(__umul64hi(inverse, at));
  return tiled_scale_offset(row, at - row * width, width);
}

/// The codes of a run, and its scale's in z, the exact way. `amax` is that of the block.
template <block_format F, class T, class Rounding, int Rounds>
__noinline__ __device__ uint3 exact_run(const T* x, const random_stream& stream, std::uint64_t block,
                                        tensor_scaling scaling, std::uint32_t amax) noexcept {
  element_run<F, T, Rounding> run;
  run.load(x);
#pragma unroll
  for (unsigned k = 0; k < 2; ++k) {
    run.raw[k].widen(run.bits[k]);
    run.signs[k] = run.raw[k].signs();
  }
  const block_multiplier multiplier = make_run_multiplier<F, Rounding>(scaling, false, run.bits, run.signs, amax);
  random_eight<Rounding::random_bits> random[2];
  draw_sixteen<Rounds>(stream, block, random);
  packed_chunk packed[2];
  run.pack(multiplier.operand, random, packed);
  return make_uint3(packed[0].low, packed[1].low, multiplier.code);
}

/// The work of one thread, with so many rounds of Philox.
template <block_format F, class T, class Rounding, int Rounds>
__device__ void quantize_likely_runs(const T* x, const quantize_call& call, const run_plan& plan,
                                     const tensor_scaling& scaling) noexcept {
  using run = element_run<F, T, Rounding>;
  constexpr bool bfloat = std::is_same_v<T, bf16>;
  const std::size_t first = std::size_t{blockIdx.x} * plan.rounds * likely_threads + threadIdx.x;
  if (first >= plan.runs) return;
  const std::size_t after = (plan.runs - first - 1) / likely_threads;
  unsigned left = after < plan.rounds - 1 ? static_cast<unsigned>(after) : plan.rounds - 1;
  x += first * run_elements;
  std::uint8_t* codes = call.codes + first * (run_elements / 2);
  std::uint8_t* scale = static_cast<std::uint8_t*>(call.scales) + first / run::lanes;
  auto at = static_cast<std::uint32_t>(first / run::lanes);
  std::uint64_t block = block_of<run::drawn>(first * run_elements + call.random.first_element);
  const std::uint32_t limit = has_usual_decode(scaling) ? likely_limit : 0U;
  raw_chunk<T> raw[2];
  raw[0].load(x);
  raw[1].load(x + chunk_elements);
  while (true) {
    std::uint32_t bits[2][chunk_elements];
    std::uint32_t signs[2];
#pragma unroll
    for (unsigned k = 0; k < 2; ++k) {
      raw[k].widen_finite(bits[k], plan.zeros);
      signs[k] = raw[k].signs();
    }
    std::uint32_t amax = larger_of_pair<T>(larger_magnitudes<bfloat>(raw[0].amax_pair(), raw[1].amax_pair()));
    if constexpr (run::lanes == 2) {
      amax = larger_magnitude(amax, __shfl_xor_sync(3U << (threadIdx.x & 30U), amax, 1));
    }
    // What comes next is on its way, into the same registers, while this is worked on.
    x += likely_threads * run_elements;
    if (left != 0) {
      raw[0].load(x);
      raw[1].load(x + chunk_elements);
    }
    block_multiplier multiplier = make_block_multiplier<F, true, true>(scaling, amax);
    random_eight<run::drawn> random[2];
    draw_sixteen<Rounds>(call.stream, block, random);
    const std::uint32_t factor = likely_factor(multiplier.operand);
    std::uint32_t most = 0;
    uint2 packed;
    packed.x = pack_e2m1_likely(bits[0], signs[0], factor, random[0], most);
    packed.y = pack_e2m1_likely(bits[1], signs[1], factor, random[1], most);
    if (most >= limit || amax >= 0x7f80'0000U) [[unlikely]] {
      const uint3 exact =
          exact_run<F, T, Rounding, Rounds>(x - likely_threads * run_elements, call.stream, block, scaling, amax);
      packed = make_uint2(exact.x, exact.y);
      multiplier.code = exact.z;
    }
    if (run::lanes == 1 || threadIdx.x % run::lanes == 0) {
      if (call.tiled_scales) {
        scale = static_cast<std::uint8_t*>(call.scales) +
                tiled_place(at, static_cast<std::uint32_t>(call.scale_stride), plan.inverse);
      }
      *scale = static_cast<std::uint8_t>(multiplier.code);
    }
    __stcs(reinterpret_cast<uint2*>(codes), packed);
    if (left == 0) return;
    --left;
    codes += likely_threads * (run_elements / 2);
    scale += likely_threads / run::lanes;
    at += likely_threads / run::lanes;
    block += block_of<run::drawn>(likely_threads * run_elements);
  }
}

template <block_format F, class T, class Rounding>
__global__ void __launch_bounds__(likely_threads, likely_residents)
    likely_run_kernel(block_format, const T* __restrict__ x, const __grid_constant__ quantize_call call,
                      const run_plan plan) {
  const tensor_scaling scaling = call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  if (thread_index() == 0 && call.tensor_scale != nullptr) *call.tensor_scale = static_cast<float>(scaling.decode);
  // Rounds of Philox that are known leave no branch among its registers.
  if (call.stream.rounds == 7) {
    quantize_likely_runs<F, T, Rounding, 7>(x, call, plan, scaling);
  } else {
    quantize_likely_runs<F, T, Rounding, 10>(x, call, plan, scaling);
  }
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
