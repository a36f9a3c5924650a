// SPDX-License-Identifier: Apache-2.0
//
// What tile_kernel leaves in shared memory between rows and columns. Both write and read it without conflicts of banks.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/scale_layout.hpp>
#include <nibble/cuda/element_run.cuh>
#include <nibble/cuda/generic_quantize.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Rows and columns of a tile.
inline constexpr unsigned tile_side = 64;
/// Threads of a tile.
inline constexpr unsigned tile_threads = 128;
/// Runs in a row of a tile.
inline constexpr unsigned tile_runs = tile_side / run_elements;

/// Tiles above each other that a thread block may take: their scales of a column fill a sector.
inline constexpr unsigned tile_rounds = 8;

/// Columns that a thread takes at a time: those of a word.
template <class T>
inline constexpr unsigned tile_columns = sizeof(T) == 2 ? 2 : 1;

/// A row of a tile is in units of 16 bytes, `Units` of them for a run. Where unit `i` of run `run` of a row lies: eight
/// threads, with runs of two rows, write to eight places modulo 128 bytes; a line of columns stays a line, and half of
/// one lies beside the same half 16 rows below.
template <unsigned Units>
__device__ unsigned tile_unit(unsigned row, unsigned run, unsigned i) noexcept {
  const unsigned unit = run * Units + i;
  if constexpr (Units == 1) return unit;
  return unit ^ (Units == 4 ? (run >> 1) * 2 : 0U) ^ (row & 1U) ^ ((row >> 4 & 1U) * 4);
}
/// Where byte `byte` of a row lies.
template <unsigned Units>
__device__ unsigned tile_byte(unsigned row, unsigned byte) noexcept {
  return tile_unit<Units>(row, byte / (16 * Units), byte / 16 % Units) * 16 + byte % 16;
}

/// Rows of a tile of items of Bits bits, as they are: elements or random words.
template <unsigned Bits>
struct tile_rows {
  static constexpr unsigned units = Bits / 8;  ///< of 16 bytes in a run
  static constexpr unsigned row_units = units * tile_runs;
  uint4 memory[tile_side * row_units];

  /// The index of unit i of a run.
  [[nodiscard]] static __device__ unsigned place(unsigned row, unsigned run, unsigned i) noexcept {
    return row * row_units + tile_unit<units>(row, run, i);
  }
  /// Where byte `byte` of a row lies.
  [[nodiscard]] static __device__ unsigned byte(unsigned row, unsigned byte) noexcept {
    return row * (row_units * 16) + tile_byte<units>(row, byte);
  }
  /// `Word` that begins i rows below `place`, the byte of a row that is a multiple of 16; i / 16 is even.
  template <class Word>
  [[nodiscard]] __device__ Word word_at(unsigned place, unsigned i) const noexcept {
    // Even rows are alike, and odd ones, so that both have one address.
    const unsigned own = units == 1 || i % 2 == 0 ? place : place ^ 16U;
    return *reinterpret_cast<const Word*>(reinterpret_cast<const char*>(memory) + own + i * (row_units * 16));
  }
};
template <>
struct tile_rows<0> {};

/// The words of eight elements of a column, with the members of random_eight: words of 16 bits and fewer in pairs of
/// columns.
template <int Bits>
struct random_column {
  std::uint32_t words[8];
  unsigned odd;

  [[nodiscard]] __device__ std::uint32_t of(unsigned i) const noexcept {
    if constexpr (Bits == 32) return words[i];
    if constexpr (Bits == 16) return odd != 0 ? words[i] >> 16 : words[i] & 0xffffU;
    return words[i] >> (odd * 16 + 8) & 0xffU;
  }
  [[nodiscard]] __device__ std::uint32_t add_fraction(unsigned i, std::uint32_t sum) const noexcept {
    return __dp2a_lo(words[i], Bits == 32 || odd != 0 ? 64U << 8 : 64U, sum);
  }
};
template <>
struct random_column<0> {
  [[nodiscard]] __device__ std::uint32_t of(unsigned) const noexcept { return 0; }
};

/// 16 bytes of global memory on their way to shared memory; zeros where they are not `wanted`.
inline __device__ void copy_ahead(uint4& to, const void* from, bool wanted) noexcept {
  const auto place = static_cast<std::uint32_t>(__cvta_generic_to_shared(&to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(place), "l"(from), "r"(wanted ? 16U : 0U)
               : "memory");
}
/// Waits for what this thread has sent.
inline __device__ void finish_copies() noexcept { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// What the columns of `Kept` tiles above each other become, until it is written in whole sectors.
template <block_format F, unsigned Kept>
struct column_output {
  static constexpr unsigned code_bytes = tile_side * static_cast<unsigned>(F.packing.slot_bits) / 8;
  static constexpr unsigned kept = Kept;  ///< their codes of a column are written together
  static constexpr unsigned pitch = kept * code_bytes + 8;
  static constexpr unsigned scale_count = tile_side / static_cast<unsigned>(F.block_size);
  uint2 codes[tile_side * pitch / 8];
  std::uint8_t scales[tile_rounds][tile_side][scale_count];

  /// Columns are here the even ones first, then the odd ones.
  [[nodiscard]] static __device__ unsigned place(unsigned col) noexcept { return col / 2 + col % 2 * (tile_side / 2); }
  /// The index of the codes from row `row` of the kept tiles on.
  [[nodiscard]] static __device__ unsigned code_place(unsigned col, unsigned row) noexcept {
    return place(col) * (pitch / 8) + row * static_cast<unsigned>(F.packing.slot_bits) / 64;
  }
  /// Two chunks there.
  __device__ void put(unsigned at, const packed_chunk (&c)[2]) noexcept {
    constexpr bool nibbles = F.packing.slot_bits == 4;
    uint2* to = codes + at;
    if constexpr (nibbles) {
      *to = make_uint2(c[0].low, c[1].low);
    } else {
      to[0] = make_uint2(c[0].low, c[0].high);
      to[1] = make_uint2(c[1].low, c[1].high);
    }
  }
  /// Writes the codes of `rows` rows and `cols` columns of the kept tiles, which begin at (row, col) of the source.
  __device__ void store_codes(const quantize_call& call, std::size_t row, std::size_t col, unsigned rows,
                              unsigned cols) const noexcept {
    constexpr unsigned units = kept * code_bytes / 8;
    constexpr unsigned unit_rows = kept * tile_side / units;
    constexpr unsigned at_once = tile_threads / units;  // columns, not more than half of a tile's
    const unsigned part = threadIdx.x % units;
    const unsigned first_place = threadIdx.x / units;
    if (part * unit_rows >= rows) return;
    std::uint8_t* out = call.codes + (col + 2 * first_place) * call.code_stride + row / unit_rows * 8 + part * 8;
    const uint2* from = codes + first_place * (pitch / 8) + part;
    const int wanted = static_cast<int>(cols - 2 * first_place);  // columns from here on
#pragma unroll
    for (unsigned odd = 0; odd < 2; ++odd) {
      std::uint8_t* to = out;
#pragma unroll
      for (unsigned at = 0; at < tile_side / 2; at += at_once) {
        if (wanted > static_cast<int>(2 * at + odd)) {
          __stcs(reinterpret_cast<uint2*>(to), from[(odd * (tile_side / 2) + at) * (pitch / 8)]);
        }
        to += 2 * at_once * call.code_stride;
      }
      out += call.code_stride;
    }
  }
  /// Writes the scales of `cols` columns of tiles above each other, the first of which is at (row, col), with `rows`
  /// rows together.
  __device__ void store_scales(const quantize_call& call, std::size_t row, std::size_t col, unsigned rows,
                               unsigned cols) const noexcept {
    constexpr unsigned size = static_cast<unsigned>(F.block_size);
    const std::size_t first = row / size;
    for (unsigned i = threadIdx.x; i < tile_side * tile_rounds; i += tile_threads) {
      const unsigned c = i / tile_rounds;
      const unsigned tile = i % tile_rounds;
      if (c >= cols || tile * tile_side >= rows) continue;
      const std::size_t block = first + tile * scale_count;
      auto* out = static_cast<std::uint8_t*>(call.scales) + (call.tiled_scales
                                                                 ? tiled_scale_offset(col + c, block, call.cols / size)
                                                                 : (col + c) * call.scale_stride + block);
      const unsigned left = (rows - tile * tile_side) / size;
      if (left >= scale_count && reinterpret_cast<std::uintptr_t>(out) % scale_count == 0) {
        if constexpr (scale_count == 4) {
          *reinterpret_cast<std::uint32_t*>(out) = *reinterpret_cast<const std::uint32_t*>(scales[tile][c]);
        } else {
          *reinterpret_cast<std::uint16_t*>(out) = *reinterpret_cast<const std::uint16_t*>(scales[tile][c]);
        }
      } else {
        for (unsigned k = 0; k < scale_count && k < left; ++k) out[k] = scales[tile][c][k];
      }
    }
  }
};

template <block_format F, class T, int Bits>
struct tile_memory {
  /// Elements of the next tile come, and its random words, while columns of this one are read, where there is room for
  /// both; codes of a column are written by lines of 128 bytes, or half ones.
  static constexpr unsigned tiles = sizeof(T) == 4 && Bits == 32 ? 1 : 2;
  static constexpr unsigned word_tiles = sizeof(T) == 2 && Bits <= 16 ? 2 : 1;
  static constexpr unsigned kept =
      (sizeof(T) == 4 && Bits == 16 ? 16U : 32U) / static_cast<unsigned>(F.packing.slot_bits) / 2;
  tile_rows<sizeof(T) * 8> elements[tiles];
  tile_rows<static_cast<unsigned>(Bits)> words[word_tiles];
  using output_type = column_output<F, kept>;
  output_type output;
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
