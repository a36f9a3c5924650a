// SPDX-License-Identifier: Apache-2.0
//
// The heaviest of the 90 transposable 2:4 blocks without going through all of them. Of two rows that share the sums of a
// column with the two below them, only the best way to give each column its ones matters, which leaves 28 maxima. They are
// taken of keys: a key is the weight of an element above one bit of its own, the first position having the highest, so that
// the low bits of a sum of keys are its mask, and the largest sum is the heaviest mask and of those the preferred one.
#pragma once

#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

NIBBLE_FUNCTION std::uint64_t larger_key(std::uint64_t a, std::uint64_t b) noexcept { return a > b ? a : b; }

/// The best of giving column b one row of two and column c the other, for the pairs 01, 02, 03, 12, 13, 23.
struct exchanged_pairs {
  std::uint64_t best[6];

  NIBBLE_FUNCTION exchanged_pairs(const std::uint64_t* upper, const std::uint64_t* lower) noexcept
      : best{of(upper, lower, 0, 1), of(upper, lower, 0, 2), of(upper, lower, 0, 3),
             of(upper, lower, 1, 2), of(upper, lower, 1, 3), of(upper, lower, 2, 3)} {}
  /// Both rows keep two columns, each column once.
  [[nodiscard]] NIBBLE_FUNCTION std::uint64_t each_once() const noexcept {
    return larger_key(best[0] + best[5], best[1] + best[4]);
  }

 private:
  NIBBLE_FUNCTION static std::uint64_t of(const std::uint64_t* upper, const std::uint64_t* lower, int b, int c) noexcept {
    return larger_key(upper[b] + lower[c], upper[c] + lower[b]);
  }
};

/// The largest sum of keys of a mask with two ones in each row and column; row i is x[4 i], ..., x[4 i + 3].
NIBBLE_FUNCTION std::uint64_t largest_two_four_sum(const std::uint64_t (&x)[16]) noexcept {
  const exchanged_pairs top(x, x + 4);
  const exchanged_pairs bottom(x + 8, x + 12);
  const std::uint64_t tops[4] = {x[0] + x[4], x[1] + x[5], x[2] + x[6], x[3] + x[7]};
  const std::uint64_t bottoms[4] = {x[8] + x[12], x[9] + x[13], x[10] + x[14], x[11] + x[15]};
  // A column has both its ones above, both below, or one of each: all columns alike, or two of them so.
  const exchanged_pairs halves(tops, bottoms);
  std::uint64_t most = larger_key(halves.each_once(), top.each_once() + bottom.each_once());
  most = larger_key(most, halves.best[0] + (top.best[5] + bottom.best[5]));
  most = larger_key(most, halves.best[1] + (top.best[4] + bottom.best[4]));
  most = larger_key(most, halves.best[2] + (top.best[3] + bottom.best[3]));
  most = larger_key(most, halves.best[3] + (top.best[2] + bottom.best[2]));
  most = larger_key(most, halves.best[4] + (top.best[1] + bottom.best[1]));
  return larger_key(most, halves.best[5] + (top.best[0] + bottom.best[0]));
}

/// The kept positions, the first in bit 15, of the heaviest mask of a whole block of binary32 magnitudes; 0 where keys
/// cannot tell, which have 45 bits for a weight: beside Inf or NaN, or with a nonzero number under 2^-21 of the largest or
/// subnormal.
NIBBLE_FUNCTION std::uint32_t choose_by_keys(const std::uint32_t (&magnitudes)[16]) noexcept {
  std::uint32_t largest = 0;
  for (int k = 0; k < 16; ++k) largest = magnitudes[k] > largest ? magnitudes[k] : largest;
  const std::uint32_t top = largest >> 23;
  const std::uint32_t least = (top > 22 ? top - 21 : 1U) << 23;  // that a key holds
  std::uint64_t keys[16] = {};
  bool is_exact = largest < 0x7f80'0000U;
  for (int k = 0; k < 16; ++k) {
    const std::uint32_t m = magnitudes[k];
    is_exact = is_exact && (m == 0 || m >= least);
    const std::uint64_t significand = m != 0 ? std::uint64_t{m << 8 | 0x8000'0000U} << 32 : 0U;
    keys[k] = significand >> ((top - (m >> 23) + 3) & 31U) | std::uint64_t{1} << (15 - k);
  }
  return is_exact ? static_cast<std::uint32_t>(largest_two_four_sum(keys) & 0xffffU) : 0U;
}

/// The kept columns of row i, the first in bit 0.
NIBBLE_FUNCTION std::uint32_t row_of_keys(std::uint32_t kept, int i) noexcept {
  const std::uint32_t row = kept >> (12 - 4 * i);
  return (row >> 3 & 1U) | (row >> 1 & 2U) | (row << 1 & 4U) | (row << 3 & 8U);
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
