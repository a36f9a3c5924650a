// SPDX-License-Identifier: Apache-2.0
//
// Eight elements to E2M1. On the magnitudes of E2M1 the code is a concave function of the number, piecewise linear with
// slopes 2, 1 and 1/2; so the code to nearest is the least of three roundings to integers, each one fused addition. A
// code with a fraction, to which random bits are added, is binary32's own encoding: where 1 is the least normal number,
// bits 22 to 24 are the code, since subnormals go on from there in steps of the same size.
#pragma once

#include <cstdint>

#include <nibble/cuda/random_chunk.cuh>
#include <nibble/cuda/real.cuh>
#include <nibble/cuda/round.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Integers from 0 to 8 as binary32 bits: 1 - 2^-24 (8 - integer), whose spacing is 2^-24 and the last of which is 1.
inline constexpr std::uint32_t integer_base = 0x3f80'0000U - 8;

/// The code of a magnitude to nearest even, 8 beyond the largest, as integer_base + code.
/// code(s) = min(2 s, s + 2, s / 2 + 4); the addends are even, so that ties go to even codes, and saturation to 1 is
/// the limit.
inline __device__ std::uint32_t e2m1_nearest(std::uint32_t magnitude) noexcept {
  // Factors of 2^-24: 2, 1 and 1/2.
  const std::uint32_t a = saturated_multiply_add(magnitude, 0x3400'0000U, integer_base);
  const std::uint32_t b = saturated_multiply_add(magnitude, 0x3380'0000U, integer_base + 2);
  const std::uint32_t c = saturated_multiply_add(magnitude, 0x3300'0000U, integer_base + 4);
  const std::uint32_t least = a < b ? a : b;
  return least < c ? least : c;
}

/// The same of a magnitude below 15, at most 7: code(s) = min(2 s, s + 2, 6 + s / 10), where the factor is the number
/// below 1/10, so that 5 comes below the tie and the next number above it.
inline __device__ std::uint32_t e2m1_nearest_below_15(std::uint32_t magnitude) noexcept {
  // Factors of 2^-24: 2, 1 and less than 1/10.
  const std::uint32_t a = saturated_multiply_add(magnitude, 0x3400'0000U, integer_base);
  const std::uint32_t b = saturated_multiply_add(magnitude, 0x3380'0000U, integer_base + 2);
  const std::uint32_t c = saturated_multiply_add(magnitude, 0x31cc'ccccU, integer_base + 6);
  const std::uint32_t least = a < b ? a : b;
  return least < c ? least : c;
}

/// The code of a magnitude with 22 fraction bits, cut off: 2^22 code. Not limited to 7.
inline __device__ std::uint32_t e2m1_fixed(std::uint32_t magnitude) noexcept {
  return multiply_bits_down(magnitude, 0x0080'0000U);  // 2^-126
}

/// The bits of a where Mask has ones, those of b elsewhere; one instruction, which compilers would take apart.
template <std::uint32_t Mask>
__device__ std::uint32_t select_bits(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xe2;" : "=r"(result) : "r"(a), "n"(Mask), "r"(b));
  return result;
}

/// The largest number of 16 bits whose code is `largest`, at most 7, where codes are in bits Bit - 16 and up; twice.
template <unsigned Bit>
NIBBLE_FUNCTION std::uint32_t fixed_limit(std::uint32_t largest) noexcept {
  return ((largest << (Bit - 16)) | ((1U << (Bit - 16)) - 1)) * 0x0001'0001U;
}
/// What limits pack_fixed: nothing, if codes are at most 7; the larger of two numbers without a sign; or one of two
/// with a sign, and 0.
enum class fixed_bounds : std::uint8_t { none, upper, both };
/// Eight codes in bits Bit and up of numbers (Bit is 22 or 23), limited to that of `limit`, a fixed_limit<Bit>, and cut
/// off: the nibbles, but for their upper bits, which mean nothing.
template <unsigned Bit, fixed_bounds Bounds = fixed_bounds::both>
__device__ std::uint32_t pack_fixed(const std::uint32_t (&fixed)[8], std::uint32_t limit = 0) noexcept {
  constexpr std::uint32_t code = 0x0007'0007U << (Bit - 16);  // of the upper half of a word
  std::uint32_t pairs[4];
#pragma unroll
  for (unsigned i = 0; i < 4; ++i) {
    pairs[i] = __byte_perm(fixed[i], fixed[i + 4], 0x7632U);
    if (Bounds == fixed_bounds::upper) pairs[i] = __vminu2(pairs[i], limit);
    if (Bounds == fixed_bounds::both) pairs[i] = __vimin_s16x2_relu(pairs[i], limit);
  }
  const std::uint32_t low = select_bits<code>(pairs[0], pairs[1] << 4);
  const std::uint32_t high = select_bits<code>(pairs[2], pairs[3] << 4);
  return select_bits<0x00ff'00ffU>(low >> (Bit - 16), high << (24 - Bit));
}

/// Bytes of a and b by the nibbles of Selector, the least first: 0 to 7 for those of a and then of b, and 8 more for
/// eight copies of a byte's sign bit.
template <std::uint32_t Selector>
__device__ std::uint32_t select_bytes(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "n"(Selector));
  return result;
}

/// Eight nibbles, each of copies of a sign bit, from such bytes of the even and of the odd elements.
inline __device__ std::uint32_t nibble_signs(std::uint32_t even, std::uint32_t odd) noexcept {
  return select_bits<0x0f0f'0f0fU>(even, odd);
}
/// The sign bits of eight words there.
inline __device__ std::uint32_t gather_signs(const std::uint32_t (&w)[8]) noexcept {
  const auto four = [&](unsigned first) {
    return select_bytes<0x5410U>(select_bytes<0x00fbU>(w[first], w[first + 2]),
                                 select_bytes<0x00fbU>(w[first + 4], w[first + 6]));
  };
  return nibble_signs(four(0), four(1));
}
/// Nibbles of which only the sign bits are those of `signs`.
inline __device__ std::uint32_t with_signs(std::uint32_t nibbles, std::uint32_t signs) noexcept {
  return select_bits<0x8888'8888U>(signs, nibbles);
}

/// The nibbles code(bits[i], word of element i), for what is rare: a loop, whose code is small.
template <class Random, class Code>
__device__ std::uint32_t pack_each(const std::uint32_t (&bits)[8], const Random& random, const Code& code) noexcept {
  std::uint32_t nibbles = 0;
#pragma unroll 1
  for (unsigned i = 8; i-- > 0;) {
    std::uint32_t own = 0;
    std::uint32_t word = 0;
#pragma unroll
    for (unsigned k = 0; k < 8; ++k) {
      own = k == i ? bits[k] : own;
      word = k == i ? random.of(k) : word;
    }
    nibbles = nibbles << 4 | code(own, word);
  }
  return nibbles;
}

/// The eight E2M1 nibbles to nearest of bits[i] * multiplier (float32 products), all magnitudes of which are below 15,
/// the multiplier not negative. `signs` are gather_signs(bits).
inline __device__ std::uint32_t pack_e2m1_below_15(const std::uint32_t (&bits)[8], std::uint32_t signs,
                                                   std::uint32_t multiplier) noexcept {
  // Four codes modulo 2^16 at a time, by an instruction of the multiplications' pipe.
  std::uint32_t fours[2];
#pragma unroll
  for (unsigned k = 0; k < 2; ++k) {
    fours[k] = e2m1_nearest_below_15(multiply_magnitude(bits[4 * k + 3], multiplier));
#pragma unroll
    for (unsigned i = 3; i-- > 0;) {
      fours[k] = __dp2a_lo(fours[k], 16U, e2m1_nearest_below_15(multiply_magnitude(bits[4 * k + i], multiplier)));
    }
  }
  // Codes less four times integer_base; with at most 7 in a nibble the lower half always carries.
  constexpr std::uint32_t base = integer_base * 0x1111U & 0xffffU;
  static_assert(base + 0x7777U <= 0xffffU);
  const std::uint32_t magnitudes =
      __byte_perm(fours[0], fours[1], 0x5410U) + ((0x1'0000U - base) * 0x0001'0001U - 0x1'0000U);
  return with_signs(magnitudes, signs);
}

/// The eight E2M1 nibbles of bits[i] * multiplier (float32 products), the multiplier positive. `signs` are
/// gather_signs(bits).
template <class Rounding, class Random>
__device__ std::uint32_t pack_e2m1(const std::uint32_t (&bits)[8], std::uint32_t signs, std::uint32_t multiplier,
                                   const special_codes& special, const Random& random) noexcept {
  constexpr int drawn = Rounding::random_bits;
  std::uint32_t magnitudes = 0;
  if constexpr (drawn == 0) {
    // Four codes modulo 2^16 at a time, by an instruction of the multiplications' pipe.
    std::uint32_t fours[2];
#pragma unroll
    for (unsigned k = 0; k < 2; ++k) {
      fours[k] = e2m1_nearest(multiply_magnitude(bits[4 * k + 3], multiplier));
#pragma unroll
      for (unsigned i = 3; i-- > 0;) {
        fours[k] = __dp2a_lo(fours[k], 16U, e2m1_nearest(multiply_magnitude(bits[4 * k + i], multiplier)));
      }
    }
    constexpr std::uint32_t base = integer_base * 0x1111U & 0xffffU;
    magnitudes = __viaddmax_u16x2(__byte_perm(fours[0], fours[1], 0x5410U), (0x1'0000U - base) * 0x0001'0001U, 0U);
    magnitudes -= magnitudes >> 3 & 0x1111'1111U;  // 8 is 7
  } else {
    std::uint32_t sums[8];
#pragma unroll
    for (unsigned i = 0; i < 8; ++i) {
      sums[i] = random.add_fraction(i, e2m1_fixed(multiply_magnitude(bits[i], multiplier)));
    }
    if constexpr (drawn == 32) {
      // Where the upper 16 bits of a sum's fraction are ones, the lower half of the word decides, or what is cut off
      // from the fraction; that is rare.
      std::uint32_t most = 0;
#pragma unroll
      for (unsigned i = 0; i < 8; i += 2) most = __vimax3_u32(most, sums[i] << 10, sums[i + 1] << 10);
      if (most >= 0xffff'0000U) {
        return pack_each(bits, random, [&](std::uint32_t x, std::uint32_t word) {
          return Rounding::template code<formats::e2m1>(multiply_bits(x, multiplier), special, word);
        });
      }
    }
    magnitudes = pack_fixed<22>(sums, fixed_limit<22>(7));
  }
  return with_signs(magnitudes, signs);
}

// Codes with 32 random bits that are right unless a sum comes close to the next code, for a kernel that takes the exact
// way then. A product that is limited to 6 is a share of 6 limited to 1, which costs nothing, but is rounded twice
// more: all three roundings go toward zero, so that a sum is below the exact one, or is it, by at most 7.2 * 2^-22 of a
// step for these, 2^-22 for what is cut off and 2^-16 for the lower half of the word.

/// What |x| is multiplied by for its share: `multiplier` / 6, or less.
inline __device__ std::uint32_t likely_factor(std::uint32_t multiplier) noexcept {
  return multiply_bits_down(multiplier, 0x3e2a'aaaaU);  // the number below 1/6
}
/// From here on `most` says that a code may be wrong: 76 last bits of 22 below the next code.
inline constexpr std::uint32_t likely_limit = 0U - (76U << 10);

/// The eight nibbles of bits[i] * multiplier, all finite, the multiplier not negative and `factor` its likely_factor.
/// `signs` are gather_signs(bits). Raises `most` to the largest fraction of a sum, whose first bit is bit 31.
inline __device__ std::uint32_t pack_e2m1_likely(const std::uint32_t (&bits)[8], std::uint32_t signs,
                                                 std::uint32_t factor, const random_eight<32>& random,
                                                 std::uint32_t& most) noexcept {
  std::uint32_t sums[8];
#pragma unroll
  for (unsigned i = 0; i < 8; ++i) {
    const std::uint32_t share = saturated_magnitude_down(bits[i], factor);
    sums[i] = random.add_fraction(i, multiply_bits_down(share, 0x01c0'0000U));  // 6 * 2^-126, the bits of 2^22 * 7
  }
#pragma unroll
  for (unsigned i = 0; i < 8; i += 2) most = __vimax3_u32(most, sums[i] << 10, sums[i + 1] << 10);
  return with_signs(pack_fixed<22, fixed_bounds::none>(sums), signs);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
