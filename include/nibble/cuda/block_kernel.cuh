// SPDX-License-Identifier: Apache-2.0
//
// Blocks of 8 to 64 consecutive elements under the default recipe, at the speed of memory. A warp takes 32 blocks. In
// its i-th load, lane l reads chunk 32 i + l, so that a block lies in neighbouring lanes; an exchange leaves each lane
// with the amax of one block, whose scale it computes and hands back to the lanes that hold the elements.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/scale_layout.hpp>
#include <nibble/cuda/block_multiplier.cuh>
#include <nibble/cuda/chunk.cuh>
#include <nibble/cuda/generic_quantize.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether blocks of F are runs of whole chunks, as many as a power of two, with one-byte scales and simple packing.
template <block_format F>
inline constexpr bool has_block_lanes = [] {
  const int chunks = F.block_size / static_cast<int>(chunk_elements);
  const bool runs = F.block_rows == 1 && chunks >= 1 && chunks <= 8 && (chunks & (chunks - 1)) == 0 &&
                    F.block_size % static_cast<int>(chunk_elements) == 0;
  const bool packing = F.packing == layouts::bytes || F.packing == layouts::nibbles_low_first;
  return runs && packing && F.scale.bits() <= 8;
}();
template <block_format F, class T>
inline constexpr bool has_block_kernel = has_block_lanes<F>&& is_chunk_type<T>;

/// Leaves lane l with the maximum of values[l % Lanes] over the group of Lanes neighbours.
template <int Lanes>
__device__ std::uint32_t exchange_maximum(std::uint32_t (&values)[Lanes], unsigned lane) noexcept {
#pragma unroll
  for (int half = Lanes / 2; half > 0; half /= 2) {
    const bool upper = (lane & static_cast<unsigned>(half)) != 0;
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const std::uint32_t sent = upper ? values[i] : values[i + half];
      const std::uint32_t kept = upper ? values[i + half] : values[i];
      const std::uint32_t received = __shfl_xor_sync(0xffff'ffffU, sent, half);
      values[i] = received > kept ? received : kept;
    }
  }
  return values[0];
}

/// The 32 blocks from `first` on that a warp takes at a time, a chunk of each for a lane and iteration.
template <block_format F, class T>
struct warp_blocks {
  static constexpr int lanes = F.block_size / static_cast<int>(chunk_elements);
  std::size_t first;
  unsigned lane;

  [[nodiscard]] __device__ std::size_t block(int i) const noexcept {
    return first + static_cast<unsigned>(i) * (32 / lanes) + lane / lanes;
  }
  [[nodiscard]] __device__ std::size_t chunk(int i) const noexcept {
    return first * lanes + static_cast<unsigned>(i) * 32 + lane;
  }
  /// The block whose amax exchange_maximum leaves in this lane.
  [[nodiscard]] __device__ std::size_t own_block() const noexcept { return block(static_cast<int>(lane) % lanes); }

  __device__ void load(const T* x, std::size_t blocks, raw_chunk<T> (&raw)[lanes]) const noexcept {
#pragma unroll
    for (int i = 0; i < lanes; ++i) {
      if (block(i) < blocks) raw[i].load(x + chunk(i) * chunk_elements);
    }
  }
};

template <block_format F, class T, class Rounding>
__global__ void __launch_bounds__(cuda_threads)
    block_kernel(block_format, const T* __restrict__ x, const __grid_constant__ quantize_call call,
                 std::size_t blocks) {
  using place = warp_blocks<F, T>;
  constexpr int lanes = place::lanes;
  constexpr bool nibbles = F.packing.slot_bits == 4;
  constexpr special_codes special = make_special_codes(
      F.element, Rounding::random_bits == 0 ? rounding_mode::nearest_even : rounding_mode::stochastic,
      overflow::saturate, recipe{}.policy, false);
  const tensor_scaling scaling = call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  if (thread_index() == 0 && call.tensor_scale != nullptr) *call.tensor_scale = static_cast<float>(scaling.decode);
  const unsigned lane = threadIdx.x % 32;
  place now{thread_index() - lane, lane};
  raw_chunk<T> raw[lanes];
  now.load(x, blocks, raw);
  while (now.first < blocks) {
    std::uint32_t bits[lanes][chunk_elements];
    std::uint32_t largest[lanes];
#pragma unroll
    for (int i = 0; i < lanes; ++i) raw[i].widen(bits[i]);
    // What comes next is on its way while this is worked on.
    const place next{now.first + thread_count(), lane};
    next.load(x, blocks, raw);
#pragma unroll
    for (int i = 0; i < lanes; ++i) largest[i] = chunk_amax(bits[i]);
    const block_multiplier own = make_block_multiplier<F>(scaling, exchange_maximum<lanes>(largest, lane));
    if (now.own_block() < blocks) {
      static_cast<std::uint8_t*>(call.scales)[now.own_block()] = static_cast<std::uint8_t>(own.code);
    }
#pragma unroll
    for (int i = 0; i < lanes; ++i) {
      const std::uint32_t operand = __shfl_sync(0xffff'ffffU, own.operand, (static_cast<int>(lane) & ~(lanes - 1)) | i);
      const random_eight<Rounding::random_bits> random(call.random.seed, call.random.stream,
                                                       now.chunk(i) * chunk_elements + call.random.first_element,
                                                       call.random.rounds);
      packed_chunk codes = pack_products<Rounding, F.element, nibbles>(bits[i], operand, special, random);
      if (operand > 0x7f80'0000U) codes = repeated_code<nibbles>(special.nan[0]);
      if (now.block(i) < blocks) store_packed_chunk<nibbles>(call.codes, now.chunk(i), codes);
    }
    now = next;
  }
}

/// Thread blocks for `blocks` blocks: fewer than one round needs where that leaves enough of them.
inline std::size_t block_kernel_grid(std::size_t blocks) noexcept {
  const std::size_t single = pieces(blocks, cuda_threads);
  const std::size_t rounds = single / 4096 < 1 ? 1 : single / 4096 > 8 ? 8 : single / 4096;
  return pieces(single, rounds);
}

/// Whether a call has what the fast kernels do: the default recipe, to nearest even or stochastic with words drawn
/// here.
inline bool has_block_rounding(const quantize_call& call) {
  if (call.counts != nullptr || !(call.rules == recipe{})) return false;
  if (call.rounding.mode == rounding_mode::nearest_even) return true;
  return call.rounding.mode == rounding_mode::stochastic && call.rounding.variant == stochastic_variant::a &&
         call.random.draws && call.random.first_element % chunk_elements == 0;
}

/// Calls action<Rounding>() for the rounding of a call that has_block_rounding.
template <class Action>
cuda_status with_block_rounding(const quantize_call& call, Action&& action) {
  if (call.rounding.mode == rounding_mode::nearest_even) return action.template operator()<round_to_nearest>();
  switch (call.rounding.random_bits) {
    case 8: return action.template operator()<round_stochastically<8>>();
    case 16: return action.template operator()<round_stochastically<16>>();
    default: return action.template operator()<round_stochastically<32>>();
  }
}

/// Whether a call is one of block_kernel's: rows of whole blocks side by side, aligned.
template <block_format F, class T>
bool takes_block_kernel(const matrix_view<T>& stored, const quantize_call& call) {
  const std::size_t width = static_cast<std::size_t>(F.block_size);
  if (call.transposed || call.tiled_scales || call.hadamard.wanted || !has_block_rounding(call)) return false;
  if (call.rows == 0 || call.cols == 0) return false;
  if (stored.col_stride != 1 || (stored.rows > 1 && stored.row_stride != static_cast<std::ptrdiff_t>(stored.cols)))
    return false;
  if (call.cols % width != 0 || call.code_stride != F.row_bytes(call.cols)) return false;
  if (call.scale_stride != F.scale_cols(call.cols)) return false;
  const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  if (address(stored.data) % 16 != 0 || address(call.codes) % (F.packing.slot_bits == 4 ? 4 : 8) != 0) return false;
  return true;
}

/// Queues the kernel of a call that takes_block_kernel.
template <block_format F, class T>
cuda_status queue_block_call(const cuda& device, const matrix_view<T>& stored, const quantize_call& call) {
  const std::size_t blocks = call.rows * (call.cols / static_cast<std::size_t>(F.block_size));
  return with_block_rounding(call, [&]<class Rounding>() {
    return launch(device.stream, block_kernel_grid(blocks), &block_kernel<F, T, Rounding>, F, stored.data, call,
                  blocks);
  });
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
