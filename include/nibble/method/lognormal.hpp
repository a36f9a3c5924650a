// SPDX-License-Identifier: Apache-2.0
//
// Gradients as lognormal magnitudes (Chmiel et al., "Neural gradients are near-lognormal: improved quantized and sparse
// training"): the fit, stochastic pruning to a target sparsity, and the best split of bits into exponent and mantissa.
// Statistics are plain double arithmetic in a fixed order; which elements are pruned is decided on integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/method/lane_sums.hpp>
#include <nibble/method/luq.hpp>
#include <nibble/method/real.hpp>

namespace nibble {
inline namespace v0 {

/// ln |x| of the elements that are finite and not zero.
struct lognormal_fit {
  std::uint64_t elements = 0;   ///< all
  std::uint64_t zeros = 0;      ///< left out
  std::uint64_t nonfinite = 0;  ///< NaN and Inf, left out
  double mu = 0;                ///< mean of ln |x|
  double sigma = 0;             ///< deviation, sqrt(sum / elements used)

  /// sigma in units of log2, the s of exponent_mantissa_error.
  [[nodiscard]] double sigma_log2() const noexcept { return sigma / 0.693147180559945309; }
};

/// Fits x; an empty matrix or one without finite nonzero elements gives mu = sigma = 0. Throws std::invalid_argument
/// for a view without data.
template <class T>
[[nodiscard]] lognormal_fit fit_lognormal(const matrix_view<T>& x) {
  detail::check_view(x, "x");
  const auto log = [](double v) { return detail::natural_logarithm(v < 0 ? -v : v); };
  const double finite = detail::sum_of_finite(x, [](double) { return 1.0; });
  const double used = detail::sum_of_finite(x, [](double v) { return v == 0 ? 0.0 : 1.0; });
  lognormal_fit fit{.elements = x.size()};
  fit.zeros = static_cast<std::uint64_t>(finite - used);
  fit.nonfinite = x.size() - static_cast<std::uint64_t>(finite);
  if (used == 0) return fit;
  fit.mu = detail::sum_of_finite(x, [&](double v) { return v == 0 ? 0.0 : log(v); }) / used;
  const double spread = detail::sum_of_finite(x, [&](double v) {
    const double d = v == 0 ? 0.0 : log(v) - fit.mu;
    return d * d;
  });
  fit.sigma = detail::square_root(spread / used);
  return fit;
}
/// As above for consecutive elements.
[[nodiscard]] inline lognormal_fit fit_lognormal(std::span<const float> x) {
  return fit_lognormal(matrix_view<float>(x.data(), 1, x.size()));
}

namespace detail::inline NIBBLE_UNIT {

/// The normal distribution function.
inline double normal_cdf(double x) noexcept { return 0.5 * error_complement(-x * 0.707106781186547524); }

/// e^((b^2 - t^2) / 2) Phi(-b), the part of a mean of lognormal magnitudes on one side. Far out the first factor is no
/// double and the second is zero: there it is phi(t) times the asymptotic series of Phi(-b) / phi(b).
inline double lognormal_part(double t, double b) noexcept {
  if (b < 30) return exponential((b - t) * (b + t) / 2) * normal_cdf(-b);
  const double r = 1 / b / b;
  return 0.398942280401432678 * exponential(-t * t / 2) / b * (1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r))));
}

}  // namespace detail

/// The expected share of zeros after stochastic pruning at threshold a = e^ln_a of lognormal magnitudes:
/// Phi(tau) - exp(mu + sigma^2 / 2 - ln a) Phi(tau - sigma), tau = (ln a - mu) / sigma. sigma > 0.
[[nodiscard]] inline double lognormal_sparsity(double mu, double sigma, double ln_a) noexcept {
  const double tau = (ln_a - mu) / sigma;
  return detail::normal_cdf(tau) - detail::lognormal_part(tau, sigma - tau);
}

/// ln a for a target sparsity, 0 < target < 1, by bisection to the last bits of a double. sigma > 0.
/// Throws std::invalid_argument for other arguments.
[[nodiscard]] inline double lognormal_threshold(double mu, double sigma, double target) {
  if (!(target > 0 && target < 1))
    detail::throw_argument("target is " + std::to_string(target) + "; it must be inside (0, 1)");
  if (!(sigma > 0)) detail::throw_argument("sigma is " + std::to_string(sigma) + "; it must be above 0");
  double low = mu - 40 * sigma;
  double high = mu + 40 * sigma + 40 + (sigma < 100 ? sigma * sigma : 0);
  detail::check_real(low, "mu - 40 * sigma");
  detail::check_real(high, "mu + 40 * sigma");
  for (int i = 0; i < 100; ++i) {
    const double middle = low + (high - low) / 2;
    (lognormal_sparsity(mu, sigma, middle) < target ? low : high) = middle;
  }
  return low;
}

/// The expected share of zeros after stochastic pruning of x itself at threshold a > 0, whatever its law: the mean of
/// max(0, 1 - |x| / a) over finite elements.
template <class T>
[[nodiscard]] double expected_sparsity(const matrix_view<T>& x, double a) {
  detail::check_view(x, "x");
  const double used = detail::sum_of_finite(x, [](double) { return 1.0; });
  const double sum = detail::sum_of_finite(x, [&](double v) {
    const double magnitude = v < 0 ? -v : v;
    return magnitude < a ? 1 - magnitude / a : 0.0;
  });
  return used == 0 ? 0 : sum / used;
}

/// Stochastic pruning: |x| >= a stays; below it x becomes +-a with probability |x| / a, else 0, so that the expectation
/// is x (the operator of LUQ below alpha, to 2^-bits of a as there). Element i draws the word of logical element
/// random.first_element + i; out may be x. NaN and Inf stay. Throws std::invalid_argument if a is not finite and above
/// 0, for random words that luq does not take, and if out has another size than x.
inline void prune_stochastically(std::span<const float> x, std::span<float> out, float a,
                                 const stochastic& random = {}) {
  detail::check_luq({}, {.random = random}, 7);
  detail::check_number(a, 0.0F, "a");
  if (binary32(a).is_zero()) detail::throw_argument("a is 0; it must be above 0");
  if (out.size() != x.size()) {
    detail::throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " +
                           std::to_string(x.size()));
  }
  const detail::luq_number alpha = detail::luq_split(to_bits(a));
  const element_rounding rounding(random);
  detail::random_source source(rounding, random.bits);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint32_t bits = to_bits(x[i]);
    const std::uint32_t magnitude = bits & 0x7fff'ffffU;
    const std::uint32_t word = detail::luq_word(source, random.bits, i);
    if (magnitude >= to_bits(a)) {
      out[i] = x[i];
    } else {
      const bool kept = detail::luq_code({}, alpha, magnitude, word) != 0;
      out[i] = bit_cast<float>((bits & 0x8000'0000U) | (kept ? to_bits(a) : 0U));
    }
  }
}

/// kappa_m: the mean relative error of rounding to nearest with m mantissa bits, for a mantissa uniform in its
/// logarithm.
[[nodiscard]] inline double mean_relative_rounding_error(int mantissa_bits) noexcept {
  const int cells = 1 << mantissa_bits;
  double sum = 0;
  for (int j = 0; j < cells; ++j) {
    // Between neighbours g and h with midpoint c: ln(c / g) + g / c - 1 below c, h / c - 1 - ln(h / c) above.
    const double g = 1 + static_cast<double>(j) / cells;
    const double h = 1 + static_cast<double>(j + 1) / cells;
    const double c = (g + h) / 2;
    sum += detail::natural_logarithm(c / g) + g / c - 1 + (h / c - 1 - detail::natural_logarithm(h / c));
  }
  return sum / 0.693147180559945309;
}

/// The expected relative error of a sign, `exponent_bits` (1 to 8) and `mantissa_bits` for log2 |x| normal with
/// deviation s > 0 and scaled to mean 0: rounding inside 2^-E to 2^E, E = 2^(exponent_bits - 1), underflow to zero
/// below, saturation above.
[[nodiscard]] inline double exponent_mantissa_error(double s, int exponent_bits, int mantissa_bits) noexcept {
  const double reach = static_cast<double>(1 << (exponent_bits - 1));
  const double ln2 = 0.693147180559945309;
  const double outside = detail::normal_cdf(-reach / s);
  const double saturated = detail::lognormal_part(reach / s, reach / s + s * ln2);
  return mean_relative_rounding_error(mantissa_bits) * (1 - 2 * outside) + outside + (outside - saturated);
}

/// How a number of bits is split.
struct exponent_mantissa {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  friend constexpr bool operator==(const exponent_mantissa&, const exponent_mantissa&) = default;
};

/// The split of `bits` (3 to 9) with the smallest expected relative error, one of them the sign. Throws
/// std::invalid_argument for other bits and for s that is not above 0.
[[nodiscard]] inline exponent_mantissa best_exponent_mantissa(double s, int bits) {
  if (bits < 3 || bits > 9) detail::throw_argument("bits is " + std::to_string(bits) + "; it must be 3 to 9");
  if (!(s > 0)) detail::throw_argument("s is " + std::to_string(s) + "; it must be above 0");
  exponent_mantissa best{bits - 1, 0};
  for (int e = bits - 2; e >= 1; --e) {
    const double error = exponent_mantissa_error(s, e, bits - 1 - e);
    if (error < exponent_mantissa_error(s, best.exponent_bits, best.mantissa_bits)) best = {e, bits - 1 - e};
  }
  return best;
}

}  // namespace v0
}  // namespace nibble
