// SPDX-License-Identifier: Apache-2.0
//
// The functions of one block_codec. Included by the files that instantiate them, a few formats each, so that they are
// compiled side by side.
#pragma once

#include <nibble/dispatch.hpp>

#include "block_codec.hpp"

namespace nibble::tool {

template <block_format F>
float quantize_area(const matrix_view<float>& values, const code_area<std::uint8_t>& out,
                    const quantize_options& options) {
  float tensor_scale = 1.0F;
  const block_view<F> target{out.codes,   out.scales,      &tensor_scale,   values.rows,
                             values.cols, out.code_stride, out.scale_stride};
  nibble::quantize(dispatched{}, values, target, options);
  return tensor_scale;
}

template <block_format F>
void dequantize_area(const code_area<const std::uint8_t>& in, float tensor_scale, std::size_t rows, std::size_t cols,
                     float* out) {
  const block_view<F, const std::uint8_t> source{in.codes, in.scales,      &tensor_scale,  rows,
                                                 cols,     in.code_stride, in.scale_stride};
  nibble::dequantize(dispatched{}, source, out);
}

template <block_format F>
block_codec make_block_codec(std::string_view name) {
  static_assert(F.scale_bytes() == 1 && F.scale_rows(16) == 16 && 128 % F.block_size == 0);
  return {name, F, quantize_area<F>, dequantize_area<F>};
}

}  // namespace nibble::tool
