// SPDX-License-Identifier: Apache-2.0
//
// Eight elements to E2M1. On the magnitudes of E2M1 the code is a concave function of the number, piecewise linear with
// slopes 2, 1 and 1/2; so the rounded code is the least of three roundings to integers, each one fused addition.
#pragma once

#include <cstdint>

#include <nibble/cuda/real.cuh>
#include <nibble/cuda/round.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Integers from 0 on as binary32 bits: fixed + integer, whose spacing is 1.
inline constexpr std::uint32_t integer_base = 0x4b00'0000U;  // 2^23

/// The code of a magnitude with Bits fraction bits, to nearest even (Bits = 0) or cut off, as integer_base + code.
/// code(s) = min(2 s, s + 2, s / 2 + 4, 7); the addends are even, so that ties go to even codes.
template <int Bits>
__device__ std::uint32_t e2m1_fixed(std::uint32_t magnitude) noexcept {
  constexpr std::uint32_t one = std::uint32_t{1} << Bits;
  constexpr std::uint32_t unit = static_cast<std::uint32_t>(127 + Bits) << 23;
  constexpr std::uint32_t step = 0x0080'0000U;
  const auto rounded = [&](std::uint32_t factor, std::uint32_t addend) {
    return Bits == 0 ? multiply_add_bits(magnitude, factor, addend) : multiply_add_bits_down(magnitude, factor, addend);
  };
  const std::uint32_t a = rounded(unit + step, integer_base);
  const std::uint32_t b = rounded(unit, integer_base + 2 * one);
  const std::uint32_t c = rounded(unit - step, integer_base + 4 * one);
  const std::uint32_t least = a < b ? a : b;
  const std::uint32_t capped = c < integer_base + 7 * one ? c : integer_base + 7 * one;
  return least < capped ? least : capped;
}

/// Byte `Byte` of eight words as two: of the even ones, and of the odd ones.
template <unsigned Byte>
__device__ uint2 gather_bytes(const std::uint32_t (&w)[8]) noexcept {
  constexpr unsigned two = Byte | (Byte + 4) << 4;
  const auto four = [&](std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return __byte_perm(__byte_perm(a, b, two), __byte_perm(c, d, two), 0x5410U);
  };
  return make_uint2(four(w[0], w[2], w[4], w[6]), four(w[1], w[3], w[5], w[7]));
}

/// The sign bits of eight words at the sign bits of eight nibbles.
inline __device__ std::uint32_t gather_signs(const std::uint32_t (&w)[8]) noexcept {
  const uint2 tops = gather_bytes<3>(w);
  return (tops.y & 0x8080'8080U) | ((tops.x >> 4) & 0x0808'0808U);
}

/// The eight E2M1 nibbles of bits[i] * multiplier (float32 products), the multiplier positive.
template <class Rounding, class Random>
__device__ std::uint32_t pack_e2m1(const std::uint32_t (&bits)[8], std::uint32_t multiplier,
                                   const special_codes& special, const Random& random) noexcept {
  constexpr int drawn = Rounding::random_bits;
  std::uint32_t magnitudes = 0;
  if constexpr (drawn == 0) {
#pragma unroll
    for (int i = 7; i >= 0; --i) magnitudes = magnitudes * 16 + e2m1_fixed<0>(multiply_magnitude(bits[i], multiplier));
    magnitudes -= integer_base * 0x1111'1111U;
  } else {
    constexpr int fraction = drawn < 16 ? drawn : 16;
    std::uint32_t sums[8];
#pragma unroll
    for (unsigned i = 0; i < 8; ++i) {
      sums[i] = random.template add<fraction>(i, e2m1_fixed<fraction>(multiply_magnitude(bits[i], multiplier)));
    }
    if constexpr (drawn == 32) {
      // Where the upper halves of fraction and word add up to all ones, the lower halves decide; that is rare.
      std::uint32_t most = 0;
#pragma unroll
      for (unsigned i = 0; i < 8; i += 2) most = __vmaxu2(most, __byte_perm(sums[i], sums[i + 1], 0x5410U));
      if ((most & 0xffffU) == 0xffffU || (most >> 16) == 0xffffU) {
        std::uint32_t packed = 0;
#pragma unroll
        for (int i = 7; i >= 0; --i) {
          const std::uint32_t scaled = multiply_bits(bits[i], multiplier);
          packed = packed << 4 |
                   Rounding::template code<formats::e2m1>(scaled, special, random.of(static_cast<unsigned>(i)));
        }
        return packed;
      }
    }
    const uint2 codes = gather_bytes<fraction / 8>(sums);
    magnitudes = codes.y * 16 + codes.x;
  }
  return magnitudes | gather_signs(bits);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
