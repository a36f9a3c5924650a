// SPDX-License-Identifier: Apache-2.0
//
// AdaPrune: from a matrix pruned without structure to an N:M one (Hubara et al., NeurIPS 2021, section 4): how large N must
// be, how the pruned weights are taken in by the kept ones, and the least-squares weights on a support.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nibble/base/binary32.hpp>
#include <nibble/block/options.hpp>
#include <nibble/method/sparsify.hpp>
#include <nibble/method/sparsity_mask.hpp>

namespace nibble {
inline namespace v0 {

/// The probability that of m elements, each zero with probability `sparsity` on its own, at least `zeros` are zero, so that
/// the block already is (m - zeros):m sparse. In double arithmetic. Throws std::invalid_argument for m above 64 or a
/// sparsity outside [0, 1].
[[nodiscard]] inline double legality_probability(std::size_t m, std::size_t zeros, double sparsity) {
  if (m > 64) detail::throw_argument("m is " + std::to_string(m) + "; it must be at most 64");
  if (!(sparsity >= 0.0 && sparsity <= 1.0)) {
    detail::throw_argument("sparsity is " + std::to_string(sparsity) + "; it must be in [0, 1]");
  }
  double total = 0;
  for (std::size_t k = zeros; k <= m; ++k) {
    double term = 1;  // C(m, k) sparsity^k (1 - sparsity)^(m - k), with factors in turn so that none is far off
    for (std::size_t i = 1; i <= k; ++i) term *= sparsity * static_cast<double>(m - k + i) / static_cast<double>(i);
    for (std::size_t i = k; i < m; ++i) term *= 1.0 - sparsity;
    total += term;
  }
  return total;
}

/// The least N for which an m-element block of a matrix of that sparsity is N:m with a probability above `confidence`; m
/// where none is.
[[nodiscard]] inline std::size_t fitting_n(std::size_t m, double sparsity, double confidence = 0.95) {
  std::size_t zeros = 0;
  while (zeros < m && legality_probability(m, zeros + 1, sparsity) > confidence) ++zeros;
  return m - zeros;
}

/// Prunes every M consecutive elements of x to the N largest magnitudes and spreads the sum of the pruned ones evenly over
/// the kept ones, so that a block keeps its sum but for rounding. IEEE float32: pruned elements are added by rising index,
/// the sum is divided by N and added to each. A block with at most N nonzeros stays as it is, bit for bit. The last block
/// may be cut; it counts as padded with zeros, which are not kept before others. NaN and Inf that are pruned spread over
/// their block. `out` may be `x`. Throws std::invalid_argument where out has another size.
template <std::size_t N, std::size_t M>
void absorb(std::span<const float> x, std::span<float> out) {
  detail::check_sparsify<N, M>(x, out);
  for (std::size_t b = 0; b < x.size(); b += M) {
    const std::size_t size = x.size() - b < M ? x.size() - b : M;
    std::uint32_t bits[M] = {};
    std::uint32_t kept[M] = {};
    for (std::size_t i = 0; i < size; ++i) bits[i] = to_bits(x[b + i]);
    const std::uint32_t mask = detail::keep_largest<M>(N, bits, kept);
    binary32 sum;
    bool is_pruned = false;
    for (std::size_t i = 0; i < size; ++i) {
      const auto value = binary32::from_bits(bits[i]);
      if ((mask >> i & 1U) != 0 || value.is_zero()) continue;
      sum = is_pruned ? sum + value : value;
      is_pruned = true;
    }
    const binary32 share = sum / binary32(static_cast<float>(N));
    for (std::size_t i = 0; i < size; ++i) {
      auto value = binary32::from_bits(is_pruned ? kept[i] : bits[i]);
      if (is_pruned && (mask >> i & 1U) != 0) value = value + share;
      out[b + i] = static_cast<float>(value);
    }
  }
}

namespace detail::inline NIBBLE_UNIT {

/// Solves A y = b for a symmetric positive semidefinite A (count x count, row-major) by LDL^T, in place. A coordinate whose
/// pivot is at most `floor` depends on earlier ones: it stays 0.
inline void solve_semidefinite(std::vector<double>& a, std::vector<double>& b, double floor) {
  const std::size_t count = b.size();
  std::vector<bool> is_free(count);
  for (std::size_t j = 0; j < count; ++j) {
    for (std::size_t k = 0; k < j; ++k) {
      if (is_free[k]) a[j * count + j] -= a[j * count + k] * a[j * count + k] * a[k * count + k];
    }
    is_free[j] = a[j * count + j] > floor;
    for (std::size_t i = j + 1; i < count && is_free[j]; ++i) {
      for (std::size_t k = 0; k < j; ++k) {
        if (is_free[k]) a[i * count + j] -= a[i * count + k] * a[j * count + k] * a[k * count + k];
      }
      a[i * count + j] /= a[j * count + j];
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_free[i]) b[i] = 0;
    for (std::size_t k = 0; k < i && is_free[i]; ++k) {
      if (is_free[k]) b[i] -= a[i * count + k] * b[k];
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (is_free[i]) b[i] /= a[i * count + i];
  }
  for (std::size_t i = count; i-- > 0;) {
    for (std::size_t k = i + 1; k < count && is_free[i]; ++k) {
      if (is_free[k]) b[i] -= a[k * count + i] * b[k];
    }
  }
}

}  // namespace detail

/// The weights on a mask's support whose outputs are nearest to those of w: for each row of w the kept entries y that
/// minimise ||(w - y) X||^2, from the Gram matrix X X^T of the inputs, cols x cols, summed over calibration samples. The
/// correction of the kept weights solves G_SS d = G_SP w_P, with S the kept and P the pruned columns. Inputs that earlier
/// ones explain (a pivot of at most 1e-12 of the largest diagonal entry) keep their weight. In double arithmetic by rising
/// index, then rounded to float32: the last bit may depend on the compiler. NaN and Inf spread over their row. Cost: kept^3
/// / 3 a row. Throws std::invalid_argument where shapes do not fit.
template <class T>
void least_squares_on_mask(const matrix_view<T>& w, const sparsity_mask& mask, const matrix_view<double>& gram,
                           std::span<float> out) {
  detail::check_view(gram, "gram");
  if (gram.rows != w.cols || gram.cols != w.cols) {
    detail::throw_argument("gram is " + std::to_string(gram.rows) + " x " + std::to_string(gram.cols) + "; it must be " +
                           std::to_string(w.cols) + " x " + std::to_string(w.cols) + ", as w has columns");
  }
  apply_mask(mask, w, out);
  double largest = 0;
  for (std::size_t i = 0; i < gram.rows; ++i) largest = gram(i, i) > largest ? gram(i, i) : largest;
  for (std::size_t r = 0; r < w.rows; ++r) {
    std::vector<std::size_t> kept;
    for (std::size_t c = 0; c < w.cols; ++c) {
      if (mask(r, c)) kept.push_back(c);
    }
    std::vector<double> system(kept.size() * kept.size());
    std::vector<double> change(kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      for (std::size_t j = 0; j < kept.size(); ++j) system[i * kept.size() + j] = gram(kept[i], kept[j]);
      for (std::size_t c = 0; c < w.cols; ++c) {
        if (!mask(r, c)) change[i] += gram(kept[i], c) * double{bit_cast<float>(detail::element_bits(w(r, c)))};
      }
    }
    detail::solve_semidefinite(system, change, largest * 1e-12);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      float& value = out[r * w.cols + kept[i]];
      value = static_cast<float>(double{value} + change[i]);
    }
  }
}

}  // namespace v0
}  // namespace nibble
