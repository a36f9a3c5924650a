// SPDX-License-Identifier: Apache-2.0
//
// dequantize(simd{}, ...): the arguments, results and errors of the scalar backend, at the speed of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nibble/block/code_row.hpp>
#include <nibble/block/dequantize.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/dequantize_row.hpp>
#include <nibble/simd/stream.hpp>

namespace nibble {
inline namespace v0 {

namespace detail::inline NIBBLE_UNIT {

/// Rows first, ..., last - 1.
template <class Arch, block_format F, class Byte, class T>
void dequantize_rows(const block_view<F, Byte>& q, T* out, std::size_t first, std::size_t last) {
  const bool streamed = is_streamed<Arch>(q.rows * q.cols * sizeof(T));
  row_dequantizer<F, Arch, T> rows(F.tensor_scale ? *q.tensor_scale : 1.0F, streamed);
  const bool joined = rows_are_one<F>(q.cols, q.code_stride, q.scale_stride);
  const std::size_t together = joined ? last - first : 1U;
  for (std::size_t r = first; r < last; r += together) {
    const std::size_t scale_row = F.replicate_scales ? r : r / F.rows_per_block(q.rows);
    rows.run(q.codes + r * q.code_stride, q.scales + scale_row * q.scale_stride, together * q.cols, out + r * q.cols);
  }
  if (streamed) finish_stream();
}

}  // namespace detail

/// As dequantize(scalar{}, q, out), bit for bit.
template <block_format F, class Byte, class T, class Arch>
void dequantize(basic_simd<Arch> /*backend*/, const block_view<F, Byte>& q, T* out) {
  detail::check_block_view(q, "q");
  if (q.rows == 0 || q.cols == 0) return;
  if (out == nullptr) detail::throw_argument("out is null");
  detail::dequantize_rows<Arch>(q, out, 0, q.rows);
}

/// As above with the rows spread over an executor.
template <block_format F, class Byte, class T, class Arch, executor Executor>
void dequantize(basic_simd<Arch> /*backend*/, const block_view<F, Byte>& q, T* out, Executor&& run) {
  detail::check_block_view(q, "q");
  if (q.rows != 0 && q.cols != 0 && out == nullptr) detail::throw_argument("out is null");
  detail::rows_in_slices(q.rows, q.cols, run, [&](std::size_t first, std::size_t last) {
    detail::dequantize_rows<Arch>(q, out, first, last);
  });
}

/// The values of a quantized tensor, row-major.
template <class T = float, block_format F, class Arch>
[[nodiscard]] std::vector<T> dequantize(basic_simd<Arch> backend, const block_tensor<F>& q) {
  std::vector<T> values(q.rows() * q.cols());
  dequantize(backend, q.view(), values.data());
  return values;
}

}  // namespace v0
}  // namespace nibble
