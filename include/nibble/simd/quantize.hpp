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

namespace detail::inline NIBBLE_UNIT {

/// Tiles where blocks are runs of a row, else the walk of the scalar backend on vectors.
template <block_format F, class T, class Arch>
using simd_quantizer =
    std::conditional_t<is_tileable<F>, tile_quantizer<F, T, Arch>, quantizer<F, T, simd_kernels<Arch>>>;

}  // namespace detail

/// As quantize(scalar{}, x, q, options), bit for bit.
template <block_format F, class T, class Arch>
void quantize(basic_simd<Arch> /*backend*/, const matrix_view<T>& x, const block_view<F>& q,
              const quantize_options& options = {}) {
  const matrix_view<T> stored = detail::checked_source(x, q, options);
  detail::simd_quantizer<F, T, Arch>(stored, q, options).run(0, stored.rows);
}

/// As above with the work spread over an executor: the same bits for any number of threads.
template <block_format F, class T, class Arch, executor Executor>
void quantize(basic_simd<Arch> /*backend*/, const matrix_view<T>& x, const block_view<F>& q,
              const quantize_options& options, Executor&& run) {
  detail::quantize_in_slices<detail::simd_quantizer<F, T, Arch>, detail::simd_kernels<Arch>>(
      detail::checked_source(x, q, options), q, options, run);
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
