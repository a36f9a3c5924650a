// SPDX-License-Identifier: Apache-2.0
//
// The CUDA backend tag, the status that its calls return, and the scratch memory that some of them need.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <cuda_runtime_api.h>

#include <nibble/block/block_format.hpp>
#include <nibble/block/options.hpp>
#include <nibble/method/hadamard.hpp>

namespace nibble {
inline namespace v0 {

/// What the CUDA runtime answered. Work that was queued may still fail later: that shows when the stream is
/// synchronised.
class [[nodiscard]] cuda_status {
 public:
  constexpr cuda_status() = default;
  constexpr explicit cuda_status(cudaError_t code) noexcept : code_(code) {}
  [[nodiscard]] constexpr bool ok() const noexcept { return code_ == cudaSuccess; }
  [[nodiscard]] constexpr cudaError_t code() const noexcept { return code_; }
  /// The runtime's text for the code.
  [[nodiscard]] const char* text() const noexcept { return cudaGetErrorString(code_); }

 private:
  cudaError_t code_ = cudaSuccess;
};

/// The CUDA backend: calls are queued on `stream` and return at once. They allocate nothing and never synchronise, so
/// that they can be captured into graphs. Pointers in views and options are device pointers; the objects that hold them
/// (views, options, spans) are read before a call returns. `workspace` is device memory, aligned to 16 bytes, for calls
/// that ask for it (workspace_bytes); calls that share a workspace must share a stream.
struct cuda {
  cudaStream_t stream = nullptr;
  std::span<std::byte> workspace{};
};

/// Bytes of workspace that one amax takes, whatever the size of the matrix.
inline constexpr std::size_t amax_workspace_bytes = 8192;

/// What quantize on a device can be told besides quantize_options.
struct cuda_quantize_options {
  /// The tensor's amax in device memory, read when the call runs; as options.tensor_amax, which must then be empty. Its
  /// value is not checked.
  const float* tensor_amax = nullptr;
  /// Scales go to the 128x4 tiles of scale_layout.hpp: q.scales has tiled_scale_bytes(scale rows, scale columns) bytes,
  /// and its padding becomes zero. One-byte scales that every row has.
  bool tiled_scales = false;
  /// The rows as they are stored (with column_wise, columns of the source) are transformed by hadamard() with 16 lanes,
  /// in float32, before everything else; the tensor amax is then that of the transform. Rows of a multiple of 16
  /// elements; float, double, f16 and bf16.
  std::optional<hadamard_signs> hadamard{};
};

/// Bytes of workspace that quantize and quantize_both take under `options`: none, unless the tensor's amax is found, or
/// read, on the device.
template <block_format F>
[[nodiscard]] constexpr std::size_t workspace_bytes(const quantize_options& options) noexcept {
  return F.tensor_scale && !options.tensor_amax ? amax_workspace_bytes : 0U;
}

}  // namespace v0
}  // namespace nibble
