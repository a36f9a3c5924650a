// SPDX-License-Identifier: Apache-2.0
//
// AVX2: values of codes of at most 8 bits, 16 or 32 at a time. Formats of 4 bits look the two upper bytes of a float up
// in tables; formats with at most five exponent bits become binary16 numbers, which the processor converts, times a
// power of two; others are moved into place by integers, with tables for their smallest codes. No step meets a float
// subnormal: the conversion from binary16 normalises whatever the control register says (Intel Software Developer's
// Manual, VCVTPH2PS).
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <array>
#include <cstddef>
#include <cstdint>

#include <nibble/format/value_table.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

/// Whether the lower halves of all values are zero: bfloat16 numbers, but for subnormal ones perhaps.
template <float_format F>
consteval bool has_upper_values() noexcept {
  if constexpr (F.bits() > 8 || !F.fits_binary32()) {
    return false;
  } else {
    for (const float value : value_table<F>) {
      if ((to_bits(value) & 0xffffU) != 0) return false;
    }
    return true;
  }
}

/// Whether tables of 16 bytes tell the values: formats of at most 4 bits.
template <float_format F>
consteval bool is_table_format() noexcept {
  return F.bits() <= 4 && has_upper_values<F>();
}

/// Whether a code of at most 8 bits, its fields moved into place, is a binary16 number that differs by a power of two.
NIBBLE_FUNCTION bool is_half_format(const float_format& f) noexcept {
#if defined(__F16C__)
  if (!f.has_zero || f.twos_complement || f.bits() > 8) return false;
  if (f.exponent_bits < 1 || f.exponent_bits > 5 || f.bias < -45 || f.bias > 75) return false;
  return f.exponent_bits < 5 || f.specials == special_values::infinity_and_nan;
#else
  return f.bits() == 0;
#endif
}

/// What differs between the value of a magnitude below 16 and the line through those above: the upper half of a
/// float32, modulo 2^16.
template <float_format F>
struct value_line {
  static constexpr int shift = 7 - F.mantissa_bits;
  static constexpr auto start = static_cast<std::uint16_t>((127 - F.bias) * 128);
  [[nodiscard]] static constexpr std::uint16_t at(std::uint32_t magnitude) noexcept {
    return static_cast<std::uint16_t>((magnitude << shift) + start);
  }
  [[nodiscard]] static constexpr std::uint16_t difference(std::uint32_t magnitude) noexcept {
    if (magnitude > F.max_code()) return 0;
    return static_cast<std::uint16_t>((to_bits(value_table<F>[magnitude]) >> 16) - at(magnitude));
  }
};

/// Whether the upper halves of the values, from the 16th magnitude on, are the code moved up plus a constant.
template <float_format F>
consteval bool is_linear_format() noexcept {
  if constexpr (F.mantissa_bits > 4 || F.twos_complement || !has_upper_values<F>()) {
    return false;
  } else {
    for (std::uint32_t magnitude = 16; magnitude <= F.max_code(); ++magnitude) {
      if (value_line<F>::difference(magnitude) != 0) return false;
    }
    return true;
  }
}

/// Whether a code is an integer of 8 bits times a power of two that float32 has, as its products.
NIBBLE_FUNCTION bool is_integer_format(const float_format& f) noexcept {
  const int unit = f.min_exponent() - f.mantissa_bits;
  return f.twos_complement && f.bits() == 8 && unit >= -126 && unit <= 120;
}

/// Whether values of a format are found here.
template <float_format F>
consteval bool has_values() noexcept {
  return is_table_format<F>() || is_half_format(F) || is_linear_format<F>() || is_integer_format(F);
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
/// 32 codes a byte.
NIBBLE_ALWAYS_INLINE __m256i bytes_in_turn(const std::uint8_t* bytes) noexcept {
  const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  const __m256i by_turns = _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,  //
                                            0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
  return _mm256_permute4x64_epi64(_mm256_shuffle_epi8(all, by_turns), 0xd8);
}

/// 32 upper halves of float32 in turn as four vectors.
NIBBLE_ALWAYS_INLINE void spread_halves(__m256i first_two, __m256i last_two, __m256 (&v)[4]) noexcept {
  // Opaque: Clang would blend with zeros, on that port again.
  const __m256i upper = x86::avx2_vector::opaque(x86::avx2_vector::all(0xffff'0000U));
  v[0] = _mm256_castsi256_ps(_mm256_slli_epi32(first_two, 16));
  v[1] = _mm256_castsi256_ps(_mm256_and_si256(first_two, upper));
  v[2] = _mm256_castsi256_ps(_mm256_slli_epi32(last_two, 16));
  v[3] = _mm256_castsi256_ps(_mm256_and_si256(last_two, upper));
}

/// Values of 32 codes of a table format, which lie in turn.
template <float_format F>
NIBBLE_ALWAYS_INLINE void table_values(__m256i codes, __m256 (&v)[4]) noexcept {
  const __m256i third = _mm256_shuffle_epi8(byte_table<F, 2>(), codes);
  const __m256i fourth = _mm256_shuffle_epi8(byte_table<F, 3>(), codes);
  spread_halves(_mm256_unpacklo_epi8(third, fourth), _mm256_unpackhi_epi8(third, fourth), v);
}

/// Values of 32 codes of a linear format, which lie in turn; special codes aside.
template <float_format F>
NIBBLE_ALWAYS_INLINE void linear_values(__m256i codes, __m256 (&v)[4]) noexcept {
  using line = value_line<F>;
  const auto table = [](int shift) {
    std::array<std::uint8_t, 32> bytes{};
    for (std::uint32_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(line::difference(i % 16) >> shift);
    return bytes;
  };
  alignas(32) static constexpr auto low = table(0);
  alignas(32) static constexpr auto high = table(8);
  const __m256i magnitude = _mm256_and_si256(codes, _mm256_set1_epi8(static_cast<char>(F.magnitude_mask())));
  // From 16 on the index is negative, for which the tables give 0.
  const __m256i index = _mm256_adds_epu8(magnitude, _mm256_set1_epi8(112));
  const __m256i third = _mm256_shuffle_epi8(x86::avx2_vector::load(low.data()), index);
  __m256i fourth = _mm256_shuffle_epi8(x86::avx2_vector::load(high.data()), index);
  if constexpr (F.has_sign) {
    const __m256i sign = _mm256_and_si256(codes, _mm256_set1_epi8(static_cast<char>(F.sign_mask())));
    fourth = _mm256_xor_si256(fourth, _mm256_slli_epi16(sign, 8 - F.bits()));
  }
  const __m256i start = _mm256_set1_epi16(static_cast<short>(line::start));
  const auto upper = [=](__m256i m, __m256i difference) NIBBLE_INLINE_LAMBDA {
    return _mm256_add_epi16(_mm256_add_epi16(_mm256_slli_epi16(m, line::shift), start), difference);
  };
  const __m256i zero = _mm256_setzero_si256();
  spread_halves(upper(_mm256_unpacklo_epi8(magnitude, zero), _mm256_unpacklo_epi8(third, fourth)),
                upper(_mm256_unpackhi_epi8(magnitude, zero), _mm256_unpackhi_epi8(third, fourth)), v);
}

/// Values of 8 codes of an integer format.
template <float_format F>
NIBBLE_ALWAYS_INLINE __m256 integer_values(const std::uint8_t* bytes) noexcept {
  constexpr auto unit = static_cast<std::uint32_t>(127 + F.min_exponent() - F.mantissa_bits) << 23;
  const __m256i integers = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
  return x86::avx2_vector::multiply(_mm256_cvtepi32_ps(integers), _mm256_set1_ps(bit_cast<float>(unit)));
}

#if defined(__F16C__)
/// Values of 16 codes of a half format, special codes aside.
template <float_format F>
NIBBLE_ALWAYS_INLINE void half_values(const std::uint8_t* bytes, __m256& first, __m256& second) noexcept {
  const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  constexpr int spare = 5 - F.exponent_bits;
  __m128i low;
  __m128i high;
  if constexpr (F.has_sign && F.bits() == 8 && spare == 0) {
    low = _mm_unpacklo_epi8(_mm_setzero_si128(), codes);
    high = _mm_unpackhi_epi8(_mm_setzero_si128(), codes);
  } else {
    // The sign at the top and the exponent below it; the copies of the sign between them are masked out.
    constexpr auto fields =
        static_cast<short>((F.has_sign ? 0x8000U : 0U) | F.magnitude_mask() << (10 - F.mantissa_bits));
    __m256i halves;
    if constexpr (!F.has_sign) {
      halves = _mm256_slli_epi16(_mm256_cvtepu8_epi16(codes), 10 - F.mantissa_bits);
    } else if constexpr (F.bits() == 8) {
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

#endif

/// Bytes that are not zero where one of 32 codes is no number that the functions above give right, or is NaN.
template <float_format F>
NIBBLE_ALWAYS_INLINE __m256i special_bytes(__m256i codes) noexcept {
  __m256i special = _mm256_setzero_si256();
  constexpr bool keeps_infinity = is_half_format(F) && F.exponent_bits == 5;
  constexpr std::uint32_t last = keeps_infinity ? F.infinity_code() : F.max_code();
  if constexpr (last != F.magnitude_mask()) {
    const __m256i magnitude = _mm256_and_si256(codes, _mm256_set1_epi8(static_cast<char>(F.magnitude_mask())));
    special = _mm256_subs_epu8(magnitude, _mm256_set1_epi8(static_cast<char>(last)));
  }
  if constexpr (F.nan_is_negative_zero()) {
    const __m256i code = _mm256_and_si256(codes, _mm256_set1_epi8(static_cast<char>(F.code_mask())));
    const __m256i nan = _mm256_cmpeq_epi8(code, _mm256_set1_epi8(static_cast<char>(F.sign_mask())));
    special = _mm256_or_si256(special, nan);
  }
  return special;
}

/// Whether plain_scales serves a format of scales.
template <float_format F>
consteval bool is_scale_format() noexcept {
  return F == formats::e8m0 || (is_half_format(F) && F.bits() >= 7 && !F.nan_is_negative_zero());
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

}  // namespace detail::inline NIBBLE_UNIT::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
