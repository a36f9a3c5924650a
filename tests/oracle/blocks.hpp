// SPDX-License-Identifier: Apache-2.0

// What the references for block quantization share: matrices, blocks, amax, and the search that ggml makes for a code.
#pragma once

#include <oracle/encode.hpp>
#include <oracle/formats.hpp>

#include <cstddef>
#include <vector>

namespace oracle {

/// float32 bit patterns, row-major.
struct matrix {
  std::size_t rows;
  std::size_t columns;
  std::vector<std::uint32_t> bits;
};

/// `scales` is [rows][ceil(columns / block)]: scales of a tile of rows are repeated for each of its rows. `global` is
/// the number that the implementation calls its tensor scale (see each rule), 1 where it has none.
struct quantized {
  std::vector<std::uint8_t> codes;
  std::vector<std::uint8_t> scales;
  double tensor_amax = 0;
  double global = 1;
};

/// Largest magnitude of a set of values. With `propagate` one NaN makes it NaN, else NaN is passed over.
inline double amax_of(const std::vector<double>& values, bool propagate) {
  double largest = 0.0;
  for (const double x : values) {
    if (is_nan(x)) {
      if (propagate) return quiet_nan();
    } else if (magnitude(x) > largest) {
      largest = magnitude(x);
    }
  }
  return largest;
}

/// Values of a tile of `block_rows` rows and `block` columns; zero outside the matrix.
inline std::vector<double> tile_of(const matrix& x, std::size_t row, std::size_t column, std::size_t block_rows,
                                   std::size_t block) {
  std::vector<double> values;
  for (std::size_t i = row; i < row + block_rows; ++i) {
    for (std::size_t j = column; j < column + block; ++j) {
      const bool inside = i < x.rows && j < x.columns;
      values.push_back(inside ? float_value(x.bits[i * x.columns + j]) : 0.0);
    }
  }
  return values;
}

/// ggml: nearest entry of {0,1,2,3,4,6,8,12, 0,-1,..,-12} times half the scale, the first of equals. NaN and Inf give
/// 0.
inline std::uint8_t ggml_code(double x, double half_scale) {
  static constexpr int table[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  if (is_nan(x) || is_infinite(x)) return 0;
  std::uint8_t best = 0;
  double best_error = magnitude(x);
  for (std::uint8_t i = 1; i < 16; ++i) {
    const double candidate = f32::mul(table[i], half_scale);
    const double error = is_infinite(candidate) ? infinity() : magnitude(f32::add(candidate, -x));
    if (error < best_error) {
      best = i;
      best_error = error;
    }
  }
  return best;
}

/// ggml's encoder of unsigned E4M3: ties up, 7 at most below the first normal, and 448 for everything from 248 up.
inline std::uint8_t ggml_ue4m3(double x) {
  if (is_nan(x) || x <= 0.0) return 0;
  if (x < 0x1p-6) {
    const int steps = static_cast<int>(f32::add(f32::mul(x, 512.0), 0.5));
    return static_cast<std::uint8_t>(steps > 7 ? 7 : steps);
  }
  const std::uint32_t code = x >= 512.0 ? 0x7E : encode(ue4m3, x, rounding::nearest_away);
  return static_cast<std::uint8_t>(code >= 15 * 8 ? 0x7E : code);
}

}  // namespace oracle
