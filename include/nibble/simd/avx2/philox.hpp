// SPDX-License-Identifier: Apache-2.0
//
// AVX2: eight blocks of Philox4x32-10 at once. Each word sits in the low half of a 64-bit lane, where VPMULUDQ finds it
// and leaves the whole product; two vectors of four lanes hide the multiplier's latency.
#pragma once

#if defined(__AVX2__)

#include <immintrin.h>

#include <cstdint>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

/// Four counters, word k of lane i in the low half of lane i of words[k].
struct philox_lanes {
  __m256i words[4];
};

/// One round under the round keys. Only the low halves of the lanes count.
NIBBLE_ALWAYS_INLINE philox_lanes philox_round(const philox_lanes& c, __m256i key_low, __m256i key_high) noexcept {
  const __m256i product_0 = _mm256_mul_epu32(c.words[0], _mm256_set1_epi64x(0xD251'1F53LL));
  const __m256i product_1 = _mm256_mul_epu32(c.words[2], _mm256_set1_epi64x(0xCD9E'8D57LL));
  return {{_mm256_xor_si256(_mm256_srli_epi64(product_1, 32), _mm256_xor_si256(c.words[1], key_low)), product_1,
           _mm256_xor_si256(_mm256_srli_epi64(product_0, 32), _mm256_xor_si256(c.words[3], key_high)), product_0}};
}

/// Words of four blocks in the order of the stream: lanes 0, 2 and 1, 3 hold blocks 0, 1 and 2, 3.
NIBBLE_ALWAYS_INLINE void store_blocks(const philox_lanes& c, std::uint32_t* out) noexcept {
  const __m256i low_half = _mm256_set1_epi64x(0xffff'ffffLL);
  const __m256i first = _mm256_or_si256(_mm256_and_si256(c.words[0], low_half), _mm256_slli_epi64(c.words[1], 32));
  const __m256i second = _mm256_or_si256(_mm256_and_si256(c.words[2], low_half), _mm256_slli_epi64(c.words[3], 32));
  auto* to = reinterpret_cast<__m256i*>(out);
  _mm256_storeu_si256(to, _mm256_unpacklo_epi64(first, second));
  _mm256_storeu_si256(to + 1, _mm256_unpackhi_epi64(first, second));
}

/// The 32 words of blocks index, ..., index + 7 of a stream.
NIBBLE_ALWAYS_INLINE void eight_blocks(std::uint64_t seed, std::uint64_t stream, std::uint64_t index,
                                       std::uint32_t* out) noexcept {
  const auto low = [](std::uint64_t x) { return static_cast<long long>(x & 0xffff'ffffU); };
  const auto counter = [&](std::uint64_t first) NIBBLE_INLINE_LAMBDA {
    // Unpacking takes 64-bit lanes 0 and 2 first, so block 1 goes into lane 2 and block 2 into lane 1.
    const __m256i wide = _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(first)), _mm256_setr_epi64x(0, 2, 1, 3));
    return philox_lanes{{wide, _mm256_srli_epi64(wide, 32), _mm256_set1_epi64x(low(stream)),
                         _mm256_set1_epi64x(low(stream >> 32))}};
  };
  philox_lanes a = counter(index);
  philox_lanes b = counter(index + 4);
  auto key_low = static_cast<std::uint32_t>(seed);
  auto key_high = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const __m256i k0 = _mm256_set1_epi64x(static_cast<long long>(key_low));
    const __m256i k1 = _mm256_set1_epi64x(static_cast<long long>(key_high));
    a = philox_round(a, k0, k1);
    b = philox_round(b, k0, k1);
    key_low += 0x9E37'79B9U;
    key_high += 0xBB67'AE85U;
  }
  store_blocks(a, out);
  store_blocks(b, out + 16);
}

}  // namespace detail::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
