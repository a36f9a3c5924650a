// SPDX-License-Identifier: Apache-2.0
//
// dequantize: value = (element * scale) * tensor_scale, in float32. The first product is exact but for underflow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <nibble/base/counts.hpp>
#include <nibble/block/code_row.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/block/tensor.hpp>
#include <nibble/format/value_table.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Writes a float32 value to a float, a double, or a minifloat (rounded to nearest even, Inf kept).
template <class T>
NIBBLE_FUNCTION void store_value(T& out, binary32 value) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    out = static_cast<float>(value);
  } else if constexpr (std::is_same_v<T, double>) {
    out = exact_double(value);
  } else {
    constexpr float_format format = T::format;  // device code cannot name a static member's address
    out = T::from_bits(encode_bits(format, value.bits(), rounding_choice{}, overflow::special, policy::cuda));
  }
}

/// One row of values.
template <block_format F, class Byte, class T>
void dequantize_row(const block_view<F, Byte>& q, std::size_t row, T* out) {
  const std::size_t width = F.block_cols(q.cols);
  const binary32 tensor_scale(F.tensor_scale ? *q.tensor_scale : 1.0F);
  std::uint8_t codes[256];
  for (std::size_t col = 0; col < q.cols; col += width) {
    const binary32 scale(q.scale(row, col));
    const std::size_t end = smaller(q.cols, col + width);
    for (std::size_t c = col; c < end; c += sizeof(codes)) {
      const std::size_t count = smaller(sizeof(codes), end - c);
      load_codes<F>(q.codes + row * q.code_stride, c, count, codes);
      for (std::size_t i = 0; i < count; ++i) {
        const binary32 product = binary32(value_table<F.element>[codes[i]]) * scale;
        store_value(out[c + i], F.tensor_scale ? product * tensor_scale : product);
      }
    }
  }
}

/// Calls action(first, last) for slices of rows, as tasks of an executor.
template <class Executor, class Action>
void rows_in_slices(std::size_t rows, std::size_t cols, Executor& run, const Action& action) {
  constexpr std::size_t wanted = std::size_t{1} << 14;
  if (rows == 0 || cols == 0) return;
  const std::size_t slice = cols >= wanted ? 1U : wanted / cols;
  run(rows / slice + (rows % slice != 0 ? 1U : 0U),
      [&](std::size_t i) { action(i * slice, smaller((i + 1) * slice, rows)); });
}

}  // namespace detail

/// Writes the rows x cols values of `q` to `out`, row-major without gaps; T is float, double, or a minifloat such as
/// bf16 (one more rounding to nearest even). A NaN scale gives NaN. Throws std::invalid_argument for a null pointer
/// or too small strides.
template <block_format F, class Byte, class T>
void dequantize(scalar /*backend*/, const block_view<F, Byte>& q, T* out) {
  detail::check_block_view(q, "q");
  if (q.rows != 0 && q.cols != 0 && out == nullptr) detail::throw_argument("out is null");
  for (std::size_t row = 0; row < q.rows; ++row) detail::dequantize_row(q, row, out + row * q.cols);
}
/// As above with the rows spread over an executor.
template <block_format F, class Byte, class T, executor Executor>
void dequantize(scalar /*backend*/, const block_view<F, Byte>& q, T* out, Executor&& run) {
  detail::check_block_view(q, "q");
  if (q.rows != 0 && q.cols != 0 && out == nullptr) detail::throw_argument("out is null");
  detail::rows_in_slices(q.rows, q.cols, run, [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) detail::dequantize_row(q, row, out + row * q.cols);
  });
}
/// As above on the scalar backend.
template <block_format F, class Byte, class T>
void dequantize(const block_view<F, Byte>& q, T* out) {
  dequantize(scalar{}, q, out);
}

/// The rows() * cols() values of a quantized tensor, row-major, as above; none for an empty one.
template <class T = float, block_format F>
[[nodiscard]] std::vector<T> dequantize(scalar backend, const block_tensor<F>& q) {
  std::vector<T> values(q.rows() * q.cols());
  dequantize(backend, q.view(), values.data());
  return values;
}
/// As above on the scalar backend.
template <class T = float, block_format F>
[[nodiscard]] std::vector<T> dequantize(const block_tensor<F>& q) {
  return dequantize<T>(scalar{}, q);
}

}  // namespace v0
}  // namespace nibble
