// SPDX-License-Identifier: Apache-2.0
//
// The Hadamard transform of 16 lanes in registers: the operations of method/hadamard.hpp in their order.
#pragma once

#include <cstdint>

#include <nibble/cuda/real.cuh>
#include <nibble/method/hadamard.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Lanes that are transformed together.
inline constexpr unsigned hadamard_lanes = 16;
/// 1/4 as binary32 bits, the last factor of the transform.
inline constexpr std::uint32_t hadamard_factor = 0x3e80'0000U;

/// A transform as kernels see it: whether there is one, and for each lane 1 or -1 as binary32 bits.
struct hadamard_call {
  bool wanted = false;
  std::uint16_t signs = 0;  ///< bit i for lane i
  std::uint32_t factors[hadamard_lanes] = {};

  hadamard_call() = default;
  explicit hadamard_call(const hadamard_signs& s) noexcept
      : wanted(true), signs(static_cast<std::uint16_t>(s.words[0])) {
    for (unsigned i = 0; i < hadamard_lanes; ++i) factors[i] = is_negated(s, i) ? 0xbf80'0000U : 0x3f80'0000U;
  }
};

/// The stage of distance 1 after the multiplication by signs, 1 or -1, which is exact: the sums are fused with it.
template <unsigned Count>
__device__ void hadamard_first_stage(std::uint32_t (&y)[Count], const std::uint32_t (&signs)[Count]) noexcept {
#pragma unroll
  for (unsigned i = 0; i < Count; i += 2) {
    const std::uint32_t a = multiply_bits(y[i], signs[i]);
    const std::uint32_t b = y[i + 1];
    y[i] = multiply_add_bits(b, signs[i + 1], a);
    y[i + 1] = multiply_subtract_bits(b, signs[i + 1], a);
  }
}
/// The stages of distance First to End / 2 among Count numbers.
template <unsigned First, unsigned End, unsigned Count>
__device__ void hadamard_stages(std::uint32_t (&y)[Count]) noexcept {
#pragma unroll
  for (unsigned distance = First; distance < End; distance *= 2) {
#pragma unroll
    for (unsigned i = 0; i < Count; ++i) {
      if ((i & distance) != 0) continue;
      const std::uint32_t a = y[i];
      const std::uint32_t b = y[i + distance];
      y[i] = add_bits(a, b);
      y[i + distance] = subtract_bits(a, b);
    }
  }
}

/// Four times the transform of 16 numbers in one thread, and the largest magnitude of that. A NaN is some NaN; where
/// one came from infinities, what is returned may be infinity.
inline __device__ std::uint32_t hadamard_sums(std::uint32_t (&y)[hadamard_lanes], const hadamard_call& call) noexcept {
  constexpr unsigned half = hadamard_lanes / 2;
  std::uint32_t sums[half];
  hadamard_first_stage(y, call.factors);
  hadamard_stages<2, half>(y);
#pragma unroll
  for (unsigned i = 0; i < half; ++i) {
    const std::uint32_t a = y[i];
    const std::uint32_t b = y[i + half];
    y[i] = add_bits(a, b);
    y[i + half] = subtract_bits(a, b);
    // Of |a + b| and |a - b|, each rounded, the larger one. There is no sign, and NaN is above all numbers.
    sums[i] = add_magnitudes(a, b);
  }
  const std::uint32_t first = __vimax3_u32(sums[0], sums[1], sums[2]);
  const std::uint32_t second = __vimax3_u32(sums[3], sums[4], sums[5]);
  const std::uint32_t third = sums[6] > sums[7] ? sums[6] : sums[7];
  return __vimax3_u32(first, second, third);
}
/// The transform of 16 numbers in one thread. A NaN is some NaN.
inline __device__ void hadamard_16(std::uint32_t (&y)[hadamard_lanes], const hadamard_call& call) noexcept {
  hadamard_sums(y, call);
#pragma unroll
  for (std::uint32_t& b : y) b = multiply_bits(b, hadamard_factor);
}

/// hadamard_sums of two chunks.
inline __device__ std::uint32_t hadamard_sums(std::uint32_t (&bits)[2][hadamard_lanes / 2],
                                              const hadamard_call& call) noexcept {
  std::uint32_t y[hadamard_lanes];
#pragma unroll
  for (unsigned i = 0; i < hadamard_lanes; ++i) y[i] = bits[i / 8][i % 8];
  const std::uint32_t largest = hadamard_sums(y, call);
#pragma unroll
  for (unsigned i = 0; i < hadamard_lanes; ++i) bits[i / 8][i % 8] = y[i];
  return largest;
}
/// The signs of the eight numbers that a lane of hadamard_8_and_8 has.
struct hadamard_half {
  std::uint32_t signs[8];
  std::uint32_t own;  ///< 1, or -1 for the upper eight

  __device__ hadamard_half(const hadamard_call& call, unsigned lane) noexcept
      : own((lane & 1U) != 0 ? 0xbf80'0000U : 0x3f80'0000U) {
    const std::uint32_t bits = (lane & 1U) != 0 ? call.signs >> 8U : std::uint32_t{call.signs};
#pragma unroll
    for (unsigned i = 0; i < 8; ++i) signs[i] = 0x3f80'0000U | ((bits << (31 - i)) & 0x8000'0000U);
  }
};

/// The same with the upper eight numbers in the neighbour whose lane is odd. The whole warp takes part.
inline __device__ void hadamard_8_and_8(std::uint32_t (&y)[8], const hadamard_half& half) noexcept {
  hadamard_first_stage(y, half.signs);
  hadamard_stages<2, 8>(y);
#pragma unroll
  for (std::uint32_t& b : y) {
    const std::uint32_t other = __shfl_xor_sync(0xffff'ffffU, b, 1);
    b = multiply_bits(multiply_add_bits(b, half.own, other), hadamard_factor);
  }
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
