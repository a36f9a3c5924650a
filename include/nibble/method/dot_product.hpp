// SPDX-License-Identifier: Apache-2.0
//
// Signal to noise of products and of their sums: why a dot product can be cleaner than its terms. With s_i = w_i x_i
// and n_i = w'_i x'_i - s_i, the gain SNR_dot / SNR_element = (1 + (D - 1) r_s) / (1 + (D - 1) r_n) holds exactly,
// where r is the mean correlation between different terms, means not removed. Plain double arithmetic in a fixed order.
#pragma once

#include <cstddef>

#include <nibble/method/measure.hpp>
#include <nibble/method/real.hpp>

namespace nibble {
inline namespace v0 {

/// Mean squares over dot products, and what follows from them.
struct dot_product_measures {
  std::size_t products = 0;  ///< dot products
  std::size_t length = 0;    ///< D: terms of each
  double term_signal = 0;    ///< E s^2 over all terms
  double term_noise = 0;     ///< E n^2
  double dot_signal = 0;     ///< E (sum s)^2 over the dot products
  double dot_noise = 0;      ///< E (sum n)^2

  /// E s^2 / E n^2: infinite without noise.
  [[nodiscard]] double term_snr() const noexcept { return ratio(term_signal, term_noise); }
  [[nodiscard]] double dot_snr() const noexcept { return ratio(dot_signal, dot_noise); }
  /// Mean correlation of different terms: 0 where they cancel like independent ones, 1 where all are equal.
  [[nodiscard]] double signal_correlation() const noexcept { return correlation(dot_signal, term_signal); }
  [[nodiscard]] double noise_correlation() const noexcept { return correlation(dot_noise, term_noise); }
  /// dot_snr() / term_snr() by the correlations.
  [[nodiscard]] double gain() const noexcept {
    const double others = static_cast<double>(length) - 1;
    return (1 + others * signal_correlation()) / (1 + others * noise_correlation());
  }

 private:
  [[nodiscard]] static double ratio(double a, double b) noexcept { return b == 0 ? detail::real_infinity : a / b; }
  [[nodiscard]] double correlation(double of_sums, double of_terms) const noexcept {
    const auto d = static_cast<double>(length);
    return length < 2 || of_terms == 0 ? 0 : (of_sums - d * of_terms) / ((d - 1) * d * of_terms);
  }
};

/// Row r of w times row r of x, against row r of w_quantized times row r of x_quantized. NaN and Inf make the figures
/// NaN or infinite. Throws std::invalid_argument where shapes differ or a view has no data.
template <class T, class U, class V, class W>
[[nodiscard]] dot_product_measures measure_dot_products(const matrix_view<T>& w, const matrix_view<U>& x,
                                                        const matrix_view<V>& w_quantized,
                                                        const matrix_view<W>& x_quantized) {
  detail::check_same_shape(x, w, "w");
  detail::check_same_shape(x, w_quantized, "w_quantized");
  detail::check_same_shape(x, x_quantized, "x_quantized");
  dot_product_measures m{.products = x.rows, .length = x.cols};
  if (x.rows == 0 || x.cols == 0) return m;
  const auto value = [](const auto& v) { return double{bit_cast<float>(detail::element_bits(v))}; };
  for (std::size_t r = 0; r < x.rows; ++r) {
    double signal = 0;
    double noise = 0;
    for (std::size_t c = 0; c < x.cols; ++c) {
      const double s = value(w(r, c)) * value(x(r, c));
      const double n = value(w_quantized(r, c)) * value(x_quantized(r, c)) - s;
      signal += s;
      noise += n;
      m.term_signal += s * s;
      m.term_noise += n * n;
    }
    m.dot_signal += signal * signal;
    m.dot_noise += noise * noise;
  }
  const auto rows = static_cast<double>(x.rows);
  const double terms = rows * static_cast<double>(x.cols);
  m.term_signal /= terms;
  m.term_noise /= terms;
  m.dot_signal /= rows;
  m.dot_noise /= rows;
  return m;
}

}  // namespace v0
}  // namespace nibble
