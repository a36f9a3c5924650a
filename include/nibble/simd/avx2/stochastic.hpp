// SPDX-License-Identifier: Apache-2.0
//
// AVX2: stochastic rounding of whole blocks with 8, 16 or 32 random bits an element (variant A). A magnitude becomes a
// fixed-point number whose unit is the code: above the smallest normal number its own bits are that, below it a
// truncating conversion gives it. Random bits are then added below the point.
#pragma once

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/simd/avx2/blocks.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

/// Random words of eight elements in 32-bit lanes, from the bit string of the stream.
template <int Bits>
NIBBLE_ALWAYS_INLINE __m256i random_lanes(const std::uint8_t* random) noexcept {
  if constexpr (Bits == 8) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(random)));
  } else if constexpr (Bits == 16) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(random)));
  } else {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(random));
  }
}

template <float_format F, int Bits>
struct stochastic_rounding {
  static constexpr int point = 23 - F.mantissa_bits;  ///< fraction bits of the fixed-point number
  /// Elements are scaled by 2^lift beside their block's multiplier, so that the smallest normal number becomes 2^23.
  static constexpr int lift = 23 - F.min_exponent();
  static constexpr float lifted_max = static_cast<float>(F.max_value() * power_of_two(lift));

  /// Codes of eight lifted magnitudes, one in each 32-bit lane.
  static NIBBLE_ALWAYS_INLINE __m256i codes(__m256i lifted, const std::uint8_t* random) noexcept {
    const __m256i limited = _mm256_min_epi32(lifted, _mm256_set1_epi32(static_cast<int>(to_bits(lifted_max))));
    const __m256i truncated = _mm256_cvttps_epi32(_mm256_castsi256_ps(limited));
    const __m256i normal = _mm256_max_epi32(_mm256_sub_epi32(limited, _mm256_set1_epi32(149 << 23)),
                                            _mm256_set1_epi32(1 << 23));
    // Unsigned: a conversion that overflows gives 2^31, the largest.
    const __m256i fixed = _mm256_min_epu32(truncated, normal);
    const __m256i word = random_lanes<Bits>(random);
    if constexpr (Bits < 32) {
      return _mm256_srli_epi32(_mm256_add_epi32(fixed, _mm256_slli_epi32(word, point - Bits)), point);
    } else {
      return _mm256_sub_epi32(_mm256_srli_epi32(fixed, point), goes_up(limited, word));
    }
  }

 private:
  /// All ones where floor(fraction * 2^32) + word carries, for the full fraction of the lifted magnitude.
  static NIBBLE_ALWAYS_INLINE __m256i goes_up(__m256i lifted, __m256i word) noexcept {
    const __m256i significand = _mm256_or_si256(_mm256_and_si256(lifted, _mm256_set1_epi32(0x007f'ffff)),
                                                _mm256_set1_epi32(0x0080'0000));
    // Distance of the exponent below the smallest normal number, at most 0, plus the place of the point.
    const __m256i below = _mm256_min_epi32(_mm256_sub_epi32(_mm256_srli_epi32(lifted, 23), _mm256_set1_epi32(150)),
                                           _mm256_setzero_si256());
    const __m256i shift = _mm256_add_epi32(below, _mm256_set1_epi32(32 - point));
    // A negative count shifts everything out of one side, and the other shift does the work.
    const __m256i fraction = _mm256_or_si256(_mm256_sllv_epi32(significand, shift),
                                             _mm256_srlv_epi32(significand, _mm256_sub_epi32(_mm256_setzero_si256(), shift)));
    // fraction > ~word, unsigned.
    const __m256i flip = _mm256_set1_epi32(static_cast<int>(0x8000'0000U));
    const __m256i limit = _mm256_xor_si256(word, _mm256_set1_epi32(0x7fff'ffff));
    return _mm256_cmpgt_epi32(_mm256_xor_si256(fraction, flip), limit);
  }
};

/// Codes of 64 elements; the multipliers include 2^lift.
template <block_format F, int Bits>
NIBBLE_ALWAYS_INLINE void encode_64_stochastic(const float* x, const __m256* multiplier, const std::uint8_t* random,
                                               std::uint8_t* bytes) noexcept {
  using rounding = nearest<F.element>;
  __m256i half[2];
  for (int h = 0; h < 2; ++h) {
    __m256i v[4];
    __m256i c[4];
    for (int i = 0; i < 4; ++i) {
      v[i] = load_bits(x + 32 * h + 8 * i);
      const __m256 product = plain_multiply(_mm256_castsi256_ps(magnitude_of(v[i])), multiplier[4 * h + i]);
      c[i] = stochastic_rounding<F.element, Bits>::codes(_mm256_castps_si256(product), random + (32 * h + 8 * i) * Bits / 8);
    }
    const __m256i code = _mm256_packus_epi16(_mm256_packs_epi32(c[0], c[1]), _mm256_packs_epi32(c[2], c[3]));
    half[h] = rounding::with_sign(code, rounding::signs(v[0], v[1], v[2], v[3]));
  }
  store_64<F>(half[0], half[1], bytes);
}

/// As encode_blocks, rounding stochastically by the random bit string that begins at `random`.
template <block_format F, int Bits>
std::size_t encode_blocks_stochastic(const float* x, const std::uint8_t* random, const element_scaling::kind* how,
                                     const std::uint32_t* operand, std::size_t blocks, std::uint8_t* bytes) noexcept {
  constexpr auto size = static_cast<std::size_t>(F.block_size);
  const __m256 lift = _mm256_set1_ps(static_cast<float>(power_of_two(stochastic_rounding<F.element, Bits>::lift)));
  return while_plain<F>(how, operand, blocks, [&](std::size_t b, const __m256* multiplier) NIBBLE_INLINE_LAMBDA {
    __m256 lifted[8];
    for (int i = 0; i < 8; ++i) lifted[i] = plain_multiply(multiplier[i], lift);
    encode_64_stochastic<F, Bits>(x + b * size, lifted, random + b * size * Bits / 8, bytes + packed_bytes(F.packing, b * size));
  });
}

}  // namespace detail::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
