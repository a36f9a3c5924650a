// SPDX-License-Identifier: Apache-2.0
//
// AVX2: groups of 64 codes of at most 8 bits to numbers in memory.
#pragma once

#include <nibble/simd/avx2/values.hpp>

#if defined(__AVX2__)

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nibble/block/codec.hpp>
#include <nibble/simd/stream.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

/// No compiler moves a store across this.
NIBBLE_ALWAYS_INLINE void keep_order() noexcept { __asm__ volatile("" : : : "memory"); }

/// Bits of float32 numbers, no NaN, whose upper halves are those of bfloat16 numbers, rounded to nearest even.
template <class V>
NIBBLE_ALWAYS_INLINE typename V::word rounded_to_bf16(typename V::word bits) noexcept {
  const auto odd = V::both(V::template right<16>(bits), V::all(1));
  return V::add(bits, V::add(odd, V::all(0x7fff)));
}

/// Stores eight values that are no NaN: float as they are, bfloat16 and binary16 rounded to nearest even; `Upper` says
/// that their lower halves are zero, so that bfloat16 is the upper one. Streamed results need 16-byte alignment, and
/// the order of the calls: a line that is not filled at once goes to memory in parts.
template <bool Streamed, bool Upper, class T>
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
      const __m256i bits = _mm256_castps_si256(v);
      const __m256i upper = _mm256_srli_epi32(Upper ? bits : rounded_to_bf16<x86::avx2_vector>(bits), 16);
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

NIBBLE_FUNCTION packed_layout layout_of(code_bytes bytes) noexcept {
  if (bytes == code_bytes::one_each) return layouts::bytes;
  return bytes == code_bytes::low_first ? layouts::nibbles_low_first : layouts::nibbles_high_first;
}

/// Whether decode_groups reads a layout, of a format that has_values, as it is.
template <float_format F>
NIBBLE_FUNCTION bool reads_layout(const packed_layout& layout) noexcept {
  if (layout == layouts::bytes) return true;
  return is_table_format<F>() && (layout == layouts::nibbles_low_first || layout == layouts::nibbles_high_first);
}

/// Values of `groups` groups of 64 codes. `scale(g, i, v)` gives what to store for vector i of group g (for `Upper` see
/// store_eight_values); `mend(g)` is called after a group with codes that are no numbers has been stored. Streamed
/// results want finish_stream() at the end.
template <float_format F, code_bytes Bytes, bool Streamed, bool Upper, class T, class Scale, class Mend>
NIBBLE_ALWAYS_INLINE void decode_groups(const std::uint8_t* bytes, std::size_t groups, T* out, const Scale& scale,
                                        const Mend& mend) noexcept {
  for (std::size_t g = 0; g < groups; ++g, out += 64) {
    if constexpr (Streamed && Bytes == code_bytes::one_each) fetch_beside_stream(bytes + 64 * g);
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
        if constexpr (F.has_nan()) special = _mm256_or_si256(special, special_bytes<F>(nibbles[h]));
      } else {
        if constexpr (is_table_format<F>()) {
          table_values<F>(_mm256_and_si256(bytes_in_turn(codes), _mm256_set1_epi8(15)), v);
        } else if constexpr (is_half_format(F)) {
#if defined(__F16C__)
          half_values<F>(codes, v[0], v[1]);
          half_values<F>(codes + 16, v[2], v[3]);
#endif
        } else if constexpr (is_linear_format<F>()) {
          linear_values<F>(bytes_in_turn(codes), v);
        } else {
          unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA { v[i] = integer_values<F>(codes + 8 * i); });
        }
        if constexpr (F.has_nan()) {
          special = _mm256_or_si256(special, special_bytes<F>(x86::avx2_vector::load(codes)));
        }
      }
      // All before the first store, so that what one reads of the scales serves the next.
      unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA { v[i] = scale(g, 4 * h + i, v[i]); });
      unrolled<4>([&](auto i)
                      NIBBLE_INLINE_LAMBDA { store_eight_values<Streamed, Upper>(out + 32 * h + 8 * i, v[i]); });
    });
    if constexpr (F.has_nan()) {
      if (_mm256_testz_si256(special, special) == 0) [[unlikely]]
        mend(g);
    }
  }
}

}  // namespace detail::inline NIBBLE_UNIT::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
