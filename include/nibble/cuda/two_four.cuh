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
template <class Word>
__device__ std::uint32_t mean_of(Word sum, int scale, unsigned picks) noexcept {
  const std::uint32_t whole = to_bits(sizeof(Word) == 8 ? __ull2float_rn(sum) : __uint2float_rn(sum));
  const int exponent = scale - (picks == 2 ? 1 : 0);
  // The first of two products is exact.
  const int first = exponent < -64 ? -64 : 0;
  const std::uint32_t scaled = multiply_bits(whole, static_cast<std::uint32_t>(127 + first) << 23);
  return multiply_bits(scaled, static_cast<std::uint32_t>(exponent - first + 127) << 23);
}

/// minimum_variance_block<4> with n = 2, any numbers. Sizes relative to the largest magnitude are those relative to the
/// second, shifted once more, so that both are at hand before it is known whether the largest stays for certain.
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

/// floor(u / 2^64 * sum).
inline __device__ std::uint64_t part_of(std::uint64_t u, std::uint64_t sum) noexcept { return __umul64hi(u, sum); }
inline __device__ std::uint32_t part_of(std::uint64_t u, std::uint32_t sum) noexcept {
  return __umulhi(static_cast<std::uint32_t>(u >> 32), sum);  // where the lower half of u is 0
}

/// A significand of 24 bits, shifted left to leave 8 bits of a Word and then right by at most 31.
template <class Word>
__device__ Word fixed_significand(std::uint32_t significand, std::uint32_t right) noexcept {
  if constexpr (sizeof(Word) == 8) {
    return std::uint64_t{significand >> right} << 32 | __funnelshift_r(0U, significand, right);
  } else {
    return significand << 4 >> right;
  }
}

/// The same for most blocks, false for the others: magnitudes are 0 or normal numbers, none more than 2^31 times
/// smaller than the one that sets the scale, and the largest is not within a few last bits of the sum of the others.
/// Word holds the sum of a block: 64 bits for magnitudes of 24 + 32 bits, 32 bits for those of 24 + 4.
template <class Word>
__device__ bool usual_two_four_variance(const std::uint32_t (&bits)[4], std::uint64_t u, std::uint32_t (&out)[4],
                                        std::uint32_t& mask) noexcept {
  std::uint32_t m[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) m[i] = bits[i] & 0x7fff'ffffU;
  const block_wins order(m);
  const std::uint32_t largest = __vimax3_u32(m[0], m[1], m[2]) > m[3] ? __vimax3_u32(m[0], m[1], m[2]) : m[3];
  std::uint32_t others[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) others[i] = order.wins[i] == 3 ? 0U : m[i];
  const std::uint32_t three = __vimax3_u32(others[0], others[1], others[2]);
  const std::uint32_t second = three > others[3] ? three : others[3];
  // The sum of the others between two floats.
  const std::uint32_t low = add_bits_down(add_bits_down(others[0], others[1]), add_bits_down(others[2], others[3]));
  const std::uint32_t high = add_bits_up(add_bits_up(others[0], others[1]), add_bits_up(others[2], others[3]));
  const bool picks_two = high > largest;
  const std::uint32_t base = (picks_two ? largest : second) & 0x7f80'0000U;
  std::uint32_t least = 0xffff'ffffU;  // of what is not 0, less one
  Word reached[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t x = picks_two ? m[i] : others[i];
    least = __viaddmin_u32(x, 0xffff'ffffU, least);
    const std::uint32_t significand = x == 0 ? 0U : (x & 0x007f'ffffU) | 0x0080'0000U;
    const Word size = fixed_significand<Word>(significand, (base - (x & 0x7f80'0000U)) >> 23 & 31U);
    reached[i] = i == 0 ? size : reached[i - 1] + size;
  }
  const bool is_close = picks_two && low < largest + 8;
  if (is_close || largest >= 0x7f80'0000U || base < 33U << 23 || least < base - (31U << 23)) return false;
  const Word sum = reached[3];
  const Word own = fixed_significand<Word>((second & 0x007f'ffffU) | 0x0080'0000U, 0);
  const bool picks_one = !picks_two && own < sum;
  const Word offset = part_of(u, sum);
  constexpr int spare = sizeof(Word) == 8 ? 32 : 4;
  const std::uint32_t value = mean_of(sum, static_cast<int>(base >> 23) - 150 - spare, picks_two ? 2 : 1);
  const Word never = ~Word{0};
  const Word first_bound = picks_two ? offset >> 1 : picks_one ? offset : never;
  const Word second_bound = picks_two ? (sum + offset) >> 1 : never;
  const unsigned least_wins = picks_two ? 4U : picks_one ? 3U : 2U;
  mask = 0;
  unsigned before = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const unsigned picks = (reached[i] > first_bound ? 1U : 0U) + (reached[i] > second_bound ? 1U : 0U);
    const bool is_picked = picks != before;
    before = picks;
    const bool is_certain = order.wins[i] >= least_wins && m[i] != 0;
    out[i] = is_picked ? (bits[i] & 0x8000'0000U) | value : is_certain ? bits[i] : 0U;
    mask |= is_picked || is_certain ? 1U << i : 0U;
  }
  return true;
}

/// 2^(25 + e) for a number with the exponent e: in sums with it doubles are multiples of 2^(e - 27), which are the
/// sizes of narrow uniforms where that number sets the scale.
inline __device__ double size_anchor(std::uint32_t bits) noexcept {
  return __hiloint2double(static_cast<int>((bits & 0x7f80'0000U) / 8 + ((1023U - 127U + 25U) << 20)), 0);
}
/// The sum of the sizes of a block, each cut off.
inline __device__ double cut_sum(const double (&sizes)[4], double anchor) noexcept {
  double sum = anchor;
#pragma unroll
  for (const double size : sizes) sum = __dadd_rz(sum, size);
  return __dadd_rn(sum, -anchor);
}

/// The same on floats, of u the upper 32 bits. For u of 64 bits sums of a block are doubles, which are exact where what
/// is not 0 is at most 2^26 times smaller than the largest; for narrower ones (Cut), whose sizes have 28 bits, doubles
/// are cut off as they are. Cumulative sums and bounds are floats, which decide unless two are closer than 2^-20 of the
/// sum, as their errors are less than 2^-21 of it: two roundings of the cumulative sums, and in a bound those of u, of
/// the mean, of their product and of the sum with the mean; three sizes cut off are less than 2^-25. An integer exceeds
/// floor(x) where it exceeds x. What is kept is not 0.
template <bool Cut>
__device__ bool float_two_four_variance(const std::uint32_t (&bits)[4], std::uint32_t u, std::uint32_t (&out)[4],
                                        std::uint32_t& mask) noexcept {
  std::uint32_t m[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) m[i] = bits[i] & 0x7fff'ffffU;
  const std::uint32_t larger[2] = {m[0] > m[1] ? m[0] : m[1], m[2] > m[3] ? m[2] : m[3]};
  const std::uint32_t largest = larger[0] > larger[1] ? larger[0] : larger[1];
  const double top = to_double(largest);
  // The first of those of a magnitude.
  bool is_first[4];
  const auto find_first = [&](std::uint32_t magnitude) {
    bool found = false;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      is_first[i] = m[i] == magnitude && !found;
      found = found || is_first[i];
    }
  };
  double sizes[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) sizes[i] = to_double(m[i]);
  double all;
  double others;
  bool picks_two;
  bool is_usual;
  if constexpr (Cut) {
    all = cut_sum(sizes, size_anchor(largest));
    picks_two = top < __dadd_rn(all, -top);
    const std::uint32_t smaller[2] = {m[0] < m[1] ? m[0] : m[1], m[2] < m[3] ? m[2] : m[3]};
    const std::uint32_t second = __vimax3_u32(smaller[0], smaller[1], larger[0] < larger[1] ? larger[0] : larger[1]);
    // Without the upper word what is left of a size is cut off.
    find_first(largest);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sizes[i] = __hiloint2double(is_first[i] ? 0 : __double2hiint(sizes[i]), __double2loint(sizes[i]));
    }
    others = cut_sum(sizes, size_anchor(second));
    is_usual = second - 1 >= (33U << 23) - 1;  // or 0
  } else {
    std::uint32_t least = 0xffff'ffffU;  // of what is not 0, less one
#pragma unroll
    for (int i = 0; i < 4; ++i) least = __viaddmin_u32(m[i], 0xffff'ffffU, least);
    all = __dadd_rn(__dadd_rn(sizes[0], sizes[1]), __dadd_rn(sizes[2], sizes[3]));
    others = __dadd_rn(all, -top);
    picks_two = top < others;
    is_usual = least >= largest - (26U << 23);
  }
  const std::uint32_t sum = rounded_bits(picks_two ? all : others);
  const std::uint32_t value = picks_two ? multiply_bits(sum, 0x3f00'0000U) : sum;
  // What stays for certain is the first of the largest, unless two are picked. Where no more than two are not 0, the
  // second is picked as itself.
  const bool keeps_top = !picks_two && largest != 0;
  if constexpr (!Cut) find_first(keeps_top ? largest : 0xffff'ffffU);
  std::uint32_t candidate[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) candidate[i] = is_first[i] && (!Cut || keeps_top) ? 0U : bits[i];
  // The picks fall on the first elements whose cumulative sizes exceed these bounds, so that a difference is not
  // negative. The sum of all does; without a second pick the differences are those from -inf.
  const std::uint32_t first_bound = multiply_add_bits(multiply_bits(number_bits(u), 0x2f80'0000U), value, 1U);
  const std::uint32_t second_bound = picks_two ? add_bits(value, first_bound) : 0xff80'0000U;
  std::uint32_t reached = 0;
  std::uint32_t closest = 0;
  std::uint32_t first_before = 0x8000'0000U;
  std::uint32_t second_before = picks_two ? 0x8000'0000U : 0U;
  mask = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    if (i < 3) {
      reached = i == 0 ? candidate[0] & 0x7fff'ffffU : add_magnitude(reached, candidate[i]);
      first = subtract_bits(reached, first_bound);
      second = subtract_bits(reached, second_bound);
      const std::uint32_t closer = smaller_magnitude(first, second);
      closest = i == 0 ? closer : smaller_magnitude(closest, closer);
    }
    const std::uint32_t picks = (first_before & ~first) | (second_before & ~second);
    first_before = first;
    second_before = second;
    // Where all candidates are 0, the last one is not picked.
    const bool is_picked = static_cast<std::int32_t>(picks) < 0 && (i < 3 || value != 0);
    out[i] = is_picked ? (bits[i] & 0x8000'0000U) | value : bits[i] ^ candidate[i];
    mask |= out[i] != 0 ? 1U << i : 0U;
  }
  const bool is_far = !(__uint_as_float(closest) < __uint_as_float(multiply_bits(value, 0x3600'0000U)));  // 2^-19
  return is_far && is_usual && largest < 252U << 23;
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
