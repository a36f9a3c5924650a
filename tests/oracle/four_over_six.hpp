// SPDX-License-Identifier: Apache-2.0

// Reference for the choice between two block scales in Transformer Engine's reference_nvfp4.py: the one that maps the
// block maximum to 6, and one 1.5 times as large that maps it to 4.
#pragma once

#include <oracle/blocks.hpp>

#include <vector>

namespace oracle {

enum class choice_error { mean_absolute, mean_squared };

namespace four_over_six_detail {

struct tensor_state {
  double encode = 1;
  double decode = 1;
  double amax = 0;
  double denominator = 1;
  choice_error by = choice_error::mean_absolute;
};

struct candidate {
  std::uint32_t scale = 0;
  std::vector<std::uint8_t> codes;
  double error = 0;
};

/// E2M1 by comparisons: NaN and zeros of either sign are 0.
inline std::uint8_t code_of(double y) {
  return static_cast<std::uint8_t>(is_nan(y) || is_zero(y) ? 0 : encode(e2m1, y));
}

inline double row_error(const tensor_state& t, double stored, const double* values, const std::uint8_t* codes) {
  double sum = 0;
  for (std::size_t j = 0; j < 16; ++j) {
    const double value = f32::div(f32::mul(f32::mul(decode(e2m1, codes[j]), stored), t.amax), t.denominator);
    const double difference = f32::add(value, -values[j]);
    const bool squared = t.by == choice_error::mean_squared;
    sum = f32::add(sum, squared ? f32::mul(difference, difference) : magnitude(difference));
  }
  return sum;
}

/// Sixteen rows are summed as rows 0-7 and 8-15, then 0-3 and 4-7, and so on.
inline double block_error(std::vector<double> rows) {
  while (rows.size() > 1) {
    const std::size_t half = rows.size() / 2;
    for (std::size_t i = 0; i < half; ++i) rows[i] = f32::add(rows[i], rows[i + half]);
    rows.resize(half);
  }
  return rows[0];
}

inline candidate try_scale(const tensor_state& t, const std::vector<double>& values, double unrounded) {
  candidate c;
  c.scale = encode(e4m3, unrounded);
  const double stored = decode(e4m3, c.scale);
  const double multiplier = f32::at_most(f32::div(1.0, f32::mul(stored, t.decode)), f32::max);
  for (const double x : values) c.codes.push_back(code_of(f32::mul(x, multiplier)));
  std::vector<double> rows;
  for (std::size_t i = 0; i < values.size(); i += 16) rows.push_back(row_error(t, stored, &values[i], &c.codes[i]));
  c.error = block_error(rows);
  return c;
}

}  // namespace four_over_six_detail

/// `scale_max` is what stands for 448 in the tensor scale, 256 by default there. `global` is the decode multiplier.
inline quantized quantize_four_over_six(const matrix& x, std::size_t block_rows, choice_error by, double scale_max) {
  using namespace four_over_six_detail;
  constexpr std::size_t block = 16;
  const std::size_t blocks = (x.columns + block - 1) / block;
  quantized q;
  q.codes.resize(x.rows * x.columns);
  q.scales.resize(x.rows * blocks);
  q.tensor_amax = amax_of(tile_of(x, 0, 0, x.rows, x.columns), true);
  tensor_state t{1, 1, q.tensor_amax, 6.0 * scale_max, by};
  t.encode = f32::at_most(f32::div(t.denominator, t.amax), f32::max);
  if (is_zero(t.encode)) t.encode = 1.0;
  t.decode = f32::div(1.0, t.encode);
  q.global = t.decode;
  for (std::size_t row = 0; row < x.rows; row += block_rows) {
    for (std::size_t k = 0; k < blocks; ++k) {
      const auto values = tile_of(x, row, k * block, block_rows, block);
      const double base = f32::mul(f32::div(amax_of(values, true), 6.0), t.encode);
      const candidate six = try_scale(t, values, base);
      const candidate four = try_scale(t, values, f32::mul(base, 1.5));
      const candidate& best = four.error < six.error ? four : six;
      for (std::size_t i = 0; i < block_rows && row + i < x.rows; ++i) {
        q.scales[(row + i) * blocks + k] = static_cast<std::uint8_t>(best.scale);
        for (std::size_t j = 0; j < block && k * block + j < x.columns; ++j) {
          q.codes[(row + i) * x.columns + k * block + j] = best.codes[i * block + j];
        }
      }
    }
  }
  return q;
}

}  // namespace oracle
