// SPDX-License-Identifier: Apache-2.0
//
// Kurtosis and its gradient, the regulariser of "Robust quantization: one model to rule them all" (Shkolnik et al.): 1
// for two points, 1.8 for a uniform law, 3 for a normal one, 6 for a Laplace one. Plain double arithmetic in the order
// of lane_sums.hpp; products that are summed are exact, so that contraction has nothing to change. -ffast-math and
// flush-to-zero may move the last bits.
#pragma once

#include <array>
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

/// The sum of the finite elements of a row, lane by lane, and the number of others.
struct summed_row {
  std::array<double, measure_lanes> sum{};
  std::uint64_t nonfinite = 0;

  void add(std::size_t lane, std::uint32_t bits) noexcept {
    const bool is_finite = binary32::from_bits(bits).is_finite();
    nonfinite += is_finite ? 0U : 1U;
    if (is_finite) sum[lane] += double{bit_cast<float>(bits)};
  }
};
/// Sums of squares and fourth powers of deviations from a mean. A deviation has 26 significant bits, and its square
/// again.
struct deviation_row {
  std::array<double, measure_lanes> second{}, fourth{};

  void add(std::size_t lane, double mean, std::uint32_t bits) noexcept {
    if (!binary32::from_bits(bits).is_finite()) return;
    const double deviation = shortened(double{bit_cast<float>(bits)} - mean);
    const double square = shortened(deviation * deviation);
    second[lane] += deviation * deviation;
    fourth[lane] += square * square;
  }
};

/// The moments of a matrix from sum(r), the summed_row of row r, and deviations(r, mean), its deviation_row.
template <class Sum, class Deviations>
moments moments_of_rows(std::size_t rows, std::uint64_t elements, kurtosis_deviation deviation, const Sum& sum,
                        const Deviations& deviations) {
  check_deviation(deviation);
  moments m;
  double total = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const summed_row row = sum(r);
    m.nonfinite += row.nonfinite;
    total += sum_of_lanes(row.sum);
  }
  m.elements = elements - m.nonfinite;
  if (m.elements == 0) return m;
  const auto n = static_cast<double>(m.elements);
  m.mean = total / n;
  double second = 0;
  double fourth = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const deviation_row row = deviations(r, m.mean);
    second += sum_of_lanes(row.second);
    fourth += sum_of_lanes(row.fourth);
  }
  m.variance = second / n;
  if (m.variance != 0) m.kurtosis = fourth / n / (m.variance * m.variance) * kurtosis_factor(m.elements, deviation);
  return m;
}

}  // namespace detail

/// The moments of x, in two passes: deviations are from the mean and have 26 significant bits, so that variance and
/// kurtosis are within 2^-24 of themselves. Empty gives zeros. Throws std::invalid_argument for a view without data.
template <class T>
[[nodiscard]] moments measure_moments(const matrix_view<T>& x,
                                      kurtosis_deviation deviation = kurtosis_deviation::population) {
  detail::check_view(x, "x");
  return detail::moments_of_rows(
      x.rows, x.size(), deviation,
      [&](std::size_t r) {
        detail::summed_row row;
        for (std::size_t c = 0; c < x.cols; ++c) row.add(c % detail::measure_lanes, detail::element_bits(x(r, c)));
        return row;
      },
      [&](std::size_t r, double mean) {
        detail::deviation_row row;
        for (std::size_t c = 0; c < x.cols; ++c)
          row.add(c % detail::measure_lanes, mean, detail::element_bits(x(r, c)));
        return row;
      });
}
/// As above for consecutive elements.
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
