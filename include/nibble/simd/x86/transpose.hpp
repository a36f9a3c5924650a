// SPDX-License-Identifier: Apache-2.0
//
// Rows and columns of float32 exchanged between memory and registers.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <cstddef>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Lane i of vector k is element k of the four at x + i * stride.
NIBBLE_ALWAYS_INLINE void transpose_four(const float* x, std::ptrdiff_t stride, __m256i (&out)[4]) noexcept {
  const auto load = [&](std::ptrdiff_t i) NIBBLE_INLINE_LAMBDA {
    const auto low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i * stride));
    const auto high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + (i + 4) * stride));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  };
  const __m256i low_0 = _mm256_unpacklo_epi32(load(0), load(1));
  const __m256i high_0 = _mm256_unpackhi_epi32(load(0), load(1));
  const __m256i low_1 = _mm256_unpacklo_epi32(load(2), load(3));
  const __m256i high_1 = _mm256_unpackhi_epi32(load(2), load(3));
  out[0] = _mm256_unpacklo_epi64(low_0, low_1);
  out[1] = _mm256_unpackhi_epi64(low_0, low_1);
  out[2] = _mm256_unpacklo_epi64(high_0, high_1);
  out[3] = _mm256_unpackhi_epi64(high_0, high_1);
}
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
NIBBLE_ALWAYS_INLINE void transpose_four(const float* x, std::ptrdiff_t stride, __m512i (&out)[4]) noexcept {
  __m256i first[4];
  __m256i second[4];
  transpose_four(x, stride, first);
  transpose_four(x + 8 * stride, stride, second);
  for (std::size_t k = 0; k < 4; ++k) {
    out[k] = _mm512_maskz_inserti64x4(0xff, _mm512_zextsi256_si512(first[k]), second[k], 1);
  }
}
NIBBLE_ALWAYS_INLINE void store_halves(float* low, float* high, __m512i x) noexcept {
  avx2_vector::store(low, _mm512_castsi512_si256(x));
  avx2_vector::store(high, _mm512_maskz_extracti64x4_epi64(0xf, x, 1));
}
#endif

/// Magnitudes of as many runs as V has lanes, `Size` elements each, at `x`. Elements i of every eight runs come to lie
/// beside each other, before elements i + 1. Returns the largest bits of each run.
template <class V, std::size_t Size>
NIBBLE_ALWAYS_INLINE typename V::word turn_runs(const float* x, float* turned) noexcept {
  static_assert(Size % 4 == 0);
  typename V::word largest = V::all(0U);
  for (std::size_t i = 0; i < Size; i += 4) {
    typename V::word four[4];
    transpose_four(x + i, static_cast<std::ptrdiff_t>(Size), four);
    for (std::size_t k = 0; k < 4; ++k) {
      const typename V::word magnitude = V::both(four[k], V::all(0x7fff'ffffU));
      if constexpr (V::lanes == 8) {
        V::store(turned + 8 * (i + k), magnitude);
      } else {
        static_assert(V::lanes == 16);
        store_halves(turned + 8 * (i + k), turned + 8 * (i + k + Size), magnitude);
      }
      largest = V::largest(largest, magnitude);
    }
  }
  return largest;
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
