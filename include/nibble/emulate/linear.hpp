// SPDX-License-Identifier: Apache-2.0
//
// A fully quantized linear layer, Y = X W^T: its forward product and the two products of its backward pass, each with
// quantized operands, its own roundings and its own accumulation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <nibble/base/executor.hpp>
#include <nibble/block/quantize.hpp>
#include <nibble/emulate/gemm.hpp>
#include <nibble/method/hadamard.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {

/// One product: how its operands are quantized (the orientation is the layer's business, and ignored) and multiplied.
struct product_options {
  quantize_options left{};
  quantize_options right{};
  gemm_options gemm{};
};

/// The three products of a layer. X is tokens x inputs, W outputs x inputs, dY tokens x outputs.
struct linear_options {
  product_options forward{};          ///< left X, right W, both along inputs
  product_options input_gradient{};   ///< left dY, right W, both along outputs
  product_options weight_gradient{};  ///< left dY, right X, both along tokens
  std::size_t hadamard_lanes = 0;     ///< transforms both operands of the weight gradient along tokens: 0, 16, 32, 64, 128
  hadamard_signs signs = hadamard_signs::published();
  bool hadamard_in_bf16 = true;       ///< the transform's input and output are bfloat16, else float32
};

/// The training recipe of "Pretraining Large Language Models with NVFP4" (arXiv 2509.25149): gradients rounded
/// stochastically, the operands of the weight gradient transformed by 16 x 16 Hadamard matrices. The weights' format is
/// nvfp4_2d, whose tiles give both directions the same values. `how` accumulates all three products.
[[nodiscard]] NIBBLE_ALWAYS_INLINE linear_options nvfp4_training(std::uint64_t seed, const accumulation& how) {
  linear_options options;
  options.forward.gemm.accumulate = how;
  options.input_gradient = {.left = {.rounding = stochastic{.seed = seed, .stream = 0}}, .gemm = {.accumulate = how}};
  options.weight_gradient = {.left = {.rounding = stochastic{.seed = seed, .stream = 1}}, .gemm = {.accumulate = how}};
  options.hadamard_lanes = 16;
  return options;
}

namespace detail::inline NIBBLE_UNIT {

/// x^T with every row transformed; rows are padded with zeros to whole tiles.
template <class Element, block_format F, class T>
block_tensor<F> quantize_transformed(const matrix_view<T>& x, quantize_options how, const linear_options& options) {
  const std::size_t lanes = options.hadamard_lanes;
  const std::size_t width = (x.rows + lanes - 1) / lanes * lanes;
  std::vector<Element> transposed(nibble::detail::checked_product(x.cols, width, sizeof(Element)));
  for (std::size_t c = 0; c < x.cols; ++c) {
    for (std::size_t r = 0; r < x.rows; ++r) {
      const binary32 value = binary32::from_bits(nibble::detail::element_bits(x(r, c)));
      nibble::detail::store_value(transposed[c * width + r], value);
    }
  }
  hadamard(std::span<Element>(transposed), lanes, options.signs);
  how.orientation = orientation::row_wise;
  return quantize<F>(matrix_view<Element>{transposed.data(), x.cols, width}, how);
}

/// x^T quantized along its rows.
template <block_format F, class T>
block_tensor<F> quantize_transposed(const matrix_view<T>& x, quantize_options how) {
  how.orientation = orientation::column_wise;
  return quantize<F>(x, how);
}

template <block_format F, class T>
block_tensor<F> quantize_along_tokens(const matrix_view<T>& x, const quantize_options& how, const linear_options& options) {
  if (options.hadamard_lanes == 0) return quantize_transposed<F>(x, how);
  if (options.hadamard_in_bf16) return quantize_transformed<minifloat<formats::bf16>, F>(x, how, options);
  return quantize_transformed<float, F>(x, how, options);
}

template <block_format F, class T>
block_tensor<F> quantize_rows(const matrix_view<T>& x, quantize_options how) {
  how.orientation = orientation::row_wise;
  return quantize<F>(x, how);
}

inline void check_linear(std::size_t a, std::size_t b, const char* a_name, const char* b_name, const char* side) {
  if (a == b) return;
  throw_argument({a_name, " has ", a, " ", side, " and ", b_name, " ", b});
}

}  // namespace detail

/// Y = X W^T, tokens x outputs, row-major. X and W are quantized to F and Weight, multiplied as options.forward.gemm says,
/// and the result rounded to Out. `backend` (scalar, or native of gemm_native.hpp) and `run` are those of gemm; quantization
/// is the scalar one. Throws std::invalid_argument for shapes that do not fit, and what quantize and gemm throw.
template <block_format F, block_format Weight = F, class Out = float, class T, class Backend = scalar,
          executor Executor = serial>
[[nodiscard]] NIBBLE_ALWAYS_INLINE std::vector<Out> linear_forward(
    const matrix_view<T>& x, const std::type_identity_t<matrix_view<T>>& w,
    const linear_options& options = {}, Backend backend = {}, Executor&& run = {}) {
  detail::check_linear(x.cols, w.cols, "x", "w", "columns");
  return gemm<Out>(backend, detail::quantize_rows<F>(x, options.forward.left),
                   detail::quantize_rows<Weight>(w, options.forward.right), options.forward.gemm, run);
}

/// dX = dY W, tokens x inputs.
template <block_format F, block_format Weight = F, class Out = float, class T, class Backend = scalar,
          executor Executor = serial>
[[nodiscard]] NIBBLE_ALWAYS_INLINE std::vector<Out> linear_input_gradient(
    const matrix_view<T>& dy, const std::type_identity_t<matrix_view<T>>& w,
    const linear_options& options = {}, Backend backend = {}, Executor&& run = {}) {
  detail::check_linear(dy.cols, w.rows, "dy", "w", "outputs");
  return gemm<Out>(backend, detail::quantize_rows<F>(dy, options.input_gradient.left),
                   detail::quantize_transposed<Weight>(w, options.input_gradient.right), options.input_gradient.gemm, run);
}

/// dW = dY^T X, outputs x inputs; both operands transformed first where options.hadamard_lanes says so, which leaves the
/// product of unquantized operands as it is.
template <block_format F, class Out = float, class T, class Backend = scalar, executor Executor = serial>
[[nodiscard]] NIBBLE_ALWAYS_INLINE std::vector<Out> linear_weight_gradient(
    const matrix_view<T>& dy, const std::type_identity_t<matrix_view<T>>& x,
    const linear_options& options = {}, Backend backend = {}, Executor&& run = {}) {
  detail::check_linear(dy.rows, x.rows, "dy", "x", "tokens");
  const product_options& how = options.weight_gradient;
  return gemm<Out>(backend, detail::quantize_along_tokens<F>(dy, how.left, options),
                   detail::quantize_along_tokens<F>(x, how.right, options), how.gemm, run);
}

}  // namespace emulate
}  // namespace v0
}  // namespace nibble
