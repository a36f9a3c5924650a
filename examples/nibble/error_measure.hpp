// SPDX-License-Identifier: Apache-2.0
//
// What quantization costs: sums over the elements of a tensor, and the figures made of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nibble/block/block_format.hpp>
#include <nibble/block/matrix_view.hpp>
#include <string>

#include "block_codec.hpp"

namespace nibble::tool {

/// Sums over finite elements x and what became of them, y. Elements that are NaN or Inf in x only count. Zeroed are
/// nonzero elements with y = 0; clipped are elements beyond the largest number of their block.
struct error_sums {
  double signal = 0;   ///< sum of x^2
  double noise = 0;    ///< sum of (y - x)^2
  double error = 0;    ///< sum of y - x where the sign bit of x is clear, of x - y where it is set
  double largest = 0;  ///< largest |y - x|
  std::uint64_t elements = 0, nonfinite = 0, zeroed = 0, clipped = 0;

  void add(const error_sums& other) noexcept;

  /// noise / signal: 0 where both are 0, infinity where only the signal is.
  [[nodiscard]] double relative_mse() const noexcept;
  /// Signal to quantization noise, 10 log10(signal / noise): infinity without noise.
  [[nodiscard]] double sqnr_db() const noexcept;
  /// The mean error along x over the root mean square of x: negative where magnitudes shrink. 0 without a signal.
  [[nodiscard]] double relative_bias() const noexcept;
  /// Its standard error, from the variance of the errors.
  [[nodiscard]] double bias_error() const noexcept;
  /// relative_bias() / bias_error(): 0 where there is no bias, infinite where all errors are the same.
  [[nodiscard]] double bias_z() const noexcept;
  [[nodiscard]] double zeroed_share() const noexcept;
  [[nodiscard]] double clipped_share() const noexcept;
};

/// The SQNR with one digit after the point, "exact" without noise, "nan" where it is none.
std::string sqnr_text(const error_sums& sums);

/// The largest magnitude that each scale code lets an element have: the element format's largest number times the
/// scales, rounded down to a float. Infinite for scales that are zero or NaN, with which nothing counts as clipped.
class clip_limits {
 public:
  clip_limits(const block_format& format, float tensor_scale);
  [[nodiscard]] const float* data() const noexcept { return limits_.data(); }

 private:
  std::array<float, 256> limits_;
};

/// The magnitudes that the codes of a 4-bit format stand for under each scale code, as the format's codec decodes them.
class code_magnitudes {
 public:
  /// Whether the codec's codes have a table: two in a byte, the even element low, the sign in the highest bit.
  static bool serves(const block_codec& codec) noexcept;
  code_magnitudes(const block_codec& codec, float tensor_scale);
  [[nodiscard]] const float* data() const noexcept { return magnitudes_.data(); }

 private:
  std::array<float, 256 * 8> magnitudes_;
};

/// Adds the elements of rows and what their codes stand for to all sums: faster than to decode them first. Each code
/// has the sign of its element, or stands for zero, as that of a zero does. Meanwhile the numbers that lie `ahead`
/// elements behind those of `before` come into the cache.
void add_coded_errors(const matrix_view<float>& before, const code_area<const std::uint8_t>& after,
                      const block_format& format, const code_magnitudes& magnitudes, const clip_limits& limits,
                      std::size_t ahead, error_sums& sums);

/// Adds the elements of rows that lie side by side, before and after, to all sums.
void add_errors(const matrix_view<float>& before, const float* after, const block_format& format,
                const clip_limits& limits, const std::uint8_t* scales, std::size_t scale_stride, error_sums& sums);

}  // namespace nibble::tool
