// SPDX-License-Identifier: Apache-2.0
//
// Vectors of 32-bit lanes from and to memory that holds narrower integers or floats of another type.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <nibble/block/matrix_view.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/simd/lanes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether the vectors of an architecture are x86 registers of so many bytes, with the integer instructions for them.
template <class Arch, std::size_t Bytes>
inline constexpr bool has_registers =
    sizeof(word_batch<Arch>) == Bytes &&
    ((Bytes == 16 && std::is_base_of_v<xsimd::sse2, Arch>) || (Bytes == 32 && has_avx2<Arch>) ||
     (Bytes == 64 && std::is_base_of_v<xsimd::avx512f, Arch>));

/// One integer of 8 or 16 bits a lane.
template <class Arch>
NIBBLE_ALWAYS_INLINE word_batch<Arch> load_widened(const std::uint8_t* x) noexcept {
#if defined(__AVX512F__)
  if constexpr (has_registers<Arch, 64>) {
    return word_batch<Arch>(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))));
  }
#endif
#if defined(__AVX2__)
  if constexpr (has_registers<Arch, 32>) {
    return word_batch<Arch>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))));
  }
#endif
#if defined(__SSE2__)
  if constexpr (has_registers<Arch, 16>) {
    std::int32_t four = 0;
    std::memcpy(&four, x, sizeof(four));
    const __m128i zero = _mm_setzero_si128();
    return word_batch<Arch>(_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero), zero));
  }
#endif
  constexpr std::size_t width = word_batch<Arch>::size;
  std::uint32_t lanes[width];
  for (std::size_t i = 0; i < width; ++i) lanes[i] = x[i];
  return word_batch<Arch>::load_unaligned(lanes);
}
template <class Arch>
NIBBLE_ALWAYS_INLINE word_batch<Arch> load_widened(const std::uint16_t* x) noexcept {
#if defined(__AVX512F__)
  if constexpr (has_registers<Arch, 64>) {
    return word_batch<Arch>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))));
  }
#endif
#if defined(__AVX2__)
  if constexpr (has_registers<Arch, 32>) {
    return word_batch<Arch>(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))));
  }
#endif
#if defined(__SSE2__)
  if constexpr (has_registers<Arch, 16>) {
    const __m128i halves = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x));
    return word_batch<Arch>(_mm_unpacklo_epi16(halves, _mm_setzero_si128()));
  }
#endif
  constexpr std::size_t width = word_batch<Arch>::size;
  std::uint32_t lanes[width];
  for (std::size_t i = 0; i < width; ++i) lanes[i] = x[i];
  return word_batch<Arch>::load_unaligned(lanes);
}

/// Stores lanes below 2^8, a byte each.
template <class Arch>
NIBBLE_ALWAYS_INLINE void store_narrowed(std::uint8_t* out, const word_batch<Arch>& x) noexcept {
#if defined(__AVX512F__)
  if constexpr (has_registers<Arch, 64>) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_maskz_cvtepi32_epi8(0xffff, x));
    return;
  }
#endif
#if defined(__AVX2__)
  if constexpr (has_registers<Arch, 32>) {
    const __m256i word_of_each_half = _mm256_shuffle_epi8(x, _mm256_set1_epi32(0x0c08'0400));
    const __m256i together = _mm256_permutevar8x32_epi32(word_of_each_half, _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(together));
    return;
  }
#endif
#if defined(__SSE2__)
  if constexpr (has_registers<Arch, 16>) {
    const __m128i halves = _mm_packs_epi32(x, x);
    const std::int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(halves, halves));
    std::memcpy(out, &four, sizeof(four));
    return;
  }
#endif
  constexpr std::size_t width = word_batch<Arch>::size;
  std::uint32_t lanes[width];
  x.store_unaligned(lanes);
  for (std::size_t i = 0; i < width; ++i) out[i] = static_cast<std::uint8_t>(lanes[i]);
}
/// Stores lanes below 2^16, two bytes each.
template <class Arch>
NIBBLE_ALWAYS_INLINE void store_narrowed(std::uint16_t* out, const word_batch<Arch>& x) noexcept {
#if defined(__AVX512F__)
  if constexpr (has_registers<Arch, 64>) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_maskz_cvtepi32_epi16(0xffff, x));
    return;
  }
#endif
#if defined(__AVX2__)
  if constexpr (has_registers<Arch, 32>) {
    const __m256i halves = _mm256_permute4x64_epi64(_mm256_packus_epi32(x, x), 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(halves));
    return;
  }
#endif
#if defined(__SSE2__)
  if constexpr (has_registers<Arch, 16>) {
    // The packing saturates signed numbers: 16 bits pass it as one.
    const __m128i extended = _mm_srai_epi32(_mm_slli_epi32(x, 16), 16);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packs_epi32(extended, extended));
    return;
  }
#endif
  constexpr std::size_t width = word_batch<Arch>::size;
  std::uint32_t lanes[width];
  x.store_unaligned(lanes);
  for (std::size_t i = 0; i < width; ++i) out[i] = static_cast<std::uint16_t>(lanes[i]);
}

/// binary32 bits of lanes of codes of an IEEE-like format of at most 16 bits; NaN keeps its payload, as in source_bits.
template <float_format F, class Arch>
NIBBLE_ALWAYS_INLINE word_batch<Arch> widened_lanes(const word_batch<Arch>& codes) noexcept {
  using words = word_batch<Arch>;
  const words bits = decode_lanes(F, codes);
  if constexpr (F.specials == special_values::infinity_and_nan && F.mantissa_bits > 0) {
    const words payload = (codes & words((std::uint32_t{1} << F.mantissa_bits) - 1U)) << (23 - F.mantissa_bits);
    const auto is_nan = (codes & words(F.magnitude_mask())) > words(F.infinity_code());
    return bits | xsimd::select(is_nan, payload, words(0U));
  }
  return bits;
}

/// source_bits of the next vector of numbers whose pattern is a binary32.
template <class Arch, class T>
NIBBLE_ALWAYS_INLINE word_batch<Arch> source_lanes(const T* x) noexcept {
  constexpr std::size_t width = word_batch<Arch>::size;
  if constexpr (std::same_as<T, float>) {
    return bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x));
  } else if constexpr (minifloat_type<T>) {
    // A minifloat is its code in memory.
    const auto* codes = reinterpret_cast<const typename T::storage_type*>(x);
    if constexpr (T::format == formats::bf16) {
      return load_widened<Arch>(codes) << 16;
    } else {
#if defined(__AVX512F__)
      if constexpr (T::format == formats::f16 && has_registers<Arch, 64>) {
        const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
        return bits_as<std::uint32_t>(float_batch<Arch>(_mm512_maskz_cvtph_ps(0xffff, halves)));
      }
#endif
#if defined(__F16C__) && defined(__AVX2__)
      // The conversion keeps subnormals whatever the control register says, and makes NaN quiet with its payload.
      if constexpr (T::format == formats::f16 && has_registers<Arch, 32>) {
        const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
        return bits_as<std::uint32_t>(float_batch<Arch>(_mm256_cvtph_ps(halves)));
      }
#endif
      return widened_lanes<T::format, Arch>(load_widened<Arch>(codes));
    }
  } else {
    std::uint32_t lanes[width];
    for (std::size_t i = 0; i < width; ++i) lanes[i] = source_bits(x[i]);
    return word_batch<Arch>::load_unaligned(lanes);
  }
}

/// A binary64 pattern as binary32, rounded to odd: a later rounding to fewer than 22 significant bits sees no
/// difference. Beyond the range it gives the largest number; NaN keeps sign and upper payload.
NIBBLE_FUNCTION std::uint32_t narrowed_to_odd(std::uint64_t bits) noexcept {
  const auto sign = static_cast<std::uint32_t>(bits >> 32) & 0x8000'0000U;
  const std::uint64_t magnitude = bits & ieee_layout<std::uint64_t>::magnitude_mask;
  const auto field = static_cast<int>(magnitude >> 52);
  if (magnitude > ieee_layout<std::uint64_t>::infinity) {
    // A payload below binary32's is no payload at all, but the number stays a NaN.
    return sign | 0x7f80'0000U | (static_cast<std::uint32_t>(magnitude >> 29) & 0x007f'ffffU) | 1U;
  }
  if (field == 0x7ff) return sign | 0x7f80'0000U;
  if (field > 1023 + 127) return sign | 0x7f7f'ffffU;
  std::uint64_t kept = 0;
  std::uint64_t lost = 0;
  if (field >= 1023 - 126) {
    kept = (magnitude - (std::uint64_t{1023 - 127} << 52)) >> 29;
    lost = magnitude & 0x1fff'ffffU;
  } else {
    // A subnormal: the significand moves right by 29 bits and one more for each binade below 2^-126.
    const std::uint64_t significand = (magnitude & 0x000f'ffff'ffff'ffffU) | (std::uint64_t{1} << 52);
    const int shift = 29 + (1023 - 126 - field);
    kept = shift < 64 ? significand >> shift : 0U;
    lost = shift < 64 ? significand & ((std::uint64_t{1} << shift) - 1U) : 1U;
    if (magnitude == 0) lost = 0;
  }
  return sign | static_cast<std::uint32_t>(kept) | (lost != 0 ? 1U : 0U);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
