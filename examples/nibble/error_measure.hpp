// SPDX-License-Identifier: Apache-2.0
//
// What quantization costs: sums over the elements of a tensor, and the figures made of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace nibble::tool {

/// Sums over finite elements x and what became of them, y. Elements that are NaN or Inf in x only count.
struct error_sums {
  double signal = 0;   ///< sum of x^2
  double noise = 0;    ///< sum of (y - x)^2
  double largest = 0;  ///< largest |y - x|
  std::uint64_t elements = 0, nonfinite = 0, zeroed = 0, clipped = 0;

  void add(const error_sums& other) noexcept;

  /// noise / signal: 0 where both are 0, infinity where only the signal is.
  [[nodiscard]] double relative_mse() const noexcept;
  /// Signal to quantization noise, 10 log10(signal / noise): infinity without noise.
  [[nodiscard]] double sqnr_db() const noexcept;
  [[nodiscard]] double zeroed_share() const noexcept;
  [[nodiscard]] double clipped_share() const noexcept;
};

/// The SQNR with one digit after the point, "exact" without noise, "nan" where it is none.
std::string sqnr_text(const error_sums& sums);

/// Adds the pairs (before[i], after[i]) to signal, noise and largest. The counts come from the quantizer.
void accumulate(std::span<const float> before, std::span<const float> after, error_sums& sums);

}  // namespace nibble::tool
