// SPDX-License-Identifier: Apache-2.0
//
// Bias by decile of magnitude: a bias of small elements cannot hide behind large ones, nor one sign behind the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <nibble/method/measure.hpp>

namespace nibble {
inline namespace v0 {

/// One tenth of the elements, by magnitude.
struct bias_decile {
  float smallest = 0;  ///< smallest and largest |x|
  float largest = 0;
  bias_estimate bias{};  ///< of y - x along x: positive where magnitudes grow
};

namespace detail::inline NIBBLE_UNIT {

/// Indexes in the order of the magnitudes of x, equal ones as they were: three counting passes over 11 bits each.
inline void sort_by_magnitude(std::span<const float> x, std::vector<std::size_t>& order) {
  std::vector<std::size_t> sorted(order.size());
  for (int shift = 0; shift < 33; shift += 11) {
    const auto digit = [&](std::size_t i) { return (std::uint64_t{to_bits(x[i]) & 0x7fff'ffffU} >> shift) & 2047U; };
    std::array<std::size_t, 2049> place{};
    for (const std::size_t i : order) ++place[digit(i) + 1];
    for (std::size_t d = 1; d < place.size(); ++d) place[d] += place[d - 1];
    for (const std::size_t i : order) sorted[place[digit(i)]++] = i;
    order.swap(sorted);
  }
}

}  // namespace detail

/// The outward bias of each tenth of the pairs, from the smallest |x| to the largest. Equal magnitudes are ranked by
/// index, so that decile d holds exactly the ranks [d n / 10, (d + 1) n / 10). Pairs with an x or a y that is NaN or
/// Inf are left out (measure counts them). Allocates 16 bytes an element. Throws std::invalid_argument where the sizes
/// differ.
[[nodiscard]] inline std::array<bias_decile, 10> bias_by_decile(std::span<const float> x, std::span<const float> y) {
  detail::check_same_shape(matrix_view<float>(x.data(), 1, x.size()), matrix_view<float>(y.data(), 1, y.size()), "y");
  const auto magnitude = [](float v) { return to_bits(v) & 0x7fff'ffffU; };
  std::vector<std::size_t> order;
  order.reserve(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (binary32(x[i]).is_finite() && binary32(y[i]).is_finite()) order.push_back(i);
  }
  detail::sort_by_magnitude(x, order);
  std::array<bias_decile, 10> deciles{};
  for (std::size_t d = 0; d < 10; ++d) {
    const std::size_t first = order.size() / 10 * d + order.size() % 10 * d / 10;
    const std::size_t last = order.size() / 10 * (d + 1) + order.size() % 10 * (d + 1) / 10;
    if (first == last) continue;
    detail::measured_row row;
    for (std::size_t i = first; i < last; ++i) {
      row.add((i - first) % detail::measure_lanes, to_bits(x[order[i]]), to_bits(y[order[i]]));
    }
    deciles[d] = {.smallest = bit_cast<float>(magnitude(x[order[first]])),
                  .largest = bit_cast<float>(magnitude(x[order[last - 1]])),
                  .bias = row.measures(last - first).outward_bias()};
  }
  return deciles;
}

}  // namespace v0
}  // namespace nibble
