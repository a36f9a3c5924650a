// SPDX-License-Identifier: Apache-2.0
//
// quantize(simd{}, ...): the arguments, results and errors of the scalar backend, at the speed of vectors.
#pragma once

#include <nibble/block/quantize.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/kernels.hpp>
#include <nibble/simd/tile.hpp>

namespace nibble {
inline namespace v0 {

/// As quantize(scalar{}, x, q, options), bit for bit.
template <block_format F, class T, class Arch>
void quantize(basic_simd<Arch> /*backend*/, const matrix_view<T>& x, const block_view<F>& q,
              const quantize_options& options = {}) {
  const matrix_view<T> stored = detail::checked_source(x, q, options);
  if constexpr (detail::is_tileable<F>) {
    detail::tile_quantizer<F, T, Arch>(stored, q, options).run();
  } else {
    detail::quantizer<F, T, detail::simd_kernels<Arch>>(stored, q, options).run();
  }
}

/// As quantize<F>(scalar{}, x, options), bit for bit.
template <block_format F, class T, class Arch>
[[nodiscard]] block_tensor<F> quantize(basic_simd<Arch> backend, const matrix_view<T>& x,
                                       const quantize_options& options = {}) {
  detail::check_view(x, "x");
  const bool transposed = options.orientation == orientation::column_wise;
  block_tensor<F> result(transposed ? x.cols : x.rows, transposed ? x.rows : x.cols);
  quantize(backend, x, result.view(), options);
  return result;
}

}  // namespace v0
}  // namespace nibble
