// SPDX-License-Identifier: Apache-2.0
//
// quantize(cuda{stream}, ...): the arguments, results and errors of the scalar backend on device memory.
#pragma once

#include <nibble/block/quantize.hpp>
#include <nibble/cuda/amax.cuh>
#include <nibble/cuda/backend.hpp>
#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/generic_quantize.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Queues a call whose tensor scaling is known or will be found at call.device_scaling.
template <block_format F, class T>
cuda_status queue_quantize(const cuda& device, const matrix_view<T>& stored, const quantize_call& call) {
  if constexpr (has_block_kernel<F, T>) {
    if (takes_block_kernel<F>(stored, call)) return queue_block_call<F>(device, stored, call);
  }
  return queue_generic_quantize(device, stored, call);
}

}  // namespace detail

/// Queues quantize(scalar{}, x, q, options), bit for bit: x.data, the pointers of q, options.counts and the words of
/// stochastic_words are device memory. With a tensor scale and without options.tensor_amax the amax is found first, in
/// the workspace (workspace_bytes<F>(options)). Throws std::invalid_argument as the scalar backend does, and for a short
/// workspace, before anything is queued.
template <block_format F, class T>
cuda_status quantize(const cuda& device, const matrix_view<T>& x, const block_view<F>& q,
                     const quantize_options& options = {}) {
  const matrix_view<T> stored = detail::checked_source(x, q, options);
  detail::check_workspace(device, workspace_bytes<F>(options));
  detail::quantize_call call = detail::make_quantize_call(stored, q, options);
  if (workspace_bytes<F>(options) != 0) {
    call.device_scaling = detail::amax_workspace{device.workspace.data()}.scaling();
    const cuda_status status = detail::queue_amax(device, x, options.recipe.amax, nullptr,
                                                  detail::amax_workspace{device.workspace.data()}.scaling(), F,
                                                  options.recipe);
    if (!status.ok()) return status;
  }
  return detail::queue_quantize<F>(device, stored, call);
}

}  // namespace v0
}  // namespace nibble
