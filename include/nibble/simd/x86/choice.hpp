// SPDX-License-Identifier: Apache-2.0
//
// Estimates of the errors of E2M1 codes under a scale, as four over six wants them (block/four_over_six.hpp). They take
// multiples of the value of 1 for all values, and add in another order.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/counts.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The errors of `blocks` blocks of `Size` elements, a multiple of 8, under two candidates, one behind the other in every
/// array: `codes` two a byte, the even one low, and what 1 stands for in each block. There is room for 8 more results.
template <std::size_t Size>
void estimate_errors(const float* x, std::size_t blocks, bool squares, const std::uint8_t* const (&codes)[2],
                     const float* const (&one)[2], float* const (&errors)[2]) noexcept {
  using vector = avx2_vector;
  const __m256 values = _mm256_setr_ps(0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F, 6.0F);
  const __m256i places = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  const __m256i magnitude = vector::all(0x7fff'ffffU);
  const std::uint8_t* const first = codes[0];
  const std::uint8_t* const second = codes[1];
  struct both {
    __m256 first, second;
  };
  const auto error = [&](__m256 number, const std::uint8_t* eight_codes, __m256 unit) NIBBLE_INLINE_LAMBDA {
    std::int32_t packed = 0;
    std::memcpy(&packed, eight_codes, sizeof(packed));
    // The permutation takes the lowest three bits of an index.
    const __m256 value = _mm256_permutevar8x32_ps(values, _mm256_srlv_epi32(_mm256_set1_epi32(packed), places));
    const __m256 difference = vector::subtract_product(value, unit, number);
    if (squares) [[unlikely]] return vector::multiply(difference, difference);
    return vector::as_real(vector::both(vector::as_word(difference), magnitude));
  };
  const auto block = [&](std::size_t b) NIBBLE_INLINE_LAMBDA {
    const std::size_t at = smaller(b, blocks - 1);
    const __m256 unit[] = {_mm256_broadcast_ss(one[0] + at), _mm256_broadcast_ss(one[1] + at)};
    const auto vector_at = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
      const __m256 number = vector::as_real(vector::both(vector::load(x + i), magnitude));
      return both{error(number, first + i / 2, unit[0]), error(number, second + i / 2, unit[1])};
    };
    const std::size_t begin = at * Size;
    both sum = vector_at(begin);
    for (std::size_t i = begin + 8; i < begin + Size; i += 8) {
      const both more = vector_at(i);
      sum = {vector::add(sum.first, more.first), vector::add(sum.second, more.second)};
    }
    return sum;
  };
  // Sums of the lanes of eight vectors: each step has lanes of twice as many blocks.
  const auto pair = [](__m256 a, __m256 b) NIBBLE_INLINE_LAMBDA {
    return vector::add(_mm256_blend_ps(a, b, 0xcc), _mm256_shuffle_ps(a, b, 0x4e));
  };
  const auto four = [](__m256 a, __m256 b) NIBBLE_INLINE_LAMBDA {
    return vector::add(_mm256_blend_ps(a, b, 0xaa), _mm256_permute_ps(_mm256_blend_ps(a, b, 0x55), 0xb1));
  };
  const auto together = [](const auto& add, both a, both b) NIBBLE_INLINE_LAMBDA {
    return both{add(a.first, b.first), add(a.second, b.second)};
  };
  for (std::size_t b = 0; b < blocks; b += 8) {
    const auto two = [&](std::size_t k) NIBBLE_INLINE_LAMBDA {
      const both lower = block(b + k);
      return together(pair, lower, block(b + k + 2));
    };
    const both pair_0 = two(0);
    const both low = together(four, pair_0, two(1));
    const both pair_4 = two(4);
    const both high = together(four, pair_4, two(5));
    const auto whole = [](__m256 l, __m256 h) NIBBLE_INLINE_LAMBDA {
      return vector::add(_mm256_blend_ps(l, h, 0xf0), _mm256_permute2f128_ps(l, h, 0x21));
    };
    _mm256_storeu_ps(errors[0] + b, whole(low.first, high.first));
    _mm256_storeu_ps(errors[1] + b, whole(low.second, high.second));
  }
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
