// SPDX-License-Identifier: Apache-2.0
//
// What quantization did to a tensor: MSE, SQNR, cosine and bias with its confidence, from one pass over (x, y). These
// are statistics in plain double arithmetic, summed in a fixed order; every product is exact, so that contraction has
// nothing to change. -ffast-math and flush-to-zero may move the last bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/block/matrix_view.hpp>
#include <nibble/method/lane_sums.hpp>
#include <nibble/method/real.hpp>

namespace nibble {
inline namespace v0 {

/// A mean error and how sure it is. For stochastic rounding of many elements z is close to standard normal where there
/// is no bias: |z| above 5 has a false alarm rate of 6e-7. Errors of deterministic rounding are no independent draws.
struct bias_estimate {
  std::uint64_t elements = 0;
  double mean = 0;            ///< 0 without elements
  double standard_error = 0;  ///< sqrt(sample variance of the errors / elements); 0 for fewer than 2 elements

  /// mean / standard_error: 0 where both are 0, infinite where only the second is.
  [[nodiscard]] double z() const noexcept { return z_against(standard_error); }
  /// mean / deviation for a standard error known beforehand, such as that of the exact variance.
  [[nodiscard]] double z_against(double deviation) const noexcept {
    if (mean == 0) return 0;
    return deviation == 0 ? mean < 0 ? -detail::real_infinity : detail::real_infinity : mean / deviation;
  }
};

/// Sums over pairs (x, y): y is what became of x, e = y - x. Pairs with an x that is NaN or Inf are counted and left
/// out. Where a finite x became NaN or Inf the pair is counted as broken, and the figures below are NaN.
struct error_measures {
  std::uint64_t elements = 0;   ///< all pairs
  std::uint64_t nonfinite = 0;  ///< pairs left out
  std::uint64_t broken = 0;     ///< finite x, y NaN or Inf
  double signal = 0;            ///< sum of x^2
  double output = 0;            ///< sum of y^2
  double product = 0;           ///< sum of x y
  double error = 0;             ///< sum of e
  double outward = 0;           ///< sum of e where x is positive, of -e where its sign bit is set
  double noise = 0;             ///< sum of e^2
  double largest = 0;           ///< largest |e|

  /// Adds the pairs of another piece.
  constexpr error_measures& operator+=(const error_measures& other) noexcept {
    elements += other.elements;
    nonfinite += other.nonfinite;
    broken += other.broken;
    signal += other.signal;
    output += other.output;
    product += other.product;
    error += other.error;
    outward += other.outward;
    noise += other.noise;
    largest = other.largest > largest ? other.largest : largest;
    return *this;
  }

  [[nodiscard]] std::uint64_t used() const noexcept { return elements - nonfinite - broken; }
  /// Mean squared error; 0 without pairs.
  [[nodiscard]] double mse() const noexcept { return checked(used() == 0 ? 0 : noise / static_cast<double>(used())); }
  /// noise / signal: 0 without noise, infinite where only the signal is 0.
  [[nodiscard]] double relative_mse() const noexcept { return checked(noise == 0 ? 0 : divide(noise, signal)); }
  /// Signal to quantization noise, 10 log10(signal / noise): infinite without noise, -infinite without signal.
  [[nodiscard]] double sqnr_db() const noexcept {
    return checked(noise == 0 ? detail::real_infinity : 10 * detail::common_logarithm(signal / noise));
  }
  /// Cosine of the angle between x and y: 1 where both are zero, 0 where one of them is.
  [[nodiscard]] double cosine() const noexcept {
    if (signal == 0 || output == 0) return checked(signal == output ? 1 : 0);
    return checked(product / (detail::square_root(signal) * detail::square_root(output)));
  }
  /// The mean of e.
  [[nodiscard]] bias_estimate bias() const noexcept { return estimate(error); }
  /// The mean of e along x: positive where magnitudes grow, negative where they shrink. A rounding that shrinks both
  /// signs alike has no bias() on symmetric data, and this one.
  [[nodiscard]] bias_estimate outward_bias() const noexcept { return estimate(outward); }

 private:
  [[nodiscard]] static double divide(double a, double b) noexcept { return b == 0 ? detail::real_infinity : a / b; }
  [[nodiscard]] double checked(double figure) const noexcept {
    return broken == 0 ? figure : detail::real_nan;
  }
  [[nodiscard]] bias_estimate estimate(double sum) const noexcept {
    bias_estimate b{.elements = used()};
    if (b.elements == 0) return {.mean = checked(0)};
    const auto n = static_cast<double>(b.elements);
    b.mean = checked(sum / n);
    const double spread = noise - sum * (sum / n);
    if (b.elements > 1) b.standard_error = checked(spread > 0 ? detail::square_root(spread / (n - 1) / n) : 0);
    return b;
  }
};

namespace detail::inline NIBBLE_UNIT {

/// y - x rounded to 26 significant bits. x and y are float32 bits.
NIBBLE_FUNCTION double short_difference(std::uint32_t x, std::uint32_t y) noexcept {
  return shortened(double{bit_cast<float>(y)} - double{bit_cast<float>(x)});
}

/// The sums of one row, lane by lane.
struct measured_row {
  using lanes = std::array<double, measure_lanes>;
  lanes signal{}, output{}, product{}, error{}, outward{}, noise{};
  double largest = 0;
  std::uint64_t nonfinite = 0, broken = 0;

  constexpr void add(std::size_t lane, std::uint32_t x, std::uint32_t y) noexcept {
    constexpr std::uint32_t infinity = ieee_layout<std::uint32_t>::infinity;
    const bool bad_x = (x & 0x7fff'ffffU) >= infinity;
    const bool bad_y = (y & 0x7fff'ffffU) >= infinity;
    nonfinite += bad_x ? 1U : 0U;
    broken += !bad_x && bad_y ? 1U : 0U;
    if (bad_x || bad_y) return;
    const double a = bit_cast<float>(x);
    const double b = bit_cast<float>(y);
    const double e = short_difference(x, y);
    signal[lane] += a * a;
    output[lane] += b * b;
    product[lane] += a * b;
    error[lane] += e;
    outward[lane] += x >> 31 != 0 ? -e : e;
    noise[lane] += e * e;
    largest = e > largest ? e : -e > largest ? -e : largest;
  }

  [[nodiscard]] constexpr error_measures measures(std::size_t count) const noexcept {
    return {.elements = count,
            .nonfinite = nonfinite,
            .broken = broken,
            .signal = sum_of_lanes(signal),
            .output = sum_of_lanes(output),
            .product = sum_of_lanes(product),
            .error = sum_of_lanes(error),
            .outward = sum_of_lanes(outward),
            .noise = sum_of_lanes(noise),
            .largest = largest};
  }
};

template <class T, class U>
void check_same_shape(const matrix_view<T>& x, const matrix_view<U>& y, const char* name) {
  check_view(x, "x");
  check_view(y, name);
  if (x.rows == y.rows && x.cols == y.cols) return;
  throw_argument(std::string(name) + " is " + std::to_string(y.rows) + " x " + std::to_string(y.cols) + "; x is " +
                 std::to_string(x.rows) + " x " + std::to_string(x.cols));
}

}  // namespace detail

/// Measures y, what became of x, row after row. Elements are read as float32 (double is rounded to it); an empty matrix
/// gives zeros. Throws std::invalid_argument where the shapes differ or a view has no data.
template <class T, class U>
[[nodiscard]] error_measures measure(const matrix_view<T>& x, const matrix_view<U>& y) {
  detail::check_same_shape(x, y, "y");
  error_measures total;
  for (std::size_t r = 0; r < x.rows; ++r) {
    detail::measured_row row;
    for (std::size_t c = 0; c < x.cols; ++c) {
      row.add(c % detail::measure_lanes, detail::element_bits(x(r, c)), detail::element_bits(y(r, c)));
    }
    total += row.measures(x.cols);
  }
  return total;
}
/// As above for two rows.
[[nodiscard]] inline error_measures measure(std::span<const float> x, std::span<const float> y) {
  return measure(matrix_view<float>(x.data(), 1, x.size()), matrix_view<float>(y.data(), 1, y.size()));
}

}  // namespace v0
}  // namespace nibble
