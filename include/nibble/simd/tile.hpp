// SPDX-License-Identifier: Apache-2.0
//
// The common case of quantize on SIMD: blocks along a row. A row is taken in tiles: all scales of a tile first, then its
// codes, so that the long latency of a scale (maximum, division, rounding, division) is paid once for many blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <nibble/simd/element_run.hpp>
#include <nibble/simd/kernels.hpp>
#include <nibble/simd/scale_group.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether a format's blocks are runs of a row that tiles can hold.
template <block_format F>
inline constexpr bool is_tileable =
    F.block_rows == 1 && F.block_size >= 8 && F.block_size <= 256 && F.block_size % 8 == 0 && F.packing.slot_bits != 6 &&
    F.scale.bits() <= 8;

template <block_format F, class T, class Arch>
class tile_quantizer : public quantizer<F, T, simd_kernels<Arch>> {
  using base = quantizer<F, T, simd_kernels<Arch>>;
  using words = word_batch<Arch>;
  static constexpr std::size_t width = words::size;
  static constexpr std::size_t block_size = static_cast<std::size_t>(F.block_size);
  /// Blocks and floats of a tile: about 4 KiB, which the first-level cache holds beside the next tile on its way.
  static constexpr std::size_t tile_blocks = 1024 / block_size;
  static constexpr std::size_t tile_size = tile_blocks * block_size;

 public:
  tile_quantizer(const matrix_view<T>& x, const block_view<F>& q, const quantize_options& o)
      : base(x, q, o), group_(this->recipe_, this->scaling_, this->constants_),
        vector_scales_(has_vector_scales<F>(this->recipe_, this->scaling_)),
        run_(this->recipe_, this->rounding_), generic_(this->recipe_, this->rounding_) {}

  void run(std::size_t first, std::size_t last) {
    const bool strided_random = this->transposed_ && this->rounding_.mode == rounding_mode::stochastic;
    if (this->options_.counts != nullptr || this->recipe_.choice != four_over_six::off || strided_random) {
      base::run(first, last);
      return;
    }
    const block_view<F>& q = this->q_;
    if (first == 0) this->store_tensor_scale();
    for (std::size_t row = first; row < last; ++row) {
      if (q.cols % block_size != 0) this->clear_padding(row, 1);
      for (std::size_t col = 0; col < q.cols; col += tile_size) {
        const std::size_t rest = q.cols - col;
        if (rest >= block_size) tile(row, col, smaller(rest, tile_size) / block_size);
      }
      const std::size_t whole = q.cols / block_size * block_size;
      if (whole < q.cols) this->block(row, 1, whole, q.cols - whole);
    }
  }

 private:
  /// `blocks` whole blocks from column `col` on.
  void tile(std::size_t row, std::size_t col, std::size_t blocks) {
    const float* x = tile_elements(row, col, blocks * block_size);
    prefetch_next(row, col + blocks * block_size);
    block_maxima<F, Arch>(x, blocks, amax_);
    scales(x, blocks);
    code_type<F.scale>* stored = this->q_.scales + row * this->q_.scale_stride + col / block_size;
    for (std::size_t b = 0; b < blocks; ++b) stored[b] = static_cast<code_type<F.scale>>(code_[b]);
    if (this->rounding_.mode == rounding_mode::stochastic) draw(row, col, blocks * block_size);
    std::uint8_t* bytes = this->q_.codes + row * this->q_.code_stride;
    std::size_t b = 0;
    while (b < blocks) {
      const std::size_t done = run_.blocks(x + b * block_size, random_at(b * block_size), how_ + b, operand_ + b,
                                           blocks - b, bytes + packed_bytes(F.packing, col + b * block_size));
      b += done;
      if (done == 0) b += other_blocks(x, bytes, col, b, blocks);
    }
  }

  /// Blocks that no tuned kernel takes: as many as a chunk holds with plain operands, else one. Returns how many.
  std::size_t other_blocks(const float* x, std::uint8_t* bytes, std::size_t col, std::size_t b, std::size_t blocks) {
    constexpr std::size_t most = chunk_size / block_size;
    scaled_by operands[most];
    std::size_t count = 0;
    for (; count < smaller(most, blocks - b) && block_size >= width && !this->recipe_.searches_in_float; ++count) {
      const plain_operand operand(how_[b + count], binary32::from_bits(operand_[b + count]));
      if (!operand.is_plain) break;
      operands[count] = generic_.prepare(how_[b + count], operand);
    }
    const std::size_t done = count == 0 ? 1 : count;
    if (this->rounding_.mode == rounding_mode::stochastic) expand_random(b * block_size, done * block_size);
    std::memcpy(this->bits_, x + b * block_size, done * block_size * sizeof(float));
    if (count != 0) {
      generic_.run(this->bits_, this->words_, operands, count, block_size, this->codes_);
    } else {
      std::uint32_t code = code_[b];
      const element_scaling e = make_element_scaling(F, this->recipe_, this->scaling_, code);
      this->encode_bits(this->words_, block_size, e);
    }
    store_codes<F>(bytes, col + b * block_size, done * block_size, this->codes_);
    return done;
  }

  /// Scale codes and element operands of the tile's blocks.
  void scales(const float* x, std::size_t blocks) {
    std::size_t b = 0;
    const bool divide = this->recipe_.element == element_rule::divide_by_quotient;
    const auto how = F.power_of_two_scale() ? element_scaling::kind::shift
                     : divide               ? element_scaling::kind::divide
                                            : element_scaling::kind::multiply;
    for (; vector_scales_ && b < blocks; b += width) {
      const words amax = words::load_unaligned(amax_ + b);
      if (!group_.is_plain(amax)) {
        for (std::size_t i = b; i < smaller(b + width, blocks); ++i) one_scale(x, i);
        continue;
      }
      words code;
      words operand;
      group_.run(amax, code, operand);
      code.store_unaligned(code_ + b);
      operand.store_unaligned(operand_ + b);
      for (std::size_t i = b; i < b + width; ++i) how_[i] = how;
    }
    for (; b < blocks; ++b) one_scale(x, b);
  }

  void one_scale(const float* x, std::size_t b) {
    std::uint32_t magnitude = amax_[b];
    if (magnitude > 0x7f80'0000U && this->recipe_.amax == amax_rule::ignore_nan) {
      const matrix_view<float> block{x + b * block_size, 1, block_size};
      magnitude = rectangle_amax(block, 0, 1, 0, block_size, amax_rule::ignore_nan);
    }
    code_[b] = block_scale_code(F, this->recipe_, this->constants_, this->scaling_, binary32::from_bits(magnitude));
    const element_scaling e = make_element_scaling(F, this->recipe_, this->scaling_, code_[b]);
    how_[b] = e.how;
    operand_[b] = e.operand.bits();
    const bool plain_shift = e.how == element_scaling::kind::shift && e.exponent >= -119 && e.exponent <= 82;
    if (plain_shift) operand_[b] = static_cast<std::uint32_t>(e.exponent + 127) << 23;
    // NaN and Inf elements are the generic vectors' business, too.
    const bool special = amax_[b] >= 0x7f80'0000U;
    if (special || e.how == element_scaling::kind::exact || !e.operand.is_finite() || (e.how == element_scaling::kind::shift && !plain_shift)) {
      how_[b] = element_scaling::kind::nothing;
    }
  }

  /// The tile's elements as float32: the source itself where it is a row of float, else a copy.
  const float* tile_elements(std::size_t row, std::size_t col, std::size_t count) {
    if constexpr (std::is_same_v<T, float>) {
      if (this->x_.col_stride == 1) return &this->x_(row, col);
    }
    for (std::size_t i = 0; i < count; i += chunk_size) {
      const std::size_t part = smaller(chunk_size, count - i);
      simd_kernels<Arch>::load(this->x_, row, col + i, part, this->bits_);
      std::memcpy(tile_ + i, this->bits_, part * sizeof(float));
    }
    return tile_;
  }

  void prefetch_next(std::size_t row, std::size_t col) const {
#if defined(__GNUC__)
    if (this->x_.col_stride != 1) return;
    const char* next = reinterpret_cast<const char*>(&this->x_(row, 0) + col);
    for (std::size_t byte = 0; byte < tile_size * sizeof(T); byte += 64) __builtin_prefetch(next + byte);
#endif
  }

  /// Draws the bit string of the tile's `count` elements, or finds it in the caller's words.
  void draw(std::size_t row, std::size_t col, std::size_t count) {
    const auto bits = static_cast<std::uint64_t>(this->rounding_.random_bits);
    const element_rounding& rounding = this->options_.rounding;
    std::uint64_t first = row * this->x_.cols + col;
    if (!rounding.draws()) {
      random_bytes_ = reinterpret_cast<const std::uint8_t*>(rounding.words().data()) + first * bits / 8;
      return;
    }
    const stochastic& random = rounding.random();
    first += random.first_element;
    const std::uint64_t per_block = 128 / bits;
    const std::uint64_t block = first / per_block;
    const std::uint64_t last = (first + count - 1) / per_block;
    philox_blocks<Arch>(random.seed, random.stream, block, static_cast<std::size_t>(last - block + 1), random_);
    random_bytes_ = reinterpret_cast<const std::uint8_t*>(random_) + (first - block * per_block) * bits / 8;
  }

  /// Where the bits of the tile's element `i` begin.
  [[nodiscard]] const std::uint8_t* random_at(std::size_t i) const noexcept {
    if (this->rounding_.mode != rounding_mode::stochastic) return nullptr;
    return random_bytes_ + i * static_cast<std::size_t>(this->rounding_.random_bits) / 8;
  }

  /// The random words of `count` elements from element `i` on, right-aligned in `words_`.
  void expand_random(std::size_t i, std::size_t count) {
    const auto bytes = static_cast<std::size_t>(this->rounding_.random_bits) / 8;
    for (std::size_t k = 0; k < count; ++k) {
      std::uint32_t word = 0;
      std::memcpy(&word, random_at(i + k), bytes);
      this->words_[k] = word;
    }
  }

  scale_group<F, Arch> group_;
  bool vector_scales_;
  element_run<F, Arch> run_;
  generic_run<F.element, Arch> generic_;
  alignas(64) float tile_[tile_size];
  alignas(64) std::uint32_t random_[tile_size + 64];
  const std::uint8_t* random_bytes_ = nullptr;
  alignas(64) std::uint32_t amax_[tile_blocks + 64];
  alignas(64) std::uint32_t code_[tile_blocks + 64];
  alignas(64) std::uint32_t operand_[tile_blocks + 64];
  element_scaling::kind how_[tile_blocks + 64];
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
