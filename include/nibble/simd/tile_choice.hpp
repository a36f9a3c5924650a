// SPDX-License-Identifier: Apache-2.0
//
// A tile whose blocks try two scales: the codes under both, as the tile would have them if there were no choice, and then
// those of the better ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/simd/four_over_six.hpp>
#include <nibble/simd/tile_codes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether a format may have two scales to choose from: the class below serves it then.
NIBBLE_FUNCTION bool has_tile_choice(const block_format& f) noexcept {
  return !f.power_of_two_scale() && f.element.has_zero;
}

/// Blocks of `Size` elements, or tile_capacity for whole rows, of which `Used` count. F is that of the tile.
template <block_format F, std::size_t Size, std::size_t Used, class Arch>
class tile_choice {
  using codes = tile_codes<F, Size, Arch>;
  using scales = typename codes::scales;
  static constexpr bool whole_rows = Size == tile_capacity;
  static constexpr std::size_t most_rows =
      F.block_rows >= 1 && F.block_rows <= 16 ? static_cast<std::size_t>(F.block_rows) : 16;
  using chooser = scale_chooser<most_rows, Size, codes::packs_in_place, has_choice_kernel<F, Arch>, Arch>;
  static constexpr std::size_t room = tile_capacity / Size + 2 * word_batch<Arch>::size;
  static constexpr std::size_t codes_a_byte = codes::packs_in_place ? 2 : 1;
  static constexpr std::size_t block_bytes = Size / codes_a_byte;

 public:
  /// Whether the codes of a tile are kept until its blocks have chosen; else they are made once more.
  static constexpr bool keeps = !whole_rows && F.block_rows >= 1 && F.block_rows <= 16;

  /// The same for a row that is one block, if that is one tile.
  static constexpr bool keeps_rows = whole_rows && F.block_rows == 1 && !codes::packs_in_place;

  /// The arguments outlive this.
  tile_choice(const recipe& r, const tensor_scaling& t, const scale_constants& k, const codes& c) noexcept
      : four_(r, t, k, c.elements(), c.scaler(), binary32(1.5F)), chooser_(format, Used, r, t) {
    std::memset(codes_, 0, sizeof(codes_));
  }

  /// Finds both scales, and turned magnitudes, of blocks of a row at `x` by one loop. False where it does not serve.
  [[nodiscard]] [[gnu::noinline]] bool find_both([[maybe_unused]] scales& six, [[maybe_unused]] const float* x,
                                               [[maybe_unused]] std::size_t blocks) noexcept {
#if defined(__AVX2__)
    if constexpr (scales::has_quick && has_choice_kernel<F, Arch>) {
      constexpr std::size_t lanes = x86::vector_of<Arch>::lanes;
      if constexpr (scales::quick::can_run_both && Size % lanes == 0 && !whole_rows) {
        if (blocks % lanes != 0 || !six.quick_.serves_both(four_.quick_)) return false;
        const bool serves = six.quick_.template run_both<Size>(
            four_.quick_, x, six.amax_, blocks, {six.code_, four_.code_}, {six.multiplier_, four_.multiplier_},
            {scale_[0], scale_[1]}, chooser_.turned());
        const auto row_of = [x](std::size_t /*r*/) { return x; };
        six.begin(blocks);
        std::memcpy(four_.amax_, six.amax_, blocks * sizeof(std::uint32_t));
        four_.begin(blocks);
        turned_ = six.takes(serves, blocks, 1, row_of) && four_.takes(serves, blocks, 1, row_of);
        return turned_;
      }
    }
#endif
    return false;
  }

  /// Finds the other scales of blocks, where `six` are found.
  template <class RowOf, class WithoutNan>
  [[gnu::noinline]] void find_other(const scales& six, std::size_t blocks, std::size_t rows, const RowOf& row_of,
                                    const WithoutNan& without_nan) noexcept {
    std::memcpy(four_.amax(), six.amax(), blocks * sizeof(std::uint32_t));
    four_.find(blocks, rows, row_of, without_nan);
    decode(six.codes(), blocks, scale_[0]);
    decode(four_.codes(), blocks, scale_[1]);
  }

  /// Begins a tile of `blocks` blocks in `cols` columns, whose scales are found.
  void begin(std::size_t blocks, std::size_t cols, std::size_t rows) noexcept {
    blocks_ = blocks;
    chooser_.begin(blocks, rows, cols, {scale_[0], scale_[1]}, turned_);
    turned_ = false;
  }

  void begin_row(std::size_t r) noexcept { chooser_.begin_row(r); }

  /// The codes of `cols` elements `x` of row r of the tile, in whole blocks or up to a multiple of 8, under both scales.
  /// `ahead` is what kernels fetch meanwhile, or null.
  void encode(codes& c, const scales& six, const tile_random<Arch>& random, const float* x, std::size_t r, std::size_t cols,
              const char* ahead) noexcept {
    std::uint8_t* const first = codes_[0][keeps ? r : 0];
    std::uint8_t* const second = codes_[1][keeps ? r : 0];
    const std::size_t count = whole_rows ? (cols + 7) / 8 * 8 : blocks_ * Size;
    constexpr bool unpacked = !codes::packs_in_place;
    c.run(x, six, random, {first, 0, count, ahead, false, unpacked});
    c.run(x, four_, random, {second, 0, count, nullptr, false, unpacked});
    if (Size != Used || cols % (whole_rows ? 8 : Used) != 0) {
      // Zeros of a block have one code: that of the last of them.
      const std::size_t last = count / codes_a_byte - 1;
      const bool are_zeros = ((first[last] | second[last]) & (codes_a_byte == 2 ? 0xf0 : 0xff)) == 0;
      if (Size != Used || !are_zeros) clear_behind({first, second}, cols, count);
    }
    chooser_.add(x, cols, {first, second});
  }

  void end_row() noexcept { chooser_.end_row(); }

  /// Chooses for all blocks: `six` and chosen() are then what each block takes, but for the operands of `six` if they are
  /// not wanted.
  void finish(scales& six, bool operands) noexcept {
    takes_ = chooser_.choose();
    six.adopt(four_, takes_, blocks_, operands);
  }

  /// Whether chosen() has two codes a byte, the even one low, or one.
  static constexpr bool packs = codes::packs_in_place;
  /// The codes of row r of the tile, if they are kept.
  [[nodiscard]] const std::uint8_t* chosen(std::size_t r) noexcept {
    if constexpr (whole_rows) return codes_[takes_[0] != 0 ? 1 : 0][r];
    store(r, codes_[0][r]);
    return codes_[0][r];
  }
  /// Stores them at once, whole blocks.
  void store(std::size_t r, std::uint8_t* to) const noexcept { take(takes_, codes_[0][r], codes_[1][r], to); }

 private:
  /// Whether finite scales have binary32's fields, shorter, and are normal numbers of it.
  static constexpr bool moves_fields = F.scale.has_zero && !F.scale.twos_complement && F.scale.bits() <= 8 &&
                                       F.scale.mantissa_bits > 0 && F.scale.bias < 100 && F.scale.bias > -100;
  /// The scales of `blocks` blocks as float32; room for a vector more.
  static void decode(const std::uint32_t* codes, std::size_t blocks, std::uint32_t* out) noexcept {
    using words = word_batch<Arch>;
    using integers = signed_batch<Arch>;
    [[maybe_unused]] const integers largest(static_cast<std::int32_t>(F.scale.max_code()));
    for (std::size_t b = 0; b < blocks; b += words::size) {
      const words code = words::load_unaligned(codes + b);
      const integers integer = bits_as<std::int32_t>(code);
      if constexpr (F.scale == formats::f32) {
        code.store_unaligned(out + b);
      } else if (moves_fields && !xsimd::any(integer > largest)) {
        // decode_lanes of what is positive and finite: fields move into place, and subnormal numbers, which a processor
        // need not read, are integers times the smallest.
        constexpr int fraction = F.scale.mantissa_bits;
        const simd_real<Arch> smallest(static_cast<float>(F.scale.min_positive()));
        const simd_real<Arch> low = simd_real<Arch>(xsimd::to_float(integer)) * smallest;
        const auto base = static_cast<std::uint32_t>(127 - F.scale.bias) << 23;
        const integers high = bits_as<std::int32_t>((code << (23 - fraction)) + words(base));
        xsimd::select(integer < integers(1 << fraction), bits_as<std::int32_t>(low.value), high)
            .store_unaligned(reinterpret_cast<std::int32_t*>(out + b));
      } else {
        decode_lanes(F.scale, code).store_unaligned(out + b);
      }
    }
  }

  /// Gives zeros behind blocks and rows the code 0. By an infinite multiplier they have become NaN, and that the
  /// largest number of elements that have no NaN (absent_nan_rule): either one has an error, which would count.
  [[gnu::noinline]] void clear_behind(std::uint8_t* const (&bytes)[2], std::size_t cols,
                                      std::size_t count) const noexcept {
    for (std::size_t b = Size == Used ? blocks_ - 1 : 0; b < blocks_; ++b) {
      const std::size_t begin = whole_rows ? cols : b * Size + smaller(Used, cols - b * Used);
      const std::size_t end = whole_rows ? count : (b + 1) * Size;
      for (std::uint8_t* const own : bytes) {
        if (begin % codes_a_byte != 0) own[begin / codes_a_byte] &= 0x0fU;
        for (std::size_t i = (begin + codes_a_byte - 1) / codes_a_byte; i < end / codes_a_byte; ++i) own[i] = 0;
      }
    }
  }

  /// Stores the bytes of blocks, those of `others` where `takes` has all ones, without branches: they would be
  /// mispredicted.
  void take(const std::uint32_t* takes, const std::uint8_t* bytes, const std::uint8_t* others,
            std::uint8_t* to) const noexcept {
    std::size_t b = 0;
#if defined(__AVX2__)
    for (; block_bytes == 8 && b + 4 <= blocks_; b += 4) {
      const auto at = [](auto* p) NIBBLE_INLINE_LAMBDA { return reinterpret_cast<const __m256i*>(p); };
      const __m256i mask = _mm256_cvtepi32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(takes + b)));
      const __m256i own = _mm256_loadu_si256(at(bytes + 8 * b));
      const __m256i other = _mm256_loadu_si256(at(others + 8 * b));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8 * b), _mm256_blendv_epi8(own, other, mask));
    }
#endif
    for (; b < blocks_; ++b) {
      const std::uint64_t mask = std::uint64_t{takes[b]} << 32 | takes[b];
      std::size_t i = b * block_bytes;
      for (; i + 8 <= (b + 1) * block_bytes; i += 8) {
        const std::uint64_t own = load_eight(bytes + i);
        store_eight(to + i, own ^ ((own ^ load_eight(others + i)) & mask));
      }
      const std::uint8_t* const from = takes[b] != 0 ? others : bytes;
      if (block_bytes % 8 != 0) std::memmove(to + i, from + i, (b + 1) * block_bytes - i);
    }
  }

  static constexpr block_format format = F;
  scales four_;
  chooser chooser_;
  std::size_t blocks_ = 0;
  bool turned_ = false;  ///< the magnitudes of the tile's only row are chooser_.turned()
  const std::uint32_t* takes_ = nullptr;  ///< all ones for each block that takes the other scale
  alignas(64) std::uint32_t scale_[2][room];
  alignas(64) std::uint8_t codes_[2][keeps ? most_rows : 1][tile_capacity / Size * block_bytes];
  std::uint8_t behind_[chooser::codes_behind + 1];  ///< what may be read behind codes
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
