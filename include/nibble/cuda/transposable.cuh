// SPDX-License-Identifier: Apache-2.0
//
// Transposable 2:4 masks on the device, and what they keep, dense or compressed, bit for bit as on the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/chunk.cuh>
#include <nibble/cuda/codec.cuh>
#include <nibble/cuda/launch.cuh>
#include <nibble/method/sparse_storage.hpp>
#include <nibble/method/transposable_mask.hpp>

namespace nibble {
inline namespace v0 {

/// Device memory for what a mask keeps of a rows x cols matrix; what is empty is left out.
struct masked_result {
  /// The mask, as sparsity_mask::words(): rows of ceil(cols / 64) words.
  std::span<std::uint64_t> mask{};
  /// As apply_mask: rows * cols numbers.
  std::span<float> out{};
  /// Both as compress_2_4 with a mask; given together.
  std::span<float> values{};
  std::span<std::uint16_t> metadata{};
};

namespace detail::inline NIBBLE_UNIT {

/// A call as the kernel sees it.
template <class T>
struct masked_call {
  matrix_view<T> w;
  heaviest method{};
  const std::uint64_t* given = nullptr;  ///< a mask to apply; without one the heaviest is found
  std::uint32_t* mask = nullptr;         ///< halves of its words
  float* out = nullptr;
  float* values = nullptr;
  std::uint16_t* metadata = nullptr;
  bool reads_vectors = false;   ///< four elements of a row at a time
  bool writes_vectors = false;  ///< likewise of out
  bool writes_pairs = false;    ///< both values of a block at a time

  [[nodiscard]] __device__ std::size_t mask_halves() const noexcept { return (w.cols + 63) / 64 * 2; }
  [[nodiscard]] __device__ std::size_t blocks() const noexcept { return (w.cols + 3) / 4; }
};

/// The binary32 bits of four elements in memory that is aligned to their size; a NaN is some NaN.
template <class T>
__device__ void load_four(const T* x, std::uint32_t (&bits)[4]) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    const uint4 v = __ldcs(reinterpret_cast<const uint4*>(x));
    bits[0] = v.x, bits[1] = v.y, bits[2] = v.z, bits[3] = v.w;
  } else {
    const uint2 v = __ldcs(reinterpret_cast<const uint2*>(x));
    if constexpr (std::is_same_v<T, bf16>) {
      bits[0] = v.x << 16, bits[1] = v.x & 0xffff'0000U, bits[2] = v.y << 16, bits[3] = v.y & 0xffff'0000U;
    } else {
      bits[0] = half_to_bits(static_cast<std::uint16_t>(v.x)), bits[1] = half_to_bits(static_cast<std::uint16_t>(v.x >> 16));
      bits[2] = half_to_bits(static_cast<std::uint16_t>(v.y)), bits[3] = half_to_bits(static_cast<std::uint16_t>(v.y >> 16));
    }
  }
}

/// A block where it is cut, where sums are only bounded, and where keys cannot tell: position 4 i + j in that bit.
template <class T>
__noinline__ __device__ std::uint32_t choose_by_weights(const matrix_view<T>& w, const heaviest& method, std::size_t row,
                                                        std::size_t col) noexcept {
  mask_block<4> block = load_block<4>(w, row, col);
  std::uint32_t kept[4] = {};
  choose<4>(block, 2, method, kept);
  return kept[0] | kept[1] << 4 | kept[2] << 8 | kept[3] << 12;
}

/// One thread's block of 4 x 4.
template <class T>
struct masked_block {
  const masked_call<T>& call;
  std::size_t row, col;
  std::uint32_t bits[4][4];
  std::uint32_t kept = 0;

  __device__ masked_block(const masked_call<T>& c, std::size_t r, std::size_t first_col) noexcept
      : call(c), row(r), col(first_col) {
    const bool whole = is_whole();
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      if (whole && call.reads_vectors) {
        load_four(&call.w(row + i, col), bits[i]);
        continue;
      }
#pragma unroll
      for (unsigned j = 0; j < 4; ++j) {
        bits[i][j] = row + i < call.w.rows && col + j < call.w.cols ? element_bits(call.w(row + i, col + j)) : 0U;
      }
    }
    if (call.given != nullptr) {
      read_mask();
      make_nan_exact();
    } else {
      choose_mask(whole);
    }
  }
  [[nodiscard]] __device__ bool is_whole() const noexcept { return row + 4 <= call.w.rows && col + 4 <= call.w.cols; }

  __device__ void store_out() const noexcept {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      if (row + i >= call.w.rows) return;
      float* out = call.out + (row + i) * call.w.cols + col;
      std::uint32_t y[4];
#pragma unroll
      for (unsigned j = 0; j < 4; ++j) y[j] = (kept >> (4 * i + j) & 1U) != 0 ? bits[i][j] : 0U;
      if (call.writes_vectors) {
        __stcs(reinterpret_cast<uint4*>(out), make_uint4(y[0], y[1], y[2], y[3]));
        continue;
      }
#pragma unroll
      for (unsigned j = 0; j < 4; ++j) {
        if (col + j < call.w.cols) out[j] = bit_cast<float>(y[j]);
      }
    }
  }
  /// Writes the values and returns the four codes of the metadata, the first row's lowest.
  [[nodiscard]] __device__ std::uint32_t store_values() const noexcept {
    std::uint32_t codes = 0;
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      if (row + i >= call.w.rows) return codes;
      const std::uint32_t mask = kept >> (4 * i) & 15U;
      const std::uint32_t code = metadata_2_4(mask);
      const auto stored = [&](std::uint32_t place) {
        const std::uint32_t x = place == 0 ? bits[i][0] : place == 1 ? bits[i][1] : place == 2 ? bits[i][2] : bits[i][3];
        return (mask >> place & 1U) != 0 ? x : 0U;
      };
      codes |= code << (4 * i);
      float* values = call.values + ((row + i) * call.blocks() + col / 4) * 2;
      if (call.writes_pairs) {
        __stcs(reinterpret_cast<uint2*>(values), make_uint2(stored(code & 3U), stored(code >> 2)));
      } else {
        values[0] = bit_cast<float>(stored(code & 3U));
        values[1] = bit_cast<float>(stored(code >> 2));
      }
    }
    return codes;
  }

 private:
  __device__ void read_mask() noexcept {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      if (row + i >= call.w.rows) return;
      const std::uint64_t word = call.given[(row + i) * (call.mask_halves() / 2) + col / 64];
      kept |= (static_cast<std::uint32_t>(word >> (col % 64)) & 15U) << (4 * i);
    }
  }
  __device__ void choose_mask(bool whole) noexcept {
    if (whole && call.method.sums == mask_sums::equal) {
      std::uint32_t magnitudes[16];
#pragma unroll
      for (unsigned k = 0; k < 16; ++k) magnitudes[k] = bits[k / 4][k % 4] & 0x7fff'ffffU;
      kept = __brev(choose_by_keys(magnitudes)) >> 16;
    }
    if (kept != 0) return;
    kept = choose_by_weights(call.w, call.method, row, col);
    make_nan_exact();
  }
  /// NaN as element_bits gives them. Keys leave blocks with NaN to weights.
  __device__ void make_nan_exact() noexcept {
    if constexpr (!std::is_same_v<T, float>) {
#pragma unroll
      for (unsigned k = 0; k < 16; ++k) {
        std::uint32_t& b = bits[k / 4][k % 4];
        if ((b & 0x7fff'ffffU) > 0x7f80'0000U) b = element_bits(call.w(row + k / 4, col + k % 4));
      }
    }
  }
};

/// Four bits of each of four rows from each lane become sixteen bits of one row in each: row lane % 4 of the four lanes
/// from lane - lane % 4 on. The whole warp takes part.
inline __device__ std::uint32_t turn_nibbles(std::uint32_t nibbles, unsigned lane) noexcept {
  // Rows 0 and 2 go to even lanes, 1 and 3 to odd ones.
  const bool odd = (lane & 1U) != 0;
  const std::uint32_t far = __shfl_xor_sync(0xffff'ffffU, odd ? nibbles & 0x0f0fU : nibbles >> 4 & 0x0f0fU, 1);
  const std::uint32_t near = odd ? nibbles >> 4 & 0x0f0fU : nibbles & 0x0f0fU;
  const std::uint32_t pair = odd ? far | near << 4 : near | far << 4;
  const bool upper = (lane & 2U) != 0;
  const std::uint32_t other = __shfl_xor_sync(0xffff'ffffU, upper ? pair & 0xffU : pair >> 8, 2);
  return upper ? other | (pair & 0xff00U) : (pair & 0xffU) | other << 8;
}

/// A warp takes 32 blocks side by side, a grid row a band of four rows of the matrix. Half as many bytes in flight for a
/// narrow element ask for twice as many threads.
template <class T>
__global__ void __launch_bounds__(cuda_threads, sizeof(T) == 2 ? 4 : 2)
    masked_kernel(const __grid_constant__ masked_call<T> call) {
  const unsigned lane = threadIdx.x % 32;
  for (std::size_t row = std::size_t{blockIdx.y} * 4; row < call.w.rows; row += std::size_t{gridDim.y} * 4) {
    for (std::size_t first = thread_index() - lane; first * 4 < call.w.cols; first += thread_count()) {
      const std::size_t col = (first + lane) * 4;
      std::uint32_t kept = 0;
      std::uint32_t codes = 0;
      if (col < call.w.cols) {
        const masked_block<T> block(call, row, col);
        kept = block.kept;
        if (call.out != nullptr) block.store_out();
        if (call.values != nullptr) codes = block.store_values();
      }
      const std::size_t own_row = row + lane % 4;
      const std::size_t place = (first + lane) / 4;  // of sixteen columns
      if (call.mask != nullptr) {
        const std::uint32_t low = turn_nibbles(kept, lane);
        const std::uint32_t high = __shfl_down_sync(0xffff'ffffU, low, 4);
        if ((lane & 4U) == 0 && own_row < call.w.rows && place / 2 < call.mask_halves()) {
          call.mask[own_row * call.mask_halves() + place / 2] = low | high << 16;
        }
      }
      if (call.values != nullptr) {
        const std::uint32_t word = turn_nibbles(codes, lane);
        const std::size_t words = pieces(call.blocks(), 4);
        if (own_row < call.w.rows && place < words) {
          call.metadata[own_row * words + place] = static_cast<std::uint16_t>(word);
        }
      }
    }
  }
}

template <class T>
void check_masked_result(const matrix_view<T>& w, const masked_result& result) {
  const auto check = [](const char* name, std::size_t size, std::size_t needed) {
    if (size == needed) return;
    throw_argument({name, " has ", size, " elements; it must have ", needed});
  };
  if (!result.mask.empty()) check("mask", result.mask.size(), w.rows * pieces(w.cols, 64));
  if (!result.out.empty()) check("out", result.out.size(), w.size());
  if (result.values.empty() && result.metadata.empty()) return;
  check("values", result.values.size(), w.rows * pieces(w.cols, 4) * 2);
  check("metadata", result.metadata.size(), w.rows * pieces(w.cols, 16));
}

template <class T>
cuda_status queue_masked(const cuda& device, const matrix_view<T>& w, const heaviest& method,
                         const std::uint64_t* given, const masked_result& result) {
  static_assert(is_chunk_type<T>, "masks on the device: w has elements of float, f16 or bf16");
  if (w.size() == 0) return cuda_status{};
  masked_call<T> call;
  call.w = w;
  call.method = method;
  call.given = given;
  call.mask = reinterpret_cast<std::uint32_t*>(result.mask.data());
  call.out = result.out.data();
  call.values = result.values.data();
  call.metadata = result.metadata.data();
  call.reads_vectors = w.col_stride == 1 && w.row_stride % 4 == 0 && is_aligned(w.data, 4 * sizeof(T));
  call.writes_vectors = w.cols % 4 == 0 && is_aligned(call.out, 16);
  call.writes_pairs = is_aligned(call.values, 8);
  const std::size_t across = smaller(pieces(pieces(w.cols, 4), cuda_threads), cuda_largest_grid);
  const std::size_t bands = smaller(pieces(w.rows, 4), 65535);
  const dim3 grid(static_cast<unsigned>(across), static_cast<unsigned>(bands));
  return launch_grid(device.stream, grid, cuda_threads, &masked_kernel<T>, call);
}

}  // namespace detail

/// Queues transposable_mask<2, 4>(w, method) and writes to device memory what of `result` is not empty: the mask, what it
/// keeps of w, and that compressed, in one pass over w. f16 and bf16 count as the float32 that they are. Rows of aligned
/// elements side by side are read fastest. Throws std::invalid_argument as that does, and for sizes that do not fit.
template <class T>
cuda_status keep_transposable(const cuda& device, const matrix_view<T>& w, const masked_result& result,
                              const heaviest& method = {}) {
  detail::check_view(w, "w");
  detail::check_mask_method(w, method);
  detail::check_masked_result(w, result);
  return detail::queue_masked(device, w, method, nullptr, result);
}

/// Queues transposable_mask<2, 4>(w, method) into `mask`, device memory of the layout of sparsity_mask::words().
template <std::size_t N, std::size_t M, class T>
cuda_status transposable_mask(const cuda& device, const matrix_view<T>& w, std::span<std::uint64_t> mask,
                              const heaviest& method = {}) {
  static_assert(N == 2 && M == 4, "transposable_mask<N, M> on the device: N is 2 and M is 4");
  detail::check_view(w, "w");
  if (w.size() != 0 && mask.empty()) detail::throw_argument("mask is empty");
  return keep_transposable(device, w, {.mask = mask}, method);
}

/// Queues apply_mask(mask, w, out) for a mask of any pattern; `mask` has the words of a sparsity_mask of the shape of w.
template <class T>
cuda_status apply_mask(const cuda& device, std::span<const std::uint64_t> mask, const matrix_view<T>& w,
                       std::span<float> out) {
  detail::check_view(w, "w");
  if (w.size() != 0 && out.empty()) detail::throw_argument("out is empty");
  if (mask.size() != w.rows * detail::pieces(w.cols, 64)) {
    detail::throw_argument({"mask has ", mask.size(), " words; it must have ", w.rows * detail::pieces(w.cols, 64)});
  }
  detail::check_masked_result(w, {.out = out});
  return detail::queue_masked(device, w, heaviest{}, mask.data(), {.out = out});
}

/// Queues compress_2_4(mask, w, values, metadata), but a row of a block whose mask keeps more than two positions is not
/// refused: the two lowest are stored.
template <class T>
cuda_status compress_2_4(const cuda& device, std::span<const std::uint64_t> mask, const matrix_view<T>& w,
                         std::span<float> values, std::span<std::uint16_t> metadata) {
  detail::check_view(w, "w");
  if (w.size() != 0 && values.empty()) detail::throw_argument("values is empty");
  if (mask.size() != w.rows * detail::pieces(w.cols, 64)) {
    detail::throw_argument({"mask has ", mask.size(), " words; it must have ", w.rows * detail::pieces(w.cols, 64)});
  }
  const masked_result result{.values = values, .metadata = metadata};
  detail::check_masked_result(w, result);
  return detail::queue_masked(device, w, heaviest{}, mask.data(), result);
}

}  // namespace v0
}  // namespace nibble
