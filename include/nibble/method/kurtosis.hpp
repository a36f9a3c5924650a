// SPDX-License-Identifier: Apache-2.0
//
// Kurtosis and its gradient, the regulariser of "Robust quantization: one model to rule them all" (Shkolnik et al.): 1
// for two points, 1.8 for a uniform law, 3 for a normal one, 6 for a Laplace one. Plain double arithmetic in a fixed
// order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/method/lane_sums.hpp>
#include <nibble/method/real.hpp>

namespace nibble {
inline namespace v0 {

/// Which standard deviation stands under the fourth power.
enum class kurtosis_deviation : std::uint8_t {
  population,  ///< sqrt(sum / N), the textbook's
  sample,      ///< sqrt(sum / (N - 1)), which the authors' code takes
};

/// Mean, variance and kurtosis of the finite elements of a tensor.
struct moments {
  std::uint64_t elements = 0;   ///< that are finite
  std::uint64_t nonfinite = 0;  ///< that are NaN or Inf, left out
  double mean = 0;
  double variance = 0;  ///< sum of squared deviations / elements
  double kurtosis = 0;  ///< mean of ((x - mean) / deviation)^4; 0 where all elements are equal
};

namespace detail::inline NIBBLE_UNIT {

/// By what the population kurtosis is multiplied.
inline double kurtosis_factor(std::uint64_t elements, kurtosis_deviation deviation) noexcept {
  const auto n = static_cast<double>(elements);
  return deviation == kurtosis_deviation::population ? 1 : (n - 1) / n * ((n - 1) / n);
}

inline void check_deviation(kurtosis_deviation d) {
  if (d > kurtosis_deviation::sample)
    throw_argument("deviation is " + std::to_string(static_cast<int>(d)) + "; it must be 0 or 1");
}

}  // namespace detail

/// The moments of x, in two passes: deviations are from the mean. Empty gives zeros. Throws std::invalid_argument for a
/// view without data.
template <class T>
[[nodiscard]] moments measure_moments(const matrix_view<T>& x,
                                      kurtosis_deviation deviation = kurtosis_deviation::population) {
  detail::check_view(x, "x");
  detail::check_deviation(deviation);
  moments m;
  m.elements = static_cast<std::uint64_t>(detail::sum_of_finite(x, [](double) { return 1.0; }));
  m.nonfinite = x.size() - m.elements;
  if (m.elements == 0) return m;
  const auto n = static_cast<double>(m.elements);
  m.mean = detail::sum_of_finite(x, [](double v) { return v; }) / n;
  m.variance = detail::sum_of_finite(x, [&](double v) { return (v - m.mean) * (v - m.mean); }) / n;
  if (m.variance == 0) return m;
  const double sigma = detail::square_root(m.variance);
  const double fourth = detail::sum_of_finite(x, [&](double v) {
    const double z = (v - m.mean) / sigma;
    return z * z * (z * z);
  });
  m.kurtosis = fourth / n * detail::kurtosis_factor(m.elements, deviation);
  return m;
}
[[nodiscard]] inline moments measure_moments(std::span<const float> x,
                                             kurtosis_deviation deviation = kurtosis_deviation::population) {
  return measure_moments(matrix_view<float>(x.data(), 1, x.size()), deviation);
}

/// Writes d kurtosis / d x_i = 4 / (N sigma) (z_i^3 - mean z^3 - kurtosis z_i) with z = (x - mean) / sigma (for the
/// sample deviation times ((N - 1) / N)^2), and returns the moments. NaN and Inf elements, and all where every element
/// is equal, get 0. The loss (kurtosis - target)^2 has 2 (kurtosis - target) times this gradient. Throws
/// std::invalid_argument if gradient has another size than x.
inline moments kurtosis_gradient(std::span<const float> x, std::span<float> gradient,
                                 kurtosis_deviation deviation = kurtosis_deviation::population) {
  if (gradient.size() != x.size()) {
    detail::throw_argument("gradient has " + std::to_string(gradient.size()) + " elements; it must have " +
                           std::to_string(x.size()));
  }
  const matrix_view<float> view(x.data(), 1, x.size());
  const moments m = measure_moments(x, deviation);
  const double sigma = detail::square_root(m.variance);
  const auto n = static_cast<double>(m.elements);
  const double factor = m.elements == 0 ? 1 : detail::kurtosis_factor(m.elements, deviation);
  const auto cube = [](double z) { return z * z * z; };
  const double third =
      m.variance == 0 ? 0 : detail::sum_of_finite(view, [&](double v) { return cube((v - m.mean) / sigma); }) / n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool finite = binary32(x[i]).is_finite();
    const double z = finite && m.variance != 0 ? (double{x[i]} - m.mean) / sigma : 0;
    const double slope = factor * (cube(z) - third) - m.kurtosis * z;
    gradient[i] = finite && m.variance != 0 ? static_cast<float>(4 / (n * sigma) * slope) : 0.0F;
  }
  return m;
}

}  // namespace v0
}  // namespace nibble
