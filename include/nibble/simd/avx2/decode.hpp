// SPDX-License-Identifier: Apache-2.0
//
// AVX2: values of 64 codes at a time. Formats of 4 bits look the two upper bytes of a float up in tables; formats with at
// most five exponent bits become binary16 numbers, which the processor converts, times a power of two. No step meets a
// float subnormal: the conversion from binary16 normalises whatever the control register says (Intel Software
// Developer's Manual, VCVTPH2PS).
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nibble/block/codec.hpp>
#include <nibble/format/value_table.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

/// Whether tables of 16 bytes tell the values: formats of at most 4 bits without NaN.
template <float_format F>
consteval bool is_table_format() noexcept {
  if constexpr (F.bits() > 4 || F.has_nan()) {
    return false;
  } else {
    for (const float value : value_table<F>) {
      if ((to_bits(value) & 0xffffU) != 0) return false;
    }
    return true;
  }
}

/// Whether a code of at most 8 bits, its fields moved into place, is a binary16 number that differs by a power of two.
NIBBLE_FUNCTION bool is_half_format(const float_format& f) noexcept {
#if defined(__F16C__)
  if (!f.has_sign || !f.has_zero || f.twos_complement || f.bits() > 8) return false;
  if (f.exponent_bits < 1 || f.exponent_bits > 5 || f.bias < -45 || f.bias > 75) return false;
  return f.exponent_bits < 5 || f.specials == special_values::infinity_and_nan;
#else
  return f.bits() == 0;
#endif
}

/// Byte `which` of the value of code `code`, for 16 codes, in both lanes.
template <float_format F, int Which>
NIBBLE_ALWAYS_INLINE __m256i byte_table() noexcept {
  alignas(32) static constexpr auto table = [] {
    std::array<std::uint8_t, 32> bytes{};
    for (std::size_t i = 0; i < 32; ++i) {
      bytes[i] = static_cast<std::uint8_t>(to_bits(value_table<F>[i % 16 & F.code_mask()]) >> (8 * Which));
    }
    return bytes;
  }();
  return x86::avx2_vector::load(table.data());
}

/// 64 nibbles as 2 x 32 codes a byte. In both, and in what follows, codes lie by turns: 0 8 1 9 2 10 3 11 and 16 24 17
/// 25 to 19 27 in the first lane, 4 12 to 7 15 and 20 28 to 23 31 in the second. A 32-bit word of two upper halves is
/// then a lane each of two vectors in order, by a shift and a mask: unpacking would load the one port that moves bytes.
NIBBLE_ALWAYS_INLINE void nibbles_in_turn(const std::uint8_t* bytes, bool high_first, __m256i (&codes)[2]) noexcept {
  const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i by_turns = _mm256_setr_epi8(0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15,  //
                                            0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15);
  const __m256i runs = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(all, by_turns), 0xd8);
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i low = _mm256_and_si256(runs, mask);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(runs, 4), mask);
  codes[0] = high_first ? _mm256_unpacklo_epi16(high, low) : _mm256_unpacklo_epi16(low, high);
  codes[1] = high_first ? _mm256_unpackhi_epi16(high, low) : _mm256_unpackhi_epi16(low, high);
}
/// 32 codes a byte, of which the low 4 bits count.
NIBBLE_ALWAYS_INLINE __m256i bytes_in_turn(const std::uint8_t* bytes) noexcept {
  const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i by_turns = _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,  //
                                            0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
  const __m256i runs = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(all, by_turns), 0xd8);
  return _mm256_and_si256(runs, _mm256_set1_epi8(15));
}

/// Values of 32 codes of a table format.
template <float_format F>
NIBBLE_ALWAYS_INLINE void table_values(__m256i codes, __m256 (&v)[4]) noexcept {
  const __m256i third = _mm256_shuffle_epi8(byte_table<F, 2>(), codes);
  const __m256i fourth = _mm256_shuffle_epi8(byte_table<F, 3>(), codes);
  const __m256i first_two = _mm256_unpacklo_epi8(third, fourth);
  const __m256i last_two = _mm256_unpackhi_epi8(third, fourth);
  // Opaque: Clang would blend with zeros, on that port again.
  const __m256i upper = x86::avx2_vector::opaque(x86::avx2_vector::all(0xffff'0000U));
  v[0] = _mm256_castsi256_ps(_mm256_slli_epi32(first_two, 16));
  v[1] = _mm256_castsi256_ps(_mm256_and_si256(first_two, upper));
  v[2] = _mm256_castsi256_ps(_mm256_slli_epi32(last_two, 16));
  v[3] = _mm256_castsi256_ps(_mm256_and_si256(last_two, upper));
}

#if defined(__F16C__)
/// Values of 16 codes of a half format, special codes aside.
template <float_format F>
NIBBLE_ALWAYS_INLINE void half_values(const std::uint8_t* bytes, __m256& first, __m256& second) noexcept {
  const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  constexpr int spare = 5 - F.exponent_bits;
  __m128i low;
  __m128i high;
  if constexpr (F.bits() == 8 && spare == 0) {
    low = _mm_unpacklo_epi8(_mm_setzero_si128(), codes);
    high = _mm_unpackhi_epi8(_mm_setzero_si128(), codes);
  } else {
    // The sign at the top and the exponent below it; the copies of the sign between them are masked out.
    constexpr auto fields = static_cast<short>(0x8000U | F.magnitude_mask() << (10 - F.mantissa_bits));
    __m256i halves;
    if constexpr (F.bits() == 8) {
      halves = _mm256_slli_epi16(_mm256_cvtepi8_epi16(codes), 8 - spare);
    } else {
      halves = _mm256_srai_epi16(_mm256_slli_epi16(_mm256_cvtepu8_epi16(codes), 16 - F.bits()), spare);
    }
    halves = _mm256_and_si256(halves, _mm256_set1_epi16(fields));
    low = _mm256_castsi256_si128(halves);
    high = _mm256_extracti128_si256(halves, 1);
  }
  first = _mm256_cvtph_ps(low);
  second = _mm256_cvtph_ps(high);
  if constexpr (F.bias != 15) {
    const __m256 factor = _mm256_set1_ps(bit_cast<float>(static_cast<std::uint32_t>(127 + 15 - F.bias) << 23));
    first = x86::avx2_vector::multiply(first, factor);
    second = x86::avx2_vector::multiply(second, factor);
  }
}

/// Whether one of 32 codes is no number that half_values gives right.
template <float_format F>
NIBBLE_ALWAYS_INLINE __m256i special_bytes(const std::uint8_t* bytes) noexcept {
  const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  __m256i special = _mm256_setzero_si256();
  constexpr std::uint32_t last = F.exponent_bits == 5 ? F.infinity_code() : F.max_code();
  if constexpr (last != F.magnitude_mask()) {
    const __m256i magnitude = _mm256_and_si256(codes, _mm256_set1_epi8(static_cast<char>(F.magnitude_mask())));
    special = _mm256_cmpgt_epi8(magnitude, _mm256_set1_epi8(static_cast<char>(last)));
  }
  if constexpr (F.nan_is_negative_zero()) {
    const __m256i code = _mm256_and_si256(codes, _mm256_set1_epi8(static_cast<char>(F.code_mask())));
    const __m256i nan = _mm256_cmpeq_epi8(code, _mm256_set1_epi8(static_cast<char>(F.sign_mask())));
    special = _mm256_or_si256(special, nan);
  }
  return special;
}
#endif

/// Whether plain_scales serves a format of scales.
template <float_format F>
consteval bool is_scale_format() noexcept {
  return F == formats::e8m0 || (is_half_format(F) && F.bits() == 8 && !F.nan_is_negative_zero());
}

/// Magnitudes of codes of scales: from `first` to `last`, and `zero`, if not 255; no format with a zero has that.
struct scale_codes {
  std::uint8_t first = 1;
  std::uint8_t last = 0;
  std::uint8_t zero = 255;
};

/// Bits of the values of 16 scales, and whether all of them are among `plain`; if not, the results are not to be used.
template <float_format F>
NIBBLE_ALWAYS_INLINE bool plain_scales(const std::uint8_t* scales, scale_codes plain, std::uint32_t* bits) noexcept {
  const auto all = [](std::uint32_t code) NIBBLE_INLINE_LAMBDA { return _mm_set1_epi8(static_cast<char>(code)); };
  const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales));
  const __m128i magnitude = _mm_and_si128(codes, all(F.magnitude_mask()));
  const __m128i excess =
      _mm_or_si128(_mm_subs_epu8(all(plain.first), magnitude), _mm_subs_epu8(magnitude, all(plain.last)));
  __m128i fine = _mm_cmpeq_epi8(excess, _mm_setzero_si128());
  if constexpr (F.has_zero) fine = _mm_or_si128(fine, _mm_cmpeq_epi8(magnitude, all(plain.zero)));
  __m256i first;
  __m256i second;
  if constexpr (F == formats::e8m0) {
    first = _mm256_slli_epi32(_mm256_cvtepu8_epi32(codes), 23);
    second = _mm256_slli_epi32(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(codes, codes)), 23);
  } else {
#if defined(__F16C__)
    __m256 v[2];
    half_values<F>(scales, v[0], v[1]);
    first = _mm256_castps_si256(v[0]);
    second = _mm256_castps_si256(v[1]);
#endif
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bits), first);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bits + 8), second);
  return _mm_movemask_epi8(fine) == 0xffff;
}

/// No compiler moves a store across this.
NIBBLE_ALWAYS_INLINE void keep_order() noexcept { __asm__ volatile("" : : : "memory"); }

/// Bits of float32 numbers, no NaN, whose upper halves are those of bfloat16 numbers, rounded to nearest even.
template <class V>
NIBBLE_ALWAYS_INLINE typename V::word rounded_to_bf16(typename V::word bits) noexcept {
  const auto odd = V::both(V::template right<16>(bits), V::all(1));
  return V::add(bits, V::add(odd, V::all(0x7fff)));
}

/// Stores eight values that are no NaN and no float subnormal: float as they are, bfloat16 and binary16 rounded to
/// nearest even. Streamed results need 16-byte alignment, and the order of the calls: a line that is not filled at once
/// goes to memory in parts.
template <bool Streamed, class T>
NIBBLE_ALWAYS_INLINE void store_eight_values(T* out, __m256 v) noexcept {
  if constexpr (std::same_as<T, float>) {
    if constexpr (Streamed) {
      _mm_stream_ps(out, _mm256_castps256_ps128(v));
      _mm_stream_ps(out + 4, _mm256_extractf128_ps(v, 1));
    } else {
      _mm256_storeu_ps(out, v);
    }
  } else {
    __m128i codes;
    if constexpr (T::format == formats::bf16) {
      const __m256i upper = _mm256_srli_epi32(rounded_to_bf16<x86::avx2_vector>(_mm256_castps_si256(v)), 16);
      codes = _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
    } else {
#if defined(__F16C__)
      codes = _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT);
#endif
    }
    if constexpr (Streamed) {
      _mm_stream_si128(reinterpret_cast<__m128i*>(out), codes);
    } else {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), codes);
    }
  }
  keep_order();
}

/// Whether store_eight_values serves a type.
template <class T>
consteval bool stores_by_eight() noexcept {
  if constexpr (std::same_as<T, float>) {
    return true;
  } else if constexpr (minifloat_type<T>) {
#if defined(__F16C__)
    if constexpr (T::format == formats::f16) return true;
#endif
    return T::format == formats::bf16;
  } else {
    return false;
  }
}

/// How the codes of a kernel lie in bytes.
enum class code_bytes { low_first, high_first, one_each };

/// Whether decode_groups serves a format in a layout.
template <float_format F>
NIBBLE_FUNCTION bool decodes_groups(const packed_layout& layout) noexcept {
  if (layout == layouts::bytes) return is_table_format<F>() || is_half_format(F);
  return is_table_format<F>() && (layout == layouts::nibbles_low_first || layout == layouts::nibbles_high_first);
}

/// Values of `groups` groups of 64 codes. `scale(g, i, v)` gives what to store for vector i of group g; `mend(g)` is
/// called after a group with codes that are no numbers has been stored. Streamed results want finish_stream() at the end.
template <float_format F, code_bytes Bytes, bool Streamed, class T, class Scale, class Mend>
NIBBLE_ALWAYS_INLINE void decode_groups(const std::uint8_t* bytes, std::size_t groups, T* out, const Scale& scale,
                                        const Mend& mend) noexcept {
  for (std::size_t g = 0; g < groups; ++g, out += 64) {
    __m256i special = _mm256_setzero_si256();
    __m256i nibbles[2];
    if constexpr (Bytes != code_bytes::one_each) {
      nibbles_in_turn(bytes + 32 * g, Bytes == code_bytes::high_first, nibbles);
    }
    unrolled<2>([&](auto h) NIBBLE_INLINE_LAMBDA {
      [[maybe_unused]] const std::uint8_t* codes = bytes + 64 * g + 32 * h;
      __m256 v[4];
      if constexpr (Bytes != code_bytes::one_each) {
        table_values<F>(nibbles[h], v);
      } else if constexpr (is_table_format<F>()) {
        table_values<F>(bytes_in_turn(codes), v);
      } else {
#if defined(__F16C__)
        half_values<F>(codes, v[0], v[1]);
        half_values<F>(codes + 16, v[2], v[3]);
        special = _mm256_or_si256(special, special_bytes<F>(codes));
#endif
      }
      // All before the first store, so that what one reads of the scales serves the next.
      unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA { v[i] = scale(g, 4 * h + i, v[i]); });
      unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA { store_eight_values<Streamed>(out + 32 * h + 8 * i, v[i]); });
    });
    if constexpr (!is_table_format<F>()) {
      if (_mm256_movemask_epi8(special) != 0) [[unlikely]] mend(g);
    }
  }
}

}  // namespace detail::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
