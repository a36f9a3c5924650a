// SPDX-License-Identifier: Apache-2.0
//
// The largest magnitude of a matrix, as an integer maximum of magnitude bits: NaN wins or is left out by rule, and the
// order of the elements cannot matter.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/matrix_view.hpp>
#include <nibble/block/recipe.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The magnitude bits that count under `rule`: 0 where the element is left out.
NIBBLE_FUNCTION std::uint32_t counted_magnitude(std::uint32_t bits, amax_rule rule) noexcept {
  constexpr std::uint32_t infinity = ieee_layout<std::uint32_t>::infinity;
  const std::uint32_t magnitude = bits & ieee_layout<std::uint32_t>::magnitude_mask;
  if (rule == amax_rule::finite) return magnitude >= infinity ? 0U : magnitude;
  if (rule == amax_rule::ignore_nan) return magnitude > infinity ? 0U : magnitude;
  return magnitude;
}

/// The largest counted magnitude of the rectangle that starts at (row, col).
template <class T>
constexpr std::uint32_t rectangle_amax(const matrix_view<T>& x, std::size_t row, std::size_t rows, std::size_t col,
                                       std::size_t cols, amax_rule rule) noexcept {
  std::uint32_t largest = 0;
  for (std::size_t r = row; r < row + rows; ++r) {
    for (std::size_t c = col; c < col + cols; ++c) {
      const std::uint32_t magnitude = counted_magnitude(element_bits(x(r, c)), rule);
      largest = magnitude > largest ? magnitude : largest;
    }
  }
  return largest;
}

}  // namespace detail

/// The largest magnitude of `x` as float32; 0 for an empty matrix. By default NaN and Inf do not count
/// (amax_rule::finite); `propagate` gives NaN if there is one. Throws std::invalid_argument for a null matrix.
template <class T>
[[nodiscard]] constexpr float amax(const matrix_view<T>& x, amax_rule rule = amax_rule::finite) {
  detail::check_view(x, "x");
  return bit_cast<float>(detail::rectangle_amax(x, 0, x.rows, 0, x.cols, rule));
}

}  // namespace v0
}  // namespace nibble
