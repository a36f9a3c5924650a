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

/// A transform as kernels see it: whether there is one, and lane i's sign in bit i.
struct hadamard_call {
  bool wanted = false;
  std::uint16_t signs = 0;
};

/// Stages of distance 1 to Count / 2 among Count numbers, whose signs are the low bits of `signs`.
template <unsigned Count>
__device__ void hadamard_stages(std::uint32_t (&y)[Count], std::uint32_t signs) noexcept {
#pragma unroll
  for (unsigned i = 0; i < Count; ++i) y[i] ^= (signs << (31 - i)) & 0x8000'0000U;
#pragma unroll
  for (unsigned distance = 1; distance < Count; distance *= 2) {
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

/// The transform of 16 numbers in one thread. A NaN is some NaN.
inline __device__ void hadamard_16(std::uint32_t (&y)[hadamard_lanes], std::uint32_t signs) noexcept {
  hadamard_stages(y, signs);
#pragma unroll
  for (std::uint32_t& b : y) b = multiply_bits(b, 0x3e80'0000U);
}

/// The same with the upper eight numbers in the neighbour whose lane is odd. The whole warp takes part.
inline __device__ void hadamard_8_and_8(std::uint32_t (&y)[8], std::uint32_t signs, unsigned lane) noexcept {
  const bool upper = (lane & 1U) != 0;
  hadamard_stages(y, upper ? signs >> 8 : signs & 0xffU);
  const std::uint32_t flip = upper ? 0x8000'0000U : 0U;
#pragma unroll
  for (std::uint32_t& b : y) {
    const std::uint32_t other = __shfl_xor_sync(0xffff'ffffU, b, 1);
    b = multiply_bits(add_bits(other, b ^ flip), 0x3e80'0000U);
  }
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
