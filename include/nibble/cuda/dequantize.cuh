// SPDX-License-Identifier: Apache-2.0
//
// dequantize(cuda{stream}, ...): values of a quantized matrix on the device, as the scalar backend gives them.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/block/dequantize.hpp>
#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/decode_chunk.cuh>
#include <nibble/cuda/launch.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A quantized matrix whose format is known at run time.
struct dequantize_call {
  block_format format{};
  const std::uint8_t* codes = nullptr;
  const void* scales = nullptr;
  const float* tensor_scale = nullptr;
  std::size_t rows = 0, cols = 0, code_stride = 0, scale_stride = 0;

  [[nodiscard]] __device__ binary32 scale(std::size_t r, std::size_t c) const noexcept {
    const std::size_t row = format.replicate_scales ? r : r / format.rows_per_block(rows);
    const std::size_t at = row * scale_stride + c / format.block_cols(cols);
    std::uint32_t code = 0;
    if (format.scale_bytes() == 1) code = static_cast<const std::uint8_t*>(scales)[at];
    if (format.scale_bytes() == 2) code = static_cast<const std::uint16_t*>(scales)[at];
    if (format.scale_bytes() == 4) code = static_cast<const std::uint32_t*>(scales)[at];
    return binary32(decode(format.scale, code));
  }
};

/// Any format, a thread for each element.
template <class T>
__global__ void __launch_bounds__(cuda_threads) dequantize_kernel(const __grid_constant__ dequantize_call q, T* out) {
  const binary32 tensor_scale(q.format.tensor_scale ? *q.tensor_scale : 1.0F);
  const std::size_t size = q.rows * q.cols;
  for (std::size_t i = thread_index(); i < size; i += thread_count()) {
    const std::size_t row = i / q.cols;
    const std::size_t col = i % q.cols;
    const std::uint32_t code =
        load_code(q.format.packing, q.codes + row * q.code_stride, col) & q.format.element.code_mask();
    const binary32 product = binary32(decode(q.format.element, code)) * q.scale(row, col);
    store_value(out[i], q.format.tensor_scale ? product * tensor_scale : product);
  }
}

/// The products of codes' values with both scales, as they are stored.
template <block_format F, class T, unsigned Count>
__device__ void multiply_scales(std::uint32_t (&bits)[Count], std::uint32_t scale,
                                std::uint32_t tensor_scale) noexcept {
#pragma unroll
  for (std::uint32_t& b : bits) {
    b = multiply_bits(b, scale);
    if constexpr (F.tensor_scale) b = multiply_bits(b, tensor_scale);
    // The NaN of binary32; narrower numbers have one NaN.
    if (std::is_same_v<T, float> && (b & 0x7fff'ffffU) > 0x7f80'0000U) b = 0x7fc0'0000U;
  }
}

/// Rows of whole blocks side by side: eight codes are read by each thread. float32 values are 32 bytes, which lanes
/// share out again so that each store of a warp is a run of 512 bytes.
template <block_format F, class T>
__global__ void __launch_bounds__(cuda_threads)
    dequantize_chunks_kernel(block_format, const std::uint8_t* __restrict__ codes,
                             const std::uint8_t* __restrict__ scales, const float* tensor_scale, std::size_t chunks,
                             T* out) {
  constexpr std::size_t in_block = static_cast<std::size_t>(F.block_size) / chunk_elements;
  constexpr bool nibbles = F.packing.slot_bits == 4;
  const std::uint32_t second = F.tensor_scale ? to_bits(*tensor_scale) : 0U;
  const unsigned lane = threadIdx.x % 32;
  const auto load = [&](std::size_t chunk, packed_chunk& packed, std::uint32_t& code) {
    if (chunk >= chunks) return;
    packed = load_packed_chunk<nibbles>(codes, chunk);
    code = __ldcs(scales + chunk / in_block);
  };
  packed_chunk coming;
  std::uint32_t coming_scale = 0;
  load(thread_index(), coming, coming_scale);
  for (std::size_t first = thread_index() - lane; first < chunks; first += thread_count()) {
    const std::size_t chunk = first + lane;
    const packed_chunk packed = coming;
    const std::uint32_t scale = to_bits(decode<F.scale>(coming_scale));
    // What comes next is on its way while this is worked on.
    load(chunk + thread_count(), coming, coming_scale);
    if constexpr (std::is_same_v<T, float>) {
#pragma unroll
      for (unsigned half = 0; half < 2; ++half) {
        const auto from = static_cast<int>(16 * half + lane / 2);
        packed_chunk shared;
        shared.low = __shfl_sync(0xffff'ffffU, packed.low, from);
        if constexpr (!nibbles) shared.high = __shfl_sync(0xffff'ffffU, packed.high, from);
        const std::uint32_t its_scale = __shfl_sync(0xffff'ffffU, scale, from);
        std::uint32_t bits[4];
        unpack_four<F.element, nibbles, false>(half_of<nibbles>(shared, lane % 2 != 0), bits);
        multiply_scales<F, T>(bits, its_scale, second);
        const std::size_t vector = 2 * first + 32 * half + lane;
        if (vector < 2 * chunks)
          __stcs(reinterpret_cast<uint4*>(out) + vector, make_uint4(bits[0], bits[1], bits[2], bits[3]));
      }
    } else if (chunk < chunks) {
      std::uint32_t bits[chunk_elements];
      unpack_chunk<F.element, nibbles, false>(packed, bits);
      multiply_scales<F, T>(bits, scale, second);
      store_chunk(out + chunk * chunk_elements, bits);
    }
  }
}

template <block_format F, class T, class Byte>
bool takes_dequantize_chunks(const block_view<F, Byte>& q, const T* out) {
  const auto address = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  return q.rows != 0 && q.cols != 0 && q.cols % static_cast<std::size_t>(F.block_size) == 0 &&
         q.code_stride == F.row_bytes(q.cols) && q.scale_stride == F.scale_cols(q.cols) && address(out) % 16 == 0 &&
         address(q.codes) % (F.packing.slot_bits == 4 ? 4 : 8) == 0;
}

}  // namespace detail::inline NIBBLE_UNIT

/// Queues dequantize(scalar{}, q, out), bit for bit; the pointers of q and `out` are device memory. Throws
/// std::invalid_argument as the scalar backend does.
template <block_format F, class Byte, class T>
cuda_status dequantize(const cuda& device, const block_view<F, Byte>& q, T* out) {
  detail::check_block_view(q, "q");
  if (q.rows == 0 || q.cols == 0) return cuda_status{};
  if (out == nullptr) detail::throw_argument("out is null");
  if constexpr (detail::has_block_kernel<F, T>) {
    if (detail::takes_dequantize_chunks(q, out)) {
      const std::size_t chunks = q.rows * (q.cols / detail::chunk_elements);
      return detail::launch(device.stream, detail::strided_grid(chunks), &detail::dequantize_chunks_kernel<F, T>, F,
                            q.codes, q.scales, q.tensor_scale, chunks, out);
    }
  }
  detail::dequantize_call call;
  call.format = F;
  call.codes = q.codes;
  call.scales = q.scales;
  call.tensor_scale = q.tensor_scale;
  call.rows = q.rows;
  call.cols = q.cols;
  call.code_stride = q.code_stride;
  call.scale_stride = q.scale_stride;
  return detail::launch(device.stream, detail::pieces(q.rows * q.cols, detail::cuda_threads),
                        &detail::dequantize_kernel<T>, call, out);
}

}  // namespace v0
}  // namespace nibble
