// SPDX-License-Identifier: Apache-2.0
//
// One row of a quantized matrix to numbers. Hardware multiplies where it does what binary32 does, whatever the control
// register says: no factor and no product is a float32 subnormal, and the scale is a number. Other blocks take the
// arithmetic of base/binary32.hpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/block/dequantize.hpp>
#include <nibble/simd/avx2/decode.hpp>
#include <nibble/simd/convert.hpp>
#include <nibble/simd/decode_span.hpp>
#include <nibble/simd/pack.hpp>
#include <nibble/simd/real.hpp>
#include <nibble/simd/store_numbers.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/x86/table_values.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The exponent fields that a block's scale may have so that hardware multiplies exactly as binary32 does.
struct scale_range {
  std::uint32_t first = 1;  ///< bits of the smallest magnitude
  std::uint32_t end = 0;    ///< one past the largest; nothing if below `first`
  bool zero = false;        ///< a zero scale is fine, too

  /// For elements of `f` and a tensor scale (1 without one).
  NIBBLE_FUNCTION static scale_range of(const float_format& f, std::uint32_t tensor_scale) noexcept {
    constexpr std::uint32_t infinity = 0x7f80'0000U;
    const std::uint32_t magnitude = tensor_scale & 0x7fff'ffffU;
    const std::uint32_t least = exact_binary32(f.min_positive()).bits();
    if (magnitude < 0x0080'0000U || magnitude >= infinity || least < 0x0080'0000U) return {};
    const auto field = static_cast<int>(magnitude >> 23);
    const auto smallest = static_cast<int>(least >> 23) - 127;
    // 2^(smallest) * 2^(first - 127), and that times 2^(field - 127), are at least 2^-126.
    int first = 1 - smallest;
    if (128 - smallest - field > first) first = 128 - smallest - field;
    if (first < 1) first = 1;
    // Inf times zero is a NaN, whose sign differs.
    const bool zero = !f.has_infinity();
    if (first > 254) return {1U, 0U, zero};
    return {static_cast<std::uint32_t>(first) << 23, infinity, zero};
  }
};

/// Dequantizes rows of one matrix.
template <block_format F, class Arch, class T>
class row_dequantizer {
  using words = word_batch<Arch>;
  using real = simd_real<Arch>;
  using scale_type = code_type<F.scale>;
  static constexpr std::size_t width = words::size;
  /// Columns of a tile, whole blocks or a part of one.
  static constexpr std::size_t most = 1024;
  static constexpr auto block_size = static_cast<std::size_t>(F.block_size);
  static constexpr bool wide = F.block_size == 0 || F.block_size > 256;
  static constexpr std::size_t tile_size = wide ? most : most / (wide ? 1 : block_size) * block_size;
  static constexpr std::size_t tile_blocks = wide ? 1 : tile_size / block_size;
  /// Columns unpacked at a time: groups of split halves, which are blocks, stay whole.
  static constexpr bool split = F.packing.slot_bits == 4 && F.packing.order == nibble_order::split_halves;
  static constexpr std::size_t chunk = split && !wide ? chunk_size / block_size * block_size : chunk_size;

 public:
  row_dequantizer(float tensor_scale, bool streamed) noexcept
      : tensor_scale_(F.tensor_scale ? tensor_scale : 1.0F),
        range_(scale_range::of(F.element, to_bits(tensor_scale_))),
        streamed_(streamed) {
#if defined(__AVX2__)
    if constexpr (has_plain_scales) plain_codes_ = codes_of(range_);
#endif
  }

  /// `scales` is the scale of column 0.
  void run(const std::uint8_t* codes, const scale_type* scales, std::size_t cols, T* out) noexcept {
    const std::size_t block = F.block_cols(cols);
    for (std::size_t col = 0; col < cols;) {
      std::size_t end = smaller(cols, col + tile_size);
      if (wide) end = smaller(end, col / block * block + block);
      const std::size_t blocks = wide ? 1 : (end - col + block - 1) / block;
      if (streamed_) fetch_behind(codes + packed_bytes(F.packing, col), scales + col / block);
      load_scales(scales + col / block, blocks);
      tile(codes, col, end, blocks, out);
      col = end;
    }
  }

 private:
  /// Fetches what the fourth tile behind the one of these codes and scales is made of, beside streamed results; kernels
  /// that read codes of a byte in place fetch those.
  static NIBBLE_ALWAYS_INLINE void fetch_behind([[maybe_unused]] const std::uint8_t* codes,
                                                [[maybe_unused]] const scale_type* scales) noexcept {
    constexpr std::size_t behind = 4, line = 64;
    constexpr std::size_t bytes = packed_bytes(F.packing, tile_size);
    if constexpr (!fetches_codes) {
      fetch<(bytes + line - 1) / line * line>(reinterpret_cast<const char*>(codes) + behind * bytes);
    }
    if constexpr (!wide) fetch<line>(reinterpret_cast<const char*>(scales + behind * tile_blocks));
  }

  /// Decodes the scales of a tile; plain_[b] says whether hardware may multiply by scale b.
  void load_scales(const scale_type* scales, std::size_t blocks) noexcept {
    all_plain_ = true;
    if constexpr (F.scale == formats::f32 || F.scale.bits() <= 8) {
      if (blocks <= 2) {
        for (std::size_t b = 0; b < blocks; ++b) load_scale(scales[b], b);
        return;
      }
    }
    for (std::size_t b = 0; b < blocks; b += width) {
#if defined(__AVX2__)
      if constexpr (has_plain_scales) {
        for (; b + 16 <= blocks && avx2::plain_scales<F.scale>(scales + b, plain_codes_, scales_ + b); b += 16) {
          for (std::size_t i = 0; i < 16; ++i) plain_[b + i] = 1;
        }
        if (b == blocks) return;
      }
#endif
      scale_type part[width] = {};
      const std::size_t count = smaller(width, blocks - b);
      const scale_type* from = scales + b;
      if (count < width) {
        for (std::size_t i = 0; i < width; ++i) part[i] = from[i < count ? i : 0];
        from = part;
      }
      words bits;
      if constexpr (F.scale == formats::f32) {
        bits = words::load_unaligned(from);
      } else {
        bits = decode_lanes(F.scale, load_widened<Arch>(from));
      }
      const words magnitude = bits & words(0x7fff'ffffU);
      auto plain = (magnitude >= words(range_.first)) & (magnitude < words(range_.end));
      if (range_.zero) plain = plain | (magnitude == words(0U));
      bits.store_unaligned(scales_ + b);
      xsimd::select(plain, words(1U), words(0U)).store_unaligned(plain_ + b);
      all_plain_ = all_plain_ && xsimd::all(plain);
    }
  }

  /// The same for one scale.
  void load_scale(scale_type scale, std::size_t b) noexcept {
    if constexpr (F.scale == formats::f32) {
      scales_[b] = scale;
    } else {
      scales_[b] = to_bits(value_table<F.scale>[scale & F.scale.code_mask()]);
    }
    const std::uint32_t magnitude = scales_[b] & 0x7fff'ffffU;
    const bool in_range = magnitude >= range_.first && magnitude < range_.end;
    plain_[b] = in_range || (range_.zero && magnitude == 0) ? 1U : 0U;
    all_plain_ = all_plain_ && plain_[b] != 0;
  }

  /// Columns first, ..., end - 1.
  void tile(const std::uint8_t* codes, std::size_t first, std::size_t end, std::size_t blocks, T* out) noexcept {
    if (all_plain_) return plain_blocks(codes, first, end - first, 0, out);
    for (std::size_t b = 0; b < blocks;) {
      const std::size_t col = first + b * block_size;
      std::size_t next = b + 1;
      while (plain_[b] != 0 && next < blocks && plain_[next] != 0) ++next;
      const std::size_t count = wide ? end - first : smaller(end, first + next * block_size) - col;
      if (plain_[b] != 0 || replace_scale(codes, col, count, b)) {
        plain_blocks(codes, col, count, b, out);
      } else {
        any_block(codes, col, count, binary32::from_bits(scales_[b]), out);
      }
      b = next;
    }
  }

  /// `count` columns from `col` on, the first of block b of the tile, whose scales are all plain.
  void plain_blocks(const std::uint8_t* codes, std::size_t col, std::size_t count, std::size_t b, T* out) noexcept {
    std::size_t done = 0;
#if defined(__AVX2__)
    if constexpr (has_kernel) {
      const bool streamed = streamed_ && std::bit_cast<std::uintptr_t>(out + col) % 16 == 0;
      done = streamed ? groups<true>(codes, col, count, b, out) : groups<false>(codes, col, count, b, out);
    }
#endif
    for (; done < count; done += chunk) plain_chunk(codes, col, done, smaller(chunk, count - done), b, out);
  }

  /// Elements of a block that are all zero give zero under any finite scale: takes 1 with its sign instead of a scale
  /// that hardware must not multiply by, and says whether it did. An empty block of an MX format has the scale 2^-127.
  bool replace_scale(const std::uint8_t* codes, std::size_t col, std::size_t count, std::size_t b) noexcept {
    constexpr std::uint32_t infinity = 0x7f80'0000U;
    if (wide || !F.element.has_zero || (to_bits(tensor_scale_) & 0x7fff'ffffU) >= infinity) return false;
    if ((scales_[b] & 0x7fff'ffffU) >= infinity) return false;
    constexpr std::uint32_t mask = F.element.has_negative_zero() ? F.element.magnitude_mask() : F.element.code_mask();
    load(codes, col, count);
    std::uint32_t any = 0;
    for (std::size_t i = 0; i < count; ++i) any |= codes_[i];
    if ((any & mask) != 0) return false;
    scales_[b] = (scales_[b] & 0x8000'0000U) | 0x3f80'0000U;
    return true;
  }

  /// The codes of columns col, ..., col + count - 1 into codes_.
  void load(const std::uint8_t* codes, std::size_t col, std::size_t count) noexcept {
    if constexpr (split && wide) {
      for (std::size_t i = 0; i < count; ++i)
        codes_[i] = static_cast<std::uint8_t>(load_code(F.packing, codes, col + i));
    } else {
      load_packed<Arch>(F.packing, codes, col, count, codes_);
    }
  }

  /// At most `chunk` columns from col + offset on by generic vectors.
  void plain_chunk(const std::uint8_t* codes, std::size_t col, std::size_t offset, std::size_t count, std::size_t b,
                   T* out) noexcept {
    load(codes, col + offset, count);
    T* to = out + col + offset;
    const real tensor_scale(tensor_scale_);
    std::size_t i = 0;
    for (; i < count; i += width) {
      const words element = decode_lanes(F.element, load_widened<Arch>(codes_ + i));
      real product = real(bits_as<float>(element)) * real(bits_as<float>(scale_lanes(b, offset + i)));
      if constexpr (F.tensor_scale) product = product * tensor_scale;
      words value = bits_as<std::uint32_t>(product.value);
      value = xsimd::select((value & words(0x7fff'ffffU)) > words(0x7f80'0000U), words(0x7fc0'0000U), value);
      if (i + width <= count) {
        store_numbers<Arch>(to + i, value);
      } else {
        std::uint32_t rest[width];
        value.store_unaligned(rest);
        for (std::size_t k = 0; i + k < count; ++k) store_value(to[i + k], binary32::from_bits(rest[k]));
      }
    }
  }

  /// The scales of the next vector of columns, the first of which is `offset` columns behind the start of block b.
  words scale_lanes(std::size_t b, std::size_t offset) const noexcept {
    if constexpr (wide) {
      return words(scales_[0]);
    } else if constexpr (block_size % width == 0) {
      return words(scales_[b + offset / block_size]);
    } else {
      std::uint32_t lanes[width];
      for (std::size_t i = 0; i < width; ++i) lanes[i] = scales_[b + (offset + i) / block_size];
      return words::load_unaligned(lanes);
    }
  }

  /// `count` columns of one block in binary32.
  void any_block(const std::uint8_t* codes, std::size_t col, std::size_t count, binary32 scale, T* out) noexcept {
    const binary32 tensor_scale(tensor_scale_);
    for (std::size_t done = 0; done < count; done += chunk) {
      const std::size_t part = smaller(chunk, count - done);
      load(codes, col + done, part);
      for (std::size_t i = 0; i < part; ++i) {
        const binary32 product = binary32(value_table<F.element>[codes_[i] & F.element.code_mask()]) * scale;
        store_value(out[col + done + i], F.tensor_scale ? product * tensor_scale : product);
      }
    }
  }

#if !defined(__AVX2__)
  static constexpr bool fetches_codes = false;
#else
  static constexpr bool has_plain_scales = has_avx2<Arch> && tile_blocks >= 16 && avx2::is_scale_format<F.scale>();
  /// The scales of a range by their codes, whose magnitudes rise with the values.
  static avx2::scale_codes codes_of(const scale_range& range) noexcept {
    avx2::scale_codes codes;
    if (F.scale.has_zero && range.zero) codes.zero = 0;
    if (range.first >= range.end) return codes;
    constexpr std::uint32_t last = F.scale.max_code();
    std::uint32_t first = 0;
    for (std::uint32_t step = 128; step != 0; step /= 2) {
      const std::uint32_t next = first + step;
      if (next <= last + 1 && to_bits(value_table<F.scale>[next - 1]) < range.first) first = next;
    }
    codes.first = static_cast<std::uint8_t>(first);
    codes.last = static_cast<std::uint8_t>(last);
    return codes;
  }

  static constexpr bool has_kernel = has_avx2<Arch> && avx2::stores_by_eight<T>() && avx2::has_values<F.element>() &&
                                     !(split && wide) &&
                                     (wide || block_size == 16 || block_size == 32 || block_size % 64 == 0);
  /// Whether the kernel reads codes where they are, not from codes_.
  static constexpr bool in_place = avx2::reads_layout<F.element>(F.packing);
  static constexpr bool fetches_codes = has_kernel && F.packing.slot_bits == 8;
  /// Products by powers of two keep their lower halves zero.
  static constexpr bool upper = avx2::has_upper_values<F.element>() && F.power_of_two_scale() && !F.tensor_scale;

  static constexpr auto kind = !in_place || F.packing.slot_bits == 8     ? avx2::code_bytes::one_each
                               : F.packing == layouts::nibbles_low_first ? avx2::code_bytes::low_first
                                                                         : avx2::code_bytes::high_first;
  /// The scale of column 64 * g + c from block b on, by operations that compilers carry out once for all g or all c.
  NIBBLE_ALWAYS_INLINE const std::uint32_t* scale_of(std::size_t b, std::size_t g, std::size_t c) const noexcept {
    constexpr std::size_t size = wide ? 64 : block_size;
    return scales_ + b + (wide ? 0 : size < 64 ? 64 / size * g + c / size : 64 * g / size);
  }

  /// Whole groups of 64 columns; returns how many columns that is.
  template <bool Streamed>
  std::size_t groups(const std::uint8_t* codes, std::size_t col, std::size_t count, std::size_t b, T* out) noexcept {
    const std::size_t all = count / 64 * 64;
    if constexpr (in_place) {
      groups_of<Streamed>(codes + packed_bytes(F.packing, col), 0, all / 64, b, out + col);
    } else {
      for (std::size_t done = 0; done < all; done += chunk) {
        const std::size_t part = smaller(chunk, all - done);
        load(codes, col + done, part);
        groups_of<Streamed>(codes_, done / 64, part / 64, b, out + col + done);
      }
    }
    return all;
  }

  /// `count` groups, whose first is number `first` from block b on.
  template <bool Streamed>
  void groups_of(const std::uint8_t* bytes, std::size_t first, std::size_t count, std::size_t b, T* out) noexcept {
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    // float32 is written at the speed of memory without them, and a little slower by wide vectors.
    constexpr bool has_tables = kind != avx2::code_bytes::one_each && !F.element.has_nan() &&
                                !std::is_same_v<T, float> && std::is_base_of_v<xsimd::avx512bw, Arch>;
    if constexpr (has_tables && !Streamed) return groups_by_tables(bytes, count, b, out);
#endif
    const __m256 tensor_scale = _mm256_set1_ps(tensor_scale_);
    const auto scale = [&](std::size_t g, std::size_t i, __m256 v) NIBBLE_INLINE_LAMBDA {
      const __m256 factor = x86::avx2_vector::broadcast(scale_of(b, first + g, 8 * i));
      const __m256 product = x86::avx2_vector::multiply(v, factor);
      return F.tensor_scale ? x86::avx2_vector::multiply(product, tensor_scale) : product;
    };
    // NaN and Inf elements.
    const auto mend = [&](std::size_t g) NIBBLE_INLINE_LAMBDA {
      for (std::size_t c = 0; c < 64; ++c) {
        const std::uint32_t code = load_code(avx2::layout_of(kind), bytes, 64 * g + c);
        const binary32 element(value_table<F.element>[code & F.element.code_mask()]);
        const binary32 product = element * binary32::from_bits(*scale_of(b, first + g, c));
        store_value(out[64 * g + c], F.tensor_scale ? product * binary32(tensor_scale_) : product);
      }
    };
    avx2::decode_groups<F.element, kind, Streamed, upper>(bytes, count, out, scale, mend);
  }
#endif

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  /// Groups of 64 packed codes that are not streamed.
  void groups_by_tables(const std::uint8_t* bytes, std::size_t groups, std::size_t b, T* out) noexcept {
    using V = x86::avx512_vector;
    constexpr std::size_t served = wide || block_size > 64 ? 64 : block_size;
    const __m512 tensor_scale = V::all_real(tensor_scale_);
    const auto scaled_table = [&](std::size_t g, std::size_t i) NIBBLE_INLINE_LAMBDA {
      const __m512 product = V::multiply(x86::value_of_each_code<F.element>(), V::broadcast(scale_of(b, g, 16 * i)));
      return F.tensor_scale ? V::multiply(product, tensor_scale) : product;
    };
    x86::decode_by_tables<kind == avx2::code_bytes::high_first, served, upper>(bytes, groups, out, scaled_table);
  }
#endif

  float tensor_scale_;
  scale_range range_;
  bool streamed_;
  bool all_plain_ = false;
  std::uint32_t scales_[tile_blocks + width] = {};
  std::uint32_t plain_[tile_blocks + width] = {};
  std::uint8_t codes_[chunk_size] = {};
#if defined(__AVX2__)
  avx2::scale_codes plain_codes_;
#endif
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
