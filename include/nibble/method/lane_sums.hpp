// SPDX-License-Identifier: Apache-2.0
//
// The order in which statistics are summed, the same in every backend: column c of a row goes to lane c %
// measure_lanes, the lanes are folded halves onto halves at the end of the row, and rows are added one after the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <nibble/base/binary32.hpp>
#include <nibble/block/matrix_view.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

inline constexpr std::size_t measure_lanes = 16;

/// x rounded to 26 significant bits (half away from zero), so that its square is an exact double.
NIBBLE_FUNCTION double shortened(double x) noexcept {
  return bit_cast<double>((to_bits(x) + (std::uint64_t{1} << 26)) & ~((std::uint64_t{1} << 27) - 1U));
}

/// The sum of all lanes, halves onto halves.
NIBBLE_ALWAYS_INLINE constexpr double sum_of_lanes(std::array<double, measure_lanes> lanes) noexcept {
  for (std::size_t half = measure_lanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

/// The sum of term(x) over the finite elements.
template <class T, class Term>
double sum_of_finite(const matrix_view<T>& x, const Term& term) {
  double total = 0;
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::array<double, measure_lanes> lanes{};
    for (std::size_t c = 0; c < x.cols; ++c) {
      const binary32 v = binary32::from_bits(element_bits(x(r, c)));
      if (v.is_finite()) lanes[c % measure_lanes] += term(double{static_cast<float>(v)});
    }
    total += sum_of_lanes(lanes);
  }
  return total;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
