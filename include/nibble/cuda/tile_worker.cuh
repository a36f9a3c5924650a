// SPDX-License-Identifier: Apache-2.0
//
// What a thread of tile_kernel does: rows of a tile of elements from shared memory, then columns of it.
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
  // Bytes between scales of rows: of rows 32 apart in a tile of elements, and of that tile and the next one, which
  // begins a tile of scales of 128 rows or its second half.
  std::size_t scale_step = 0, scale_advance[2] = {};
  std::uint32_t upper = 1U << 16;  ///< for raw_chunk::widen
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

/// x, computed here: compilers would compute places anew in each tile.
inline __device__ unsigned settled(unsigned x) noexcept {
  asm volatile("" : "+r"(x));
  return x;
}

/// Which calls want a transform: none, that of columns, or what they say.
enum class tile_transforms : std::uint8_t { none, columns, any };

/// The work of one thread on tiles above each other.
template <block_format F, class T, class Rounding, tile_transforms Transforms>
class tile_worker {
 public:
  static constexpr int drawn = Rounding::random_bits;
  static constexpr bool nibbles = F.packing.slot_bits == 4;
  static constexpr unsigned size = static_cast<unsigned>(F.block_size);
  static constexpr unsigned sides = tile_columns<T>;
  using run = element_run<F, T, Rounding>;
  using memory = tile_memory<F, T, drawn>;
  using elements = tile_rows<sizeof(T) * 8>;
  using output = typename memory::output_type;

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
        send_place_(settled(elements::place(send_row(), send_unit() / elements::units, send_unit() % elements::units))),
        rows_sent_(settled(send_col() < cols_inside_ ? send_row() : tile_rounds * tile_side)),
        run_row_(settled(run_col() < cols_inside_ ? run_row(0) : tile_rounds * tile_side)),
        run_place_(settled(elements::place(run_row(0), threadIdx.x % tile_runs, 0))),
        column_place_(settled(elements::byte(first_item_row(), item_col() * static_cast<unsigned>(sizeof(T))))),
        put_place_(settled(output::code_place(item_col(), first_item_row()))),
        row_codes_(calls.rows.codes + (row + run_row(0)) * calls.rows.code_stride +
                   (col + run_col()) * static_cast<unsigned>(F.packing.slot_bits) / 8),
        row_scales_(first_scale(calls.rows, row, col)),
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
        quantize_columns(tile);
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
  [[nodiscard]] __device__ bool transforms_rows() const noexcept {
    return Transforms == tile_transforms::any && calls_.rows.hadamard.wanted;
  }
  [[nodiscard]] __device__ bool transforms_columns() const noexcept {
    return Transforms == tile_transforms::columns ||
           (Transforms == tile_transforms::any && calls_.columns.hadamard.wanted);
  }
  /// Where the scale of this thread's first run in the tile of elements at (row, col) lies.
  [[nodiscard]] static __device__ std::uint8_t* first_scale(const quantize_call& call, std::size_t row,
                                                            std::size_t col) noexcept {
    const std::size_t r = row + run_row(0);
    const std::size_t c = (col + run_col()) / size;
    return static_cast<std::uint8_t*>(call.scales) +
           (call.tiled_scales ? tiled_scale_offset(r, c, call.cols / size) : r * call.scale_stride + c);
  }
  static constexpr unsigned runs_count = tile_side * tile_runs / tile_threads;
  static constexpr unsigned run_rows = tile_threads / tile_runs;  ///< between them

  /// Row in the tile of this thread's i-th run, the run's first column, and whether it is in the matrix.
  [[nodiscard]] static __device__ unsigned run_row(unsigned i) noexcept {
    return i * run_rows + threadIdx.x / tile_runs;
  }
  [[nodiscard]] static __device__ unsigned run_col() noexcept { return threadIdx.x % tile_runs * run_elements; }
  [[nodiscard]] __device__ bool is_inside(unsigned i) const noexcept {
    return static_cast<int>(rows_left_ - run_row_) > static_cast<int>(i * run_rows);
  }
  [[nodiscard]] static __device__ tensor_scaling scaling_of(const quantize_call& call) noexcept {
    return call.device_scaling != nullptr ? *call.device_scaling : call.scaling;
  }

  /// Sends for the elements of tile `tile`, which is the one at from_. A warp sends for the rows of its own runs, whole
  /// sectors at a time.
  __device__ void send(unsigned tile) noexcept {
    const unsigned rows_ahead = tile == 0 ? rows_left_ : rows_left_ - tile_side;
    const int wanted = static_cast<int>(rows_ahead - rows_sent_);  // rows from this thread's first one on
    uint4* to = shared_.elements[tile % memory::tiles].memory + send_place_;
#pragma unroll
    for (unsigned i = 0; i < runs_count; ++i) {
      const T* from = from_ + i * run_rows * calls_.row_stride;
#pragma unroll
      for (unsigned k = 0; k < 32 / tile_runs; k += send_step) {
        const unsigned row = i * run_rows + k;
        // Where nothing is wanted nothing is read, either.
        copy_ahead(to[row * elements::row_units], from, wanted > static_cast<int>(row));
        from += send_step * calls_.row_stride;
      }
    }
  }
  /// The rows that a warp sends for at once, the first of those of this thread, and its unit and column in them.
  static constexpr unsigned send_step = 32 / elements::row_units;
  [[nodiscard]] static __device__ unsigned send_row() noexcept {
    return threadIdx.x / 32 * (32 / tile_runs) + threadIdx.x % 32 / elements::row_units;
  }
  [[nodiscard]] static __device__ unsigned send_unit() noexcept { return threadIdx.x % elements::row_units; }
  [[nodiscard]] static __device__ unsigned send_col() noexcept {
    return send_unit() * static_cast<unsigned>(16 / sizeof(T));
  }
  /// To the tile below; from_ is there.
  __device__ void advance() noexcept {
    row_ += tile_side;
    row_codes_ += tile_side * calls_.rows.code_stride;
    row_scales_ += calls_.scale_advance[row_ / tile_side % 2];
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
          // Rows this far apart are alike, and the units of a run differ in the bits of their index.
          own.raw[k / each].vectors[k % each] =
              shared_.elements[buffer_].memory[(run_place_ ^ k) + i * run_rows * elements::row_units];
        }
        quantize_run(i, own);
      } else if constexpr (drawn != 0) {
        random_eight<drawn> random[2];
        draw(i, random);
      }
    }
  }
  /// The random words of the i-th run, left in shared memory too.
  __device__ void draw(unsigned i, random_eight<drawn> (&words)[2]) noexcept {
    if constexpr (drawn != 0) {
      draw_sixteen(calls_.stream, block_of<drawn>(element_ + i * run_rows * calls_.source_cols), words);
      if (calls_.columns.codes == nullptr) return;
      constexpr unsigned each = drawn / 4;  // words
      using random = tile_rows<static_cast<unsigned>(drawn)>;
      const unsigned place =
          random::units == elements::units ? run_place_ : random::place(run_row(0), threadIdx.x % tile_runs, 0);
#pragma unroll
      for (unsigned k = 0; k < 2 * each; k += 4) {
        const auto word = [&](unsigned j) { return words[(k + j) / each].words[(k + j) % each]; };
        shared_.words[word_buffer_].memory[(place ^ (k / 4)) + i * run_rows * random::row_units] =
            make_uint4(word(0), word(1), word(2), word(3));
      }
    }
  }

  __device__ void quantize_run(unsigned i, run& own) {
    const quantize_call& call = calls_.rows;
    const block_multiplier multiplier =
        own.prepare(transforms_rows(), call.hadamard, row_scaling_, 0xffff'ffffU, calls_.upper);
    const bool stores = is_inside(i);
    if (stores && threadIdx.x % run::lanes == 0) {
      row_scales_[i * calls_.scale_step] = static_cast<std::uint8_t>(multiplier.code);
    }
    random_eight<drawn> random[2];
    draw(i, random);
    packed_chunk codes[2];
    own.pack(multiplier.operand, random, codes);
    if (stores) store_run<nibbles>(row_codes_ + i * run_rows * call.code_stride, codes);
  }

  /// 16 rows of a column, or of two, at a time: an item. Where they are half of a block, the lane 16 lanes away has the
  /// other.
  static constexpr unsigned items_across = 32 / run::lanes;  ///< side by side in a warp
  static constexpr unsigned item_bands = tile_side / sides / items_across;
  static constexpr unsigned items_count = tile_side * tile_side / (sides * 16 * tile_threads);  ///< of a thread
  static constexpr unsigned item_rows = tile_threads / 32 / item_bands * size;                  ///< between them
  [[nodiscard]] static __device__ unsigned item_col() noexcept {
    return (threadIdx.x / 32 % item_bands * items_across + threadIdx.x % items_across) * sides;
  }
  [[nodiscard]] static __device__ unsigned first_item_row() noexcept {
    return threadIdx.x / 32 / item_bands * size + threadIdx.x % 32 / items_across * 16;
  }
  __device__ void quantize_columns(unsigned tile) {
#pragma unroll
    for (unsigned k = 0; k < items_count; ++k) quantize_column(k, tile);
  }

  /// Words as the random_column of a side takes them.
  struct column_words {
    std::uint32_t words[drawn == 32 ? sides : 1][drawn == 0 ? 1 : 16];
  };
  __device__ void load_words(unsigned item, column_words& w) const noexcept {
    if constexpr (drawn != 0) {
      using random = tile_rows<static_cast<unsigned>(drawn)>;
      const random& from = shared_.words[word_buffer_];
      constexpr unsigned bytes = drawn == 32 ? 4 : drawn / 8;  // of a column
      unsigned place = column_place_;
      if (random::units != elements::units)
        place = random::byte(first_item_row(), (drawn == 32 ? item_col() : item_col() / 2 * 2) * bytes);
#pragma unroll
      for (unsigned i = 0; i < 16; ++i) {
        const unsigned row = item * item_rows + i;
        if constexpr (drawn == 32) {
#pragma unroll
          for (unsigned side = 0; side < sides; ++side) {
            w.words[side][i] = from.template word_at<std::uint32_t>(place + side * 4, row);
          }
        } else if constexpr (drawn == 16) {
          w.words[0][i] = from.template word_at<std::uint32_t>(place, row);
        } else {
          w.words[0][i] = __byte_perm(from.template word_at<std::uint16_t>(place, row), 0U, 0x1404U);
        }
      }
    }
  }

  /// The item-th one, of the rows from `first` on.
  __device__ void quantize_column(unsigned item, unsigned tile) {
    const quantize_call& call = calls_.columns;
    const unsigned first = first_item_row() + item * item_rows;
    std::uint32_t raw[16];
#pragma unroll
    for (unsigned i = 0; i < 16; ++i) {
      raw[i] = shared_.elements[buffer_].template word_at<std::uint32_t>(column_place_, item * item_rows + i);
    }
    column_words words;
    load_words(item, words);
    std::uint32_t both = 0;
    std::uint32_t pairs[2][2];  // sign bits of two columns
    if constexpr (sides == 2) {
      constexpr bool bfloat = std::is_same_v<T, bf16>;
      both = larger_magnitudes<bfloat>(raw[0], raw[1]);
#pragma unroll
      for (unsigned i = 2; i < 16; ++i) both = larger_magnitudes<bfloat>(both, raw[i]);
      pair_signs(raw, pairs[0]);
      pair_signs(raw + 8, pairs[1]);
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
      if (transforms_columns()) {
        amax = hadamard_sums(bits, call.hadamard);
#pragma unroll
        for (unsigned k = 0; k < 2; ++k) signs[k] = gather_signs(bits[k]);
      } else {
        amax = sides == 2 ? element_of(both, side) & 0x7fff'ffffU : run_amax(bits);
#pragma unroll
        for (unsigned k = 0; k < 2; ++k) signs[k] = sides == 2 ? pairs[k][side] : gather_signs(bits[k]);
      }
      if constexpr (run::lanes == 2) amax = larger_magnitude(amax, __shfl_xor_sync(0xffff'ffffU, amax, 16));
      const block_multiplier own =
          make_run_multiplier<F, Rounding>(column_scaling_, transforms_columns(), bits, signs, amax);
      if (first % size == 0)
        shared_.output.scales[tile][item_col() + side][first / size] = static_cast<std::uint8_t>(own.code);
      const unsigned place = put_place_ + output::code_place(side, item * item_rows + tile % memory::kept * tile_side);
      random_column<drawn> random[2];
      if constexpr (drawn != 0) {
#pragma unroll
        for (unsigned i = 0; i < 16; ++i) {
          random[i / 8].odd = sides == 2 ? side : threadIdx.x % 2;
          random[i / 8].words[i % 8] = words.words[drawn == 32 ? side : 0][i];
        }
      }
      packed_chunk codes[2];
      pack_run<F, Rounding>(bits, signs, own.operand, random, codes);
      shared_.output.put(place, codes);
    }
  }
  /// The binary32 bits of an element of a word.
  [[nodiscard]] __device__ std::uint32_t element_of(std::uint32_t word, unsigned side) const noexcept {
    if constexpr (sides == 1) return word;
    if constexpr (std::is_same_v<T, bf16>) return side == 0 ? word * calls_.upper : word & 0xffff'0000U;
    return half_to_bits(static_cast<std::uint16_t>(side == 0 ? word : word >> 16));
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
  unsigned send_place_;       ///< where that goes in a tile of shared memory
  unsigned rows_sent_;        ///< its row, beyond all rows if it has no column
  unsigned run_row_;          ///< the row of the first run, beyond all rows if it has no column
  unsigned run_place_;        ///< where that lies there
  unsigned column_place_;     ///< the byte at which the first item begins
  unsigned put_place_;        ///< where its codes go
  std::uint8_t* row_codes_;   ///< the first run's codes
  std::uint8_t* row_scales_;  ///< and scale, unless scales are in tiles
  std::uint64_t element_;     ///< its first element's place in the stream
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
