// SPDX-License-Identifier: Apache-2.0
//
// Implementation of error_measure.hpp.
#include "error_measure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text.hpp"

namespace nibble::tool {

void error_sums::add(const error_sums& other) noexcept {
  signal += other.signal;
  noise += other.noise;
  largest = std::max(largest, other.largest);
  elements += other.elements;
  nonfinite += other.nonfinite;
  zeroed += other.zeroed;
  clipped += other.clipped;
}

double error_sums::relative_mse() const noexcept {
  if (noise == 0) return 0;
  return signal == 0 ? std::numeric_limits<double>::infinity() : noise / signal;
}

double error_sums::sqnr_db() const noexcept {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

double error_sums::zeroed_share() const noexcept {
  return elements == 0 ? 0 : static_cast<double>(zeroed) / static_cast<double>(elements);
}

double error_sums::clipped_share() const noexcept {
  return elements == 0 ? 0 : static_cast<double>(clipped) / static_cast<double>(elements);
}

std::string sqnr_text(const error_sums& sums) { return sums.noise == 0 ? "exact" : fixed(sums.sqnr_db(), 1); }

void accumulate(std::span<const float> before, std::span<const float> after, error_sums& sums) {
  // Squares of floats are exact in double and cannot overflow it. Four sums apart shorten the chain of additions.
  constexpr std::size_t lanes = 4;
  double signal[lanes] = {}, noise[lanes] = {}, largest[lanes] = {};
  const auto pair = [&](std::size_t i, std::size_t lane) {
    const double x = before[i];
    const bool finite = std::abs(x) <= std::numeric_limits<float>::max();
    const double kept = finite ? x : 0.0;
    const double error = finite ? double{after[i]} - x : 0.0;
    signal[lane] += kept * kept;
    noise[lane] += error * error;
    largest[lane] = std::abs(error) > largest[lane] ? std::abs(error) : largest[lane];
  };
  std::size_t i = 0;
  for (; i + lanes <= before.size(); i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) pair(i + lane, lane);
  }
  for (; i < before.size(); ++i) pair(i, 0);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    sums.signal += signal[lane];
    sums.noise += noise[lane];
    sums.largest = std::max(sums.largest, largest[lane]);
  }
}

}  // namespace nibble::tool
