// SPDX-License-Identifier: Apache-2.0
//
// Eigen matrices as sources and results of quantize and dequantize, and packed codes as an Eigen expression.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <nibble/block/dequantize.hpp>
#include <nibble/block/matrix_view.hpp>
#include <nibble/block/options.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/block/tensor.hpp>
#include <nibble/eigen/cast.hpp>
#include <nibble/eigen/num_traits.hpp>
#include <nibble/packed/packed_span.hpp>

namespace nibble {
inline namespace v0 {

/// An Eigen matrix, array, map, block or expression.
template <class T>
concept eigen_expression = std::is_base_of_v<Eigen::EigenBase<T>, T> && requires { typename T::Scalar; };

/// One whose elements lie in memory at fixed strides, so that no copy is needed to read it.
template <class T>
concept eigen_storage = eigen_expression<T> && (T::Flags & Eigen::DirectAccessBit) != 0;

/// A matrix or array that owns its elements.
template <class T>
concept eigen_matrix = eigen_expression<T> && std::is_base_of_v<Eigen::PlainObjectBase<T>, T>;

/// The elements of a matrix in memory, in either storage order and with any strides; valid as long as they are.
template <eigen_storage Derived>
[[nodiscard]] matrix_view<typename Derived::Scalar> view_of(const Eigen::DenseBase<Derived>& x) {
  return {x.derived().data(), static_cast<std::size_t>(x.rows()), static_cast<std::size_t>(x.cols()),
          static_cast<std::ptrdiff_t>(x.derived().rowStride()), static_cast<std::ptrdiff_t>(x.derived().colStride())};
}

namespace detail::inline NIBBLE_UNIT {

/// The scalar that quantize reads for a scalar of Eigen's.
template <class Scalar>
struct readable_scalar {
  using type = Scalar;
};
template <>
struct readable_scalar<Eigen::half> {
  using type = f16;
};
template <>
struct readable_scalar<Eigen::bfloat16> {
  using type = bf16;
};

/// Calls `action` with a view of `x`: of its own memory where that can be read, else of a copy.
template <class Derived, class Action>
auto with_view(const Eigen::DenseBase<Derived>& x, Action&& action) {
  using scalar_type = typename readable_scalar<typename Derived::Scalar>::type;
  if constexpr (eigen_storage<Derived> && std::is_same_v<scalar_type, typename Derived::Scalar>) {
    return std::forward<Action>(action)(view_of(x));
  } else {
    const Eigen::Matrix<scalar_type, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> copy =
        x.derived().template cast<scalar_type>();
    return std::forward<Action>(action)(view_of(copy));
  }
}

}  // namespace detail

/// quantize<nvfp4>(matrix): blocks run along the rows of the matrix, or along its columns with options.orientation ==
/// column_wise, whatever its storage order is. Scalars are float, double, Eigen::half, Eigen::bfloat16 and minifloats.
template <block_format F, class Derived>
[[nodiscard]] block_tensor<F> quantize(const Eigen::DenseBase<Derived>& x, const quantize_options& options = {}) {
  return detail::with_view(x, [&](const auto& view) { return quantize<F>(view, options); });
}
/// The same on a backend.
template <block_format F, class Backend, class Derived>
[[nodiscard]] block_tensor<F> quantize(Backend backend, const Eigen::DenseBase<Derived>& x,
                                       const quantize_options& options = {}) {
  return detail::with_view(x, [&](const auto& view) { return quantize<F>(backend, view, options); });
}

/// dequantize<Eigen::MatrixXf>(q): the values as a matrix in its own storage order; its scalar is float, double or a
/// minifloat. Throws std::invalid_argument where q has not the fixed size of the matrix.
template <eigen_matrix Matrix, block_format F>
[[nodiscard]] Matrix dequantize(const block_tensor<F>& q) {
  const auto rows = static_cast<Eigen::Index>(q.rows());
  const auto cols = static_cast<Eigen::Index>(q.cols());
  constexpr int fixed_rows = Matrix::RowsAtCompileTime;
  constexpr int fixed_cols = Matrix::ColsAtCompileTime;
  if ((fixed_rows != Eigen::Dynamic && rows != fixed_rows) || (fixed_cols != Eigen::Dynamic && cols != fixed_cols)) {
    throw std::invalid_argument("nibble: q is " + std::to_string(rows) + " x " + std::to_string(cols) +
                                "; a matrix of fixed size must have its shape");
  }
  using scalar_type = typename Matrix::Scalar;
  Matrix result(rows, cols);
  if constexpr (Matrix::IsRowMajor) {
    dequantize(q.view(), result.data());
  } else {
    Eigen::Matrix<scalar_type, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> values(rows, cols);
    dequantize(q.view(), values.data());
    result = values;
  }
  return result;
}

/// Packed codes, row-major, as a matrix expression of minifloats: packed_matrix(codes, rows, cols).cast<float>().
/// It reads `codes` whenever it is evaluated. Throws std::invalid_argument where rows * cols is not codes.size().
template <float_format F, packed_layout Layout>
[[nodiscard]] auto packed_matrix(const_packed_span<F, Layout> codes, Eigen::Index rows, Eigen::Index cols) {
  const bool fits = rows >= 0 && cols >= 0 && (cols == 0 || rows <= static_cast<Eigen::Index>(codes.size()) / cols) &&
                    static_cast<std::size_t>(rows * cols) == codes.size();
  if (!fits) {
    throw std::invalid_argument("nibble: rows x cols is " + std::to_string(rows) + " x " + std::to_string(cols) +
                                "; codes has " + std::to_string(codes.size()) + " elements");
  }
  using matrix = Eigen::Matrix<minifloat<F>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return matrix::NullaryExpr(rows, cols, [codes, cols](Eigen::Index row, Eigen::Index col) {
    return codes[static_cast<std::size_t>(row * cols + col)];
  });
}
template <float_format F, packed_layout Layout>
[[nodiscard]] auto packed_matrix(packed_span<F, Layout> codes, Eigen::Index rows, Eigen::Index cols) {
  return packed_matrix(const_packed_span<F, Layout>(codes), rows, cols);
}

}  // namespace v0
}  // namespace nibble
