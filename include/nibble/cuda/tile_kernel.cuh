// SPDX-License-Identifier: Apache-2.0
//
// Row-wise and column-wise quantization under the default recipe in one pass over the input. A thread block takes a
// tile of 64 x 64 elements: it quantizes the rows as they arrive, leaves elements and random words in shared memory,
// and quantizes the columns from there, a block of a column for each thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/hadamard.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Rows and columns of a tile.
inline constexpr unsigned tile_side = 64;
/// Tiles above each other that follow in the grid, so that the pieces of a sector of the output meet in the cache.
inline constexpr unsigned tile_group = 8;

/// One thread for each block of a row, and later of a column.
template <block_format F>
inline constexpr unsigned tile_threads = tile_side* tile_side / static_cast<unsigned>(F.block_size);

/// Both calls; one without codes is left out. The first is row-wise, the second column-wise; both round alike.
struct tile_calls {
  quantize_call rows, columns;
  std::size_t row_stride = 0, source_rows = 0, source_cols = 0;
  random_stream stream{};
  std::uint64_t first_element = 0;
};

/// The place of elements [4 unit, 4 unit + 4) of a float32 row in a row of shared memory, in units of 16 bytes: chunks
/// are written, and columns read, by eight threads at a time without a conflict of banks.
inline __device__ unsigned tile_unit(unsigned unit) noexcept {
  return ((unit >> 1) ^ (unit & 1U) * 4) + (unit & 1U) * 8;
}

/// A tile's elements as they are stored.
template <class T>
struct element_tile {
  uint4 memory[tile_side * tile_side * sizeof(T) / 16];
  static constexpr unsigned row_units = tile_side * sizeof(T) / 16;

  __device__ void put(unsigned row, unsigned chunk, const raw_chunk<T>& raw) noexcept {
    if constexpr (sizeof(T) == 4) {
      memory[row * row_units + tile_unit(2 * chunk)] = raw.vectors[0];
      memory[row * row_units + tile_unit(2 * chunk + 1)] = raw.vectors[1];
    } else {
      memory[row * row_units + chunk] = raw.vectors[0];
    }
  }
  /// Bits of `Count` elements of a column from row `first` on.
  template <unsigned Count>
  __device__ void column(unsigned first, unsigned col, std::uint32_t (&bits)[Count]) const noexcept {
    const unsigned at = sizeof(T) == 4 ? tile_unit(col / 4) * 4 + col % 4 : col;
    const T* elements = reinterpret_cast<const T*>(memory) + first * tile_side + at;
#pragma unroll
    for (unsigned i = 0; i < Count; ++i) bits[i] = raw_element_bits(elements[i * tile_side]);
  }
};

/// A tile's random words, right-aligned where they are read.
template <int Bits>
struct word_tile {
  std::uint32_t memory[tile_side * tile_side * Bits / 32];

  __device__ void put(unsigned row, unsigned chunk, const random_eight<Bits>& random) noexcept {
    constexpr unsigned words = Bits / 4;
#pragma unroll
    for (unsigned i = 0; i < words; i += 2) {
      *reinterpret_cast<uint2*>(memory + row * (tile_side * Bits / 32) + chunk * words + i) =
          make_uint2(random.words[i], random.words[i + 1]);
    }
  }
  [[nodiscard]] __device__ std::uint32_t word(unsigned row, unsigned col) const noexcept {
    const unsigned at = row * tile_side + col;
    if constexpr (Bits == 8) return reinterpret_cast<const std::uint8_t*>(memory)[at];
    if constexpr (Bits == 16) return reinterpret_cast<const std::uint16_t*>(memory)[at];
    return memory[at];
  }
};
template <>
struct word_tile<0> {
  __device__ void put(unsigned, unsigned, const random_eight<0>&) noexcept {}
  [[nodiscard]] __device__ std::uint32_t word(unsigned, unsigned) const noexcept { return 0; }
};

/// The words of eight elements of a column, with the members of random_eight.
template <int Bits>
struct random_column {
  std::uint32_t words[8];
  [[nodiscard]] __device__ std::uint32_t of(unsigned i) const noexcept { return words[i]; }
  [[nodiscard]] __device__ std::uint32_t add_fraction(unsigned i, std::uint32_t sum) const noexcept {
    return sum + (Bits == 32 ? words[i] >> 10 : words[i] << (22 - Bits));
  }
};

/// What the columns of a tile become, until it is written in whole sectors.
template <block_format F>
struct column_output {
  static constexpr unsigned code_bytes = tile_side * static_cast<unsigned>(F.packing.slot_bits) / 8;
  static constexpr unsigned pitch = code_bytes + 8;
  static constexpr unsigned scale_count = tile_side / static_cast<unsigned>(F.block_size);
  uint2 codes[tile_side * pitch / 8];
  std::uint8_t scales[tile_side][scale_count];

  __device__ void put(unsigned col, unsigned chunk, const packed_chunk& c) noexcept {
    constexpr bool nibbles = F.packing.slot_bits == 4;
    auto* place = reinterpret_cast<std::uint8_t*>(codes) + col * pitch + chunk * (nibbles ? 4U : 8U);
    if constexpr (nibbles) {
      *reinterpret_cast<std::uint32_t*>(place) = c.low;
    } else {
      *reinterpret_cast<uint2*>(place) = make_uint2(c.low, c.high);
    }
  }
  /// Writes `rows` rows and `cols` columns of the tile whose first element is (row, col) of the source.
  __device__ void store(const quantize_call& call, std::size_t row, std::size_t col, unsigned rows,
                        unsigned cols) const noexcept {
    constexpr unsigned units = code_bytes / 8;
    constexpr unsigned unit_rows = tile_side / units;
    for (unsigned u = threadIdx.x; u < tile_side * units; u += tile_threads<F>) {
      const unsigned c = u / units;
      const unsigned part = u % units;
      if (c >= cols || part * unit_rows >= rows) continue;
      std::uint8_t* out = call.codes + (col + c) * call.code_stride + row / unit_rows * 8;
      __stcs(reinterpret_cast<uint2*>(out) + part, codes[c * (pitch / 8) + part]);
    }
    const unsigned c = threadIdx.x;
    if (c >= cols) return;
    constexpr std::size_t size = static_cast<std::size_t>(F.block_size);
    const std::size_t first = row / size;
    auto* out = static_cast<std::uint8_t*>(call.scales) + (call.tiled_scales
                                                               ? tiled_scale_offset(col + c, first, call.cols / size)
                                                               : (col + c) * call.scale_stride + first);
    const unsigned left = rows / static_cast<unsigned>(size);
    if (left >= scale_count && reinterpret_cast<std::uintptr_t>(out) % scale_count == 0) {
      if constexpr (scale_count == 4) {
        *reinterpret_cast<std::uint32_t*>(out) = *reinterpret_cast<const std::uint32_t*>(scales[c]);
      } else {
        *reinterpret_cast<std::uint16_t*>(out) = *reinterpret_cast<const std::uint16_t*>(scales[c]);
      }
    } else {
      for (unsigned i = 0; i < scale_count && i < left; ++i) out[i] = scales[c][i];
    }
  }
};

template <block_format F, class T, int Bits>
struct tile_memory {
  element_tile<T> elements;
  word_tile<Bits> words;
  column_output<F> output;
};

/// The work of one thread on one tile.
template <block_format F, class T, class Rounding>
class tile_worker {
 public:
  static constexpr int bits = Rounding::random_bits;
  static constexpr int lanes = F.block_size / static_cast<int>(chunk_elements);
  static constexpr bool nibbles = F.packing.slot_bits == 4;
  static constexpr unsigned row_chunks = tile_side / chunk_elements;
  using memory = tile_memory<F, T, bits>;

  __device__ tile_worker(const T* x, const tile_calls& calls, memory& shared, std::size_t row, std::size_t col) noexcept
      : x_(x),
        calls_(calls),
        shared_(shared),
        row_(row),
        col_(col),
        rows_inside_(inside(calls.source_rows - row)),
        cols_inside_(inside(calls.source_cols - col)) {}

  __device__ void run() {
    std::uint32_t values[lanes][chunk_elements];
    load(values);
    if (calls_.rows.codes != nullptr) {
      quantize_rows(values);
    } else if constexpr (bits != 0) {
#pragma unroll
      for (int i = 0; i < lanes; ++i) draw(i);
    }
    if (calls_.columns.codes == nullptr) return;
    __syncthreads();
    quantize_column();
    __syncthreads();
    shared_.output.store(calls_.columns, row_, col_, rows_inside_, cols_inside_);
  }

 private:
  /// Row and chunk in the tile of this thread's i-th chunk.
  [[nodiscard]] static __device__ unsigned chunk_row(int i) noexcept {
    return (static_cast<unsigned>(i) * tile_threads<F> + threadIdx.x) / row_chunks;
  }
  [[nodiscard]] static __device__ unsigned chunk_place() noexcept { return threadIdx.x % row_chunks; }
  [[nodiscard]] __device__ bool is_inside(unsigned row, unsigned col) const noexcept {
    return row < rows_inside_ && col < cols_inside_;
  }
  [[nodiscard]] static __device__ special_codes special() noexcept {
    constexpr special_codes codes =
        make_special_codes(F.element, bits == 0 ? rounding_mode::nearest_even : rounding_mode::stochastic,
                           overflow::saturate, recipe{}.policy, false);
    return codes;
  }
  [[nodiscard]] static __device__ tensor_scaling scaling_of(const quantize_call& call) noexcept {
    return call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  }

  __device__ void load(std::uint32_t (&values)[lanes][chunk_elements]) {
    raw_chunk<T> raw[lanes];
#pragma unroll
    for (int i = 0; i < lanes; ++i) {
      const unsigned col = chunk_place() * chunk_elements;
      if (is_inside(chunk_row(i), col)) {
        raw[i].load(x_ + (row_ + chunk_row(i)) * calls_.row_stride + col_ + col);
      }
    }
#pragma unroll
    for (int i = 0; i < lanes; ++i) {
      if (calls_.columns.codes != nullptr) shared_.elements.put(chunk_row(i), chunk_place(), raw[i]);
      raw[i].widen(values[i]);
    }
  }

  /// The random words of the i-th chunk, left in shared memory too.
  __device__ random_eight<bits> draw(int i) {
    const std::size_t element = (row_ + chunk_row(i)) * calls_.source_cols + col_ + chunk_place() * chunk_elements;
    const random_eight<bits> random(calls_.stream, element + calls_.first_element);
    if (calls_.columns.codes != nullptr) shared_.words.put(chunk_row(i), chunk_place(), random);
    return random;
  }

  __device__ void quantize_rows(std::uint32_t (&values)[lanes][chunk_elements]) {
    const quantize_call& call = calls_.rows;
    const unsigned lane = threadIdx.x % 32;
    std::uint32_t largest[lanes];
#pragma unroll
    for (int i = 0; i < lanes; ++i) {
      if (call.hadamard.wanted) hadamard_8_and_8(values[i], hadamard_half(call.hadamard, lane));
      largest[i] = chunk_amax(values[i]);
    }
    const block_multiplier own = make_block_multiplier<F>(scaling_of(call), exchange_maximum<lanes>(largest, lane));
    const unsigned own_row = chunk_row(static_cast<int>(lane) % lanes);
    const unsigned own_block = chunk_place() / static_cast<unsigned>(lanes);
    if (is_inside(own_row, own_block * static_cast<unsigned>(F.block_size))) {
      const std::size_t row = row_ + own_row;
      const std::size_t block = col_ / static_cast<std::size_t>(F.block_size) + own_block;
      const std::size_t at = call.tiled_scales
                                 ? tiled_scale_offset(row, block, call.cols / static_cast<std::size_t>(F.block_size))
                                 : row * call.scale_stride + block;
      static_cast<std::uint8_t*>(call.scales)[at] = static_cast<std::uint8_t>(own.code);
    }
#pragma unroll
    for (int i = 0; i < lanes; ++i) {
      const std::uint32_t operand = __shfl_sync(0xffff'ffffU, own.operand, (static_cast<int>(lane) & ~(lanes - 1)) | i);
      packed_chunk codes = pack_products<Rounding, F.element, nibbles>(values[i], operand, special(), draw(i));
      if (operand > 0x7f80'0000U) codes = repeated_code<nibbles>(special().nan[0]);
      const unsigned col = chunk_place() * chunk_elements;
      if (is_inside(chunk_row(i), col)) {
        store_packed_chunk<nibbles>(call.codes + (row_ + chunk_row(i)) * call.code_stride,
                                    (col_ + col) / chunk_elements, codes);
      }
    }
  }

  __device__ void quantize_column() {
    const quantize_call& call = calls_.columns;
    constexpr unsigned size = static_cast<unsigned>(F.block_size);
    const unsigned col = threadIdx.x % tile_side;
    const unsigned block = threadIdx.x / tile_side;
    std::uint32_t values[lanes][chunk_elements];
#pragma unroll
    for (int i = 0; i < lanes; ++i)
      shared_.elements.column(block * size + static_cast<unsigned>(i) * 8, col, values[i]);
    if (call.hadamard.wanted) {
#pragma unroll
      for (int i = 0; i < lanes; i += 2) {
        std::uint32_t y[hadamard_lanes];
#pragma unroll
        for (unsigned k = 0; k < hadamard_lanes; ++k) y[k] = values[i + static_cast<int>(k / 8)][k % 8];
        hadamard_16(y, call.hadamard);
#pragma unroll
        for (unsigned k = 0; k < hadamard_lanes; ++k) values[i + static_cast<int>(k / 8)][k % 8] = y[k];
      }
    }
    std::uint32_t largest = chunk_amax(values[0]);
#pragma unroll
    for (int i = 1; i < lanes; ++i) largest = larger_magnitude(largest, chunk_amax(values[i]));
    const block_multiplier own = make_block_multiplier<F>(scaling_of(call), largest);
    shared_.output.scales[col][block] = static_cast<std::uint8_t>(own.code);
#pragma unroll
    for (int i = 0; i < lanes; ++i) {
      const unsigned first = block * size + static_cast<unsigned>(i) * 8;
      random_column<bits> random;
#pragma unroll
      for (unsigned k = 0; k < chunk_elements; ++k) random.words[k] = shared_.words.word(first + k, col);
      packed_chunk codes = pack_products<Rounding, F.element, nibbles>(values[i], own.operand, special(), random);
      if (own.operand > 0x7f80'0000U) codes = repeated_code<nibbles>(special().nan[0]);
      shared_.output.put(col, first / 8, codes);
    }
  }

  [[nodiscard]] static __device__ unsigned inside(std::size_t left) noexcept {
    return left < tile_side ? static_cast<unsigned>(left) : tile_side;
  }

  const T* x_;
  const tile_calls& calls_;
  memory& shared_;
  std::size_t row_, col_;
  unsigned rows_inside_, cols_inside_;
};

/// The grid has a column of tile_group tiles for each blockIdx.x / tile_group, and a row of such groups for each
/// blockIdx.y.
template <block_format F, class T, class Rounding>
__global__ void __launch_bounds__(tile_threads<F>)
    tile_kernel(block_format, const T* __restrict__ x, const __grid_constant__ tile_calls calls) {
  using worker = tile_worker<F, T, Rounding>;
  __shared__ typename worker::memory shared;
  if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0) {
    for (const quantize_call* call : {&calls.rows, &calls.columns}) {
      if (call->codes == nullptr || call->tensor_scale == nullptr) continue;
      const tensor_scaling& scaling = call->device_scaling != nullptr ? *call->device_scaling : call->scaling;
      *call->tensor_scale = static_cast<float>(scaling.decode);
    }
  }
  const std::size_t row = (std::size_t{blockIdx.y} * tile_group + blockIdx.x % tile_group) * tile_side;
  const std::size_t col = std::size_t{blockIdx.x / tile_group} * tile_side;
  if (row < calls.source_rows) worker(x, calls, shared, row, col).run();
}

/// Queues tile_kernel for a source that takes_tile_source.
template <block_format F, class T, class Rounding>
cuda_status launch_tiles(cudaStream_t stream, const T* x, const tile_calls& calls) {
  const dim3 grid(static_cast<unsigned>(pieces(calls.source_cols, tile_side) * tile_group),
                  static_cast<unsigned>(pieces(calls.source_rows, tile_side * tile_group)));
  return launch_grid(stream, grid, tile_threads<F>, &tile_kernel<F, T, Rounding>, F, x, calls);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
