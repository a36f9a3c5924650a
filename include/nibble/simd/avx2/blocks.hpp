// SPDX-License-Identifier: Apache-2.0
//
// AVX2 kernels over whole blocks: maxima of eight blocks at once, and codes by the rounding of nearest.hpp.
#pragma once

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>

#include <nibble/block/block_scale.hpp>
#include <nibble/simd/avx2/nearest.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

NIBBLE_ALWAYS_INLINE __m256i load_bits(const float* x) noexcept { return _mm256_castps_si256(_mm256_loadu_ps(x)); }

/// The largest magnitudes of eight blocks of `Size` elements.
template <std::size_t Size>
NIBBLE_ALWAYS_INLINE void eight_maxima(const float* x, std::uint32_t* amax) noexcept {
  __m256i best[8];
  for (std::size_t b = 0; b < 8; ++b) {
    best[b] = magnitude_of(load_bits(x + b * Size));
    for (std::size_t i = 8; i < Size; i += 8) {
      best[b] = _mm256_max_epi32(best[b], magnitude_of(load_bits(x + b * Size + i)));
    }
  }
  const __m256i result = maxima(best[0], best[1], best[2], best[3], best[4], best[5], best[6], best[7]);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(amax), result);
}

/// Whether encode_blocks serves a format.
constexpr bool takes_blocks(const block_format& f) noexcept {
  const bool layout = f.packing == layouts::nibbles_low_first || f.packing == layouts::bytes;
  return rounds_by_addition(f.element) && layout && f.block_size % 16 == 0 && 64 % f.block_size == 0;
}

/// Whether a block's elements are multiplied by a number that keeps products exact where they matter.
NIBBLE_ALWAYS_INLINE bool is_plain_block(element_scaling::kind how, std::uint32_t operand) noexcept {
  const std::uint32_t field = operand >> 23;
  return (how == element_scaling::kind::multiply || how == element_scaling::kind::shift) &&
         (operand == 0 || (field >= 127 - 119 && field <= 127 + 82));
}

/// Stores 64 codes, one a byte in the order of nearest::codes, as the packing of the format has them.
template <block_format F>
NIBBLE_ALWAYS_INLINE void store_64(__m256i first, __m256i second, std::uint8_t* bytes) noexcept {
  auto* out = reinterpret_cast<__m256i*>(bytes);
  if constexpr (F.packing.slot_bits == 4) {
    _mm256_storeu_si256(out, packed_nibbles(first, second));
  } else {
    _mm256_storeu_si256(out, in_order(first));
    _mm256_storeu_si256(out + 1, in_order(second));
  }
}

/// Codes of 64 elements with a multiplier for each vector of eight.
template <block_format F>
NIBBLE_ALWAYS_INLINE void encode_64(const float* x, const __m256* multiplier, std::uint8_t* bytes) noexcept {
  using rounding = nearest<F.element>;
  __m256i half[2];
  for (int h = 0; h < 2; ++h) {
    __m256i v[4];
    __m256i s[4];
    for (int i = 0; i < 4; ++i) {
      v[i] = load_bits(x + 32 * h + 8 * i);
      const __m256 product = plain_multiply(_mm256_castsi256_ps(magnitude_of(v[i])), multiplier[4 * h + i]);
      s[i] = rounding::sums(_mm256_castps_si256(product));
    }
    half[h] = rounding::with_sign(rounding::codes(s[0], s[1], s[2], s[3]), rounding::signs(v[0], v[1], v[2], v[3]));
  }
  store_64<F>(half[0], half[1], bytes);
}

/// Calls step(first block, eight multipliers) for groups of 64 elements while all their blocks are plain; returns the
/// number of blocks done.
template <block_format F, class Step>
NIBBLE_ALWAYS_INLINE std::size_t while_plain(const element_scaling::kind* how, const std::uint32_t* operand,
                                             std::size_t blocks, const Step& step) noexcept {
  constexpr auto size = static_cast<std::size_t>(F.block_size);
  constexpr std::size_t group = 64 / size;
  std::size_t b = 0;
  for (; b + group <= blocks; b += group) {
    bool plain = true;
    for (std::size_t i = 0; i < group; ++i) plain = plain && is_plain_block(how[b + i], operand[b + i]);
    if (!plain) break;
    __m256 multiplier[8];
    for (std::size_t i = 0; i < 8; ++i) {
      multiplier[i] = _mm256_set1_ps(bit_cast<float>(operand[b + 8 * i / size]));
    }
    step(b, multiplier);
  }
  return b;
}

/// Codes of groups of 64 elements while all their blocks are plain; returns the number of blocks done.
template <block_format F>
std::size_t encode_blocks(const float* x, const element_scaling::kind* how, const std::uint32_t* operand,
                          std::size_t blocks, std::uint8_t* bytes) noexcept {
  constexpr auto size = static_cast<std::size_t>(F.block_size);
  return while_plain<F>(how, operand, blocks, [&](std::size_t b, const __m256* multiplier) NIBBLE_INLINE_LAMBDA {
    encode_64<F>(x + b * size, multiplier, bytes + packed_bytes(F.packing, b * size));
  });
}

}  // namespace detail::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
