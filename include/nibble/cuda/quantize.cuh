// SPDX-License-Identifier: Apache-2.0
//
// quantize(cuda{stream}, ...): the arguments, results and errors of the scalar backend on device memory; and
// quantize_both, which gives the row-wise and the column-wise result in one pass over the input, as a training step
// needs them.
#pragma once

#include <string>

#include <nibble/base/counts.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/cuda/amax.cuh>
#include <nibble/cuda/backend.hpp>
#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/generic_quantize.cuh>
#include <nibble/cuda/run_kernel.cuh>
#include <nibble/cuda/tile_kernel.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Formats and types that tile_kernel takes.
template <block_format F, class T>
inline constexpr bool has_tile_kernel = has_block_kernel<F, T> && (F.block_size == 16 || F.block_size == 32);

/// Whether tile_kernel can read x: aligned rows of whole blocks.
template <block_format F, class T>
bool takes_tile_source(const matrix_view<T>& x) {
  if (x.rows == 0 || x.cols == 0 || x.cols % static_cast<std::size_t>(F.block_size) != 0) return false;
  const bool rows_lie =
      x.col_stride == 1 && x.row_stride >= 0 && static_cast<std::size_t>(x.row_stride) * sizeof(T) % 16 == 0;
  return rows_lie && reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0 &&
         pieces(x.rows, tile_side * tile_rounds) <= cuda_largest_rows && pieces(x.cols, tile_side) <= cuda_largest_grid;
}
/// Whether it can write the result of a call, in units of 8 bytes.
inline bool takes_tile_result(const quantize_call& call) {
  return has_block_rounding(call) && draws_runs(call) && call.code_stride % 8 == 0 &&
         reinterpret_cast<std::uintptr_t>(call.codes) % 8 == 0;
}
/// The same of column-wise calls, whose blocks must be whole too.
template <block_format F>
bool takes_tile_columns(const quantize_call& columns) {
  return columns.cols % static_cast<std::size_t>(F.block_size) == 0 && takes_tile_result(columns);
}

/// Queues tile_kernel for x as it is stored by its owner; a call without codes is left out.
template <block_format F, class T>
cuda_status queue_tiles(const cuda& device, const matrix_view<T>& x, const quantize_call& rows,
                        const quantize_call& columns) {
  const quantize_call& any = columns.codes != nullptr ? columns : rows;
  const tile_calls calls{
      rows, columns, static_cast<std::size_t>(x.row_stride), x.rows, x.cols, any.stream, any.random.first_element};
  return with_block_rounding(
      any, [&]<class Rounding>() { return launch_tiles<F, T, Rounding>(device.stream, x.data, calls); });
}

/// Queues a call whose tensor scaling is known or will be found at call.device_scaling.
template <block_format F, class T>
cuda_status queue_quantize(const cuda& device, const matrix_view<T>& stored, const quantize_call& call) {
  if constexpr (has_tile_kernel<F, T>) {
    // The rows of a tile of scales meet sooner in tile_kernel.
    const bool is_quick = sizeof(T) > 2 || call.rounding.mode == rounding_mode::nearest_even;
    if (call.tiled_scales && is_quick && !call.transposed && takes_tile_source<F>(stored) && takes_tile_result(call)) {
      return queue_tiles<F>(device, stored, call, quantize_call{});
    }
  }
  if constexpr (has_block_kernel<F, T>) {
    if (takes_block_kernel<F>(stored, call)) {
      if constexpr (has_run_kernel<F, T>) {
        if (takes_run_kernel(call)) return queue_run_call<F>(device, stored, call);
      }
      return queue_block_call<F>(device, stored, call);
    }
  }
  if constexpr (has_tile_kernel<F, T>) {
    const matrix_view<T> x = call.transposed ? stored.transposed() : stored;
    if (takes_tile_source<F>(x)) {
      if (!call.transposed && takes_tile_result(call)) return queue_tiles<F>(device, x, call, quantize_call{});
      if (call.transposed && takes_tile_columns<F>(call)) return queue_tiles<F>(device, x, quantize_call{}, call);
    }
  }
  return queue_generic_quantize(device, stored, call);
}

/// Rejects extras that the call cannot honour. `stored` is the matrix as it is stored.
template <block_format F, class T>
void check_extras(const matrix_view<T>& stored, const quantize_options& options, const cuda_quantize_options& extras) {
  if (extras.tensor_amax != nullptr && options.tensor_amax) {
    throw_argument("extras.tensor_amax is given beside options.tensor_amax; one of them must be empty");
  }
  if (extras.tiled_scales && (F.scale_bytes() != 1 || (F.block_rows != 1 && !F.replicate_scales))) {
    throw_argument(
        "extras.tiled_scales is true; it must be false for this format: tiles hold one-byte scales of every row");
  }
  if (!extras.hadamard) return;
  if (!is_common_source<T>) throw_argument("extras.hadamard is given; x must then be of float, double, f16 or bf16");
  if (stored.cols % hadamard_lanes != 0) {
    throw_argument("extras.hadamard is given for rows of " + std::to_string(stored.cols) +
                   " elements; they must have a multiple of 16");
  }
}

/// A checked call of quantize with its extras. Queues what must come before it: the tensor's scaling, which takes place
/// `index` in the workspace, and the zeros between scales in tiles.
template <block_format F, class T>
cuda_status prepare_quantize(const cuda& device, const matrix_view<T>& stored, const block_view<F>& q,
                             const quantize_options& options, const cuda_quantize_options& extras, std::size_t index,
                             quantize_call& call) {
  call = make_quantize_call(stored, q, options);
  call.tiled_scales = extras.tiled_scales;
  if (extras.hadamard) call.hadamard = hadamard_call(*extras.hadamard);
  const std::size_t scale_rows = F.scale_rows(stored.rows);
  const std::size_t scale_cols = F.scale_cols(stored.cols);
  if (call.tiled_scales && stored.rows != 0 && stored.cols != 0 && (scale_rows % 128 != 0 || scale_cols % 4 != 0)) {
    const cudaError_t code = cudaMemsetAsync(q.scales, 0, tiled_scale_bytes(scale_rows, scale_cols), device.stream);
    if (code != cudaSuccess) return cuda_status(code);
  }
  if (workspace_bytes<F>(options) == 0) return cuda_status{};
  tensor_scaling* scaling = amax_workspace{device.workspace.data()}.scaling(index);
  call.device_scaling = scaling;
  if (extras.tensor_amax != nullptr) {
    return launch(device.stream, 1, &finish_amax_kernel<>, reinterpret_cast<const std::uint32_t*>(extras.tensor_amax),
                  1U, nullptr, scaling, F, options.recipe);
  }
  const bool turned = options.orientation == orientation::column_wise && !call.hadamard.wanted;
  return queue_amax(device, turned ? stored.transposed() : stored, call.hadamard, options.recipe.amax, nullptr, scaling,
                    F, options.recipe);
}

}  // namespace detail::inline NIBBLE_UNIT

/// Queues quantize(scalar{}, x, q, options), bit for bit: x.data, the pointers of q, options.counts and the words of
/// stochastic_words are device memory. With a tensor scale and without options.tensor_amax the amax is found first, or
/// read from extras.tensor_amax, in the workspace (workspace_bytes<F>(options)). Throws std::invalid_argument as the
/// scalar backend does, for extras that do not fit the call and for a short workspace, before anything is queued.
template <block_format F, class T>
cuda_status quantize(const cuda& device, const matrix_view<T>& x, const block_view<F>& q,
                     const quantize_options& options = {}, const cuda_quantize_options& extras = {}) {
  const matrix_view<T> stored = detail::checked_source(x, q, options);
  detail::check_extras<F>(stored, options, extras);
  detail::check_workspace(device, workspace_bytes<F>(options));
  detail::quantize_call call;
  const cuda_status status = detail::prepare_quantize(device, stored, q, options, extras, 0, call);
  return status.ok() ? detail::queue_quantize<F>(device, stored, call) : status;
}

/// Queues quantize(x, rows, options) row-wise and quantize(x, columns, options) column-wise, each with its extras, with
/// one pass over x where blocks are whole, memory is aligned and the recipe is the default one. Elements draw the same
/// random words in both. options.orientation is ignored. Throws as quantize does.
template <block_format F, class T>
cuda_status quantize_both(const cuda& device, const matrix_view<T>& x, const block_view<F>& rows,
                          const block_view<F>& columns, const quantize_options& options = {},
                          const cuda_quantize_options& row_extras = {},
                          const cuda_quantize_options& column_extras = {}) {
  quantize_options row_options = options;
  row_options.orientation = orientation::row_wise;
  quantize_options column_options = options;
  column_options.orientation = orientation::column_wise;
  const matrix_view<T> stored = detail::checked_source(x, rows, row_options);
  const matrix_view<T> turned = detail::checked_source(x, columns, column_options);
  detail::check_extras<F>(stored, options, row_extras);
  detail::check_extras<F>(turned, options, column_extras);
  detail::check_workspace(device, workspace_bytes<F>(options));
  detail::quantize_call row_call;
  detail::quantize_call column_call;
  cuda_status status = detail::prepare_quantize(device, stored, rows, row_options, row_extras, 0, row_call);
  if (!status.ok()) return status;
  status = detail::prepare_quantize(device, turned, columns, column_options, column_extras, 1, column_call);
  if (!status.ok()) return status;
  if constexpr (detail::has_tile_kernel<F, T>) {
    if (detail::takes_tile_source<F>(x) && detail::takes_tile_result(row_call) &&
        detail::takes_tile_columns<F>(column_call)) {
      return detail::queue_tiles<F>(device, x, row_call, column_call);
    }
  }
  status = detail::queue_quantize<F>(device, stored, row_call);
  return status.ok() ? detail::queue_quantize<F>(device, turned, column_call) : status;
}

}  // namespace v0
}  // namespace nibble
