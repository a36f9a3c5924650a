// SPDX-License-Identifier: Apache-2.0
//
// Runs of codes between one code a byte and a packed layout, eight codes at a time in a 64-bit word. Templates on the
// architecture, so that units for different instruction sets share no function.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/packed/layout.hpp>
#include <nibble/simd/compat.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Eight codes, the first in the low byte, and back.
NIBBLE_ALWAYS_INLINE std::uint64_t load_eight(const std::uint8_t* codes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, codes, 8);
  return word;
}
NIBBLE_ALWAYS_INLINE void store_eight(std::uint8_t* codes, std::uint64_t word) noexcept { std::memcpy(codes, &word, 8); }

/// Eight bytes with a code in the low half of each, to the low 32 bits, code k at bit 4k.
NIBBLE_ALWAYS_INLINE std::uint32_t nibbles_together(std::uint64_t codes) noexcept {
  codes = (codes | codes >> 4) & 0x00ff'00ff'00ff'00ffU;
  codes = (codes | codes >> 8) & 0x0000'ffff'0000'ffffU;
  return static_cast<std::uint32_t>(codes | codes >> 16);
}
NIBBLE_ALWAYS_INLINE std::uint64_t nibbles_apart(std::uint32_t nibbles) noexcept {
  std::uint64_t codes = nibbles;
  codes = (codes | codes << 16) & 0x0000'ffff'0000'ffffU;
  codes = (codes | codes << 8) & 0x00ff'00ff'00ff'00ffU;
  return (codes | codes << 4) & 0x0f0f'0f0f'0f0f'0f0fU;
}
/// The two halves of each byte exchanged.
NIBBLE_ALWAYS_INLINE std::uint32_t halves_exchanged(std::uint32_t bytes) noexcept {
  return (bytes & 0x0f0f'0f0fU) << 4 | (bytes >> 4 & 0x0f0f'0f0fU);
}
/// Eight bytes with a code in the low 6 bits of each, to the low 48 bits, code k at bit 6k.
NIBBLE_ALWAYS_INLINE std::uint64_t sixes_together(std::uint64_t codes) noexcept {
  codes = (codes & 0x003f'003f'003f'003fU) | (codes & 0x3f00'3f00'3f00'3f00U) >> 2;
  codes = (codes & 0x0000'0fff'0000'0fffU) | (codes & 0x0fff'0000'0fff'0000U) >> 4;
  return (codes & 0x00ff'ffffU) | (codes & 0x00ff'ffff'0000'0000U) >> 8;
}
NIBBLE_ALWAYS_INLINE std::uint64_t sixes_apart(std::uint64_t dense) noexcept {
  dense = (dense & 0x00ff'ffffU) | (dense & 0xffff'ff00'0000U) << 8;
  dense = (dense & 0x0000'0fff'0000'0fffU) | (dense & 0x00ff'f000'00ff'f000U) << 4;
  return (dense & 0x003f'003f'003f'003fU) | (dense & 0x0fc0'0fc0'0fc0'0fc0U) << 2;
}

/// Whether eight codes from `first` on, a multiple of 8, are whole bytes side by side.
NIBBLE_ALWAYS_INLINE bool packs_by_eight(const packed_layout& layout) noexcept {
  if (std::endian::native != std::endian::little) return false;
  return layout.slot_bits == 6 || (layout.slot_bits == 4 && layout.order != nibble_order::split_halves);
}
/// Whether a group of split halves is made of such runs.
NIBBLE_ALWAYS_INLINE bool splits_by_eight(const packed_layout& layout) noexcept {
  return std::endian::native == std::endian::little && layout.slot_bits == 4 &&
         layout.order == nibble_order::split_halves && layout.group % 16 == 0;
}

#if defined(__AVX2__)
/// 32 codes of 6 bits from 24 bytes, one a byte.
NIBBLE_ALWAYS_INLINE __m256i parted_sixes(const std::uint8_t* bytes) noexcept {
  const auto* from = reinterpret_cast<const __m128i*>(bytes);
  const __m256i x =
      _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 8)), _mm_loadu_si128(from));
  // Four codes a word: two in the lower 12 bits, two in the upper 12.
  const __m256i fours =
      _mm256_shuffle_epi8(x, _mm256_setr_epi8(0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 10, 10, 11,  //
                                              4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11, 12, 13, 14, 14, 15));
  const auto masked = [](__m256i codes, int mask)
                          NIBBLE_INLINE_LAMBDA { return _mm256_and_si256(codes, _mm256_set1_epi32(mask)); };
  const __m256i low = _mm256_or_si256(masked(fours, 0x3f), masked(_mm256_slli_epi32(fours, 2), 0x3f00));
  const __m256i high =
      _mm256_or_si256(masked(_mm256_srli_epi32(fours, 4), 0x3f'0000), masked(_mm256_srli_epi32(fours, 2), 0x3f00'0000));
  return _mm256_or_si256(low, high);
}
/// The other way round.
NIBBLE_ALWAYS_INLINE void store_joined_sixes(std::uint8_t* bytes, const std::uint8_t* codes) noexcept {
  const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  const __m256i twos = _mm256_maddubs_epi16(x, _mm256_set1_epi16(0x4001));
  const __m256i fours = _mm256_madd_epi16(twos, _mm256_set1_epi32(0x1000'0001));
  const __m256i in_lanes =
      _mm256_shuffle_epi8(fours, _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,  //
                                                  0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const __m256i joined = _mm256_permutevar8x32_epi32(in_lanes, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), _mm256_castsi256_si128(joined));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes + 16), _mm256_extracti128_si256(joined, 1));
}
#endif

#if defined(__SSE2__)
/// 16 bytes with a code each to 16-bit integers with two.
NIBBLE_ALWAYS_INLINE __m128i joined_nibbles(nibble_order order, const std::uint8_t* codes) noexcept {
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
  const __m128i both = order == nibble_order::low_first ? _mm_or_si128(x, _mm_srli_epi16(x, 4))
                                                        : _mm_or_si128(_mm_slli_epi16(x, 4), _mm_srli_epi16(x, 8));
  return _mm_and_si128(both, _mm_set1_epi16(0xff));
}
/// The low and the high halves of 16 bytes.
struct nibble_pair {
  __m128i low, high;
};
NIBBLE_ALWAYS_INLINE nibble_pair parted_nibbles(const std::uint8_t* bytes) noexcept {
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  const __m128i mask = _mm_set1_epi8(0x0f);
  return {_mm_and_si128(x, mask), _mm_and_si128(_mm_srli_epi16(x, 4), mask)};
}
/// 32 bytes, of each vector by turns.
NIBBLE_ALWAYS_INLINE void store_joint(std::uint8_t* codes, __m128i even, __m128i odd) noexcept {
  auto* to = reinterpret_cast<__m128i*>(codes);
  _mm_storeu_si128(to, _mm_unpacklo_epi8(even, odd));
  _mm_storeu_si128(to + 1, _mm_unpackhi_epi8(even, odd));
}
#endif

/// Codes in slots of 16 bits from one a byte, and back; the upper bytes are zero, or ignored.
template <class Arch>
void store_words(std::uint8_t* bytes, std::size_t count, const std::uint8_t* codes) noexcept {
  std::size_t i = 0;
#if defined(__SSE2__)
  for (; i + 16 <= count; i += 16) {
    store_joint(bytes + 2 * i, _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i)), _mm_setzero_si128());
  }
#endif
  for (; i < count; ++i) bytes[2 * i] = codes[i], bytes[2 * i + 1] = 0;
}
template <class Arch>
void load_words(const std::uint8_t* bytes, std::size_t count, std::uint8_t* codes) noexcept {
  std::size_t i = 0;
#if defined(__SSE2__)
  for (; i + 16 <= count; i += 16) {
    const auto* from = reinterpret_cast<const __m128i*>(bytes + 2 * i);
    const __m128i low = _mm_set1_epi16(0xff);
    const __m128i first = _mm_and_si128(_mm_loadu_si128(from), low);
    const __m128i second = _mm_and_si128(_mm_loadu_si128(from + 1), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm_packus_epi16(first, second));
  }
#endif
  for (; i < count; ++i) codes[i] = bytes[2 * i];
}

/// Writes codes first, ..., first + count - 1 of a sequence. `first` is a multiple of 8 (of the group in split halves);
/// the other slots of the last byte or group become zero.
template <class Arch>
NIBBLE_ALWAYS_INLINE void store_packed_inline(const packed_layout& layout, std::uint8_t* bytes, std::size_t first,
                                              std::size_t count, const std::uint8_t* codes) noexcept {
  if (layout.slot_bits == 8) {
    std::memcpy(bytes + first, codes, count);
    return;
  }
  if (layout.slot_bits == 16) return store_words<Arch>(bytes + 2 * first, count, codes);
  std::size_t i = 0;
  if (packs_by_eight(layout)) {
    const auto step = static_cast<std::size_t>(layout.slot_bits);
    std::uint8_t* out = bytes + packed_bytes(layout, first);
#if defined(__SSE2__)
    for (; layout.slot_bits == 4 && i + 32 <= count; i += 32, out += 16) {
      const __m128i joined[] = {joined_nibbles(layout.order, codes + i), joined_nibbles(layout.order, codes + i + 16)};
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(joined[0], joined[1]));
    }
#endif
#if defined(__AVX2__)
    for (; layout.slot_bits == 6 && i + 32 <= count; i += 32, out += 24) store_joined_sixes(out, codes + i);
#endif
    for (; i + 8 <= count; i += 8, out += step) {
      if (layout.slot_bits == 6) {
        const std::uint64_t dense = sixes_together(load_eight(codes + i));
        std::memcpy(out, &dense, 6);
      } else {
        const std::uint32_t low_first = nibbles_together(load_eight(codes + i));
        const std::uint32_t word = layout.order == nibble_order::low_first ? low_first : halves_exchanged(low_first);
        std::memcpy(out, &word, 4);
      }
    }
  } else if (splits_by_eight(layout)) {
    const auto group = static_cast<std::size_t>(layout.group);
    std::uint8_t* out = bytes + packed_bytes(layout, first);
#if defined(__SSE2__)
    const auto load = [&](std::size_t at) NIBBLE_INLINE_LAMBDA {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + at));
    };
    // Two groups of 16 codes, or one of 32.
    for (; group <= 32 && i + 32 <= count; i += 32, out += 16) {
      const __m128i a = load(i);
      const __m128i b = load(i + 16);
      const __m128i low = group == 32 ? a : _mm_unpacklo_epi64(a, b);
      const __m128i high = group == 32 ? b : _mm_unpackhi_epi64(a, b);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_or_si128(low, _mm_slli_epi16(high, 4)));
    }
#endif
    for (; i + group <= count; i += group, out += group / 2) {
      for (std::size_t j = 0; j < group / 2; j += 8) {
        store_eight(out + j, load_eight(codes + i + j) | load_eight(codes + i + group / 2 + j) << 4);
      }
    }
  }
  const std::size_t rest = packed_bytes(layout, first + i);
  for (std::size_t b = rest; layout.slot_bits < 8 && b < packed_bytes(layout, first + count); ++b) bytes[b] = 0;
  for (; i < count; ++i) store_code(layout, bytes, first + i, codes[i]);
}
template <class Arch>
[[gnu::noinline]] void store_packed(const packed_layout& layout, std::uint8_t* bytes, std::size_t first,
                                    std::size_t count, const std::uint8_t* codes) noexcept {
  store_packed_inline<Arch>(layout, bytes, first, count, codes);
}
/// The same for a layout known to the compiler, which makes less of it.
template <packed_layout Layout, class Arch>
[[gnu::noinline]] void store_packed(std::uint8_t* bytes, std::size_t first, std::size_t count,
                                    const std::uint8_t* codes) noexcept {
  store_packed_inline<Arch>(Layout, bytes, first, count, codes);
}

/// Reads the slots first, ..., first + count - 1, whole, one a byte; `first` as above.
template <class Arch>
void load_packed(const packed_layout& layout, const std::uint8_t* bytes, std::size_t first, std::size_t count,
                 std::uint8_t* codes) noexcept {
  if (layout.slot_bits == 8) {
    std::memcpy(codes, bytes + first, count);
    return;
  }
  if (layout.slot_bits == 16) return load_words<Arch>(bytes + 2 * first, count, codes);
  std::size_t i = 0;
  if (packs_by_eight(layout)) {
    const auto step = static_cast<std::size_t>(layout.slot_bits);
    const std::uint8_t* in = bytes + packed_bytes(layout, first);
#if defined(__SSE2__)
    for (; layout.slot_bits == 4 && i + 32 <= count; i += 32, in += 16) {
      const nibble_pair x = parted_nibbles(in);
      const bool low_first = layout.order == nibble_order::low_first;
      store_joint(codes + i, low_first ? x.low : x.high, low_first ? x.high : x.low);
    }
#endif
#if defined(__AVX2__)
    for (; layout.slot_bits == 6 && i + 32 <= count; i += 32, in += 24) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), parted_sixes(in));
    }
#endif
    for (; i + 8 <= count; i += 8, in += step) {
      if (layout.slot_bits == 6) {
        std::uint64_t dense = 0;
        std::memcpy(&dense, in, 6);
        store_eight(codes + i, sixes_apart(dense));
      } else {
        std::uint32_t word = 0;
        std::memcpy(&word, in, 4);
        store_eight(codes + i, nibbles_apart(layout.order == nibble_order::low_first ? word : halves_exchanged(word)));
      }
    }
  } else if (splits_by_eight(layout)) {
    const auto group = static_cast<std::size_t>(layout.group);
    const std::uint8_t* in = bytes + packed_bytes(layout, first);
#if defined(__SSE2__)
    for (; group <= 32 && i + 32 <= count; i += 32, in += 16) {
      const nibble_pair x = parted_nibbles(in);
      auto* to = reinterpret_cast<__m128i*>(codes + i);
      _mm_storeu_si128(to, group == 32 ? x.low : _mm_unpacklo_epi64(x.low, x.high));
      _mm_storeu_si128(to + 1, group == 32 ? x.high : _mm_unpackhi_epi64(x.low, x.high));
    }
#endif
    for (; i + group <= count; i += group, in += group / 2) {
      for (std::size_t j = 0; j < group / 2; j += 8) {
        const std::uint64_t both = load_eight(in + j);
        store_eight(codes + i + j, both & 0x0f0f'0f0f'0f0f'0f0fU);
        store_eight(codes + i + group / 2 + j, both >> 4 & 0x0f0f'0f0f'0f0f'0f0fU);
      }
    }
  }
  for (; i < count; ++i) codes[i] = static_cast<std::uint8_t>(load_code(layout, bytes, first + i));
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
