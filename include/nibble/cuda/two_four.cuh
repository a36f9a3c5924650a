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

/// How many of the others each magnitude of a block beats; of equal ones the lower index wins.
struct block_wins {
  unsigned wins[4];

  __device__ explicit block_wins(const std::uint32_t (&m)[4]) noexcept {
    const unsigned c01 = m[0] >= m[1] ? 1U : 0U;
    const unsigned c02 = m[0] >= m[2] ? 1U : 0U;
    const unsigned c03 = m[0] >= m[3] ? 1U : 0U;
    const unsigned c12 = m[1] >= m[2] ? 1U : 0U;
    const unsigned c13 = m[1] >= m[3] ? 1U : 0U;
    const unsigned c23 = m[2] >= m[3] ? 1U : 0U;
    wins[0] = c01 + c02 + c03;
    wins[1] = c12 + c13 + 1 - c01;
    wins[2] = c23 + 2 - c02 - c12;
    wins[3] = 3 - c03 - c13 - c23;
  }
};

/// sum * 2^scale / picks as float32 for one or two picks, as quotient_as_float.
inline __device__ std::uint32_t mean_of(std::uint64_t sum, int scale, unsigned picks) noexcept {
  const std::uint32_t whole = to_bits(__ull2float_rn(sum));
  const int exponent = scale - (picks == 2 ? 1 : 0);
  // The first of two products is exact.
  const int first = exponent < -64 ? -64 : 0;
  const std::uint32_t scaled = multiply_bits(whole, static_cast<std::uint32_t>(127 + first) << 23);
  return multiply_bits(scaled, static_cast<std::uint32_t>(exponent - first + 127) << 23);
}

/// minimum_variance_block<4> with n = 2. Sizes relative to the largest magnitude are those relative to the second,
/// shifted once more, so that both are at hand before it is known whether the largest stays for certain.
inline __device__ std::uint32_t two_four_variance(const std::uint32_t (&bits)[4], std::uint64_t u, int spare,
                                                  std::uint32_t (&out)[4]) noexcept {
  std::uint32_t m[4];
  std::uint32_t largest = 0;
  std::uint32_t second = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) m[i] = bits[i] & 0x7fff'ffffU;
  const block_wins order(m);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    largest = m[i] > largest ? m[i] : largest;
    const std::uint32_t other = order.wins[i] == 3 ? 0U : m[i];
    second = other > second ? other : second;
  }
  const auto field_of = [](std::uint32_t x) { return x >> 23 == 0 ? 1U : x >> 23; };
  const auto fixed = [&](std::uint32_t x) {
    return std::uint64_t{(x & 0x007f'ffffU) | (x >= 0x0080'0000U ? 0x0080'0000U : 0U)} << spare;
  };
  const std::uint32_t field = field_of(second);
  const std::uint32_t distance = field_of(largest) - field;
  std::uint64_t fine[4];
  std::uint64_t coarse[4];
  std::uint64_t fine_sum = 0;
  std::uint64_t coarse_sum = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    fine[i] = order.wins[i] == 3 ? 0U : shifted_right(fixed(m[i]), field - field_of(m[i]));
    coarse[i] = shifted_right(fine[i], distance);
    fine_sum += fine[i];
    coarse_sum += coarse[i];
  }
  const std::uint64_t most = fixed(largest);
  const bool is_special = largest >= 0x7f80'0000U;
  const bool picks_two = !is_special && most < coarse_sum;
  const bool picks_one = !is_special && !picks_two && fixed(second) < fine_sum;
  const std::uint64_t sum = picks_two ? coarse_sum + most : fine_sum;
  const std::uint64_t offset = __umul64hi(u, sum);
  const int scale = static_cast<int>(field + (picks_two ? distance : 0U)) - 150 - spare;
  const std::uint32_t value = mean_of(sum, scale, picks_two ? 2 : 1);
  // The picks fall on the first elements whose cumulative sizes exceed these.
  const std::uint64_t never = ~std::uint64_t{0};
  const std::uint64_t first_bound = picks_two ? offset >> 1 : picks_one ? offset : never;
  const std::uint64_t second_bound = picks_two ? (sum + offset) >> 1 : never;
  const unsigned least_wins = picks_two ? 4U : picks_one ? 3U : 2U;  // of those that stay for certain
  std::uint64_t reached = 0;
  std::uint32_t mask = 0;
  unsigned before = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    reached += picks_two ? (order.wins[i] == 3 ? most : coarse[i]) : fine[i];
    const unsigned picks = (reached > first_bound ? 1U : 0U) + (reached > second_bound ? 1U : 0U);
    const bool is_picked = picks != before;
    before = picks;
    // A zero counts as kept by magnitude only.
    const bool is_certain = order.wins[i] >= least_wins && (m[i] != 0 || is_special);
    out[i] = is_picked ? (bits[i] & 0x8000'0000U) | value : is_certain ? bits[i] : 0U;
    mask |= is_picked || is_certain ? 1U << i : 0U;
  }
  return mask;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
