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
#include <nibble/cuda/hadamard.cuh>

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
/// Formats whose kernels transform too.
template <block_format F>
inline constexpr bool has_transformed_blocks = F.element == formats::e2m1;
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

/// The 32 blocks from `first` on that a warp takes at a time: for a lane a chunk in each of `lanes` iterations, 32
/// chunks apart, and one block's scale.
template <block_format F>
struct warp_blocks {
  static constexpr unsigned lanes = static_cast<unsigned>(F.block_size) / chunk_elements;
  std::size_t first;
  unsigned inside;  ///< how many of them there are

  __device__ warp_blocks(std::size_t first_block, std::size_t blocks) noexcept : first(first_block) {
    const std::size_t left = blocks > first ? blocks - first : 0;
    inside = left < 32 ? static_cast<unsigned>(left) : 32U;
  }
  /// The first chunk of a lane.
  [[nodiscard]] __device__ std::size_t chunk(unsigned lane) const noexcept { return first * lanes + lane; }
  [[nodiscard]] __device__ bool has(unsigned i, unsigned lane) const noexcept {
    return lane / lanes + i * (32 / lanes) < inside;
  }
  template <class T>
  __device__ void load(const T* x, unsigned lane, raw_chunk<T> (&raw)[lanes]) const noexcept {
    const T* own = x + chunk(lane) * chunk_elements;
#pragma unroll
    for (unsigned i = 0; i < lanes; ++i) {
      if (has(i, lane)) raw[i].load(own + std::size_t{i} * 32 * chunk_elements);
    }
  }
  /// The scale of the block whose amax exchange_maximum leaves in a lane.
  __device__ void store_scale(const quantize_call& call, unsigned lane, std::uint32_t code) const noexcept {
    const unsigned own = lane % lanes * (32 / lanes) + lane / lanes;
    if (own >= inside) return;
    std::size_t at = first + own;
    if (call.tiled_scales) {
      // There are fewer than 2^32 blocks then.
      const auto width = static_cast<std::uint32_t>(call.scale_stride);
      const std::uint32_t row = static_cast<std::uint32_t>(at) / width;
      at = tiled_scale_offset(row, static_cast<std::uint32_t>(at) - row * width, width);
    }
    static_cast<std::uint8_t*>(call.scales)[at] = static_cast<std::uint8_t>(code);
  }
};

/// Thread blocks of block_kernel that a multiprocessor holds at least: what hides the latency of the arithmetic.
template <block_format F, class Rounding>
inline constexpr unsigned block_kernel_residents = F.block_size > 16             ? (Rounding::random_bits == 0 ? 2 : 3)
                                                   : Rounding::random_bits == 0  ? 5
                                                   : Rounding::random_bits == 32 ? 3
                                                                                 : 4;

/// Transformed says that call.hadamard is wanted.
template <block_format F, class T, class Rounding, bool Transformed>
__global__ void __launch_bounds__(cuda_threads, block_kernel_residents<F, Rounding>)
    block_kernel(block_format, const T* __restrict__ x, const __grid_constant__ quantize_call call,
                 std::size_t blocks) {
  constexpr unsigned lanes = warp_blocks<F>::lanes;
  constexpr bool nibbles = F.packing.slot_bits == 4;
  constexpr std::size_t stride = 32 * chunk_elements;
  constexpr special_codes special = make_special_codes(
      F.element, Rounding::random_bits == 0 ? rounding_mode::nearest_even : rounding_mode::stochastic,
      overflow::saturate, recipe{}.policy, false);
  const tensor_scaling scaling = call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  if (thread_index() == 0 && call.tensor_scale != nullptr) *call.tensor_scale = static_cast<float>(scaling.decode);
  const unsigned lane = threadIdx.x % 32;
  // What comes next is on its way while this is worked on, where that leaves registers.
  constexpr bool loads_ahead = Rounding::random_bits == 0 || lanes <= 2;
  warp_blocks<F> now(thread_index() - lane, blocks);
  raw_chunk<T> raw[lanes];
  if (loads_ahead) now.load(x, lane, raw);
  while (now.inside != 0) {
    if (!loads_ahead) now.load(x, lane, raw);
    std::uint32_t bits[lanes][chunk_elements];
    std::uint32_t largest[lanes];
#pragma unroll
    for (unsigned i = 0; i < lanes; ++i) raw[i].widen(bits[i]);
    const warp_blocks<F> next(now.first + thread_count(), blocks);
    if (loads_ahead) next.load(x, lane, raw);
#pragma unroll
    for (unsigned i = 0; i < lanes; ++i) {
      if (Transformed) hadamard_8_and_8(bits[i], call.hadamard, lane);
      largest[i] = chunk_amax(bits[i]);
    }
    const block_multiplier own =
        make_block_multiplier<F>(scaling, exchange_maximum<static_cast<int>(lanes)>(largest, lane));
    now.store_scale(call, lane, own.code);
    std::uint8_t* codes = call.codes + now.chunk(lane) * (nibbles ? 4 : 8);
    const std::uint64_t element = now.chunk(lane) * chunk_elements + call.random.first_element;
#pragma unroll
    for (unsigned i = 0; i < lanes; ++i) {
      const std::uint32_t operand = __shfl_sync(0xffff'ffffU, own.operand, static_cast<int>((lane & ~(lanes - 1)) | i));
      const random_eight<Rounding::random_bits> random(call.stream, element + i * stride);
      packed_chunk packed = pack_products<Rounding, F.element, nibbles>(bits[i], operand, special, random);
      if (operand > 0x7f80'0000U) packed = repeated_code<nibbles>(special.nan[0]);
      if (now.has(i, lane)) store_packed_chunk<nibbles>(codes, std::size_t{i} * 32, packed);
    }
    now = next;
  }
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
  if (call.transposed || !has_block_rounding(call) || call.rows == 0 || call.cols == 0) return false;
  if (call.hadamard.wanted && !has_transformed_blocks<F>) return false;
  // The rows of a tile of scales meet sooner in tile_kernel, which is faster where the source takes longer than them.
  if (call.tiled_scales && (sizeof(T) > 2 || call.rows * (call.cols / width) > 0xffff'ffffU)) return false;
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
    auto kernel = &block_kernel<F, T, Rounding, false>;
    if constexpr (has_transformed_blocks<F>) {
      if (call.hadamard.wanted) kernel = &block_kernel<F, T, Rounding, true>;
    }
    return launch(device.stream, strided_grid(blocks), kernel, F, stored.data, call, blocks);
  });
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
