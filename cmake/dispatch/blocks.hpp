// SPDX-License-Identifier: Apache-2.0
//
// The functions of one block format. Included by the units that instantiate them, a few formats each, so that they are
// compiled side by side.
#pragma once

#include "unit.hpp"

namespace nibble {
inline namespace v0 {
namespace dispatch {
namespace NIBBLE_DISPATCH_ISA {

template <block_format F>
void quantize_bands(const matrix_view<float>& x, const code_matrix<std::uint8_t>& q, const quantize_options& options,
                    std::size_t first, std::size_t last) {
  static_assert(sizeof(code_type<F.scale>) == 1, "scales of named block formats are bytes");
  const block_view<F> view{q.codes, q.scales, q.tensor_scale, q.rows, q.cols, q.code_stride, q.scale_stride};
  unit_quantizer<F>(x, view, options).run(first, last);
}

template <block_format F>
void dequantize_all(const code_matrix<const std::uint8_t>& q, float* out) {
#if NIBBLE_DISPATCH_SCALAR
  const block_view<F, const std::uint8_t> view{q.codes, q.scales, q.tensor_scale,
                                               q.rows,  q.cols,   q.code_stride,  q.scale_stride};
  for (std::size_t r = 0; r < q.rows; ++r) detail::dequantize_row(view, r, out + r * q.cols);
#else
  const bool streamed = detail::is_streamed<unit_arch>(q.rows * q.cols * sizeof(float));
  detail::row_dequantizer<F, unit_arch, float> rows(F.tensor_scale ? *q.tensor_scale : 1.0F, streamed);
  for (std::size_t r = 0; r < q.rows; ++r) {
    const std::size_t scale_row = F.replicate_scales ? r : r / F.rows_per_block(q.rows);
    rows.run(q.codes + r * q.code_stride, q.scales + scale_row * q.scale_stride, q.cols, out + r * q.cols);
  }
  if (streamed) detail::finish_stream();
#endif
}

template <block_format F>
inline constexpr block_kernels kernels_for{quantize_bands<F>, dequantize_all<F>};

}  // namespace NIBBLE_DISPATCH_ISA
}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
