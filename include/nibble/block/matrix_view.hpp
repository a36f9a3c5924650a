// SPDX-License-Identifier: Apache-2.0
//
// A read-only matrix that somebody else owns: pointer, shape and strides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include <nibble/base/binary32.hpp>
#include <nibble/number/minifloat.hpp>
#include <nibble/packed/error.hpp>

namespace nibble {
inline namespace v0 {

/// rows x cols elements of type T: float, double, or a minifloat (f16 and bf16 among them). Element (r, c) is
/// data[r * row_stride + c * col_stride]; strides count elements and may be negative or zero. An empty matrix may have
/// a null pointer.
template <class T>
struct matrix_view {
  static_assert(encode_source<T> || minifloat_type<T> || extended_float<T>,
                "matrix_view<T>: T is float, double, or a minifloat such as f16 and bf16; convert integers first");
  const T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::ptrdiff_t row_stride = 0;
  std::ptrdiff_t col_stride = 1;

  constexpr matrix_view() = default;
  /// Row-major without gaps.
  NIBBLE_FUNCTION matrix_view(const T* elements, std::size_t row_count, std::size_t col_count) noexcept
      : matrix_view(elements, row_count, col_count, static_cast<std::ptrdiff_t>(col_count)) {}
  /// With strides in elements.
  NIBBLE_FUNCTION matrix_view(const T* elements, std::size_t row_count, std::size_t col_count, std::ptrdiff_t row_step,
                        std::ptrdiff_t col_step = 1) noexcept
      : data(elements), rows(row_count), cols(col_count), row_stride(row_step), col_stride(col_step) {}

  /// Element (r, c), which must be there: r < rows, c < cols.
  [[nodiscard]] NIBBLE_FUNCTION const T& operator()(std::size_t r, std::size_t c) const noexcept {
    return data[static_cast<std::ptrdiff_t>(r) * row_stride + static_cast<std::ptrdiff_t>(c) * col_stride];
  }
  /// The number of elements.
  [[nodiscard]] NIBBLE_FUNCTION std::size_t size() const noexcept { return rows * cols; }
  /// The same elements with rows and columns exchanged.
  [[nodiscard]] NIBBLE_FUNCTION matrix_view transposed() const noexcept {
    return {data, cols, rows, col_stride, row_stride};
  }
  /// The rows first_row, ..., first_row + row_count - 1, which must be there.
  [[nodiscard]] NIBBLE_FUNCTION matrix_view row_slice(std::size_t first_row, std::size_t row_count) const noexcept {
    return {rows == 0 ? data : data + static_cast<std::ptrdiff_t>(first_row) * row_stride, row_count, cols, row_stride,
            col_stride};
  }
};

template <class T>
matrix_view(const T*, std::size_t, std::size_t) -> matrix_view<T>;
template <class T>
matrix_view(T*, std::size_t, std::size_t) -> matrix_view<T>;
template <class T>
matrix_view(const T*, std::size_t, std::size_t, std::ptrdiff_t) -> matrix_view<T>;
template <class T>
matrix_view(const T*, std::size_t, std::size_t, std::ptrdiff_t, std::ptrdiff_t) -> matrix_view<T>;

namespace detail::inline NIBBLE_UNIT {

/// Rejects a view that cannot be read.
template <class T>
constexpr void check_view(const matrix_view<T>& x, const char* name) {
  if (x.rows != 0 && x.cols > std::numeric_limits<std::size_t>::max() / x.rows) {
    throw_argument({name, ": ", x.rows, " rows of ", x.cols, " columns do not fit std::size_t"});
  }
  if (x.size() != 0 && x.data == nullptr) {
    throw_argument({name, ".data is null, but the matrix has ", x.size(), " elements"});
  }
}

/// The binary32 bits of an element. Floats pass unchanged; minifloats are widened exactly; a double is rounded once to
/// nearest even, since recipes are defined on float32.
template <class T>
NIBBLE_FUNCTION std::uint32_t element_bits(const T& x) noexcept {
  const auto bits = source_bits(x);
  if constexpr (sizeof(bits) == 4) {
    return bits;
  } else {
    return encode_bits(formats::f32, bits, rounding_choice{}, overflow::special, policy::cuda);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
