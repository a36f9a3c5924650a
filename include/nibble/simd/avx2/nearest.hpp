// SPDX-License-Identifier: Apache-2.0
//
// AVX2: round to nearest even into a small float by one floating-point addition. Adding 2^(23 - m) steps to a magnitude
// makes the adder round at the step, normal and subnormal numbers alike; one multiply-add of 16-bit halves then joins
// exponent and fraction into the code. See the Intel Software Developer's Manual, VPMADDWD, VPACKSSDW, VPMADDUBSW.
#pragma once

#if defined(__AVX2__)

#include <immintrin.h>

#include <cstdint>

#include <nibble/format/float_format.hpp>
#include <nibble/format/policy.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

/// Whether the addition serves a format: signed, with zero and -0, few enough fraction bits, and sums that fit. At least
/// one fraction bit: the adder breaks a tie by the parity of the significand, which is the code's only then.
NIBBLE_FUNCTION bool rounds_by_addition(const float_format& f) noexcept {
  return f.has_sign && f.has_negative_zero() && f.bits() <= 8 && f.exponent_bits > 0 && f.mantissa_bits > 0 &&
         f.mantissa_bits <= 6 && f.min_exponent() > -60 && f.max_exponent() < 60;
}

NIBBLE_ALWAYS_INLINE __m256i magnitude_of(__m256i bits) noexcept {
  return _mm256_and_si256(bits, _mm256_set1_epi32(0x7fff'ffff));
}

/// A sum that no compiler may simplify.
NIBBLE_ALWAYS_INLINE __m256 plain_add(__m256 a, __m256 b) noexcept {
  __m256 sum = _mm256_add_ps(a, b);
  asm("" : "+x"(sum));
  return sum;
}
NIBBLE_ALWAYS_INLINE __m256 plain_multiply(__m256 a, __m256 b) noexcept {
  __m256 product = _mm256_mul_ps(a, b);
  asm("" : "+x"(product));
  return product;
}

template <float_format F>
struct nearest {
  static constexpr int fraction = F.mantissa_bits;
  static constexpr int smallest_field = F.min_exponent() + 127;
  static constexpr int raise = 23 - fraction;  ///< exponent distance of the magic number
  static constexpr int unit_shift = 7 - fraction;  ///< the sums below count codes in steps of 2^unit_shift
  /// The sum that code 0 gives: the exponent field of the magic number in the high half, times 1.
  static constexpr int zero_sum = (smallest_field + raise) << 7;

  /// 32-bit sums zero_sum + code * 2^unit_shift of eight finite magnitudes; above the largest number they saturate.
  static NIBBLE_ALWAYS_INLINE __m256i sums(__m256i magnitude) noexcept {
    constexpr float largest = static_cast<float>(F.max_value());
    const __m256i limited = _mm256_min_epi32(magnitude, _mm256_set1_epi32(static_cast<int>(to_bits(largest))));
    const __m256i field = _mm256_max_epi32(_mm256_and_si256(limited, _mm256_set1_epi32(0x7f80'0000)),
                                           _mm256_set1_epi32(smallest_field << 23));
    const __m256 magic = _mm256_castsi256_ps(_mm256_add_epi32(field, _mm256_set1_epi32(raise << 23)));
    const __m256i sum = _mm256_castps_si256(plain_add(_mm256_castsi256_ps(limited), magic));
    return _mm256_madd_epi16(sum, _mm256_set1_epi32((1 << 16) | (1 << unit_shift)));
  }

  /// The codes of eight finite magnitudes in 32-bit lanes, and in `value` the numbers that they stand for.
  static NIBBLE_ALWAYS_INLINE __m256i codes_and_values(__m256i magnitude, __m256i& value) noexcept {
    constexpr float largest = static_cast<float>(F.max_value());
    const __m256i limited = _mm256_min_epi32(magnitude, _mm256_set1_epi32(static_cast<int>(to_bits(largest))));
    const __m256i field = _mm256_max_epi32(_mm256_and_si256(limited, _mm256_set1_epi32(0x7f80'0000)),
                                           _mm256_set1_epi32(smallest_field << 23));
    const __m256 magic = _mm256_castsi256_ps(_mm256_add_epi32(field, _mm256_set1_epi32(raise << 23)));
    const __m256 sum = plain_add(_mm256_castsi256_ps(limited), magic);
    // Exact: both are multiples of the step, and their difference is a number of the format.
    value = _mm256_castps_si256(plain_add(sum, _mm256_xor_ps(magic, _mm256_set1_ps(-0.0F))));
    const __m256i joined = _mm256_madd_epi16(_mm256_castps_si256(sum), _mm256_set1_epi32((1 << 16) | (1 << unit_shift)));
    return _mm256_srli_epi32(_mm256_sub_epi32(joined, _mm256_set1_epi32(zero_sum)), unit_shift);
  }

  /// Magnitude codes of four vectors of sums, one a byte; 4-byte groups in the order 0L 1L 2L 3L | 0H 1H 2H 3H.
  static NIBBLE_ALWAYS_INLINE __m256i codes(__m256i s0, __m256i s1, __m256i s2, __m256i s3) noexcept {
    const __m256i zero = _mm256_set1_epi16(static_cast<short>(zero_sum));
    const __m256i low = _mm256_srli_epi16(_mm256_sub_epi16(_mm256_packs_epi32(s0, s1), zero), unit_shift);
    const __m256i high = _mm256_srli_epi16(_mm256_sub_epi16(_mm256_packs_epi32(s2, s3), zero), unit_shift);
    return _mm256_packus_epi16(low, high);
  }

  /// Sign bits of four vectors of sources at bit 7 of the same bytes.
  static NIBBLE_ALWAYS_INLINE __m256i signs(__m256i v0, __m256i v1, __m256i v2, __m256i v3) noexcept {
    return _mm256_packs_epi16(_mm256_packs_epi32(v0, v1), _mm256_packs_epi32(v2, v3));
  }

  /// Whole codes: the sign joined to the magnitude.
  static NIBBLE_ALWAYS_INLINE __m256i with_sign(__m256i code, __m256i sign) noexcept {
    constexpr int down = 7 - F.magnitude_bits();
    const __m256i placed = down == 0 ? sign : _mm256_srli_epi16(sign, down);
    return _mm256_or_si256(code, _mm256_and_si256(placed, _mm256_set1_epi8(static_cast<char>(F.sign_mask()))));
  }
};

/// Bytes in 4-byte groups 0L 1L 2L 3L | 0H 1H 2H 3H to 0L 0H 1L 1H ...
NIBBLE_ALWAYS_INLINE __m256i in_order(__m256i bytes) noexcept {
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/// 64 codes of at most 4 bits, one a byte in two vectors of the order above, to 32 bytes with the even code low.
NIBBLE_ALWAYS_INLINE __m256i packed_nibbles(__m256i first, __m256i second) noexcept {
  const __m256i weights = _mm256_set1_epi16(0x1001);
  const __m256i words = _mm256_packus_epi16(_mm256_maddubs_epi16(first, weights), _mm256_maddubs_epi16(second, weights));
  const __m256i lanes = _mm256_permute4x64_epi64(words, 0xd8);
  const __m256i order = _mm256_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,  //
                                         0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
  return _mm256_shuffle_epi8(lanes, order);
}

/// The lane-wise maxima of eight vectors of non-negative integers, vector i in lane i.
NIBBLE_ALWAYS_INLINE __m256i maxima(__m256i a, __m256i b, __m256i c, __m256i d, __m256i e, __m256i f, __m256i g,
                                    __m256i h) noexcept {
  const auto pair = [](__m256i x, __m256i y) NIBBLE_INLINE_LAMBDA {
    return _mm256_max_epi32(_mm256_unpacklo_epi32(x, y), _mm256_unpackhi_epi32(x, y));
  };
  const auto quad = [](__m256i x, __m256i y) NIBBLE_INLINE_LAMBDA {
    return _mm256_max_epi32(_mm256_unpacklo_epi64(x, y), _mm256_unpackhi_epi64(x, y));
  };
  const __m256i low = quad(pair(a, b), pair(c, d));
  const __m256i high = quad(pair(e, f), pair(g, h));
  return _mm256_max_epi32(_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31));
}

}  // namespace detail::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
