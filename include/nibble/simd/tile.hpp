// SPDX-License-Identifier: Apache-2.0
//
// quantize on SIMD. A band of rows that share scales is taken in tiles: all scales of a tile first, then its codes, so
// that the long latency of a scale (maximum, division, rounding, division) is paid once for many blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/simd/convert.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/tile_choice.hpp>
#include <nibble/simd/tile_codes.hpp>
#include <nibble/simd/tile_counts.hpp>
#include <nibble/simd/tile_spread.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <block_format F, class T, class Arch>
class tile_quantizer : public quantizer<F, T, simd_kernels<Arch>> {
  using base = quantizer<F, T, simd_kernels<Arch>>;
  /// One scale for a whole row or more.
  static constexpr bool wide = F.block_size == 0;
  static constexpr std::size_t block_size = wide ? tile_capacity : static_cast<std::size_t>(F.block_size);
  /// Elements of a block in a tile; more than it has where the blocks are spread.
  static constexpr std::size_t block_room = wide ? tile_capacity : static_cast<std::size_t>(tile_format<F>.block_size);
  static constexpr bool is_spread = block_room != block_size;
  /// Whole rows end in whole vectors of any architecture.
  static constexpr std::size_t row_unit = 16;
  static constexpr std::size_t unit = wide ? row_unit : block_size;
  static constexpr std::size_t tile_blocks = tile_capacity / block_room;
  static constexpr std::size_t tile_size = tile_blocks * block_size;
  /// Smaller where the next tile is fetched, which is not far ahead then.
  static constexpr std::size_t fetched_size = wide ? tile_size : (tile_blocks + 1) / 2 * block_size;
  static constexpr std::size_t panel_size = wide ? panel_capacity : panel_capacity / block_room * block_size;
  using codes = tile_codes<tile_format<F>, block_room, Arch>;
  /// The operand of an exact quotient is a scale, perhaps times a power of two.
  using counter = magnitude_counter<block_room, F.element.mantissa_bits + F.scale.mantissa_bits + 2 <= 24, Arch>;
  static constexpr bool can_choose = has_tile_choice(F);
  struct nothing {};
  template <bool Can>
  static auto choice_type() {
    if constexpr (Can) {
      return std::type_identity<tile_choice<tile_format<F>, block_room, block_size, Arch>>{};
    } else {
      return std::type_identity<nothing>{};
    }
  }
  using choice = typename decltype(choice_type<can_choose>())::type;
  static constexpr bool has_counts = counter::serves;

 public:
  tile_quantizer(const matrix_view<T>& x, const block_view<F>& q, const quantize_options& o)
      : base(x, q, o), codes_(this->recipe_, this->rounding_, this->scaling_),
        scales_(this->recipe_, this->scaling_, this->constants_, codes_.elements(), codes_.scaler()),
        random_(o.rounding, this->rounding_), source_(this->x_),
        streamed_(is_streamed<Arch>(q.rows * F.row_bytes(q.cols))) {
    if constexpr (can_choose) {
      if (tries_both(F, this->recipe_, this->scaling_)) {
        choice_.emplace(this->recipe_, this->scaling_, this->constants_, codes_);
      }
    }
  }

  /// As quantizer::run.
  void run(std::size_t first, std::size_t last) {
    const bool other_walk = (this->options_.counts != nullptr && !has_counts) ||
                            (!can_choose && tries_both(F, this->recipe_, this->scaling_));
    if (other_walk) return base::run(first, last);
    if (first == 0) this->store_tensor_scale();
    const std::size_t band = F.rows_per_block(this->q_.rows);
    // Rows that are one have its tiles, and those of a transposed matrix are read a panel at a time.
    const bool joined = !this->transposed_ && source_.has_joined_rows() &&
                        rows_are_one<F>(this->q_.cols, this->q_.code_stride, this->q_.scale_stride);
    const std::size_t all_cols = joined ? (last - first) * this->q_.cols : this->q_.cols;
    const bool together = F.block_rows == 1 && !wide && source_.is_transposed();
    const std::size_t step = joined ? last - first : together ? source_.panel_rows : band;
    const bool by_panels = source_.is_transposed() || this->transposed_;
    const std::size_t size = by_panels ? panel_size : source_.is_fetched() ? fetched_size : tile_size;
    for (std::size_t row = first; row < last; row += step) {
      const std::size_t rows = joined ? 1 : smaller(step, last - row);
      for (std::size_t col = 0; col < all_cols; col += size) {
        const std::size_t cols = smaller(size, all_cols - col);
        if constexpr (F.block_rows == 1 && !wide) {
          for (std::size_t r = row; r < row + rows; ++r) row_tile(r, col, cols);
        } else {
          if (!band_tile(row, rows, col, cols)) break;
        }
      }
    }
    if (streamed_) finish_stream();
  }

 private:
  /// A tile of a row whose blocks have one row. What most tiles do not come to is called, not copied here: compilers
  /// would compute its loops' limits for every tile.
  void row_tile(std::size_t row, std::size_t col, std::size_t cols) {
    const std::size_t blocks = (cols + block_size - 1) / block_size;
    const float* x = padded(source_.elements(row, col, cols), cols);
    const auto without_nan = [&](std::size_t b) {
      const matrix_view<float> block{x + b * block_room, 1, block_room};
      return rectangle_amax(block, 0, 1, 0, block_room, amax_rule::ignore_nan);
    };
    const auto row_of = [&](std::size_t /*r*/) { return x; };
    source_.find_pages_behind(row, col, cols);
    bool found = false;
    if constexpr (can_choose) found = choice_ && choice_->find_both(scales_, x, blocks);
    if (!found) scales_.find_in_row(blocks, row_of, without_nan, source_.ahead_of_maxima(row, col + cols));
    if constexpr (can_choose) {
      if (choice_) [[unlikely]] {
        if (!found) choice_->find_other(scales_, blocks, 1, row_of, without_nan);
        choose(row, 1, col, cols);
        return store_chosen(row, 1, col, cols, row_of);
      }
    }
    if (wants_scalar()) return by_blocks(row, 1, col, cols);
    store_scales(row, 1, col, blocks);
    encode(row, col, cols, x);
  }

  /// Whether scalar code takes the tile: it alone counts what some blocks do.
  [[nodiscard]] bool wants_scalar() const noexcept {
    return this->options_.counts != nullptr && !scales_.is_direct() && !scales_.is_plain();
  }

  /// A tile as scalar code takes it.
  [[gnu::noinline, gnu::cold]] void by_blocks(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols) {
    const std::size_t first = packed_bytes(F.packing, col);
    for (std::size_t r = row; r < row + rows; ++r) {
      std::memset(this->q_.codes + r * this->q_.code_stride + first, 0, packed_bytes(F.packing, col + cols) - first);
    }
    for (std::size_t c = col; c < col + cols; c += block_size) {
      this->block(row, rows, c, smaller(block_size, col + cols - c));
    }
  }

  /// A tile of several rows that share scales, or of a row that is one block. False if that has the other tiles, too.
  [[nodiscard]] bool band_tile(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols) {
    const std::size_t blocks = wide ? 1 : (cols + block_size - 1) / block_size;
    const auto amax = [&](std::size_t b, amax_rule rule) {
      if constexpr (wide && F.block_rows == 1) {
        if (rule == amax_rule::propagate && source_.is_transposed()) return column_amax(row);
      }
      if (wide) return stored_amax(row, rows, 0, this->q_.cols, rule);
      const std::size_t first = col + b * block_size;
      return stored_amax(row, rows, first, smaller(block_size, col + cols - first), rule);
    };
    if (!wide || col == 0) {
      if (wide || source_.is_transposed()) {
        for (std::size_t b = 0; b < blocks; ++b) scales_.amax()[b] = amax(b, amax_rule::propagate);
      } else {
        band_maxima(row, rows, col, cols, blocks);
      }
      const auto row_of = [&](std::size_t r) { return padded(source_.elements(row + r, col, cols), cols); };
      const auto without_nan = [&](std::size_t b) { return amax(b, amax_rule::ignore_nan); };
      scales_.find(blocks, rows, row_of, without_nan);
      if constexpr (can_choose) {
        if (choice_) {
          choice_->find_other(scales_, blocks, rows, row_of, without_nan);
          choose(row, rows, col, cols);
          if (choice::keeps || (choice::keeps_rows && cols == this->q_.cols && !wants_scalar())) {
            store_chosen(row, rows, col, cols, row_of);
            return true;
          }
        }
      }
      if (wants_scalar()) {
        if (wide) {
          base::run(row, row + rows);
        } else {
          by_blocks(row, rows, col, cols);
        }
        return !wide;
      }
      store_scales(row, rows, col, blocks);
    }
    for (std::size_t r = row; r < row + rows; ++r) encode(r, col, cols, padded(source_.elements(r, col, cols), cols));
    return true;
  }

  /// The amaxes of blocks with several rows, row by row.
  void band_maxima(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols, std::size_t blocks) {
    using words = word_batch<Arch>;
    std::uint32_t* best = scales_.amax();
    std::uint32_t own[tile_blocks + 2 * words::size];
    for (std::size_t r = row; r < row + rows; ++r) {
      source_.find_pages_behind(r, col, cols);
      block_maxima<block_room, Arch>(padded(source_.elements(r, col, cols), cols), blocks, r == row ? best : own,
                                       source_.ahead_of_maxima(r, col + cols));
      for (std::size_t b = 0; r != row && b < blocks; b += words::size) {
        xsimd::max(words::load_unaligned(best + b), words::load_unaligned(own + b)).store_unaligned(best + b);
      }
    }
  }

  /// Chooses between two scales for the blocks of a tile, which are found.
  [[gnu::noinline]] void choose(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols) {
    const std::size_t blocks = wide ? 1 : (cols + block_size - 1) / block_size;
    choice_->begin(blocks, wide ? this->q_.cols : cols, rows);
    for (std::size_t r = row; r < row + rows; ++r) {
      choice_->begin_row(r - row);
      // A block of a whole row has the tiles behind this one, too.
      for (std::size_t c = col; c < (wide ? this->q_.cols : col + cols); c += cols) {
        const std::size_t part = wide ? smaller(cols, this->q_.cols - c) : cols;
        if (random_.is_needed()) draw(r, c, part);
        choice_->encode(codes_, scales_, random_, padded(source_.elements(r, c, part), part), r - row, part,
                        source_.ahead_of_codes(r, c + part, part));
      }
      choice_->end_row();
    }
    choice_->finish(scales_, !choice::keeps || this->options_.counts != nullptr);
  }

  /// Stores the codes that a choice has kept.
  template <class RowOf>
  [[gnu::noinline]] void store_chosen(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols,
                                      const RowOf& row_of) {
    const std::size_t blocks = (cols + block_size - 1) / block_size;
    if (wants_scalar()) return by_blocks(row, rows, col, cols);
    store_scales(row, rows, col, blocks);
    for (std::size_t r = 0; r < rows; ++r) {
      std::uint8_t* const bytes = this->q_.codes + (row + r) * this->q_.code_stride;
      if constexpr (is_spread) {
        store_joined(bytes, col, cols, choice_->chosen(r));
      } else if constexpr (!choice::packs) {
        store_packed<F.packing, Arch>(bytes, col, cols, choice_->chosen(r));
      } else {
        if (cols % block_size == 0) choice_->store(r, bytes + packed_bytes(F.packing, col));
        if (cols % block_size != 0) store_tail(bytes, col, cols, choice_->chosen(r));
      }
      if constexpr (has_counts) {
        if (this->options_.counts != nullptr) count(bytes, col, cols, row_of(r));
      }
    }
  }

  /// Draws the random bits of a tile of a row.
  [[gnu::noinline]] void draw(std::size_t row, std::size_t col, std::size_t cols) {
    // A row that is one block is finished before the next one.
    const std::size_t together = wide && F.block_rows == 1 && this->q_.cols > panel_size ? 1 : 16;
    if (this->transposed_) {
      random_.draw_transposed(row, col, cols, this->x_.rows, together);
    } else {
      random_.draw(row * this->x_.cols + col, cols);
    }
    if constexpr (is_spread) random_.spread(block_size, block_room, cols);
  }

  /// Stores the codes of blocks that have more room, two a byte or one.
  [[gnu::noinline]] void store_joined(std::uint8_t* bytes, std::size_t col, std::size_t cols,
                                      const std::uint8_t* spread) noexcept {
    if constexpr (codes::packs_in_place) {
      join_blocks<block_size / 2, block_room / 2>(spread, packed_bytes(F.packing, cols), bytes + packed_bytes(F.packing, col));
      // Zeros behind a block without a number have codes that are not zero.
      if (cols % 2 != 0) bytes[(col + cols) / 2] &= 0x0fU;
    } else {
      std::uint8_t joined[tile_capacity];
      join_blocks<block_size, block_room>(spread, cols, joined);
      store_packed<F.packing, Arch>(bytes, col, cols, joined);
    }
  }

  /// Stores the codes of blocks up to one at the edge, without those of the zeros behind that.
  static void store_tail(std::uint8_t* bytes, std::size_t col, std::size_t cols, const std::uint8_t* whole) noexcept {
    const std::size_t begin = cols / block_size * block_size;
    const std::size_t first = packed_bytes(F.packing, col + begin);
    std::memcpy(bytes + packed_bytes(F.packing, col), whole, first - packed_bytes(F.packing, col));
    std::memset(bytes + first, 0, packed_bytes(F.packing, col + cols) - first);
    for (std::size_t c = begin; c < cols; ++c) store_code(F.packing, bytes, col + c, load_code(F.packing, whole, c));
  }

  void encode(std::size_t row, std::size_t col, std::size_t cols, const float* x) {
    if (random_.is_needed()) draw(row, col, cols);
    std::uint8_t* const bytes = this->q_.codes + row * this->q_.code_stride;
    const char* const ahead = source_.ahead_of_codes(row, col + cols, cols);
    if constexpr (is_spread) {
      const std::size_t blocks = (cols + block_size - 1) / block_size;
      std::uint8_t spread[tile_capacity];
      codes_.run(x, scales_, random_, {spread, 0, blocks * block_room, ahead, false});
      store_joined(bytes, col, cols, spread);
    } else {
      codes_.run(x, scales_, random_, {bytes, col, cols, ahead, streamed_});
    }
    if constexpr (has_counts) {
      if (this->options_.counts != nullptr) count(bytes, col, cols, x);
    }
  }

  /// Adds what happened to the elements `x` of a tile to the call's counts.
  [[gnu::noinline]] void count(const std::uint8_t* bytes, std::size_t col, std::size_t cols, const float* x) noexcept {
    // With the zeros behind blocks and rows.
    const std::size_t room = (cols + unit - 1) / unit * (wide ? row_unit : block_room);
    const bool prescaled = scales_.is_direct() && !scales_.is_exact();
    const auto limit = static_cast<float>(F.element.max_value() *
                                          (prescaled ? power_of_two(codes_.elements().prescale()) : 1.0));
    const std::uint32_t* operands = prescaled ? scales_.multipliers() : scales_.operands();
    counter elements;
    elements.run(scales_.rule(), x, operands, scales_.amax(), room, limit);
    std::size_t zeros = 0;  // no code of a NaN is among them: elements are finite
    if constexpr (!F.element.has_zero) {
      zeros = elements.zeros() - (room - cols);  // nothing becomes zero
    } else if constexpr (F.packing.slot_bits == 4) {
      // Nibbles behind the columns are zero.
      const std::size_t begin = packed_bytes(F.packing, col);
      const std::size_t size = packed_bytes(F.packing, col + cols) - begin;
      zeros = cols - other_nibbles<Arch>(bytes + begin, size, F.element.magnitude_mask());
    } else {
      std::uint8_t own[F.packing == layouts::bytes ? 1 : tile_capacity];
      if (F.packing != layouts::bytes) load_packed<Arch>(F.packing, bytes, col, cols, own);
      zeros = zero_codes<Arch>(F.packing == layouts::bytes ? bytes + col : own, cols, F.element.magnitude_mask());
    }
    quantize_counts& counts = *this->options_.counts;
    counts.elements += cols;
    counts.clipped += elements.beyond();
    counts.zeroed += zeros - (elements.zeros() - (room - cols));
  }

  /// The largest magnitude of a rectangle; a transposed one is read along the rows of the source.
  [[nodiscard]] std::uint32_t stored_amax(std::size_t row, std::size_t rows, std::size_t col, std::size_t cols,
                                          amax_rule rule) const {
    if (source_.is_transposed()) return simd_kernels<Arch>::amax(this->x_.transposed(), col, cols, row, rows, rule);
    return simd_kernels<Arch>::amax(this->x_, row, rows, col, cols, rule);
  }

  /// The largest magnitude of a row of a transposed matrix, found with those of its neighbours: of a vector at a time the
  /// source is read row by row.
  [[nodiscard]] std::uint32_t column_amax(std::size_t row) noexcept {
    using words = word_batch<Arch>;
    constexpr std::size_t together = tile_source<T, Arch>::panel_rows;
    static_assert(together % words::size == 0);
    const std::size_t first = row / together * together;
    if (first + together > this->x_.rows) return stored_amax(row, 1, 0, this->q_.cols, amax_rule::propagate);
    if (row == first || !has_column_amax_) {
      const matrix_view<T> source = this->x_.transposed();
      words best[together / words::size];
      for (words& some : best) some = words(0U);
      for (std::size_t c = 0; c < this->q_.cols; ++c) {
        for (std::size_t i = 0; i < together; i += words::size) {
          best[i / words::size] =
              xsimd::max(best[i / words::size], widened<Arch>(&source(c, first + i)) & words(0x7fff'ffffU));
        }
      }
      for (std::size_t i = 0; i < together; i += words::size) best[i / words::size].store_unaligned(column_amax_ + i);
      has_column_amax_ = true;
    }
    return column_amax_[row - first];
  }

  /// `x` itself, or a copy with zeros behind its blocks, or behind whole rows, where they end within a vector.
  const float* padded(const float* x, std::size_t cols) noexcept {
    return !is_spread && cols % unit == 0 ? x : copied(x, cols);
  }
  [[gnu::noinline]] const float* copied(const float* x, std::size_t cols) noexcept {
    if constexpr (is_spread) {
      spread_blocks<block_size, block_room, Arch>(x, cols, padded_);
      return padded_;
    }
    const std::size_t size = (cols + unit - 1) / unit * unit;
    std::memcpy(padded_, x, cols * sizeof(float));
    std::memset(padded_ + cols, 0, (size - cols) * sizeof(float));
    return padded_;
  }

  void store_scales(std::size_t row, std::size_t rows, std::size_t col, std::size_t blocks) {
    const std::size_t first = F.replicate_scales ? row : row / F.rows_per_block(this->q_.rows);
    const std::size_t last = F.replicate_scales ? row + rows : first + 1;
    for (std::size_t r = first; r < last; ++r) {
      auto* stored = this->q_.scales + r * this->q_.scale_stride + (wide ? 0 : col / block_size);
      std::size_t b = 0;
      if constexpr (sizeof(code_type<F.scale>) == 1) {
        constexpr std::size_t width = word_batch<Arch>::size;
        for (; b + width <= blocks; b += width) {
          store_narrowed<Arch>(stored + b, word_batch<Arch>::load_unaligned(scales_.codes() + b));
        }
      }
      for (; b < blocks; ++b) stored[b] = static_cast<code_type<F.scale>>(scales_.codes()[b]);
    }
  }

  codes codes_;
  typename codes::scales scales_;
  tile_random<Arch> random_;
  tile_source<T, Arch> source_;
  bool streamed_;
  bool has_column_amax_ = false;  ///< column_amax_ is that of the rows around the last one asked for
  std::uint32_t column_amax_[tile_source<T, Arch>::panel_rows];
  std::optional<choice> choice_;
  alignas(64) float padded_[tile_capacity];
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
