// SPDX-License-Identifier: Apache-2.0
//
// LUQ as a block codec: 4-bit codes of powers of two and one alpha for the tensor, which is its tensor scale. There are no
// block scales: those that a caller is handed are all 1.
#include <algorithm>
#include <cstdint>
#include <nibble/base/binary32.hpp>
#include <nibble/method/luq.hpp>
#include <span>
#include <vector>

#include "block_codec.hpp"

namespace nibble::tool {
namespace {

// LUQ code 1 + k is alpha * 2^k, which is E3M0 with bias 1. A scale is E8M0, of which only 1 occurs; 128 values long, so
// that a block ends where a tile does.
constexpr block_format luq4{.element = {.exponent_bits = 3, .mantissa_bits = 0, .bias = 1},
                            .scale = formats::e8m0,
                            .block_size = 128,
                            .tensor_scale = true,
                            .packing = layouts::nibbles_low_first};
constexpr std::uint8_t scale_of_one = 127;

// Elements that are NaN or Inf become zero; they are counted where errors are, and quantize_file refuses them.
float quantize_luq(const matrix_view<float>& values, const code_area<std::uint8_t>& out,
                   const quantize_options& options) {
  luq_options luq_of_row{.known_maximum = options.tensor_amax, .random = options.rounding.random()};
  std::vector<float> row(values.cols);
  float alpha = 0;
  for (std::size_t r = 0; r < values.rows; ++r) {
    for (std::size_t c = 0; c < values.cols; ++c) {
      row[c] = binary32(values(r, c)).is_finite() ? values(r, c) : 0.0F;
    }
    alpha = luq(row, std::span(out.codes + r * out.code_stride, luq4.row_bytes(values.cols)), luq_of_row);
    std::fill_n(out.scales + r * out.scale_stride, luq4.scale_cols(values.cols), scale_of_one);
    luq_of_row.random.first_element += values.cols;
  }
  return alpha;
}

void dequantize_luq(const code_area<const std::uint8_t>& in, float tensor_scale, std::size_t rows, std::size_t cols,
                    float* out) {
  for (std::size_t r = 0; r < rows; ++r) {
    luq_decode(std::span(in.codes + r * in.code_stride, luq4.row_bytes(cols)), tensor_scale,
               std::span(out + r * cols, cols));
  }
}

}  // namespace

std::vector<block_codec> make_luq_codecs() {
  return {{.name = "luq4",
           .format = luq4,
           .quantize = quantize_luq,
           .dequantize = dequantize_luq,
           .stores_scales = false}};
}

}  // namespace nibble::tool
