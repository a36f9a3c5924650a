// SPDX-License-Identifier: Apache-2.0
//
// Four over six (block/four_over_six.hpp) for the blocks of a tile, from their codes under both scales. Runs of elements
// whose errors are added one after the other lie beside each other, a lane a run; only where a processor may flush a
// number on the way, or a factor overflows, are they added by scalar code.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include <nibble/base/counts.hpp>
#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/four_over_six.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/run_errors.hpp>
#include <nibble/simd/tile_source.hpp>
#include <nibble/simd/x86/choice.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether a call tries two scales a block. Values that are all zero, or NaN, have one error under both.
NIBBLE_FUNCTION bool tries_both(const block_format& f, const recipe& r, const tensor_scaling& t) noexcept {
  if (r.choice == four_over_six::off || f.power_of_two_scale()) return false;
  return !t.amax.is_zero() && choice_error(f, r, t).denominator.is_finite();
}

/// Whether x86/choice.hpp serves a format.
template <block_format F, class Arch>
inline constexpr bool has_choice_kernel =
#if defined(__AVX2__)
    has_avx2<Arch> && F.element == formats::e2m1;
#else
    false;
#endif

/// Chooses for blocks of `Size` elements a row in memory, or of whole rows (tile_capacity). Candidate 0 of a block is
/// its scale for 6, candidate 1 that for 4. The errors of up to `Rows` rows are kept apart. Codes come one a byte, or
/// two, the even one low (`Packed`). `Kernel` is has_choice_kernel.
template <std::size_t Rows, std::size_t Size, bool Packed, bool Kernel, class Arch>
class scale_chooser {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  static constexpr std::size_t width = words::size;
  static constexpr std::size_t lanes = Kernel ? 8 : width;
  static constexpr bool whole_rows = Size == tile_capacity;
  /// Elements whose errors are added one after the other.
  static constexpr std::size_t run_size = Size < chunk_size ? Size : chunk_size;
  static constexpr std::size_t most = tile_capacity / Size + 2 * width;
  /// Runs whose errors are kept one by one until they are added, a lane a run; there are as many in a tile of a row.
  static constexpr std::size_t most_runs =
      whole_rows ? tile_capacity / run_size : tile_capacity / Size * ((Size + run_size - 1) / run_size);
  using kept = run_errors<Kernel ? 8 : run_size, Kernel ? 1 : most_runs, Arch>;
  static_assert(Size % 8 == 0 && lanes <= 2 * width);

 public:
  static constexpr std::size_t codes_behind = Kernel ? 4 * run_size : 0;

  /// `used` of the elements of a row of a block count. `f` outlives this.
  scale_chooser(const block_format& f, std::size_t used, const recipe& r, const tensor_scaling& t) noexcept
      : format_(&f), used_(used), squares_(r.choice == four_over_six::mean_squared_error), error_(f, r, t) {
    least_element_ = exact_binary32(f.element.min_positive());
    largest_element_ = exact_binary32(f.element.max_value());
#if defined(__AVX2__)
    if constexpr (Kernel) kernel_.emplace(f.scale.mantissa_bits, error_.amax, error_.denominator, squares_);
#endif
    if constexpr (!Kernel) {
      kept_.emplace(f.element, error_, squares_);
      largest_element_ = exact_binary32(kept::largest(f.element));
    }
  }

  /// Begins a tile of `blocks` blocks of `rows` rows, `cols` columns together, by the decoded scales of each candidate,
  /// which outlive the tile and have room for two vectors more. `turned`: turned() has the magnitudes of their only row.
  void begin(std::size_t blocks, std::size_t rows, std::size_t cols, std::uint32_t* const (&scales)[2],
             bool turned) noexcept {
    is_turned_ = turned;
    blocks_ = blocks;
    rows_ = rows;
    cols_ = cols;
    by_vectors_ = true;
    pieces_ = 0;
    if constexpr (!Kernel) kept_->cut(0);
    const std::size_t elements = rows * (whole_rows ? cols : Size);
    if (elements != elements_) set_range(elements);
    for (std::size_t c = 0; c < 2; ++c) {
      scale_[c] = scales[c];
      const words last(scales[c][blocks - 1]);
      last.store_unaligned(scales[c] + blocks);
      last.store_unaligned(scales[c] + blocks + width);
      for (std::size_t b = 0; rows > 16 && b < blocks + width; ++b) total_[c][b] = 0.0F;
    }
#if defined(__AVX2__)
    if constexpr (Kernel) kernel_->begin({scales[0], scales[1]}, blocks, serves_);
#endif
    all_plain_ = has_plain_scales(0, blocks);
    for (std::size_t b = 0; b < blocks; b += width) plain_[b / width] = all_plain_ || has_plain_scales(b, b + width);
  }

  /// Where magnitudes of blocks go as x86::turn_runs has them.
  [[nodiscard]] float* turned() noexcept { return turned_; }
  /// Begins row r of the blocks.
  void begin_row(std::size_t r) noexcept {
    row_ = rows_ > 16 ? 0 : r;
    begins_ = true;
    if (Kernel) clear_row();
  }

  /// Adds the errors of elements `x` of the row with their codes under both candidates. Whole rows come in parts of `cols`
  /// elements, multiples of 256 but for the last. Behind the elements are zeros to a whole block, or a multiple of 8, and
  /// their codes; behind the codes `codes_behind` bytes may be read.
  [[gnu::noinline]] void add(const float* x, std::size_t cols, const std::uint8_t* const (&codes)[2]) noexcept {
    const std::size_t room = whole_rows ? (cols + 7) / 8 * 8 : blocks_ * Size;
    for (std::size_t c = 0; c < 2; ++c) {
      codes_[c] = codes[c];
      if constexpr (Packed && !Kernel) {
        load_packed<Arch>(layouts::nibbles_low_first, codes[c], 0, room, converted_[c]);
        codes_[c] = converted_[c];
      } else if constexpr (!Packed && Kernel) {
        store_packed<Arch>(layouts::nibbles_low_first, converted_[c], 0, room, codes[c]);
        codes_[c] = converted_[c];
      }
    }
    if constexpr (!Kernel) {
      if (all_plain_ && keep_errors(x, room)) return;
      add_kept();
      if (begins_) clear_row();
      begins_ = false;
    }
    if constexpr (Size == run_size) {
      for (std::size_t b = add_groups(x, 0); b < blocks_; b += lanes, b += add_groups(x, b)) {
        find_errors(x, b, b * Size, smaller(lanes, blocks_ - b), Size, cols, {errors_[0][row_] + b, errors_[1][row_] + b});
      }
      repeat_last(row_);
    } else {
      for (std::size_t b = 0; b < blocks_; ++b) {
        const std::size_t end = whole_rows ? room : Size;
        for (std::size_t i = 0; i < end;) {
          const std::size_t length = smaller(run_size, end - i);
          const std::size_t count = length < run_size ? 1 : smaller(lanes, (end - i) / run_size);
          float sums[2][lanes];
          find_errors(x, b, b * Size + i, count, length, cols, {sums[0], sums[1]});
          for (std::size_t k = 0; k < 2 * count; ++k) add_to(errors_[k / count][row_][b], sums[k / count][k % count]);
          i += count * length;
        }
      }
    }
  }

  /// Ends a row of the blocks.
  void end_row() noexcept {
    if (!Kernel && pieces_ != 0) {
      piece_[pieces_ - 1].ends = true;
    } else {
      total_row();
    }
  }

  /// Chooses: all ones for each block that takes candidate 1.
  [[nodiscard]] [[gnu::noinline]] const std::uint32_t* choose() noexcept {
    if constexpr (!Kernel) add_kept();
    for (std::size_t b = 0; !by_vectors_ && b < blocks_; ++b) takes_[b] = exactly_less(b) ? ~0U : 0U;
    for (std::size_t b = 0; by_vectors_ && b < blocks_; b += width) {
      const auto six = bits_as<std::int32_t>(block_errors(0, b)), four = bits_as<std::int32_t>(block_errors(1, b));
      // None is negative, and E2M1 has none that is NaN.
      bits_as<std::uint32_t>((four - six) >> 31).store_unaligned(takes_ + b);
      if (Kernel || !xsimd::any(xsimd::max(six, four) > signed_batch<Arch>(0x7f7f'ffff))) continue;
      for (std::size_t i = b; i < smaller(b + width, blocks_); ++i) takes_[i] = exactly_less(i) ? ~0U : 0U;
    }
    return takes_;
  }

 private:
  void clear_row() noexcept {
    for (auto& errors : errors_) {
      for (std::size_t b = 0; Size > run_size && b < blocks_ + width; ++b) errors[row_][b] = 0.0F;
    }
  }

  /// The rest of a vector repeats the last block.
  void repeat_last(std::size_t row) noexcept {
    for (auto& errors : errors_) {
      for (std::size_t i = 0; i < width; ++i) errors[row][blocks_ + i] = errors[row][blocks_ - 1];
    }
  }

  /// Adds the errors of a row to those of the rows before it.
  void total_row() noexcept {
    if (rows_ <= 16) return;
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t b = 0; by_vectors_ && b < blocks_; b += width) {
        const real total(float_batch<Arch>::load_unaligned(total_[c] + b));
        (total + real(float_batch<Arch>::load_unaligned(errors_[c][0] + b))).value.store_unaligned(total_[c] + b);
      }
      for (std::size_t b = 0; !by_vectors_ && b < blocks_; ++b) add_to(total_[c][b], errors_[c][0][b]);
    }
  }

  /// Adds the errors of whole groups of blocks from block b on that vectors serve. Returns how many blocks those are.
  [[nodiscard]] std::size_t add_groups([[maybe_unused]] const float* x, [[maybe_unused]] std::size_t b) noexcept {
#if defined(__AVX2__)
    if constexpr (Kernel && Size == run_size) {
      std::size_t end = b;
      while (end + 8 <= blocks_ && plain_[end / width]) end += 8;
      for (std::size_t i = b; !is_turned_ && i < end; i += 8) {
        x86::turn_runs<x86::avx2_vector, Size>(x + i * Size, turned_ + i * Size);
      }
      const std::size_t first = b * Size / 2;
      return 8 * kernel_->add_groups(turned_ + b * Size, b, (end - b) / 8, {codes_[0] + first, codes_[1] + first},
                                     {errors_[0][row_] + b, errors_[1][row_] + b});
    }
#endif
    return 0;
  }

  /// Finds the scales that vectors serve for blocks of so many elements. No product on the way to their values overflows,
  /// and values are from 2^(bits - 76) on, with at most 2^bits elements. Errors are then multiples of 2^(bits - 101), or
  /// elements that have code 0 under both scales. So elements below 2^-126, which the processor may read as zero, are
  /// together less than half a place of any sum of others, and where there are no others, both sums have the same.
  void set_range(std::size_t elements) noexcept {
    const auto exponent = [](binary32 x) { return static_cast<int>(x.bits() >> 23) - 127; };
    const auto larger = [](int a, int b) { return a > b ? a : b; };
    const auto bits = static_cast<int>(std::bit_width(elements));
    const int amax = exponent(error_.amax), of_one = amax - exponent(error_.denominator);
    const int least = -exponent(least_element_) + larger(larger(-120, -120 - amax), bits - 74 - of_one);
    const int largest = 122 - exponent(largest_element_) - larger(larger(0, amax), of_one);
    elements_ = elements;
    serves_ = amax >= -100 && exponent(error_.denominator) >= -100 && least >= -126 && largest <= 127 && least < largest;
    if (!serves_) return;
    lowest_ = (127 + least) << 23;
    highest_ = (127 + largest) << 23;
  }

  /// Whether the scales of blocks from b to `end`, whole vectors, are zero or in that range.
  [[nodiscard]] bool has_plain_scales(std::size_t b, std::size_t end) const noexcept {
    words smallest(~0U);  // less one, so that zero is the largest
    words largest(0U);
    for (; b < end; b += width) {
      for (const std::uint32_t* const those : scale_) {
        const words scale = words::load_unaligned(those + b);
        smallest = xsimd::min(smallest, scale - words(1U));
        largest = xsimd::max(largest, scale);
      }
    }
    const words low(static_cast<std::uint32_t>(lowest_ - 1)), high(static_cast<std::uint32_t>(highest_ - 1));
    return serves_ && xsimd::all(xsimd::min(smallest, low) == low) && xsimd::all(xsimd::max(largest, high) == high);
  }

  /// The bits of the errors of a vector of blocks; what is not finite, or added from numbers below the normal ones, as
  /// choose() does not take it.
  [[nodiscard]] words block_errors(std::size_t c, std::size_t b) const noexcept {
    const float* const whole = Rows == 1 ? errors_[c][0] : total_[c];
    if (Rows == 1 || rows_ > 16) return bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(whole + b));
    real own[16];
    for (std::size_t r = 0; r < rows_; ++r) own[r] = real(float_batch<Arch>::load_unaligned(errors_[c][r] + b));
    if constexpr (Rows > 1) {
      for (std::size_t r = rows_; rows_ > 1 && r < 16; ++r) own[r] = real(0.0F);
      for (std::size_t half = rows_ > 1 ? 8 : 0; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) own[i] = own[i] + own[i + half];
      }
    }
    return bits_as<std::uint32_t>(own[0].value);
  }

  /// Whether candidate 1 has less error, by the sums of the rows in the order of error_of in block/quantize.hpp.
  [[nodiscard]] [[gnu::noinline]] bool exactly_less(std::size_t b) const noexcept {
    binary32 sum[2];
    for (std::size_t c = 0; c < 2; ++c) {
      binary32 own[16] = {};
      for (std::size_t r = 0; rows_ <= 16 && r < rows_; ++r) own[r] = binary32::from_bits(to_bits(errors_[c][r][b]));
      sum[c] = rows_ > 16 ? binary32::from_bits(to_bits(total_[c][b])) : rows_ > 1 ? tree_sum(own, 16) : own[0];
    }
    return sum[1] < sum[0];
  }

  /// The errors under both candidates of `count` runs of `length` elements from element `at` of the tile on; room for all
  /// lanes. They begin in block b: one is all of a block's row, or all are of that block.
  void find_errors(const float* x, std::size_t b, std::size_t at, std::size_t count, std::size_t length, std::size_t cols,
                  float* const (&errors)[2]) noexcept {
    if (plain_[b / width] && add_errors(x, b, at, count, length, errors)) return;
    by_vectors_ = false;
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t own = Size == run_size ? b + k : b;
      const std::size_t begin = at + k * run_size;
      const std::size_t used = own * Size + (whole_rows ? cols : smaller(used_, cols_ - own * used_));
      by_scalar_code(x, own, begin, used > begin ? smaller(length, used - begin) : 0, {errors[0] + k, errors[1] + k});
    }
  }

  /// Adds errors by vectors. False where a square is below the normal numbers and may be flushed.
  [[nodiscard]] bool add_errors([[maybe_unused]] const float* x, [[maybe_unused]] std::size_t b,
                                [[maybe_unused]] std::size_t at, [[maybe_unused]] std::size_t count,
                                [[maybe_unused]] std::size_t length, [[maybe_unused]] float* const (&errors)[2]) noexcept {
#if defined(__AVX2__)
    if constexpr (Kernel) {
      const std::uint8_t* const codes[] = {codes_[0] + at / 2, codes_[1] + at / 2};
      return kernel_->add(x + at, b, count, length, codes, errors);
    }
#endif
    return false;
  }

  /// Keeps the errors of the elements of add(), `room` a block or a row. False where they are for scalar code.
  [[nodiscard]] bool keep_errors(const float* x, std::size_t room) noexcept {
    const std::size_t each = whole_rows ? room : Size;
    const std::size_t runs = blocks_ * ((each + run_size - 1) / run_size);
    if (!kept_->has_room(runs)) add_kept();
    const std::size_t before = kept_->count();
    for (std::size_t b = 0; b < blocks_; ++b) {
      const float scale[2] = {bit_cast<float>(scale_[0][b]), bit_cast<float>(scale_[1][b])};
      for (std::size_t i = 0; i < each; i += run_size) {
        const std::size_t at = b * Size + i;
        if (!kept_->keep(x + at, smaller(run_size, each - i), {codes_[0] + at, codes_[1] + at}, scale)) {
          kept_->cut(before);
          return false;
        }
      }
    }
    piece_[pieces_++] = {row_, runs, begins_, false};
    begins_ = false;
    return true;
  }

  /// Adds the errors that are kept to those of their rows.
  [[gnu::noinline]] void add_kept() noexcept {
    if (pieces_ == 0) return;
    const float* from = kept_->sums();
    const std::size_t row = row_;
    for (std::size_t p = 0; p < pieces_; ++p) {
      row_ = piece_[p].row;
      if (piece_[p].begins) clear_row();
      const std::size_t each = piece_[p].runs / blocks_;
      for (std::size_t i = 0; i < piece_[p].runs; ++i, from += 2) {
        for (std::size_t c = 0; c < 2; ++c) {
          float& error = errors_[c][row_][i / each];
          if (Size == run_size) error = from[c];
          if (Size != run_size) add_to(error, from[c]);
        }
      }
      repeat_last(row_);
      if (piece_[p].ends) total_row();
    }
    row_ = row;
    pieces_ = 0;
    kept_->cut(0);
  }

  /// The errors of one run.
  [[gnu::noinline, gnu::cold]] void by_scalar_code(const float* x, std::size_t b, std::size_t at, std::size_t count,
                                                   float* const (&errors)[2]) noexcept {
    std::uint32_t bits[chunk_size];
    std::uint8_t codes[chunk_size];
    std::memcpy(bits, x + at, count * sizeof(float));
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t k = 0; k < count; ++k) {
        const std::uint8_t* const own = codes_[c];
        codes[k] = Kernel ? static_cast<std::uint8_t>(load_code(layouts::nibbles_low_first, own, at + k)) : own[at + k];
      }
      const binary32 scale = binary32::from_bits(scale_[c][b]);
      *errors[c] = bit_cast<float>(error_.of(format_->element, scale, bits, codes, count).bits());
    }
  }

  const block_format* format_;
  std::size_t used_;
  std::size_t blocks_ = 0, rows_ = 0, cols_ = 0, row_ = 0;
  const std::uint32_t* scale_[2] = {};
  const std::uint8_t* codes_[2] = {};  ///< codes of the row, two a byte for the kernel, else one
  bool squares_;
  std::size_t elements_ = 0;  ///< the range of scales is that of so many elements
  bool serves_ = false;      ///< there is a range of scales
  bool by_vectors_ = false;  ///< no error of the tile was added by scalar code
  binary32 least_element_{1.0F}, largest_element_{1.0F};  ///< but zero
  std::int32_t lowest_ = 0, highest_ = 0;
  choice_error error_;
#if defined(__AVX2__)
  std::optional<x86::block_errors<Size, run_size, most>> kernel_;
#endif
  std::size_t pieces_ = 0;
  bool is_turned_ = false;  ///< turned_ is all that add() gets
  alignas(64) float turned_[Kernel ? tile_capacity : 1];
  bool begins_ = false;       ///< nothing of the row was added yet
  bool all_plain_ = false;    ///< all of plain_
  bool plain_[most / width + 1] = {};  ///< has_plain_scales() of each vector of blocks
  row_piece piece_[Kernel ? 1 : most_runs];
  std::uint32_t takes_[most];
  float total_[2][most], errors_[2][Rows][most];
  std::optional<kept> kept_;  ///< but for the kernel
  std::uint8_t converted_[2][Packed == Kernel ? 1 : Kernel ? tile_capacity / 2 + codes_behind : tile_capacity];
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
