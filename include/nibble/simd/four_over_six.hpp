// SPDX-License-Identifier: Apache-2.0
//
// Four over six (block/four_over_six.hpp) for the blocks of a tile, from their codes under both scales. Errors are
// estimated, in any order; only where the estimates come too close are they added up in the order of the elements, a lane
// a block, and only where a processor may flush a number on the way, by scalar code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/counts.hpp>
#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/four_over_six.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/real.hpp>
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

/// The size of blocks whose errors x86/choice.hpp estimates; 0 where vectors of any architecture do.
template <block_format F, std::size_t Size, class Arch>
inline constexpr std::size_t estimated_size =
#if defined(__AVX2__)
    has_avx2<Arch> && F.element == formats::e2m1 ? Size : 0;
#else
    0;
#endif

/// Chooses for blocks of up to `Rows` rows. Candidate 0 of a block is its scale for 6, candidate 1 that for 4. `Estimated`
/// is the estimated_size.
template <std::size_t Rows, std::size_t Estimated, class Arch>
class scale_chooser {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  static constexpr std::size_t width = words::size;
  static constexpr std::size_t most = tile_capacity / 8 + width;

 public:
  /// Blocks have `size` elements a row in memory, a multiple of 8 up to chunk_size, of which `used` count. `f` outlives
  /// this.
  scale_chooser(const block_format& f, std::size_t size, std::size_t used, const recipe& r,
                const tensor_scaling& t) noexcept
      : format_(&f), size_(size), used_(used), squares_(r.choice == four_over_six::mean_squared_error), error_(f, r, t),
        unit_(static_cast<float>(error_.amax / error_.denominator)) {
    const std::uint32_t amax = t.amax.bits() >> 23;
    const std::uint32_t denominator = error_.denominator.bits() >> 23;
    // With scales from 2^-30 on no value is below 2^-126, if it is not zero.
    in_range_ = amax >= 127 - 60 && amax <= 127 + 100 && denominator >= 127 && denominator <= 127 + 20 &&
                f.element.min_positive() >= power_of_two(-16) && f.element.max_value() <= power_of_two(16);
    scales_fit_ = f.scale.max_value() <= power_of_two(10);
    for (std::uint32_t code = 0; code < std::uint32_t{1} << f.element.bits(); ++code) {
      values_[code] = to_bits(called_decode(f.element, code)) & 0x7fff'ffffU;
    }
  }

  /// Begins a tile of `blocks` blocks by the decoded scales of each candidate; room for a vector more. The amaxes outlive
  /// the tile.
  void begin(std::size_t blocks, std::size_t cols, const std::uint32_t* amax, std::uint32_t* (&scales)[2]) noexcept {
    blocks_ = blocks;
    cols_ = cols;
    amax_ = amax;
    for (std::size_t c = 0; c < 2; ++c) {
      scale_[c] = scales[c];
      for (std::size_t i = 0; i < width; ++i) scales[c][blocks + i] = scales[c][blocks - 1];
      for (std::size_t b = 0; b < blocks; b += width) {
        (real(bits_as<float>(words::load_unaligned(scale_[c] + b))) * real(unit_)).value.store_unaligned(one_[c] + b);
      }
    }
  }

  /// Estimates the errors of row r of the tile, elements `x` with packed codes of both candidates.
  [[gnu::noinline]] void estimate(const float* x, std::size_t r, const std::uint8_t* const (&codes)[2]) noexcept {
    if (!estimates()) return;
    if constexpr (Estimated != 0) {
#if defined(__AVX2__)
      const float* const one[] = {one_[0], one_[1]};
      float* const errors[] = {errors_[0][r], errors_[1][r]};
      const std::uint8_t* nibbles[] = {codes[0], codes[1]};
      for (std::size_t c = 0; format_->packing != layouts::nibbles_low_first && c < 2; ++c) {
        load_packed<Arch>(format_->packing, codes[c], 0, blocks_ * size_, bytes_);
        store_packed<Arch>(layouts::nibbles_low_first, nibbles_[c], 0, blocks_ * size_, bytes_);
        nibbles[c] = nibbles_[c];
      }
      x86::estimate_errors<Estimated>(x, blocks_, squares_, {nibbles[0], nibbles[1]}, one, errors);
#endif
    } else {
      for (std::size_t c = 0; c < 2; ++c) {
        load_packed<Arch>(format_->packing, codes[c], 0, blocks_ * size_, bytes_);
        for (std::size_t b = 0; b < blocks_; ++b) errors_[c][r][b] = estimated(x, b, one_[c][b]);
      }
    }
    // The rest of a vector repeats the last block.
    for (auto& errors : errors_) {
      for (std::size_t i = 0; i < width; ++i) errors[r][blocks_ + i] = errors[r][blocks_ - 1];
    }
  }

  /// Whether the errors of the vector of blocks from b on have to be known exactly; else they are chosen for.
  [[nodiscard]] bool is_open(std::size_t b, std::size_t rows) noexcept {
    if (!estimates()) return true;
    real sum[2];
    for (std::size_t c = 0; c < 2; ++c) {
      sum[c] = real(float_batch<Arch>::load_unaligned(errors_[c][0] + b));
      for (std::size_t r = 1; r < rows; ++r) {
        sum[c] = sum[c] + real(float_batch<Arch>::load_unaligned(errors_[c][r] + b));
      }
    }
    const words six = words::load_unaligned(scale_[0] + b);
    const words four = words::load_unaligned(scale_[1] + b);
    if (!fits(six) || !fits(four)) return true;
    const real margin = bound(sum[0], sum[1], real(bits_as<float>(six)) + real(bits_as<float>(four)), rows);
    const auto bits = [](real x) NIBBLE_INLINE_LAMBDA { return bits_as<std::int32_t>(x.value); };
    // NaN, of either sign, and infinite sums are not apart.
    const signed_batch<Arch> finite(0x7f7f'ffff);
    const auto is_sum = [&](real x)
                            NIBBLE_INLINE_LAMBDA { return (bits(x) <= finite) & (bits(x) >= signed_batch<Arch>(0)); };
    const auto apart = ((bits(sum[0] + margin) < bits(sum[1])) | (bits(sum[1] + margin) < bits(sum[0]))) &
                       is_sum(sum[0]) & is_sum(sum[1]);
    // One scale twice has one error, unless it is no number.
    const auto same = (bits_as<std::int32_t>(six ^ four) == signed_batch<Arch>(0));
    if (!xsimd::all(apart | same)) return true;
    const auto less = (bits(sum[1]) < bits(sum[0])) & !same;
    xsimd::select(less, signed_batch<Arch>(-1), signed_batch<Arch>(0))
        .store_unaligned(reinterpret_cast<std::int32_t*>(takes_ + b));
    return false;
  }

  /// Chooses for a vector of blocks from b on by exact errors. `row_of(r)` gives elements, `codes_of(c, r)` packed codes.
  template <class RowOf, class CodesOf>
  void settle(std::size_t b, std::size_t rows, const RowOf& row_of, const CodesOf& codes_of) noexcept {
    bool by_vectors = in_range_ && has_plain_scales(b);
    for (std::size_t r = 0; by_vectors && r < rows; ++r) {
      by_vectors = sum_exactly(row_of(r), b, r, codes_of(0, r), codes_of(1, r));
    }
    for (std::size_t r = 0; !by_vectors && r < rows; ++r) {
      const float* x = row_of(r);
      for (std::size_t c = 0; c < 2; ++c) sum_by_scalar_code(x, b, c, r, codes_of(c, r));
    }
    compare(b, rows);
  }

  /// All ones for each block that takes candidate 1.
  [[nodiscard]] const std::uint32_t* takes() const noexcept { return takes_; }

 private:
  [[nodiscard]] bool estimates() const noexcept { return in_range_ && (Estimated != 0 || size_ % width == 0); }

  /// The estimate of the error of block b, whose codes are in bytes_, if 1 stands for `one`.
  [[nodiscard]] float estimated(const float* x, std::size_t b, float one) const noexcept {
    real sum(0.0F);
    for (std::size_t i = b * size_; i < (b + 1) * size_; i += width) {
      const words number = bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x + i)) & words(0x7fff'ffffU);
      const words less = bits_as<std::uint32_t>((value_of(bytes_ + i, 1) * real(one)).value) ^ words(0x8000'0000U);
      const real difference = real(bits_as<float>(number)) + real(bits_as<float>(less));
      sum = sum + (squares_ ? difference * difference : absolute(difference));
    }
    std::uint32_t lanes[width];
    bits_as<std::uint32_t>(sum.value).store_unaligned(lanes);
    float all = 0;
    for (const std::uint32_t lane : lanes) all += bit_cast<float>(lane);
    return all;
  }

  /// Whether no product on the way to a value overflows, which estimates do not notice: elements up to 2^16 by scales up to
  /// 2^10 by an amax up to 2^100.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool fits(words scales) const noexcept {
    return scales_fit_ || !xsimd::any(scales > words((127U + 10U) << 23));
  }

  static real absolute(real x) noexcept {
    return real(bits_as<float>(bits_as<std::uint32_t>(x.value) & words(0x7fff'ffffU)));
  }

  /// The magnitudes of a vector of codes, `step` bytes apart.
  [[nodiscard]] real value_of(const std::uint8_t* codes, std::size_t step) const noexcept {
    std::uint32_t lanes[width];
    for (std::size_t i = 0; i < width; ++i) lanes[i] = values_[codes[i * step]];
    return real(bits_as<float>(words::load_unaligned(lanes)));
  }

  /// How far apart estimates must be to be sure. An estimated value is off by at most 6 roundings, 2^-21 of the largest
  /// there is, a difference by its own rounding, and either sum by as many as it has elements. A square is off by at most
  /// 2^-12 of it and 2^12 times the square of what its root is off. Numbers below the normal ones may count as zero. The
  /// bound is more than twice all that.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE real bound(real six, real four, real scales, std::size_t rows) const noexcept {
    const auto count = static_cast<float>(size_ * rows);
    const real value = scales * real(unit_ * static_cast<float>(format_->element.max_value()) * 0x1p-19F);
    const real rounding = (six + four) * real((count + 16.0F) * 0x1p-20F);
    if (!squares_) return (value + real(0x1p-110F)) * real(count) + rounding;
    return (value * value * real(0x1p14F) + real(0x1p-110F)) * real(count) + (rounding + (six + four) * real(0x1p-10F));
  }

  /// Whether the scales of a vector of blocks are zero or make no value too small, and their elements are finite.
  [[nodiscard]] bool has_plain_scales(std::size_t b) const noexcept {
    bool plain = true;
    for (std::size_t i = b; i < smaller(b + width, blocks_); ++i) {
      for (std::size_t c = 0; c < 2; ++c) {
        const std::uint32_t field = scale_[c][i] >> 23;
        plain = plain && (scale_[c][i] == 0 || (field >= 127 - 30 && field <= 127 + 30));
      }
      plain = plain && amax_[i] < 0x7f80'0000U;
    }
    return plain;
  }

  /// The errors of one row of a vector of blocks as choice_error::of has them. False where an element or a square is
  /// below the normal numbers. Differences from normal elements are normal, or 0, as values are at least 2^-126.
  [[gnu::noinline]] bool sum_exactly(const float* x, std::size_t b, std::size_t r, const std::uint8_t* six,
                                     const std::uint8_t* four) noexcept {
    const std::size_t own = smaller(width, blocks_ - b);
    const real amax(static_cast<float>(error_.amax));
    const real denominator(static_cast<float>(error_.denominator));
    words least_element(~0U);
    words least_difference(~0U);
    const std::uint8_t* const codes[] = {six, four};
    for (std::size_t c = 0; c < 2; ++c) {
      load_packed<Arch>(format_->packing, codes[c] + packed_bytes(format_->packing, b * size_), 0, own * size_, bytes_);
      for (std::size_t i = own; i < width; ++i) std::memcpy(bytes_ + i * size_, bytes_ + (own - 1) * size_, size_);
      const real scale(bits_as<float>(words::load_unaligned(scale_[c] + b)));
      real sum(0.0F);
      for (std::size_t i = 0; i < size_; ++i) {
        std::uint32_t lanes[width];
        for (std::size_t k = 0; k < width; ++k) lanes[k] = to_bits(x[(b + smaller(k, own - 1)) * size_ + i]);
        const words number = words::load_unaligned(lanes) & words(0x7fff'ffffU);
        const real value = value_of(bytes_ + i, size_) * scale * amax / denominator;
        const real difference = value + real(bits_as<float>(number ^ words(0x8000'0000U)));
        const real size = absolute(difference);
        least_element = xsimd::min(least_element, number - words(1U));
        least_difference = xsimd::min(least_difference, bits_as<std::uint32_t>(size.value) - words(1U));
        sum = sum + (squares_ ? size * size : size);
      }
      sum.value.store_unaligned(errors_[c][r] + b);
    }
    constexpr std::uint32_t least_normal = 1U << 23, least_squared = (127U - 63U) << 23;
    return !xsimd::any(least_element < words(least_normal - 1U)) &&
           !(squares_ && xsimd::any(least_difference < words(least_squared - 1U)));
  }

  [[gnu::noinline]] void sum_by_scalar_code(const float* x, std::size_t b, std::size_t c, std::size_t r,
                                            const std::uint8_t* codes) noexcept {
    const std::size_t own = smaller(width, blocks_ - b);
    load_packed<Arch>(format_->packing, codes + packed_bytes(format_->packing, b * size_), 0, own * size_, bytes_);
    std::uint32_t bits[chunk_size];
    for (std::size_t i = 0; i < own; ++i) {
      const std::size_t count = smaller(used_, cols_ - (b + i) * used_);
      std::memcpy(bits, x + (b + i) * size_, count * sizeof(float));
      const binary32 scale = binary32::from_bits(scale_[c][b + i]);
      errors_[c][r][b + i] = bit_cast<float>(error_.of(format_->element, scale, bits, bytes_ + i * size_, count).bits());
    }
  }

  /// Chooses by the exact errors of the rows, added in the order of error_of in block/quantize.hpp.
  [[gnu::noinline]] void compare(std::size_t b, std::size_t rows) noexcept {
    for (std::size_t i = b; i < smaller(b + width, blocks_); ++i) {
      binary32 sum[2];
      for (std::size_t c = 0; c < 2; ++c) {
        binary32 own[16] = {};
        for (std::size_t r = 0; r < rows; ++r) own[r] = binary32::from_bits(to_bits(errors_[c][r][i]));
        sum[c] = rows > 1 ? tree_sum(own, 16) : own[0];
      }
      takes_[i] = sum[1] < sum[0] ? ~0U : 0U;
    }
  }

  const block_format* format_;
  std::size_t size_;
  std::size_t used_;
  std::size_t blocks_ = 0;
  std::size_t cols_ = 0;
  const std::uint32_t* amax_ = nullptr;
  const std::uint32_t* scale_[2] = {};
  bool squares_;
  bool in_range_ = false;
  bool scales_fit_ = false;
  choice_error error_;
  float unit_;  ///< the value of 1 under a scale of 1
  std::uint32_t values_[256];
  std::uint32_t takes_[most];
  float one_[2][most];
  float errors_[2][Rows][most];
  std::uint8_t nibbles_[2][Estimated != 0 ? tile_capacity / 2 : 1];
  std::uint8_t bytes_[width * chunk_size > tile_capacity ? width * chunk_size : tile_capacity];
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
