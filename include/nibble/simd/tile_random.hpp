// SPDX-License-Identifier: Apache-2.0
//
// The random bits of a tile's elements: drawn, or the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/simd/philox.hpp>
#include <nibble/simd/tile_source.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <class Arch>
class tile_random {
 public:
  /// `rounding` outlives this.
  tile_random(const element_rounding& rounding, const rounding_choice& choice) noexcept
      : rounding_(&rounding), bits_(choice.mode == rounding_mode::stochastic ? choice.random_bits : 0) {
    // Kernels read whole groups.
    if (is_needed()) std::memset(words_, 0, sizeof(words_));
  }

  [[nodiscard]] bool is_needed() const noexcept { return bits_ != 0; }

  /// Finds the bit string of `count` (at most tile_capacity) consecutive elements from logical element `first` on.
  void draw(std::uint64_t first, std::size_t count) noexcept {
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
    philox_blocks<Arch>(random.seed, random.stream, block, static_cast<std::size_t>(last - block + 1), words_,
                        random.rounds);
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

  /// Where the bits of the tile's element `i` begin; null where none are needed.
  [[nodiscard]] const std::uint8_t* at(std::size_t i) const noexcept {
    return is_needed() ? start_ + i * static_cast<std::size_t>(bits_) / 8 : nullptr;
  }

  /// The random words of `count` elements from element `i` on, right-aligned; nothing where none are needed.
  void expand(std::size_t i, std::size_t count, std::uint32_t* out) const noexcept {
    if (!is_needed()) return;
    const auto bytes = static_cast<std::size_t>(bits_) / 8;
    const std::uint8_t* from = at(i);
    for (std::size_t k = 0; k < count; ++k) {
      std::uint32_t word = 0;
      std::memcpy(&word, from + k * bytes, bytes);
      out[k] = word;
    }
  }

 private:
  static constexpr std::size_t panel_rows = 16;
  static constexpr std::size_t panel_stride = (panel_capacity + 192) * 4;

  void draw_panel(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols, std::size_t source_cols) noexcept {
    for (std::size_t c = 0; c < cols; c += panel_rows) {
      draw_columns(row, rows, col + c, smaller(panel_rows, cols - c), c, source_cols);
    }
    panel_row_ = row;
    panel_col_ = col;
    panel_cols_ = cols;
  }

  /// The bits of `rows` elements of each of `count` columns into the panel's columns from `to` on.
  void draw_columns(std::size_t row, std::size_t rows, std::size_t col, std::size_t count, std::size_t to,
                    std::size_t source_cols) noexcept {
    const auto bytes = static_cast<std::size_t>(bits_) / 8;
    const bool draws = rounding_->draws();
    const std::uint64_t offset = draws ? rounding_->random().first_element : 0U;
    const std::uint64_t per_block = 16 / bytes;
    std::uint64_t indexes[6 * panel_rows] = {};
    std::uint32_t words[4 * 6 * panel_rows];
    std::size_t blocks = 0;
    std::size_t begin[panel_rows] = {};
    for (std::size_t i = 0; draws && i < count; ++i) {
      const std::uint64_t first = offset + std::uint64_t{col + i} * source_cols + row;
      begin[i] = (blocks * static_cast<std::size_t>(per_block) + static_cast<std::size_t>(first % per_block)) * bytes;
      for (std::uint64_t b = first / per_block; b <= (first + rows - 1) / per_block; ++b) indexes[blocks++] = b;
    }
    if (draws) philox_blocks_at<Arch>(rounding_->random(), indexes, blocks, words);
    const auto* drawn = reinterpret_cast<const std::uint8_t*>(words);
    const auto* given = reinterpret_cast<const std::uint8_t*>(rounding_->words().data());
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint8_t* from = draws ? drawn + begin[i] : given + ((col + i) * source_cols + row) * bytes;
      for (std::size_t r = 0; r < rows; ++r) std::memcpy(panel_ + r * panel_stride + (to + i) * bytes, from + r * bytes, bytes);
    }
  }

  const element_rounding* rounding_;
  int bits_;
  const std::uint8_t* start_ = nullptr;
  std::size_t panel_row_ = 0;
  std::size_t panel_col_ = 0;
  std::size_t panel_cols_ = 0;
  alignas(64) std::uint32_t words_[tile_capacity + 192];
  alignas(64) std::uint8_t panel_[panel_rows * panel_stride];
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
