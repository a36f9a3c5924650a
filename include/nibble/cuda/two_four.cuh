// SPDX-License-Identifier: Apache-2.0
//
// The rules of method/sparse_block.hpp for one 2:4 block in registers, without indexes that are known only at run time.
#pragma once

#include <cstdint>

#include <nibble/cuda/real.cuh>
#include <nibble/method/sparse_block.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The mask of the two largest magnitudes, of equal ones the lower index.
inline __device__ std::uint32_t larger_two(const std::uint32_t (&m)[4]) noexcept {
  const unsigned c01 = m[0] >= m[1] ? 1U : 0U;
  const unsigned c02 = m[0] >= m[2] ? 1U : 0U;
  const unsigned c03 = m[0] >= m[3] ? 1U : 0U;
  const unsigned c12 = m[1] >= m[2] ? 1U : 0U;
  const unsigned c13 = m[1] >= m[3] ? 1U : 0U;
  const unsigned c23 = m[2] >= m[3] ? 1U : 0U;
  // An element that beats at least two others stays.
  std::uint32_t mask = c01 + c02 + c03 >= 2 ? 1U : 0U;
  mask |= c12 + c13 + 1 - c01 >= 2 ? 2U : 0U;
  mask |= c23 + 2 - c02 - c12 >= 2 ? 4U : 0U;
  mask |= 3 - c03 - c13 - c23 >= 2 ? 8U : 0U;
  return mask;
}

/// The magnitudes of a block as integers times 2^scale, where `largest` has 24 + spare bits; those of `without` are 0.
struct fixed_block {
  std::uint64_t sizes[4];
  std::uint64_t sum = 0;
  int scale;

  __device__ fixed_block(const std::uint32_t (&m)[4], std::uint32_t largest, int without, int spare) noexcept {
    const auto field_of = [](std::uint32_t x) { return x >> 23 == 0 ? 1U : x >> 23; };
    const std::uint32_t field = field_of(largest);
    scale = static_cast<int>(field) - 150 - spare;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t hidden = m[i] >= 0x0080'0000U ? 0x0080'0000U : 0U;
      const std::uint64_t significand = (m[i] & 0x007f'ffffU) | hidden;
      sizes[i] = i == without ? 0U : shifted_right(significand << spare, field - field_of(m[i]));
      sum += sizes[i];
    }
  }
  /// sum / picks as float32, for one or two picks, as quotient_as_float.
  [[nodiscard]] __device__ std::uint32_t mean(unsigned picks) const noexcept {
    const std::uint32_t whole = to_bits(__ull2float_rn(sum));
    const int exponent = scale - (picks == 2 ? 1 : 0);
    // The first of two products is exact.
    const bool is_small = exponent < -64;
    const std::uint32_t scaled = multiply_bits(whole, static_cast<std::uint32_t>(is_small ? 127 - 64 : 127) << 23);
    return multiply_bits(scaled, static_cast<std::uint32_t>(exponent + 127 + (is_small ? 64 : 0)) << 23);
  }
};

/// minimum_variance_block<4> with n = 2.
inline __device__ std::uint32_t two_four_variance(const std::uint32_t (&bits)[4], std::uint64_t u, int spare,
                                                  std::uint32_t (&out)[4]) noexcept {
  std::uint32_t m[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) m[i] = bits[i] & 0x7fff'ffffU;
  const std::uint32_t two = larger_two(m);
  std::uint32_t largest = m[0];
  int place = 0;
#pragma unroll
  for (int i = 1; i < 4; ++i) {
    if (m[i] > largest) {
      largest = m[i];
      place = i;
    }
  }
  std::uint32_t second = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) second = i != place && m[i] > second ? m[i] : second;

  unsigned picks = 2;
  std::uint32_t certain = 0;
  fixed_block block(m, largest, -1, spare);
  std::uint64_t most = block.sizes[0];
#pragma unroll
  for (int i = 1; i < 4; ++i) most = place == i ? block.sizes[i] : most;
  if (2 * most >= block.sum) {
    block = fixed_block(m, second, place, spare);
    std::uint64_t next = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) next = block.sizes[i] > next ? block.sizes[i] : next;
    picks = next < block.sum ? 1U : 0U;
    certain = picks == 1 ? 1U << place : two;
  }
  if (largest >= 0x7f80'0000U) certain = two, picks = 0;
  const std::uint64_t offset = __umul64hi(u, block.sum);
  const std::uint32_t value = block.mean(picks);
  std::uint64_t sum = 0;
  std::uint32_t mask = 0;
  unsigned taken = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const bool is_certain = (certain >> i & 1U) != 0;
    sum += is_certain ? 0U : block.sizes[i];
    const std::uint64_t reached = picks == 2 ? 2 * sum : sum;
    const bool is_picked = !is_certain && taken < picks && reached > (taken == 0 ? 0U : block.sum) + offset;
    taken += is_picked ? 1U : 0U;
    out[i] = is_picked ? (bits[i] & 0x8000'0000U) | value : is_certain ? bits[i] : 0U;
    // A zero is kept, and counts as kept, by magnitude only.
    const bool is_kept = is_picked || (is_certain && (m[i] != 0 || largest >= 0x7f80'0000U));
    if (!is_kept) out[i] = 0;
    mask |= is_kept ? 1U << i : 0U;
  }
  return mask;
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
