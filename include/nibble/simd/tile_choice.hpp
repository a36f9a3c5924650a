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

/// Whether the class below serves a format whose blocks have `size` elements a row of a tile, or 0 for whole rows: the
/// errors of a row are added in one run and those of up to 16 rows as a tree, and the codes of a block are bytes.
NIBBLE_FUNCTION bool has_tile_choice(const block_format& f, std::size_t size) noexcept {
  const bool splits = f.packing.slot_bits == 4 && f.packing.order == nibble_order::split_halves;
  return !f.power_of_two_scale() && size != 0 && size <= chunk_size && f.block_rows >= 1 && f.block_rows <= 16 &&
         f.element.has_zero && (!splits || size % static_cast<std::size_t>(f.packing.group) == 0);
}

/// Blocks of `Size` elements, of which `Used` count, in up to F.block_rows rows. F is that of the tile.
template <block_format F, std::size_t Size, std::size_t Used, class Arch>
class tile_choice {
  using codes = tile_codes<F, Size, Arch>;
  using scales = typename codes::scales;
  static constexpr auto most_rows = static_cast<std::size_t>(F.block_rows);
  static constexpr std::size_t room = tile_capacity / Size + 2 * word_batch<Arch>::size;
  static constexpr std::size_t block_bytes = packed_bytes(F.packing, Size);

 public:
  /// The arguments outlive this.
  tile_choice(const recipe& r, const tensor_scaling& t, const scale_constants& k, const codes& c) noexcept
      : four_(r, t, k, c.elements(), c.scaler(), binary32(1.5F)), chooser_(format, Size, Used, r, t) {}

  /// Begins a tile of `blocks` blocks in `cols` columns. `six` are their scales; the rest is for tile_scales::find.
  template <class RowOf, class WithoutNan>
  void begin(const scales& six, std::size_t blocks, std::size_t cols, std::size_t rows, const RowOf& row_of,
             const WithoutNan& without_nan) noexcept {
    blocks_ = blocks;
    std::memcpy(four_.amax(), six.amax(), blocks * sizeof(std::uint32_t));
    four_.find(blocks, rows, row_of, without_nan);
    six.decode_codes(blocks, scale_[0]);
    four_.decode_codes(blocks, scale_[1]);
    std::uint32_t* both[] = {scale_[0], scale_[1]};
    chooser_.begin(blocks, cols, four_.amax(), both);
  }

  /// The codes of row r of the tile, elements `x`, under both scales. `ahead` is what kernels fetch meanwhile, elements
  /// of so many bytes, or null.
  void encode(codes& c, const scales& six, const tile_random<Arch>& random, const float* x, std::size_t r,
              const char* ahead, std::size_t element_bytes) noexcept {
    c.run(x, six, random, {codes_[0][r], 0, blocks_ * Size, ahead, element_bytes, false});
    c.run(x, four_, random, {codes_[1][r], 0, blocks_ * Size, nullptr, element_bytes, false});
    chooser_.estimate(x, r, {codes_[0][r], codes_[1][r]});
  }

  /// Chooses for all blocks. The codes of `six` and chosen() are those of what each block takes then, and with `operands`
  /// all of `six` is.
  template <class RowOf>
  void finish(scales& six, bool operands, std::size_t rows, const RowOf& row_of) noexcept {
    for (std::size_t b = 0; b < blocks_; b += word_batch<Arch>::size) {
      if (!chooser_.is_open(b, rows)) continue;
      chooser_.settle(b, rows, row_of, [&](std::size_t c, std::size_t r) { return codes_[c][r]; });
    }
    const std::uint32_t* takes = chooser_.takes();
    six.adopt(four_, takes, blocks_, operands);
    for (std::size_t r = 0; r < rows; ++r) take(takes, codes_[0][r], codes_[1][r]);
  }

  /// The codes of row r of the tile.
  [[nodiscard]] const std::uint8_t* chosen(std::size_t r) const noexcept { return codes_[0][r]; }

 private:
  /// Takes the bytes of `others` for the blocks of `bytes` where `takes` has all ones, without branches: they would be
  /// mispredicted.
  void take(const std::uint32_t* takes, std::uint8_t* bytes, const std::uint8_t* others) const noexcept {
    std::size_t b = 0;
#if defined(__AVX2__)
    for (; block_bytes == 8 && b + 4 <= blocks_; b += 4) {
      const auto at = [](auto* p) NIBBLE_INLINE_LAMBDA { return reinterpret_cast<const __m256i*>(p); };
      const __m256i mask = _mm256_cvtepi32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(takes + b)));
      const __m256i own = _mm256_loadu_si256(at(bytes + 8 * b));
      const __m256i other = _mm256_loadu_si256(at(others + 8 * b));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes + 8 * b), _mm256_blendv_epi8(own, other, mask));
    }
#endif
    for (; b < blocks_; ++b) {
      const std::uint64_t mask = std::uint64_t{takes[b]} << 32 | takes[b];
      std::size_t i = b * block_bytes;
      for (; i + 8 <= (b + 1) * block_bytes; i += 8) {
        const std::uint64_t own = load_eight(bytes + i);
        store_eight(bytes + i, own ^ ((own ^ load_eight(others + i)) & mask));
      }
      if (takes[b] != 0) std::memcpy(bytes + i, others + i, (b + 1) * block_bytes - i);
    }
  }

  static constexpr block_format format = F;
  scales four_;
  scale_chooser<most_rows, estimated_size<F, Size, Arch>, Arch> chooser_;
  std::size_t blocks_ = 0;
  alignas(64) std::uint32_t scale_[2][room];
  alignas(64) std::uint8_t codes_[2][most_rows][tile_capacity / Size * block_bytes];
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
