// SPDX-License-Identifier: Apache-2.0

// Pairs of float32 on which arithmetic goes wrong if it goes wrong at all.
#pragma once

#include <oracle/tensors.hpp>

#include <cstdint>

namespace oracle {

struct float_pair {
  std::uint32_t a;
  std::uint32_t b;
};

/// The ends of every kind of number, and their neighbours.
inline constexpr std::uint32_t special_floats[] = {
    0x00000000U, 0x00000001U, 0x00000002U, 0x00000003U, 0x00200000U, 0x003FFFFFU, 0x00400000U, 0x00400001U,
    0x007FFFFEU, 0x007FFFFFU, 0x00800000U, 0x00800001U, 0x00FFFFFFU, 0x01000000U, 0x0C800000U, 0x33800000U,
    0x33FFFFFFU, 0x34000000U, 0x3E2AAAABU, 0x3EFFFFFFU, 0x3F000000U, 0x3F7FFFFFU, 0x3F800000U, 0x3F800001U,
    0x3FFFFFFFU, 0x40000000U, 0x40400000U, 0x40C00000U, 0x4B7FFFFFU, 0x4B800000U, 0x4B800001U, 0x5F800000U,
    0x7E7FFFFFU, 0x7E800000U, 0x7EFFFFFFU, 0x7F000000U, 0x7F7FFFFEU, 0x7F7FFFFFU, 0x7F800000U, 0x7F800001U,
    0x7FBFFFFFU, 0x7FC00000U, 0x7FFFFFFFU};

namespace float_pairs_detail {

inline std::uint32_t from_parts(std::uint32_t sign, int field, std::uint32_t fraction) {
  const int kept = field < 0 ? 0 : field > 254 ? 254 : field;
  return sign | (static_cast<std::uint32_t>(kept) << 23) | (fraction & 0x7FFFFFU);
}

/// Odd numbers of 12 and 13 bits: their product of 25 bits lies halfway between two float32.
inline float_pair product_tie(generator& g) {
  const std::uint32_t a = 0x800U | g.below(0x800U) | 1U;
  const std::uint32_t b = 0x1000U | g.below(0x1000U) | 1U;
  const int field = static_cast<int>(g.below(254)) + 1;
  return {from_parts(g.below(2) << 31, field, a << 12), from_parts(g.below(2) << 31, 254 - field, b << 11)};
}

/// b is half a step of a, or next to it.
inline float_pair sum_tie(generator& g) {
  const int field = 26 + static_cast<int>(g.below(229));
  const int below = 23 + static_cast<int>(g.below(3));
  const std::uint32_t near_power = g.one_in(2) ? 0U : g.one_in(2) ? 1U : 0x7FFFFFU;
  return {from_parts(g.below(2) << 31, field, g.below(4) == 0 ? 0U : g.below(0x800000U)),
          from_parts(g.below(2) << 31, field - below, near_power)};
}

/// Exponents whose sum (for products) or difference (for quotients) lies at an end of the range.
inline float_pair at_an_edge(generator& g) {
  const int first = static_cast<int>(g.below(255));
  const int product_field = g.one_in(2) ? static_cast<int>(g.below(30)) - 26 : 252 + static_cast<int>(g.below(5));
  const int second = g.one_in(2) ? product_field - first + 127 : first - product_field + 127;
  const std::uint32_t simple = g.one_in(2) ? 0U : g.below(0x800000U);
  return {from_parts(g.below(2) << 31, first, g.below(0x800000U)), from_parts(g.below(2) << 31, second, simple)};
}

}  // namespace float_pairs_detail

inline float_pair make_pair(generator& g) {
  using namespace float_pairs_detail;
  const auto any = static_cast<std::uint32_t>(g.next());
  const auto other = static_cast<std::uint32_t>(g.next());
  switch (g.below(8)) {
    case 0: return {any, other};
    case 1: return {any, (any ^ (other & 0x80000000U)) + g.below(5) - 2U};
    case 2: return product_tie(g);
    case 3: return sum_tie(g);
    case 4:
    case 5: return at_an_edge(g);
    case 6: return {any & 0x80FFFFFFU, other & (g.one_in(2) ? 0x80FFFFFFU : 0xFFFFFFFFU)};
    default: break;
  }
  return {special_floats[g.below(43)] ^ (any & 0x80000000U), g.one_in(2) ? other : special_floats[g.below(43)]};
}

}  // namespace oracle
