// SPDX-License-Identifier: Apache-2.0
//
// What the default recipe promises for any finite data, checked element by element in double arithmetic: finite values,
// zeros that stay zeros, signs, errors of at most half a step, clipping only as far as the rounding of the scale
// explains it. Shared by the quick test and the exhaustive one.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <oracle/tensors.hpp>

#include "support.hpp"

namespace block_test {

/// Codes of a format with the bits that follow IEEE 754 without Inf and NaN: a scale format of E exponent and 7 - E
/// mantissa bits beside an unused sign.
constexpr nibble::float_format plain_scale(int exponent_bits) {
  return {.exponent_bits = exponent_bits,
          .mantissa_bits = 7 - exponent_bits,
          .bias = (1 << (exponent_bits - 1)) - 1};
}

/// FP4 with such a scale and a tensor scale.
constexpr nibble::block_format sweep_format(const nibble::float_format& scale, int block_size) {
  return {.element = nibble::formats::e2m1,
          .scale = scale,
          .block_size = block_size,
          .tensor_scale = scale.mantissa_bits > 0,
          .packing = nibble::layouts::nibbles_low_first};
}

/// The positive numbers of a format, in rising order.
inline std::vector<double> magnitudes_of(const nibble::float_format& f) {
  std::vector<double> values;
  for (std::uint32_t code = 0; code <= f.max_code(); ++code) values.push_back(f.magnitude_value(code));
  return values;
}

/// The distance of the neighbours around `y`, which is at most the largest number; a tiny one on a number itself.
inline double gap_at(const std::vector<double>& values, double y) {
  const auto upper = std::upper_bound(values.begin(), values.end(), y);
  if (upper == values.begin()) return *upper;
  if (upper == values.end()) return values.back() - values[values.size() - 2];
  return *upper - *(upper - 1);
}

enum class broken { nothing, not_finite, zero, sign, error, clipping, scale };

inline const char* text_of(broken what) {
  switch (what) {
    case broken::nothing: break;
    case broken::not_finite: return "a finite element gives no finite value";
    case broken::zero: return "a zero gives no zero of its sign";
    case broken::sign: return "a sign is lost";
    case broken::error: return "an error exceeds half a step";
    case broken::clipping: return "an element beyond the range is not the largest number";
    case broken::scale: return "a scale is not the nearest one";
  }
  return "nothing";
}

/// Checks one quantized tensor against its finite source.
template <nibble::block_format F>
class guarantees {
 public:
  guarantees() : elements_(magnitudes_of(F.element)) {
    if (F.scale != nibble::formats::f32) scales_ = magnitudes_of(F.scale);
  }

  [[nodiscard]] broken check(const std::vector<float>& x, const nibble::block_tensor<F>& q) {
    const std::vector<float> values = nibble::dequantize(q);
    const std::size_t cols = q.cols();
    const std::size_t width = F.block_cols(cols);
    const std::size_t height = F.rows_per_block(q.rows());
    const auto tensor_scale = static_cast<double>(q.tensor_scale());
    if (F.tensor_scale && !(tensor_scale > 0.0 && tensor_scale < 0x1p128)) return broken::scale;
    for (std::size_t row = 0; row < q.rows(); row += height) {
      for (std::size_t col = 0; col < cols; col += width) {
        const std::size_t last_row = std::min(row + height, q.rows());
        const std::size_t last_col = std::min(col + width, cols);
        double amax = 0;
        for (std::size_t r = row; r < last_row; ++r) {
          for (std::size_t c = col; c < last_col; ++c) {
            amax = std::max(amax, std::abs(static_cast<double>(x[r * cols + c])));
          }
        }
        const auto scale = static_cast<double>(q.view().scale(row, col));
        if (!is_right_scale(amax, scale, tensor_scale)) return broken::scale;
        for (std::size_t r = row; r < last_row; ++r) {
          for (std::size_t c = col; c < last_col; ++c) {
            const broken what = element(x[r * cols + c], values[r * cols + c], scale * tensor_scale);
            if (what != broken::nothing) return what;
          }
        }
      }
    }
    return broken::nothing;
  }

 private:
  /// The scale that a block with this amax should have, to the rounding of a few float32 operations.
  [[nodiscard]] bool is_right_scale(double amax, double scale, double tensor_scale) const {
    const double largest = elements_.back();
    if (F.scale == nibble::formats::f32) {
      if (amax == 0.0) return scale == 1.0;
      return std::abs(scale - std::max(amax / largest, 0x1p-126)) <= scale * 0x1p-22;
    }
    if (F.power_of_two_scale()) {
      if (amax == 0.0) return scale == scales_.front();
      const double smallest = F.scale.min_positive();
      if (amax < 0x1p-126) return scale == smallest;
      return scale == std::clamp(std::ldexp(1.0, std::ilogb(amax) - std::ilogb(largest)), smallest, scales_.back());
    }
    double wanted = amax / (largest * tensor_scale);
    if (!F.tensor_scale && amax > 0.0) {
      // Scales as far apart as float32 numbers: a normal one, whose product with the largest element is finite.
      if (scales_[1] < 0x1p-126 && scales_.back() >= 0x1p-126) wanted = std::max(wanted, 0x1p-126);
      const auto overflows = [&](double s) { return s * largest >= 0x1p128 - 0x1p103; };
      const auto most = std::partition_point(scales_.begin(), scales_.end(), [&](double s) { return !overflows(s); });
      if (most != scales_.end()) wanted = std::min(wanted, *(most - 1));
    }
    // Without a tensor scale the largest scale may be too small.
    if (wanted >= scales_.back()) return scale == scales_.back() && (!F.tensor_scale || wanted <= scale * (1 + 0x1p-20));
    return std::abs(scale - wanted) <= gap_at(scales_, wanted) / 2 + wanted * 0x1p-20;
  }

  /// `unit` is what one of the element format's ones is worth.
  [[nodiscard]] broken element(float source, float value, double unit) const {
    const auto x = static_cast<double>(source);
    const auto v = static_cast<double>(value);
    if (!(std::abs(v) < 0x1p128)) return broken::not_finite;
    constexpr bool signed_zero = F.element.has_negative_zero();
    if (x == 0.0) return v == 0.0 && (!signed_zero || std::signbit(v) == std::signbit(x)) ? broken::nothing : broken::zero;
    const bool sign = v == 0.0 && !signed_zero ? !std::signbit(v) : std::signbit(v) == std::signbit(x);
    if (!sign) return broken::sign;
    // A scale of zero, where it is the nearest one, makes zeros.
    if (unit == 0.0) return v == 0.0 ? broken::nothing : broken::error;
    const double slack = std::abs(x) * 0x1p-21 + 0x1p-148;
    const double y = std::abs(x) / unit;
    if (y >= elements_.back()) {
      return std::abs(std::abs(v) - elements_.back() * unit) <= slack ? broken::nothing : broken::clipping;
    }
    return std::abs(v - x) <= gap_at(elements_, y) / 2 * unit + slack ? broken::nothing : broken::error;
  }

  std::vector<double> elements_;
  std::vector<double> scales_;
};

/// A finite tensor: of one mode, or (seed % 4 == 0) of another mode in each row.
inline oracle::matrix hostile_tensor(std::size_t rows, std::size_t cols, std::uint64_t seed, std::size_t block) {
  constexpr oracle::tensor_mode modes[] = {
      oracle::tensor_mode::gaussian,   oracle::tensor_mode::ties, oracle::tensor_mode::scale_ties,
      oracle::tensor_mode::below_powers, oracle::tensor_mode::subnormals, oracle::tensor_mode::tiny,
      oracle::tensor_mode::huge,       oracle::tensor_mode::zeros, oracle::tensor_mode::wide};
  if (seed % 4 != 0) return oracle::make_tensor(modes[seed / 4 % 9], rows, cols, seed, block);
  oracle::matrix x{rows, cols, {}};
  oracle::generator g(seed);
  for (std::size_t r = 0; r < rows; ++r) {
    const oracle::matrix row = oracle::make_tensor(modes[g.below(9)], 1, cols, g.next() >> 8, block);
    x.bits.insert(x.bits.end(), row.bits.begin(), row.bits.end());
    if (g.one_in(8)) x.bits[x.bits.size() - 1 - g.below(static_cast<std::uint32_t>(cols))] = 0x7F7FFFFFU;
  }
  return x;
}

/// Tensors until `blocks` blocks are checked; the number of the first broken promise, or nothing.
template <nibble::block_format F>
void check_guarantees(differences& found, const std::string& name, std::size_t blocks) {
  const std::size_t width = F.block_size > 0 ? static_cast<std::size_t>(F.block_size) : 48;
  const std::size_t height = F.block_rows > 1 ? static_cast<std::size_t>(F.block_rows) : 4;
  const std::size_t rows = F.block_rows == 1 ? 8 : 2 * height - 1;
  const std::size_t cols = F.block_size > 0 ? 5 * width - 3 : width;
  guarantees<F> promise;
  std::size_t done = 0;
  for (std::uint64_t seed = 0; done < blocks; ++seed) {
    const source s(hostile_tensor(rows, cols, seed, width));
    const auto q = nibble::quantize<F>(s.view());
    const broken what = promise.check(s.values(), q);
    found.expect(what == broken::nothing, name + " seed " + std::to_string(seed) + ": " + text_of(what));
    done += F.scale_cols(cols) * ((rows + F.rows_per_block(rows) - 1) / F.rows_per_block(rows));
  }
}

}  // namespace block_test
