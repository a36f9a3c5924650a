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

/// Whether elements of F may be multiplied by what its scales divide by, if these are powers of two: that is
/// a float that is normal or 2^-127, and all products that matter are exact.
template <block_format F>
inline constexpr bool has_plain_powers =
    !F.power_of_two_scale() ||
    (F.scale.bias <= 127 && static_cast<int>(F.scale.max_code()) <= F.scale.bias + 127 &&
     F.element.max_exponent() <= 40 && F.element.min_exponent() - F.element.mantissa_bits >= -40);

/// Whether blocks of F are runs of whole chunks, as many as a power of two, with simple packing and with scales of one
/// byte, one of which is NaN: elements of other blocks than NaN's are finite.
template <block_format F>
inline constexpr bool has_block_lanes = [] {
  const int chunks = F.block_size / static_cast<int>(chunk_elements);
  const bool runs = F.block_rows == 1 && chunks >= 1 && chunks <= 8 && (chunks & (chunks - 1)) == 0 &&
                    F.block_size % static_cast<int>(chunk_elements) == 0;
  const bool packing = F.packing == layouts::bytes || F.packing == layouts::nibbles_low_first;
  return runs && packing && F.scale.bits() <= 8 && F.scale.has_nan() && has_plain_powers<F>;
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

/// The same of chunks that a lane has loaded: of its `Lanes` blocks, the amax of block l % Lanes, as binary32 bits.
template <class T, std::size_t Count>
__device__ std::uint32_t exchange_amax(const raw_chunk<T> (&raw)[Count], unsigned lane) noexcept {
  constexpr auto lanes = static_cast<unsigned>(Count);
  std::uint32_t pairs[lanes];
#pragma unroll
  for (unsigned i = 0; i < lanes; ++i) pairs[i] = raw[i].amax_pair();
  constexpr bool bfloat = std::is_same_v<T, bf16>;
  constexpr unsigned half = lanes / 2;
  std::uint32_t values[half > 1 ? half : 1];
  // Two amaxes share a word, so that the first exchange is of both.
  const std::uint32_t own = (lane & half) != 0 ? 0x3244U : 0x1044U;
#pragma unroll
  for (unsigned i = 0; i < (half > 1 ? half : 1); ++i) {
    const std::uint32_t other = pairs[i + half];
    std::uint32_t both =
        larger_magnitudes<bfloat>(__byte_perm(pairs[i], other, 0x5410U), __byte_perm(pairs[i], other, 0x7632U));
    if (half != 0) both = larger_magnitudes<bfloat>(both, __shfl_xor_sync(0xffff'ffffU, both, half));
    const std::uint32_t upper = __byte_perm(both, 0U, own) & 0x7fff'ffffU;
    values[i] = bfloat ? upper : half_to_bits(static_cast<std::uint16_t>(upper >> 16));
  }
  if constexpr (half > 1) return exchange_maximum<static_cast<int>(half)>(values, lane);
  return values[0];
}

/// The 32 blocks that a warp takes at a time, as a lane sees them: a chunk in each of `lanes` iterations, 32 chunks
/// apart, and one block's scale.
template <block_format F>
struct warp_blocks {
  static constexpr unsigned lanes = static_cast<unsigned>(F.block_size) / chunk_elements;

  /// How many of the 32 there are where so many blocks are left.
  [[nodiscard]] static __device__ unsigned inside(std::int64_t left) noexcept {
    return left >= 32 ? 32U : left > 0 ? static_cast<unsigned>(left) : 0U;
  }
  /// Whether the i-th chunk of a lane is in the first `count` blocks.
  [[nodiscard]] static __device__ bool has(unsigned i, unsigned lane, unsigned count) noexcept {
    return lane / lanes + i * (32 / lanes) < count;
  }
  /// The block whose amax exchange_maximum leaves in a lane.
  [[nodiscard]] static __device__ unsigned own(unsigned lane) noexcept {
    return lane % lanes * (32 / lanes) + lane / lanes;
  }
  template <class T>
  static __device__ void load(const T* x, unsigned lane, unsigned count, raw_chunk<T> (&raw)[lanes]) noexcept {
#pragma unroll
    for (unsigned i = 0; i < lanes; ++i) {
      if (has(i, lane, count)) raw[i].load(x + std::size_t{i} * 32 * chunk_elements);
    }
  }
  /// Stores a scale at `place` of a row-major matrix, or where that is in tiles.
  static __device__ void store_scale(const quantize_call& call, std::uint8_t* place, std::uint32_t code) noexcept {
    if (call.tiled_scales) {
      // There are fewer than 2^32 blocks then.
      auto* scales = static_cast<std::uint8_t*>(call.scales);
      const auto at = static_cast<std::uint32_t>(place - scales);
      const auto width = static_cast<std::uint32_t>(call.scale_stride);
      const std::uint32_t row = at / width;
      place = scales + tiled_scale_offset(row, at - row * width, width);
    }
    *place = static_cast<std::uint8_t>(code);
  }
};

/// Thread blocks of block_kernel that a multiprocessor holds at least: what hides the latency of the arithmetic, and
/// leaves registers for what is on its way.
template <block_format F, class T, class Rounding, bool Transformed>
inline constexpr unsigned block_kernel_residents = F.block_size > 16            ? (Rounding::random_bits == 0 ? 2 : 3)
                                                   : Rounding::random_bits == 0 ? (Transformed || sizeof(T) > 2 ? 4 : 5)
                                                   : Rounding::random_bits == 32 || sizeof(T) > 2 ? 3
                                                                                                  : 4;

/// Transformed says that call.hadamard is wanted.
template <block_format F, class T, class Rounding, bool Transformed>
__global__ void __launch_bounds__(cuda_threads, block_kernel_residents<F, T, Rounding, Transformed>)
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
  using own = warp_blocks<F>;
  constexpr unsigned chunk_bytes = nibbles ? 4 : 8;
  // Pairs of 16 bits as they are stored have their amaxes and signs together.
  constexpr bool packed = sizeof(T) == 2 && !Transformed;
  // What comes next is on its way while this is worked on, where that leaves registers.
  constexpr bool loads_ahead = Rounding::random_bits == 0 || lanes <= 2;
  const unsigned lane = threadIdx.x % 32;
  const std::size_t step = thread_count();
  const std::size_t first = thread_index() - lane;
  auto left = static_cast<std::int64_t>(blocks) - static_cast<std::int64_t>(first);
  const T* from = x + (first * lanes + lane) * chunk_elements;
  std::uint8_t* codes = call.codes + (first * lanes + lane) * chunk_bytes;
  std::uint8_t* scale = static_cast<std::uint8_t*>(call.scales) + first + own::own(lane);
  std::uint64_t element = (first * lanes + lane) * chunk_elements + call.random.first_element;
  const hadamard_half half(call.hadamard, lane);
  raw_chunk<T> raw[lanes];
  unsigned count = own::inside(left);
  if (loads_ahead) own::load(from, lane, count, raw);
  while (count != 0) {
    if (!loads_ahead) own::load(from, lane, count, raw);
    std::uint32_t bits[lanes][chunk_elements];
    std::uint32_t signs[lanes];
#pragma unroll
    for (unsigned i = 0; i < lanes; ++i) {
      raw[i].widen(bits[i]);
      if (Transformed) hadamard_8_and_8(bits[i], half);
      if (packed) signs[i] = raw[i].signs();
    }
    std::uint32_t amax;
    if constexpr (packed) {
      amax = exchange_amax(raw, lane);
    } else {
      std::uint32_t largest[lanes];
#pragma unroll
      for (unsigned i = 0; i < lanes; ++i) largest[i] = chunk_amax(bits[i]);
      amax = exchange_maximum<static_cast<int>(lanes)>(largest, lane);
    }
    left -= static_cast<std::int64_t>(step);
    from += step * lanes * chunk_elements;
    const unsigned next = own::inside(left);
    if (loads_ahead) own::load(from, lane, next, raw);
    const block_multiplier multiplier = make_block_multiplier<F>(scaling, amax);
    if (own::own(lane) < count) own::store_scale(call, scale, multiplier.code);
#pragma unroll
    for (unsigned i = 0; i < lanes; ++i) {
      const std::uint32_t operand =
          __shfl_sync(0xffff'ffffU, multiplier.operand, static_cast<int>((lane & ~(lanes - 1)) | i));
      const random_eight<Rounding::random_bits> random(call.stream, element + i * stride);
      packed_chunk chunk = pack_products<Rounding, F.element, nibbles>(
          bits[i], packed ? signs[i] : gather_signs(bits[i]), operand, special, random);
      if (operand > 0x7f80'0000U) chunk = repeated_code<nibbles>(special.nan[0]);
      if (own::has(i, lane, count)) store_packed_chunk<nibbles>(codes, std::size_t{i} * 32, chunk);
    }
    codes += step * lanes * chunk_bytes;
    scale += step;
    element += step * lanes * chunk_elements;
    count = next;
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
  if (call.tiled_scales && call.rows * (call.cols / width) > 0xffff'ffffU) return false;
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
