// SPDX-License-Identifier: Apache-2.0
//
// Row-wise and column-wise quantization under the default recipe in one pass over the input. A thread block takes a
// tile of 64 x 64 elements: it quantizes the rows as they arrive, leaves elements and random words in shared memory,
// and quantizes the columns from there, a block of one column, or of two that share words, for each thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/hadamard.cuh>
#include <nibble/cuda/tile_memory.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Both calls; one without codes is left out. The first is row-wise, the second column-wise; both round alike.
struct tile_calls {
  quantize_call rows, columns;
  std::size_t row_stride = 0, source_rows = 0, source_cols = 0;
  random_stream stream{};
  std::uint64_t first_element = 0;
};

/// The sign bits of eight words of two elements: those of the lower ones, and of the upper ones, as gather_signs.
inline __device__ void pair_signs(const std::uint32_t* w, std::uint32_t (&signs)[2]) noexcept {
  std::uint32_t fours[2][2];  // of even and of odd words: the lower elements of four in two bytes, then the upper ones
#pragma unroll
  for (unsigned k = 0; k < 2; ++k) {
    fours[k][0] = select_bytes<0xfbd9U>(w[k], w[k + 2]);
    fours[k][1] = select_bytes<0xfbd9U>(w[k + 4], w[k + 6]);
  }
  signs[0] =
      nibble_signs(select_bytes<0x5410U>(fours[0][0], fours[0][1]), select_bytes<0x5410U>(fours[1][0], fours[1][1]));
  signs[1] =
      nibble_signs(select_bytes<0x7632U>(fours[0][0], fours[0][1]), select_bytes<0x7632U>(fours[1][0], fours[1][1]));
}

/// The work of one thread on tiles above each other.
template <block_format F, class T, class Rounding>
class tile_worker {
 public:
  static constexpr int drawn = Rounding::random_bits;
  static constexpr bool nibbles = F.packing.slot_bits == 4;
  static constexpr unsigned size = static_cast<unsigned>(F.block_size);
  static constexpr unsigned sides = tile_columns<T>;
  using run = element_run<F, T, Rounding>;
  using memory = tile_memory<F, T, drawn>;

  __device__ tile_worker(const T* x, const tile_calls& calls, memory& shared, std::size_t row, std::size_t col) noexcept
      : calls_(calls),
        shared_(shared),
        row_(row),
        col_(col),
        rows_left_(inside(calls.source_rows - row, tile_rounds * tile_side)),
        cols_inside_(inside(calls.source_cols - col, tile_side)),
        row_scaling_(scaling_of(calls.rows)),
        column_scaling_(scaling_of(calls.columns)),
        from_(x + (row + send_row()) * calls.row_stride + col + send_col()),
        row_codes_(calls.rows.codes + (row + run_row(0)) * calls.rows.code_stride +
                   (col + run_col()) * static_cast<unsigned>(F.packing.slot_bits) / 8),
        row_scales_(static_cast<std::uint8_t*>(calls.rows.scales) + (row + run_row(0)) * calls.rows.scale_stride +
                    (col + run_col()) / size),
        element_((row + run_row(0)) * calls.source_cols + col + run_col() + calls.first_element) {}

  /// `rounds` tiles.
  __device__ void run_tiles(unsigned rounds) {
    const unsigned all = rows_left_ < rounds * tile_side ? rows_left_ : rounds * tile_side;
    const std::size_t first_row = row_;
    rows_left_ = all;
    send(0);
    for (unsigned tile = 0;; ++tile) {
      constexpr unsigned kept = memory::kept;
      const bool is_last = rows_left_ <= tile_side;
      const unsigned rows = is_last ? rows_left_ : tile_side;
      buffer_ = tile % memory::tiles;
      word_buffer_ = tile % memory::word_tiles;
      finish_copies();
      __syncwarp();
      from_ += tile_side * calls_.row_stride;
      // What comes next is on its way while this is worked on.
      const bool sends_early = calls_.columns.codes == nullptr && memory::tiles == 2;
      if (sends_early && !is_last) send(tile + 1);
      quantize_rows();
      if (calls_.columns.codes != nullptr) {
        __syncthreads();
        if (memory::tiles == 2 && !is_last) send(tile + 1);
        const unsigned before = tile % kept * tile_side;
        quantize_columns(tile, before);
        const bool stores = tile % kept == kept - 1 || is_last;
        if (stores || memory::tiles == 1 || memory::word_tiles == 1) __syncthreads();
        if (stores) shared_.output.store_codes(calls_.columns, row_ - before, col_, before + rows, cols_inside_);
      } else if (!sends_early) {
        __syncwarp();
      }
      if (is_last) break;
      if (memory::tiles == 1) send(tile + 1);
      advance();
    }
    if (calls_.columns.codes != nullptr) {
      shared_.output.store_scales(calls_.columns, first_row, col_, all, cols_inside_);
    }
  }

 private:
  static constexpr unsigned runs_count = tile_side * tile_runs / tile_threads;
  static constexpr unsigned run_rows = tile_threads / tile_runs;  ///< between them

  /// Row in the tile of this thread's i-th run, its first column, and whether it is in the matrix.
  [[nodiscard]] static __device__ unsigned run_row(unsigned i) noexcept {
    return i * run_rows + threadIdx.x / tile_runs;
  }
  [[nodiscard]] static __device__ unsigned run_col() noexcept { return threadIdx.x % tile_runs * run_elements; }
  [[nodiscard]] __device__ bool is_inside(unsigned i) const noexcept {
    return run_row(i) < rows_left_ && run_col() < cols_inside_;
  }
  [[nodiscard]] static __device__ tensor_scaling scaling_of(const quantize_call& call) noexcept {
    return call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  }

  /// Sends for the elements of tile `tile`, which is the one at from_. A warp sends for the rows of its own runs, whole
  /// sectors at a time.
  __device__ void send(unsigned tile) noexcept {
    constexpr unsigned units = tile_rows<sizeof(T) * 8>::row_units;
    constexpr unsigned step = 32 / units;  // rows
    const unsigned rows_ahead = tile == 0 ? rows_left_ : rows_left_ - tile_side;
    auto& to = shared_.elements[tile % memory::tiles];
    const unsigned unit = threadIdx.x % units;
#pragma unroll
    for (unsigned i = 0; i < runs_count; ++i) {
#pragma unroll
      for (unsigned k = 0; k < 32 / tile_runs / step; ++k) {
        const unsigned row = send_row() + i * run_rows + k * step;
        const bool wanted = row < rows_ahead && unit * (16 / sizeof(T)) < cols_inside_;
        copy_ahead(to.at(row, unit / (units / tile_runs), unit % (units / tile_runs)),
                   from_ + (wanted ? (i * run_rows + k * step) * calls_.row_stride : 0), wanted);
      }
    }
  }
  /// The first row for which this thread sends.
  [[nodiscard]] static __device__ unsigned send_row() noexcept {
    return threadIdx.x / 32 * (32 / tile_runs) + threadIdx.x % 32 / tile_rows<sizeof(T) * 8>::row_units;
  }
  [[nodiscard]] static __device__ unsigned send_col() noexcept {
    return threadIdx.x % tile_rows<sizeof(T) * 8>::row_units * static_cast<unsigned>(16 / sizeof(T));
  }
  /// To the tile below; from_ is there.
  __device__ void advance() noexcept {
    row_ += tile_side;
    row_codes_ += tile_side * calls_.rows.code_stride;
    row_scales_ += tile_side * calls_.rows.scale_stride;
    element_ += tile_side * calls_.source_cols;
    rows_left_ -= tile_side;
  }

  __device__ void quantize_rows() {
#pragma unroll
    for (unsigned i = 0; i < runs_count; ++i) {
      if (calls_.rows.codes != nullptr) {
        run own;
        constexpr unsigned each = raw_chunk<T>::count;
#pragma unroll
        for (unsigned k = 0; k < 2 * each; ++k) {
          own.raw[k / each].vectors[k % each] = shared_.elements[buffer_].at(run_row(i), threadIdx.x % tile_runs, k);
        }
        quantize_run(i, own);
      } else if constexpr (drawn != 0) {
        random_eight<drawn> random[2];
        draw(i, random);
      }
    }
  }
  /// The random words of the i-th run, left in shared memory too.
  __device__ void draw(unsigned i, random_eight<drawn> (&random)[2]) noexcept {
    if constexpr (drawn != 0) {
      draw_sixteen(calls_.stream, (element_ + i * run_rows * calls_.source_cols) / chunk_elements, random);
      if (calls_.columns.codes == nullptr) return;
      constexpr unsigned each = drawn / 4;  // words
#pragma unroll
      for (unsigned k = 0; k < 2 * each; k += 4) {
        const auto word = [&](unsigned j) { return random[(k + j) / each].words[(k + j) % each]; };
        shared_.words[word_buffer_].at(run_row(i), threadIdx.x % tile_runs, k / 4) =
            make_uint4(word(0), word(1), word(2), word(3));
      }
    }
  }

  __device__ void quantize_run(unsigned i, run& own) {
    const quantize_call& call = calls_.rows;
    const block_multiplier multiplier = own.prepare(call.hadamard.wanted, call.hadamard, row_scaling_);
    const bool stores = is_inside(i);
    if (stores && threadIdx.x % run::lanes == 0) {
      std::uint8_t* place = row_scales_ + i * run_rows * call.scale_stride;
      if (call.tiled_scales) {
        place = static_cast<std::uint8_t*>(call.scales) +
                tiled_scale_offset(row_ + run_row(i), (col_ + run_col()) / size, call.cols / size);
      }
      *place = static_cast<std::uint8_t>(multiplier.code);
    }
    random_eight<drawn> random[2];
    draw(i, random);
    packed_chunk codes[2];
    own.pack(multiplier.operand, random, codes);
    if (stores) store_run<nibbles>(row_codes_ + i * run_rows * call.code_stride, codes);
  }

  /// 16 rows of a column, or of two, at a time. Where they are half of a block, the lane 16 lanes away has the other.
  __device__ void quantize_columns(unsigned tile, unsigned before) {
    constexpr unsigned across = 32 / run::lanes;  // items side by side in a warp
    constexpr unsigned bands = tile_side / sides / across;
#pragma unroll
    for (unsigned k = 0; k < tile_side * tile_side / (sides * 16 * tile_threads); ++k) {
      const unsigned w = threadIdx.x / 32 + k * (tile_threads / 32);
      const unsigned lane = threadIdx.x % 32;
      quantize_column((w % bands * across + lane % across) * sides, w / bands * size + lane / across * 16, tile,
                      before);
    }
  }

  /// Words as the random_column of a side takes them.
  struct column_words {
    std::uint32_t words[drawn == 32 ? sides : 1][drawn == 0 ? 1 : 16];
  };
  __device__ void load_words(unsigned first, unsigned col, column_words& w) const noexcept {
    if constexpr (drawn == 32) {
#pragma unroll
      for (unsigned i = 0; i < sides * 16; ++i) {
        w.words[i % sides][i / sides] =
            shared_.words[word_buffer_].template word<std::uint32_t>(first, i / sides, (col + i % sides) * 4);
      }
    } else if constexpr (drawn != 0) {
#pragma unroll
      for (unsigned i = 0; i < 16; ++i) {
        if constexpr (drawn == 16) {
          w.words[0][i] = shared_.words[word_buffer_].template word<std::uint32_t>(first, i, col / 2 * 4);
        } else {
          w.words[0][i] =
              __byte_perm(shared_.words[word_buffer_].template word<std::uint16_t>(first, i, col / 2 * 2), 0U, 0x1404U);
        }
      }
    }
  }

  /// Rows first to first + 15 of the columns from `col` on.
  __device__ void quantize_column(unsigned col, unsigned first, unsigned tile, unsigned before) {
    const quantize_call& call = calls_.columns;
    std::uint32_t raw[16];
#pragma unroll
    for (unsigned i = 0; i < 16; ++i) {
      raw[i] = shared_.elements[buffer_].template word<std::uint32_t>(first, i, col * static_cast<unsigned>(sizeof(T)));
    }
    column_words words;
    load_words(first, col, words);
    std::uint32_t both = 0;
    if constexpr (sides == 2) {
      constexpr bool bfloat = std::is_same_v<T, bf16>;
      both = larger_magnitudes<bfloat>(raw[0], raw[1]);
#pragma unroll
      for (unsigned i = 2; i < 16; ++i) both = larger_magnitudes<bfloat>(both, raw[i]);
    }
#pragma unroll
    for (unsigned side = 0; side < sides; ++side) {
      std::uint32_t bits[2][chunk_elements];
      std::uint32_t signs[2];
      std::uint32_t amax;
#pragma unroll
      for (unsigned i = 0; i < 16; ++i) {
        bits[i / 8][i % 8] = element_of(raw[i], side);
      }
      if (call.hadamard.wanted) {
        hadamard_16(bits, call.hadamard);
        amax = run_amax(bits);
#pragma unroll
        for (unsigned k = 0; k < 2; ++k) signs[k] = gather_signs(bits[k]);
      } else {
        amax = sides == 2 ? element_of(both, side) & 0x7fff'ffffU : run_amax(bits);
#pragma unroll
        for (unsigned k = 0; k < 2; ++k) {
          if constexpr (sides == 2) {
            std::uint32_t of_pair[2];
            pair_signs(raw + 8 * k, of_pair);
            signs[k] = of_pair[side];
          } else {
            signs[k] = gather_signs(bits[k]);
          }
        }
      }
      if constexpr (run::lanes == 2) amax = larger_magnitude(amax, __shfl_xor_sync(0xffff'ffffU, amax, 16));
      const block_multiplier own = make_block_multiplier<F>(column_scaling_, amax);
      if (first % size == 0)
        shared_.output.scales[tile][col + side][first / size] = static_cast<std::uint8_t>(own.code);
      pack_column(col + side, before + first, bits, signs, own.operand, words);
    }
  }
  /// The binary32 bits of an element of a word.
  [[nodiscard]] static __device__ std::uint32_t element_of(std::uint32_t word, unsigned side) noexcept {
    if constexpr (sides == 1) return word;
    if constexpr (std::is_same_v<T, bf16>) return side == 0 ? word << 16 : word & 0xffff'0000U;
    return half_to_bits(static_cast<std::uint16_t>(side == 0 ? word : word >> 16));
  }
  __device__ void pack_column(unsigned col, unsigned row, const std::uint32_t (&bits)[2][8],
                              const std::uint32_t (&signs)[2], std::uint32_t operand,
                              const column_words& words) noexcept {
    constexpr special_codes special = run_special<F, Rounding>();
    packed_chunk codes[2];
#pragma unroll
    for (unsigned k = 0; k < 2; ++k) {
      random_column<drawn> random;
      if constexpr (drawn != 0) {
        random.odd = col % 2;
#pragma unroll
        for (unsigned i = 0; i < chunk_elements; ++i) {
          random.words[i] = words.words[drawn == 32 ? col % sides : 0][8 * k + i];
        }
      }
      codes[k] = pack_products<Rounding, F.element, nibbles>(bits[k], signs[k], operand, special, random);
      if (operand > 0x7f80'0000U) codes[k] = repeated_code<nibbles>(special.nan[0]);
    }
    shared_.output.put(col, row, codes);
  }

  [[nodiscard]] static __device__ unsigned inside(std::size_t left, unsigned most) noexcept {
    return left < most ? static_cast<unsigned>(left) : most;
  }

  const tile_calls& calls_;
  memory& shared_;
  std::size_t row_, col_;  ///< where the tile in work begins
  unsigned rows_left_;     ///< from there on
  unsigned cols_inside_;
  unsigned buffer_ = 0, word_buffer_ = 0;  ///< of shared memory, for that tile
  tensor_scaling row_scaling_, column_scaling_;
  const T* from_;             ///< what this thread sends for first
  std::uint8_t* row_codes_;   ///< the first run's codes
  std::uint8_t* row_scales_;  ///< and scale, unless scales are in tiles
  std::uint64_t element_;     ///< its first element's place in the stream
};

/// Thread blocks that a multiprocessor holds at least.
template <class T, class Rounding>
inline constexpr unsigned tile_residents = Rounding::random_bits == 32  ? 4
                                           : Rounding::random_bits != 0 ? (sizeof(T) == 2 ? 5 : 4)
                                           : sizeof(T) == 2             ? 7
                                                                        : 5;

/// The grid has a column for each column of tiles, and a row for each `rounds` rows of tiles.
template <block_format F, class T, class Rounding>
__global__ void __launch_bounds__(tile_threads, tile_residents<T, Rounding>)
    tile_kernel(block_format, const T* __restrict__ x, const __grid_constant__ tile_calls calls, unsigned rounds) {
  using worker = tile_worker<F, T, Rounding>;
  __shared__ typename worker::memory shared;
  if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0) {
    for (const quantize_call* call : {&calls.rows, &calls.columns}) {
      if (call->codes == nullptr || call->tensor_scale == nullptr) continue;
      const tensor_scaling& scaling = call->device_scaling != nullptr ? *call->device_scaling : call->scaling;
      *call->tensor_scale = static_cast<float>(scaling.decode);
    }
  }
  worker(x, calls, shared, std::size_t{blockIdx.y} * rounds * tile_side, std::size_t{blockIdx.x} * tile_side)
      .run_tiles(rounds);
}

/// Queues tile_kernel for a source that takes_tile_source.
template <block_format F, class T, class Rounding>
cuda_status launch_tiles(cudaStream_t stream, const T* x, const tile_calls& calls) {
  const std::size_t across = pieces(calls.source_cols, tile_side);
  const std::size_t down = pieces(calls.source_rows, tile_side);
  // One tile for a thread block where there are few of them, unless the grid has no room for so many rows.
  const std::size_t shared_out = across * down / 4096;
  std::size_t rounds = shared_out < 1 ? 1 : shared_out < tile_rounds ? shared_out : tile_rounds;
  if (pieces(down, rounds) > cuda_largest_rows) rounds = tile_rounds;
  const dim3 grid(static_cast<unsigned>(across), static_cast<unsigned>(pieces(down, rounds)));
  return launch_grid(stream, grid, tile_threads, &tile_kernel<F, T, Rounding>, F, x, calls,
                     static_cast<unsigned>(rounds));
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
