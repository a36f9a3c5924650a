// SPDX-License-Identifier: Apache-2.0
//
// When quantization noise takes over a gradient: Chmiel et al., "FP4 All the Way", section 4. With g_q = g + noise,
// noise of variance sigma^2 in each of d dimensions, the expected decrease of the loss falls fastest where the ratio
// ||g|| / (sigma sqrt d) is sqrt(3). Plain double arithmetic.
#pragma once

#include <cstddef>

#include <nibble/method/measure.hpp>
#include <nibble/method/real.hpp>
#include <nibble/method/stochastic_noise.hpp>

namespace nibble {
inline namespace v0 {

/// sqrt(3): below it quantized training loses its effect. It is a relative MSE of 1/3, or an SNR of 4.77 dB.
inline constexpr double gradient_noise_threshold = 1.7320508075688772;

/// ||g|| / (sigma sqrt d), infinite without noise, for the exact noise of stochastic rounding.
[[nodiscard]] inline double gradient_noise_ratio(const stochastic_noise& n) noexcept {
  return n.variance == 0 ? detail::real_infinity : detail::square_root(n.signal / n.variance);
}
/// ||g|| / ||g_q - g||, as sampled. NaN if an element broke.
[[nodiscard]] inline double gradient_noise_ratio(const error_measures& m) noexcept {
  return m.broken != 0 ? detail::real_nan
         : m.noise == 0 ? detail::real_infinity : detail::square_root(m.signal / m.noise);
}

/// sigma at the threshold for a gradient of norm `norm` in d dimensions, where g'Hg / ||g||^2 = tr H / d: ||g|| /
/// sqrt(3 d).
[[nodiscard]] inline double critical_sigma(double norm, std::size_t d) noexcept {
  return norm / detail::square_root(3 * static_cast<double>(d));
}
/// The same for a Hessian known by its curvature along g and its trace: sqrt(g'Hg / (3 tr H)).
[[nodiscard]] inline double critical_sigma_of_curvature(double curvature_along_gradient, double trace) noexcept {
  return detail::square_root(curvature_along_gradient / (3 * trace));
}
/// The decrease of the loss of a step of optimal length, over that without noise: 1 / (1 + 1 / ratio^2), 3/4 at
/// sqrt(3).
[[nodiscard]] inline double step_efficiency(double ratio) noexcept { return 1 / (1 + 1 / (ratio * ratio)); }
/// E L_{t+1} / L_t of the optimal step on lambda / 2 ||e||^2 with sigma = k * critical_sigma: k^2 / (3 + k^2).
[[nodiscard]] inline double quadratic_contraction(double k) noexcept { return k * k / (3 + k * k); }
/// The loss that a constant gradient bias mu leaves on such a quadratic: mu^2 / (2 lambda) for each dimension.
[[nodiscard]] inline double biased_residual_loss(double mu, double lambda) noexcept { return mu * mu / (2 * lambda); }

}  // namespace v0
}  // namespace nibble
