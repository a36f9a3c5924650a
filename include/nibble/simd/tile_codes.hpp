// SPDX-License-Identifier: Apache-2.0
//
// The codes of a tile: by one kernel where all its blocks allow, else scaled by blocks first, with scalar code for the
// blocks that hardware cannot scale exactly.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/counts.hpp>
#include <nibble/simd/block_scaler.hpp>
#include <nibble/simd/element_run.hpp>
#include <nibble/simd/generic_run.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/tile_random.hpp>
#include <nibble/simd/tile_scales.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// One call's constants for codes. Blocks have `Size` elements.
template <block_format F, std::size_t Size, class Arch>
class tile_codes {
  using words = word_batch<Arch>;
  using kind = element_scaling::kind;
  static constexpr std::size_t width = words::size;
  static constexpr bool nibbles = F.packing == layouts::nibbles_low_first;

 public:
  using kernel = element_run<F.element, Size, nibbles, Arch>;
  using scales = tile_scales<F, Size, kernel, Arch>;

  /// Where a tile's codes go.
  struct place {
    std::uint8_t* row;   ///< codes of the row
    std::size_t col;     ///< first column of the tile
    std::size_t cols;
    const char* ahead;   ///< source elements to fetch meanwhile, or null
    bool streamed;
    bool unpacked = false;  ///< one code a byte from `row` on, whatever the packing; not where packs_in_place
  };
  /// Whether kernels write codes as the format packs them, two a byte.
  static constexpr bool packs_in_place = nibbles;

  /// The arguments outlive this.
  tile_codes(const recipe& r, const rounding_choice& rounding, const tensor_scaling& t) noexcept
      : recipe_(&r), scaling_(&t), rounding_(rounding), kernel_(r, rounding), generic_(r, rounding),
        scaler_(r, rounding, generic_.scaler().sees_traces()) {}

  [[nodiscard]] const kernel& elements() const noexcept { return kernel_; }
  [[nodiscard]] const element_scaler<F.element, Arch>& scaler() const noexcept { return generic_.scaler(); }

  /// Codes of `to.cols` elements; `x` holds whole blocks.
  void run(const float* x, const scales& s, const tile_random<Arch>& random, const place& to) noexcept {
    std::size_t done = 0;
#if defined(__AVX2__)
    if (s.is_direct_for(x, to.cols)) {
      const std::size_t groups = to.cols / kernel::group();
      done = groups * kernel::group();
      // Of a block that the last group ends within, rest() makes all codes.
      if (done != to.cols) done = done / Size * Size;
      if (nibbles || F.packing == layouts::bytes || to.unpacked) {
        std::uint8_t* bytes = to.row + (to.unpacked ? 0 : packed_bytes(F.packing, to.col));
        const bool aligned = std::bit_cast<std::uintptr_t>(bytes) % 64 == 0;
        run_kernel(x, s, 0, random.at(0), groups, {bytes, to.streamed && aligned, to.ahead});
      } else {
        run_kernel(x, s, 0, random.at(0), groups, {bytes_, false, to.ahead});
        store_packed<F.packing, Arch>(to.row, to.col, done, bytes_);
      }
      if (done == to.cols) return;
    }
#endif
    rest(x, s, random, to, done);
  }

 private:
#if defined(__AVX2__)
  /// The kernel for elements that need no scaling before, from block b on.
  NIBBLE_ALWAYS_INLINE void run_kernel(const float* x, const scales& s, std::size_t b, const std::uint8_t* random,
                                       std::size_t groups, const x86::destination& to) const noexcept {
    if (s.is_exact()) {
      kernel_.run_exact(x, s.multipliers() + b, s.reciprocals() + b, random, groups, to);
    } else if (s.is_close() && kernel_.close_reach() != 0) {
      kernel_.run_close(x, s.multipliers() + b, groups, to);
    } else {
      kernel_.run(x, s.multipliers() + b, random, groups, to);
    }
  }
#endif

  /// Elements from `first` on, a multiple of Size, through buffers.
  [[gnu::noinline]] void rest(const float* x, const scales& s, const tile_random<Arch>& random, const place& to,
                              std::size_t first) noexcept {
    const std::size_t count = to.cols - first;
    const std::size_t blocks = (count + Size - 1) / Size;
    const std::size_t b = first / Size;
    clear();
    scalar_blocks_ = 0;
    if (s.is_direct()) {
      std::memcpy(scaled_, x + first, count * sizeof(float));
    } else {
      const std::size_t whole = Size == tile_capacity ? (count + 7) / 8 * 8 : blocks * Size;
      scale(x + first, s, b, blocks, whole);
    }
    // Whole groups or chunks are read.
    const std::size_t together = kernel_.tuned() ? kernel::group() : chunk_size;
    const std::size_t behind = together - 1 - (count + together - 1) % together;
    if (behind != 0) std::memset(scaled_ + count, 0, behind * sizeof(float));
    if (kernel_.tuned()) {
#if defined(__AVX2__)
      const std::size_t groups = (count + kernel::group() - 1) / kernel::group();
      const auto* scaled = reinterpret_cast<const float*>(scaled_);
      // Whole groups need no buffer, and no scalar code leaves some blocks out of it.
      const bool in_place = count % kernel::group() == 0 && scalar_blocks_ == 0 && (nibbles || F.packing == layouts::bytes);
      std::uint8_t* const own = to.row + (to.unpacked ? first : packed_bytes(F.packing, to.col + first));
      const x86::destination codes{in_place ? own : bytes_};
      if (s.is_direct()) {
        run_kernel(scaled, s, b, random.at(first), groups, codes);
      } else if (scalar_blocks_ != blocks) {
        kernel_.run(scaled, ones_, random.at(first), groups, codes);
      }
      if (in_place) return;
      if (scalar_blocks_ != 0) encode_scalar_blocks(nibbles, x + first, s, random, b, blocks, count, first);
      if constexpr (nibbles) {
        std::memcpy(to.row + packed_bytes(F.packing, to.col + first), bytes_, packed_bytes(F.packing, count));
        return;
      }
#endif
    } else {
      for (std::size_t i = 0; scalar_blocks_ != blocks && i < count; i += chunk_size) {
        random.expand(first + i, smaller(chunk_size, count - i), words_);
        generic_.encode(scaled_ + i, words_, chunk_size, bytes_ + i);
      }
      if (scalar_blocks_ != 0) encode_scalar_blocks(false, x + first, s, random, b, blocks, count, first);
    }
    if (to.unpacked) {
      std::memcpy(to.row + first, bytes_, count);
    } else {
      store_packed<F.packing, Arch>(to.row, to.col + first, count, bytes_);
    }
  }

  /// Gives those buffers of rest() something to hold that are read further than they are written. Most calls never come
  /// there.
  void clear() noexcept {
    if (cleared_) return;
    std::memset(words_, 0, sizeof(words_));
    for (std::uint32_t& one : ones_) one = 0x3f80'0000U;
    cleared_ = true;
  }

  /// Scaled elements of `blocks` blocks from block b on, whose first is at x, into scaled_; blocks for scalar code become
  /// zeros if there are others.
  void scale(const float* x, const scales& s, std::size_t b, std::size_t blocks, std::size_t whole) noexcept {
    const bool by_kernel = kernel_.tuned();
    const auto unit = bit_cast<float>(static_cast<std::uint32_t>(127 + (by_kernel ? kernel_.prescale() : 0)) << 23);
    const auto* bits = reinterpret_cast<const std::uint32_t*>(x);
    const bool plain = s.is_plain() && !(is_deep() && s.rule() == kind::exact);
    if (plain && scaler_.serves(s.rule(), whole) &&
        scaler_.run(s.rule(), x, s.operands() + b, s.version(), whole, unit, scaled_)) {
      return;
    }
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::size_t at = i * Size;
      const std::size_t end = smaller(at + Size, whole);
      if (!plain && is_scalar(s, b + i)) {
        ++scalar_blocks_;
        if (blocks != 1) std::memset(scaled_ + at, 0, (end - at) * sizeof(float));
        continue;
      }
      const scaled_by operand = scaler().prepare(kind_of(s, b + i), s.operand(b + i));
      const std::size_t part = (end - at) / width * width;
      scaler().run(bits + at, part, operand, unit, scaled_ + at);
      if (part == end - at) continue;
      std::uint32_t rest[width] = {};
      std::memcpy(rest, bits + at + part, (end - at - part) * sizeof(float));
      scaler().run(rest, width, operand, unit, rest);
      std::memcpy(scaled_ + at + part, rest, (end - at - part) * sizeof(float));
    }
  }

  /// A zero scale leaves nothing of an exact quotient.
  static kind kind_of(const scales& s, std::size_t b) noexcept {
    return s.how(b) == kind::exact && s.operand(b).is_zero() ? kind::multiply : s.how(b);
  }

  /// Whether random bits reach the last bit of a quotient, which says of what is below whether it is zero: all 32, and
  /// fewer beside many bits of a code, in variants B and C with the half of the last one.
  [[nodiscard]] bool is_deep() const noexcept {
    if (rounding_.mode != rounding_mode::stochastic) return false;
    constexpr int below_step = 23 - F.element.mantissa_bits + (F.element.exponent_bits == 0 ? 1 : 0);
    return rounding_.random_bits + (rounding_.variant == stochastic_variant::a ? 0 : 1) >= below_step;
  }

  /// Whether a block is for scalar code.
  [[nodiscard]] bool is_scalar(const scales& s, std::size_t b) const noexcept {
    const kind how = kind_of(s, b);
    return (how == kind::exact && is_deep()) ||
           !is_plain_operand(F.element, how, s.operand(b), has_exact_quotient<Arch>) || !s.is_near(b);
  }

  /// Overwrites the codes in bytes_, two a byte where `packed`, of the blocks for scalar code.
  [[gnu::noinline, gnu::cold]] void encode_scalar_blocks(bool packed, const float* x, const scales& s,
                                                         const tile_random<Arch>& random, std::size_t b, std::size_t blocks,
                                                         std::size_t count, std::size_t first) noexcept {
    if (packed && scalar_blocks_ == blocks) bytes_[count / 2] = 0;  // a nibble behind the last code
    for (std::size_t i = 0; i < blocks; ++i) {
      if (!is_scalar(s, b + i)) continue;
      const std::size_t end = smaller(count, (i + 1) * Size);
      const bool divides = divides_long(s, b + i);
      std::uint32_t code = s.codes()[b + i];
      // Its divisor in integers takes as long as some hundred quotients.
      const element_scaling e = divides ? element_scaling{} : make_element_scaling(F, *recipe_, *scaling_, code);
      for (std::size_t k = i * Size; k < end; k += chunk_size) {
        const std::size_t part = smaller(chunk_size, end - k);
        std::uint32_t bits[chunk_size];
        std::uint8_t codes[chunk_size];
        if (divides) {
          long_quotients(s.operand(b + i), x + k, random.at(first + k), part, codes);
        } else {
          std::memcpy(bits, x + k, part * sizeof(float));
          random.expand(first + k, part, words_);
          encode_any_chunk(F.element, *recipe_, rounding_, e, bits, words_, part, codes);
          if (recipe_->searches_in_float) search_in_float<F.element>(e, bits, part, codes);
        }
        if (packed) {
          for (std::size_t c = 0; c < part; ++c) store_code(layouts::nibbles_low_first, bytes_, k + c, codes[c]);
        } else {
          std::memcpy(bytes_ + k, codes, part);
        }
      }
    }
  }

#if defined(__AVX2__) && defined(__FMA__)
  /// Whether scales have more significant bits than divisors of the kernels of quotients, and another kernel serves them.
  static constexpr bool is_long = has_avx2<Arch> && F.scale.mantissa_bits + 1 > x86::exact_divisor_bits &&
                                  x86::rounds_long_quotients(F.element);
#else
  static constexpr bool is_long = false;
#endif

  /// Whether long_quotients() makes the codes of a block: by exact quotients and 32 random bits. So near the range no search
  /// in float32 changes a code.
  [[nodiscard]] bool divides_long(const scales& s, std::size_t b) const noexcept {
    return is_long && rounding_.mode == rounding_mode::stochastic && rounding_.random_bits == 32 &&
           rounding_.variant == stochastic_variant::a && kind_of(s, b) == kind::exact &&
           is_plain_operand(F.element, kind::exact, s.operand(b), true) && s.is_near(b);
  }
  void long_quotients([[maybe_unused]] binary32 divisor, [[maybe_unused]] const float* x,
                      [[maybe_unused]] const std::uint8_t* random, [[maybe_unused]] std::size_t count,
                      [[maybe_unused]] std::uint8_t* to) const noexcept {
#if defined(__AVX2__) && defined(__FMA__)
    if constexpr (is_long) {
      x86::encode_long_quotients<x86::vector_of<Arch>>(F.element, static_cast<float>(divisor), x, random, count,
                                                       recipe_->policy.negative_zero, to);
    }
#endif
  }

  static constexpr std::size_t scaled_size = tile_capacity + 2 * chunk_size;
  const recipe* recipe_;
  const tensor_scaling* scaling_;
  rounding_choice rounding_;
  kernel kernel_;
  generic_run<F.element, Arch> generic_;
  block_scaler<F, Size, tile_capacity / Size, Arch> scaler_;
  std::size_t scalar_blocks_ = 0;  ///< blocks of rest() for scalar code
  bool cleared_ = false;
  alignas(64) std::uint32_t ones_[tile_capacity / Size + 64];
  alignas(64) std::uint32_t scaled_[scaled_size];
  alignas(64) std::uint32_t words_[chunk_size];
  alignas(64) std::uint8_t bytes_[scaled_size];
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
