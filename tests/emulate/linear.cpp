// SPDX-License-Identifier: Apache-2.0
//
// The quantized linear layer: each product against loops over the dequantized operands, which are quantized from matrices
// that are transposed and transformed in memory; and what its options promise.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/emulate/linear.hpp>

namespace {

using namespace nibble;
namespace em = nibble::emulate;

constexpr std::size_t tokens = 40;
constexpr std::size_t inputs = 48;
constexpr std::size_t outputs = 24;

std::vector<float> normal(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> x(size);
  for (float& v : x) {
    v = std::ldexp(static_cast<float>(static_cast<int>(random() % 2001) - 1000), static_cast<int>(random() % 6) - 12);
  }
  return x;
}
const std::vector<float> x_data = normal(tokens * inputs, 1);
const std::vector<float> w_data = normal(outputs * inputs, 2);
const std::vector<float> dy_data = normal(tokens * outputs, 3);
const matrix_view<float> x{x_data.data(), tokens, inputs};
const matrix_view<float> w{w_data.data(), outputs, inputs};
const matrix_view<float> dy{dy_data.data(), tokens, outputs};

std::vector<float> transposed(const matrix_view<float>& m) {
  std::vector<float> t;
  for (std::size_t c = 0; c < m.cols; ++c) {
    for (std::size_t r = 0; r < m.rows; ++r) t.push_back(m(r, c));
  }
  return t;
}

/// An element times its scale.
template <block_format F>
long double scaled(const block_tensor<F>& t, std::size_t r, std::size_t c) {
  return static_cast<long double>(decode<F.element>(t.code(r, c))) * static_cast<long double>(t.view().scale(r, c));
}

/// a b^T of two quantized matrices, as exact as long double: element and scale products fit its 64 bits.
template <block_format A, block_format B>
std::vector<float> product(const block_tensor<A>& a, const block_tensor<B>& b) {
  std::vector<float> d;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < b.rows(); ++j) {
      long double sum = 0;
      for (std::size_t k = 0; k < a.cols(); ++k) sum += scaled(a, i, k) * scaled(b, j, k);
      d.push_back(static_cast<float>(sum));
    }
  }
  return d;
}

template <block_format F>
void check_products() {
  em::linear_options options;
  options.input_gradient.left.rounding = stochastic{.seed = 5};
  options.weight_gradient.left.rounding = toward_zero{};
  CHECK(em::linear_forward<F>(x, w, options) == product(quantize<F>(x), quantize<F>(w)));
  const auto wt = transposed(w);
  const auto w_along_outputs = quantize<F>(matrix_view{wt.data(), inputs, outputs});
  const auto dy_rows = quantize<F>(dy, {.rounding = stochastic{.seed = 5}});
  CHECK(em::linear_input_gradient<F>(dy, w, options) == product(dy_rows, w_along_outputs));
  const auto dyt = transposed(dy);
  const auto xt = transposed(x);
  const auto dy_along_tokens = quantize<F>(matrix_view{dyt.data(), outputs, tokens}, {.rounding = toward_zero{}});
  const auto x_along_tokens = quantize<F>(matrix_view{xt.data(), inputs, tokens});
  CHECK(em::linear_weight_gradient<F>(dy, x, options) == product(dy_along_tokens, x_along_tokens));
}

TEST_CASE("linear: three products of MX and FP8 operands") {
  check_products<mxfp8_e4m3>();
  check_products<mxfp4>();
}

TEST_CASE("linear: the Hadamard transform before the weight gradient") {
  em::linear_options options;
  options.hadamard_lanes = 16;
  options.hadamard_in_bf16 = false;
  const auto transformed = [&](const matrix_view<float>& m) {
    std::vector<float> t;
    for (std::size_t c = 0; c < m.cols; ++c) {
      for (std::size_t r = 0; r < 48; ++r) t.push_back(r < m.rows ? m(r, c) : 0.0F);
    }
    hadamard(std::span<float>(t), 16);
    return quantize<mxfp8_e4m3>(matrix_view{t.data(), m.cols, 48});
  };
  CHECK(em::linear_weight_gradient<mxfp8_e4m3>(dy, x, options) == product(transformed(dy), transformed(x)));
  // Orthonormal: nearly the product without it.
  const auto with = em::linear_weight_gradient<mxfp8_e4m3>(dy, x, options);
  const auto without = em::linear_weight_gradient<mxfp8_e4m3>(dy, x);
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < with.size(); ++i) {
    const double a = static_cast<double>(with[i]);
    const double b = static_cast<double>(without[i]);
    difference += (a - b) * (a - b);
    size += b * b;
  }
  CHECK(difference < 0.01 * size);
  CHECK(difference > 0);
}

TEST_CASE("linear: the NVFP4 training recipe") {
  const em::accumulation how = em::accumulate::by(em::units::blackwell_mxf4nvf4);
  const em::linear_options options = em::nvfp4_training(7, how);
  // Weights in tiles: both directions see the same values.
  const auto rows = quantize<nvfp4_2d>(w);
  const auto columns = em::detail::quantize_transposed<nvfp4_2d>(w, {});
  for (std::size_t r = 0; r < outputs; ++r) {
    for (std::size_t c = 0; c < inputs; ++c) CHECK(rows.value(r, c) == columns.value(c, r));
  }
  const auto y = em::linear_forward<nvfp4, nvfp4_2d, bf16>(x, w, options);
  CHECK(y == em::gemm<bf16>(quantize<nvfp4>(x), rows, {.accumulate = how}));
  const auto dx = em::linear_input_gradient<nvfp4, nvfp4_2d>(dy, w, options);
  CHECK(dx == em::gemm(quantize<nvfp4>(dy, {.rounding = stochastic{.seed = 7}}), columns, {.accumulate = how}));
  // The transform of the recipe: bfloat16 in, bfloat16 out, gradient rounded by another stream.
  const auto transformed = [&](const matrix_view<float>& m, const quantize_options& q) {
    std::vector<bf16> t;
    for (std::size_t c = 0; c < m.cols; ++c) {
      for (std::size_t r = 0; r < 48; ++r) t.push_back(bf16(r < m.rows ? m(r, c) : 0.0F));
    }
    hadamard(std::span<bf16>(t), 16);
    return quantize<nvfp4>(matrix_view<bf16>{t.data(), m.cols, 48}, q);
  };
  const auto dw = em::linear_weight_gradient<nvfp4>(dy, x, options);
  const auto gradient = transformed(dy, {.rounding = stochastic{.seed = 7, .stream = 1}});
  CHECK(dw == em::gemm(gradient, transformed(x, {}), {.accumulate = how}));
  CHECK(dw != em::linear_weight_gradient<nvfp4>(dy, x, em::nvfp4_training(8, how)));
}

TEST_CASE("linear: wrong shapes") {
  CHECK_THROWS_AS((void)em::linear_forward<nvfp4>(x, dy), std::invalid_argument);
  CHECK_THROWS_AS((void)em::linear_input_gradient<nvfp4>(x, w), std::invalid_argument);
  CHECK_THROWS_AS((void)em::linear_weight_gradient<nvfp4>(dy, w), std::invalid_argument);
  em::linear_options options;
  options.hadamard_lanes = 8;
  CHECK_THROWS_AS((void)em::linear_weight_gradient<nvfp4>(dy, x, options), std::invalid_argument);
}

}  // namespace
