// SPDX-License-Identifier: Apache-2.0
//
// Passes over a whole matrix in slices, and what one pass says about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nibble/base/counts.hpp>
#include <nibble/base/executor.hpp>
#include <nibble/check/subject.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// Calls action(slice, first, last) for at most most_slices slices of `count` things, as tasks of an executor.
inline constexpr std::size_t most_slices = 64;
template <class Executor, class Action>
void in_slices(std::size_t count, Executor& run, const Action& action) {
  const std::size_t size = count / most_slices + 1;
  run((count + size - 1) / size, [&](std::size_t i) { action(i, i * size, smaller((i + 1) * size, count)); });
}

/// What can be seen in a matrix, from which some differences are known to change nothing.
struct matrix_traits {
  bool has_nonfinite = false;
  bool has_tiny = false;       ///< nonzero magnitudes below 2^-100: only there can float32 subnormals matter
  bool beyond_bfloat16 = false;  ///< some element is no bfloat16
  bool beyond_binary16 = false;
  std::vector<std::uint32_t> block_amax;  ///< of every block, absolute, NaN above Inf

  void add(std::uint32_t bits) noexcept {
    const std::uint32_t magnitude = bits & 0x7fff'ffffU;
    has_nonfinite = has_nonfinite || magnitude >= 0x7f80'0000U;
    has_tiny = has_tiny || (magnitude != 0 && magnitude < (27U << 23));
    beyond_bfloat16 = beyond_bfloat16 || (bits & 0xffffU) != 0;
    beyond_binary16 = beyond_binary16 || narrowed(narrowing::binary16, bits) != bits;
  }
};
template <class Executor>
matrix_traits traits_of(const subject& s, Executor& run) {
  std::vector<matrix_traits> parts(most_slices);
  matrix_traits all;
  all.block_amax.resize(s.blocks());
  in_slices(s.blocks(), run, [&](std::size_t slice, std::size_t first, std::size_t last) {
    matrix_traits part;
    for (std::size_t block = first; block < last; ++block) {
      const rectangle b = s.block(block);
      std::uint32_t largest = 0;
      for (std::size_t r = b.row; r < b.row + b.rows; ++r) {
        for (std::size_t c = b.col; c < b.col + b.cols; ++c) {
          const std::uint32_t bits = s.x[r * s.cols + c];
          part.add(bits);
          largest = (bits & 0x7fff'ffffU) > largest ? bits & 0x7fff'ffffU : largest;
        }
      }
      all.block_amax[block] = largest;
    }
    parts[slice] = part;
  });
  for (const matrix_traits& part : parts) {
    all.has_nonfinite = all.has_nonfinite || part.has_nonfinite;
    all.has_tiny = all.has_tiny || part.has_tiny;
    all.beyond_bfloat16 = all.beyond_bfloat16 || part.beyond_bfloat16;
    all.beyond_binary16 = all.beyond_binary16 || part.beyond_binary16;
  }
  return all;
}

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
