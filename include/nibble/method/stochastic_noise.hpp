// SPDX-License-Identifier: Apache-2.0
//
// The noise that stochastic rounding would add to a tensor, exactly and without a single random word: for every element
// its two neighbours and their probabilities follow from the scales, for any block format and recipe.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/quantize.hpp>
#include <nibble/method/real.hpp>
#include <nibble/method/stochastic_exactness.hpp>

namespace nibble {
inline namespace v0 {

/// Sums over the finite elements x of a tensor whose scale is a number; Q(x) is the decoded result.
struct stochastic_noise {
  std::uint64_t elements = 0;   ///< all
  std::uint64_t nonfinite = 0;  ///< NaN or Inf, or under a scale that is; left out of the sums
  std::uint64_t clipped = 0;    ///< beyond the largest number of their block: biased whatever the random bits
  double signal = 0;            ///< sum of x^2
  double variance = 0;          ///< sum of Var Q(x)
  double squared_bias = 0;      ///< sum of (E Q(x) - x)^2: clipping, the last random bit, a scaling that is not exact

  /// Expected mean squared error.
  [[nodiscard]] double mse() const noexcept {
    const std::uint64_t used = elements - nonfinite;
    return used == 0 ? 0 : (variance + squared_bias) / static_cast<double>(used);
  }
  /// Expected squared error over squared signal.
  [[nodiscard]] double relative_mse() const noexcept {
    const double noise = variance + squared_bias;
    return noise == 0 ? 0 : signal == 0 ? detail::real_infinity : noise / signal;
  }
  /// sigma_q of "FP4 All the Way" (section 4): the deviation of one element, sqrt(variance / elements).
  [[nodiscard]] double sigma() const noexcept {
    const std::uint64_t used = elements - nonfinite;
    return used == 0 ? 0 : detail::square_root(variance / static_cast<double>(used));
  }
};

namespace detail::inline NIBBLE_UNIT {

/// The law of the element with binary32 bits `bits` in a block scaled by `e`, in units of the block's scale.
NIBBLE_HD constexpr stochastic_law scaled_law(const float_format& f, const recipe& r, const element_scaling& e,
                                              std::uint32_t bits, int random_bits,
                                              stochastic_variant variant) noexcept {
  const std::uint32_t magnitude = bits & 0x7fff'ffffU;
  if (e.how == element_scaling::kind::exact) {
    return law_of(f, exact_quotient(binary32::from_bits(magnitude), e.divisor), random_bits, variant);
  }
  std::uint32_t scaled = 0;
  scale_elements(r, e, &magnitude, 1, &scaled);
  if (r.half_added_in_float) add_half_in_float(f, &scaled, 1);
  return law_of(f, scaled, random_bits, variant);
}

/// Adds one element; `unit` is what a decoded element is multiplied by.
inline void add_noise(const float_format& f, const recipe& r, const element_scaling& e, std::uint32_t bits, double unit,
                      const rounding_choice& rounding, stochastic_noise& n) noexcept {
  const std::uint32_t magnitude = bits & 0x7fff'ffffU;
  ++n.elements;
  if (magnitude >= ieee_layout<std::uint32_t>::infinity || !(unit >= 0 && unit < power_of_two(1023))) {
    ++n.nonfinite;
    return;
  }
  const stochastic_law law = scaled_law(f, r, e, magnitude, rounding.random_bits, rounding.variant);
  const double x = bit_cast<float>(magnitude);
  const double bias = law.expectation() * unit - x;
  n.clipped += is_beyond_range(f, r, e, magnitude) ? 1U : 0U;
  n.signal += x * x;
  n.variance += law.variance() * unit * unit;
  n.squared_bias += bias * bias;
}

}  // namespace detail

/// The noise of quantize(x, q, options) under stochastic rounding, for the scales that q holds: q is what quantize made
/// of x with the same options, whatever its element rounding was. Codes are not read. The random bits and the variant
/// are those of options.rounding, 32 and `a` where that is not stochastic. Plain double arithmetic in a fixed order.
/// Recipes that search in float (ggml) have no stochastic rounding. Throws std::invalid_argument as quantize does.
template <block_format F, class Byte, class T>
[[nodiscard]] stochastic_noise measure_stochastic_noise(const matrix_view<T>& x, const block_view<F, Byte>& q,
                                                        const quantize_options& options = {}) {
  const bool transposed = options.orientation == orientation::column_wise;
  detail::check_view(x, "x");
  detail::check_options(options, 0);  // no words are read
  detail::check_recipe<F>(options.recipe);
  detail::check_block_view(q, "q");
  if (options.recipe.searches_in_float)
    detail::throw_argument("options.recipe.searches_in_float is true; it must be false");
  const matrix_view<T> stored = transposed ? x.transposed() : x;
  if (q.rows != stored.rows || q.cols != stored.cols) {
    detail::throw_argument("q is " + std::to_string(q.rows) + " x " + std::to_string(q.cols) + "; it must be " +
                           std::to_string(stored.rows) + " x " + std::to_string(stored.cols));
  }
  const recipe& r = options.recipe;
  const rounding_choice chosen = options.rounding.choice(r);
  const rounding_choice rounding =
      chosen.mode == rounding_mode::stochastic ? chosen : rounding_choice{rounding_mode::stochastic};
  const float largest = options.tensor_amax ? *options.tensor_amax : F.tensor_scale ? amax(stored, r.amax) : 0.0F;
  const tensor_scaling scaling = make_tensor_scaling(F, r, binary32(largest));
  const double tensor_unit = F.tensor_scale ? double{static_cast<float>(scaling.decode)} : 1.0;
  stochastic_noise n;
  for (std::size_t row = 0; row < q.rows; ++row) {
    const std::size_t scale_row = F.replicate_scales ? row : row / F.rows_per_block(q.rows);
    const std::size_t width = F.block_cols(q.cols);
    for (std::size_t first = 0; first < q.cols; first += width) {
      auto code = static_cast<std::uint32_t>(q.scales[scale_row * q.scale_stride + first / width]);
      const detail::element_scaling e = detail::make_element_scaling(F, r, scaling, code);
      const double unit = double{decode<F.scale>(static_cast<code_type<F.scale>>(code))} * tensor_unit;
      for (std::size_t col = first; col < q.cols && col < first + width; ++col) {
        detail::add_noise(F.element, r, e, detail::element_bits(stored(row, col)), unit, rounding, n);
      }
    }
  }
  return n;
}

/// As above with the scales that quantize gives x.
template <block_format F, class T>
[[nodiscard]] stochastic_noise measure_stochastic_noise(const matrix_view<T>& x, const quantize_options& options = {}) {
  const block_tensor<F> q = quantize<F>(x, options);
  return measure_stochastic_noise(x, q.view(), options);
}

}  // namespace v0
}  // namespace nibble
