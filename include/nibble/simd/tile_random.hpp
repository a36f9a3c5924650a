// SPDX-License-Identifier: Apache-2.0
//
// The random bits of a tile's elements: drawn, or the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/counts.hpp>
#include <nibble/simd/philox.hpp>
#include <nibble/simd/tile_source.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <class Arch>
class tile_random {
 public:
  /// `rounding` outlives this.
  tile_random(const element_rounding& rounding, const rounding_choice& choice) noexcept
      : rounding_(&rounding), bits_(choice.mode == rounding_mode::stochastic ? choice.random_bits : 0),
        drawn_(rounding.random().seed, rounding.random().stream, rounding.random().rounds) {}

  [[nodiscard]] bool is_needed() const noexcept { return bits_ != 0; }

  /// Finds the bit string of `count` (at most tile_capacity) consecutive elements from logical element `first` on.
  void draw(std::uint64_t first, std::size_t count) noexcept {
    // Kernels read whole groups, which a whole tile is made of.
    if (count != tile_capacity && !cleared_) {
      std::memset(words_, 0, sizeof(words_));
      cleared_ = true;
    }
    const auto bits = static_cast<std::uint64_t>(bits_);
    auto* own = reinterpret_cast<std::uint8_t*>(words_);
    if (!rounding_->draws()) {
      const auto* words = reinterpret_cast<const std::uint8_t*>(rounding_->words().data());
      std::memcpy(own, words + first * bits / 8, count * static_cast<std::size_t>(bits) / 8);
      start_ = own;
      return;
    }
    const stochastic& random = rounding_->random();
    first += random.first_element;
    const std::uint64_t per_block = 128 / bits;
    const std::uint64_t block = first / per_block;
    const std::uint64_t last = (first + count - 1) / per_block;
    drawn_.blocks(block, static_cast<std::size_t>(last - block + 1), words_);
    start_ = own + static_cast<std::size_t>((first - block * per_block) * bits / 8);
  }

  /// Finds the bits of a row of a transposed matrix: element (row, col + i) is logical element (col + i) * source_cols + row.
  /// They are drawn for a panel of at most 16 rows, `together`, and panel_capacity columns at a time.
  void draw_transposed(std::size_t row, std::size_t col, std::size_t cols, std::size_t source_cols,
                       std::size_t together) noexcept {
    const std::size_t first = row / together * together;
    const bool drawn = panel_cols_ == cols && panel_row_ == first && panel_col_ == col;
    if (!drawn) draw_panel(first, smaller(together, source_cols - first), col, cols, source_cols);
    start_ = panel_ + (row - first) * panel_stride;
  }

  /// Moves the bits of blocks of `size` elements, `count` elements together, apart, so that there is one every `room`
  /// elements.
  void spread(std::size_t size, std::size_t room, std::size_t count) noexcept {
    if (!is_needed()) return;
    if (!spreads_) {
      std::memset(spread_, 0, sizeof(spread_));
      spreads_ = true;
    }
    const auto bytes = static_cast<std::size_t>(bits_) / 8;
    auto* to = reinterpret_cast<std::uint8_t*>(spread_);
    for (std::size_t c = 0; c < count; c += size, to += room * bytes) {
      std::memcpy(to, start_ + c * bytes, smaller(size, count - c) * bytes);
    }
    start_ = reinterpret_cast<const std::uint8_t*>(spread_);
  }

  /// Where the bits of the tile's element `i` begin; null where none are needed.
  [[nodiscard]] const std::uint8_t* at(std::size_t i) const noexcept {
    return is_needed() ? start_ + i * static_cast<std::size_t>(bits_) / 8 : nullptr;
  }

  /// The random words of `count` elements from element `i` on, right-aligned; nothing where none are needed.
  void expand(std::size_t i, std::size_t count, std::uint32_t* out) const noexcept {
    if (!is_needed()) return;
    const auto bytes = static_cast<std::size_t>(bits_) / 8;
    const std::uint8_t* from = at(i);
    if (bytes == sizeof(*out)) {
      std::memcpy(out, from, count * sizeof(*out));
    } else if (bytes == 2) {
      for (std::size_t k = 0; k < count; ++k) {
        std::uint16_t word = 0;
        std::memcpy(&word, from + 2 * k, sizeof(word));
        out[k] = word;
      }
    } else {
      for (std::size_t k = 0; k < count; ++k) out[k] = from[k];
    }
  }

 private:
  static constexpr std::size_t panel_rows = 16;
  static constexpr std::size_t together_drawn = 48;  ///< columns
  static constexpr std::size_t panel_stride = (panel_capacity + 192) * 4;

  void draw_panel(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols, std::size_t source_cols) noexcept {
    for (std::size_t c = 0; c < cols; c += together_drawn) {
      draw_columns(row, rows, col + c, smaller(together_drawn, cols - c), c, source_cols);
    }
    panel_row_ = row;
    panel_col_ = col;
    panel_cols_ = cols;
  }

  /// The bits of `rows` elements of each of `count` columns into the panel's columns from `to` on.
  [[gnu::noinline]] void draw_columns(std::size_t row, std::size_t rows, std::size_t col, std::size_t count,
                                      std::size_t to, std::size_t source_cols) noexcept {
    const auto bytes = static_cast<std::size_t>(bits_) / 8;
    const bool draws = rounding_->draws();
    // Elements of a block of words are 2^place.
    const int place = bytes == 1 ? 4 : bytes == 2 ? 3 : 2;
    const std::uint64_t within = (std::uint64_t{1} << place) - 1U;
    std::uint64_t indexes[5 * together_drawn];
    std::uint32_t words[4 * 5 * together_drawn];
    std::size_t begin[together_drawn];
    if (draws) {
      const std::uint64_t start = rounding_->random().first_element + std::uint64_t{col} * source_cols + row;
      // Where columns begin with a block, they have no part of another one.
      const std::uint64_t most = ((start | source_cols) & within) == 0 ? within : 2 * within;
      const auto blocks = static_cast<std::size_t>((rows + most) >> place);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t first = start + i * std::uint64_t{source_cols};
        begin[i] = 16 * blocks * i + static_cast<std::size_t>(first & within) * bytes;
        for (std::size_t b = 0; b < blocks; ++b) indexes[blocks * i + b] = (first >> place) + b;
      }
      philox_blocks_at<Arch>(rounding_->random(), indexes, blocks * count, words);
    }
    const auto* drawn = reinterpret_cast<const std::uint8_t*>(words);
    const auto* given = reinterpret_cast<const std::uint8_t*>(rounding_->words().data());
    for (std::size_t c = 0; c < count; c += panel_rows) {
      const std::uint8_t* columns[panel_rows] = {};
      const std::size_t own = smaller(panel_rows, count - c);
      for (std::size_t i = 0; i < own; ++i) {
        columns[i] = draws ? drawn + begin[c + i] : given + ((col + c + i) * source_cols + row) * bytes;
      }
      std::uint8_t* out = panel_ + (to + c) * bytes;
      if (bytes == 1) turn<std::uint8_t>(columns, rows, own, out);
      if (bytes == 2) turn<std::uint16_t>(columns, rows, own, out);
      if (bytes == 4) turn<std::uint32_t>(columns, rows, own, out);
    }
  }

  /// Row r of the panel from `out` on gets number r of each column.
  template <class T>
  static void turn(const std::uint8_t* const (&columns)[panel_rows], std::size_t rows, std::size_t count,
                   std::uint8_t* out) noexcept {
    if (rows == panel_rows && count == panel_rows) return turn_square<T>(columns, out);
    std::uint8_t numbers[panel_rows][panel_rows * sizeof(T)] = {};
    const std::uint8_t* whole[panel_rows];
    for (std::size_t i = 0; i < panel_rows; ++i) {
      if (i < count) std::memcpy(numbers[i], columns[i], rows * sizeof(T));
      whole[i] = numbers[i];
    }
    turn_square<T>(whole, out);
  }

  /// The same for whole columns, panel_rows of them, in squares of as many numbers as a vector of SSE2 has.
  template <class T>
  static void turn_square(const std::uint8_t* const (&columns)[panel_rows], std::uint8_t* out) noexcept {
#if defined(__SSE2__)
    constexpr std::size_t side = 16 / sizeof(T);
    for (std::size_t c = 0; c < panel_rows; c += side) {
      for (std::size_t r = 0; r < panel_rows; r += side) {
        __m128i x[side];
        unrolled<side>([&](auto i) NIBBLE_INLINE_LAMBDA {
          x[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(columns[c + i] + r * sizeof(T)));
        });
        // Each step puts the numbers of the upper half of the vectors between those of the lower: the first bit of an
        // index becomes its last.
        for (std::size_t step = 1; step < side; step *= 2) {
          __m128i y[side];
          unrolled<side / 2>([&](auto i) NIBBLE_INLINE_LAMBDA {
            if constexpr (sizeof(T) == 1) {
              y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + side / 2]);
              y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + side / 2]);
            } else if constexpr (sizeof(T) == 2) {
              y[2 * i] = _mm_unpacklo_epi16(x[i], x[i + side / 2]);
              y[2 * i + 1] = _mm_unpackhi_epi16(x[i], x[i + side / 2]);
            } else {
              y[2 * i] = _mm_unpacklo_epi32(x[i], x[i + side / 2]);
              y[2 * i + 1] = _mm_unpackhi_epi32(x[i], x[i + side / 2]);
            }
          });
          unrolled<side>([&](auto i) NIBBLE_INLINE_LAMBDA { x[i] = y[i]; });
        }
        unrolled<side>([&](auto i) NIBBLE_INLINE_LAMBDA {
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (r + i) * panel_stride + c * sizeof(T)), x[i]);
        });
      }
    }
#else
    for (std::size_t c = 0; c < panel_rows; ++c) {
      for (std::size_t r = 0; r < panel_rows; ++r) {
        std::memcpy(out + r * panel_stride + c * sizeof(T), columns[c] + r * sizeof(T), sizeof(T));
      }
    }
#endif
  }

  const element_rounding* rounding_;
  int bits_;
  philox_stream<Arch> drawn_;
  bool cleared_ = false;  ///< words_ holds something everywhere
  bool spreads_ = false;  ///< spread_ does
  const std::uint8_t* start_ = nullptr;
  std::size_t panel_row_ = 0;
  std::size_t panel_col_ = 0;
  std::size_t panel_cols_ = 0;
  alignas(64) std::uint32_t words_[tile_capacity + 192];
  alignas(64) std::uint32_t spread_[tile_capacity + 192];
  alignas(64) std::uint8_t panel_[panel_rows * panel_stride];
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
