// SPDX-License-Identifier: Apache-2.0
//
// The NVFP4 presets against tests/vectors, byte for byte, and against the oracle's implementations on tensors with ties
// after scaling, zeros of both signs, subnormals, huge and tiny numbers, NaN and Inf, whole blocks and ragged ones.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <oracle/four_over_six.hpp>
#include <oracle/nvfp4_by_quotient.hpp>
#include <oracle/recipe.hpp>
#include <oracle/tensors.hpp>
#include <oracle/vectors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::recipe;
using oracle::matrix;
using oracle::nvfp4_rule;
using oracle::quantized;
using oracle::tensor_mode;

const std::string tensors[] = {"gauss", "gauss_outlier", "zero_blocks"};

constexpr shape shapes[] = {{1, 1}, {1, 16}, {3, 17}, {16, 16}, {5, 31}, {17, 40}, {33, 50}};

/// E2M1 with one scale for 16x16 elements that is stored once, in whole bytes, and a high nibble first.
constexpr block_format high_first{.element = nibble::formats::e2m1,
                                  .scale = nibble::formats::e4m3,
                                  .block_size = 16,
                                  .tensor_scale = true,
                                  .packing = nibble::layouts::nibbles_high_first};

template <block_format F>
nibble::block_tensor<F> quantized_by(const recipe& r, const matrix& x) {
  const source s(x);
  return nibble::quantize<F>(s.view(), {.recipe = r});
}

/// Codes, scales and decode multiplier of `F` under `r` against `wanted`.
template <block_format F>
void compare(differences& found, const std::string& name, const recipe& r, const matrix& x, const quantized& wanted) {
  const auto q = quantized_by<F>(r, x);
  found.compare(name + " scales", scales_of(q), wanted.scales);
  found.compare(name + " codes", codes_of(q), wanted.codes);
  found.compare(name + " tensor scale", std::vector{comparable_bits(q.tensor_scale())},
                std::vector{comparable_bits(oracle::bits_float(oracle::bits_of_float(wanted.global)))});
}

/// `reference(x)` against F under r, on tensors of every mode.
template <block_format F, class Reference>
void compare_everywhere(const std::string& name, const recipe& r, Reference reference, std::uint64_t seeds = 6) {
  differences found;
  for (const tensor_mode mode : oracle::all_tensor_modes) {
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      for (const shape& s : shapes) {
        const matrix x = oracle::make_tensor(mode, s.rows, s.columns, seed * 64 + s.columns);
        const std::string where = name + " mode " + std::to_string(static_cast<int>(mode)) + " seed " +
                                  std::to_string(seed) + " " + std::to_string(s.rows) + "x" + std::to_string(s.columns);
        compare<F>(found, where, r, x, reference(x));
      }
    }
  }
  NIBBLE_CHECK_EQUAL(found, 3 * 10 * seeds * std::size(shapes));
}

/// The published rule of `rule` against preset `r`, by rows and, where the implementation has them, by tiles.
void check_rule(const std::string& name, const recipe& r, nvfp4_rule rule, bool tiles) {
  compare_everywhere<nibble::nvfp4>(name, r, [&](const matrix& x) { return oracle::quantize_nvfp4(rule, x); });
  if (!tiles) return;
  compare_everywhere<nibble::nvfp4_2d>(name + " tiles", r,
                                       [&](const matrix& x) { return oracle::quantize_nvfp4(rule, x, 16); });
}

/// Packed codes, scales and global of one vector file set; `global` tells which entry is the decode multiplier (0: the
/// amax, whose multiplier the oracle gives).
template <block_format F>
void check_vectors(differences& found, const std::string& name, const recipe& r) {
  for (const std::string& tensor : tensors) {
    const auto q = quantized_by<F>(r, oracle::vector_input(tensor));
    found.compare(tensor + " " + name + " codes", std::vector(q.codes().begin(), q.codes().end()),
                  oracle::read_vector("outputs/" + tensor + "." + name + ".codes.u4"));
    found.compare(tensor + " " + name + " scales", scales_of(q), oracle::vector_scales(tensor, name));
  }
}

template <block_format F>
void check_global(differences& found, const std::string& name, const recipe& r) {
  for (const std::string& tensor : tensors) {
    const source s(oracle::vector_input(tensor));
    const auto q = nibble::quantize<F>(s.view(), {.recipe = r});
    const auto global = oracle::vector_global(tensor, name);
    found.expect(oracle::float_bits(nibble::amax(s.view())) == global.front(), name + " amax");
    if (global.size() > 1) found.expect(oracle::float_bits(q.tensor_scale()) == global.back(), name + " tensor scale");
  }
}

}  // namespace

TEST_CASE("NVFP4 presets give the published bytes") {
  differences found;
  check_vectors<nibble::nvfp4>(found, "te_py_nvfp4_1x16", recipe::transformer_engine);
  check_vectors<nibble::nvfp4>(found, "te_py_nvfp4_1x16", recipe::transformer_engine_2_14);
  check_vectors<nibble::nvfp4_2d>(found, "te_py_nvfp4_16x16", recipe::transformer_engine);
  check_vectors<nibble::nvfp4>(found, "te_cpp_nvfp4_1x16", recipe::transformer_engine_cpp);
  check_vectors<nibble::nvfp4_2d>(found, "te_cpp_nvfp4_16x16", recipe::transformer_engine_cpp_2d);
  check_vectors<nibble::nvfp4>(found, "torchao_nvfp4", recipe::torchao);
  check_vectors<nibble::nvfp4>(found, "torchao_nvfp4_pts", recipe::torchao_tensor_scale);
  check_global<nibble::nvfp4>(found, "te_py_nvfp4_1x16", recipe::transformer_engine);
  check_global<nibble::nvfp4_2d>(found, "te_py_nvfp4_16x16", recipe::transformer_engine);
  check_global<nibble::nvfp4>(found, "te_cpp_nvfp4_1x16", recipe::transformer_engine_cpp);
  check_global<nibble::nvfp4_2d>(found, "te_cpp_nvfp4_16x16", recipe::transformer_engine_cpp_2d);
  check_global<nibble::nvfp4>(found, "torchao_nvfp4_pts", recipe::torchao_tensor_scale);
  NIBBLE_CHECK_EQUAL(found, 42 + 24);
}

TEST_CASE("ggml's NVFP4 blocks, byte for byte") {
  differences found;
  for (const std::string& tensor : tensors) {
    const auto q = quantized_by<nibble::ggml_nvfp4>(recipe::ggml, oracle::vector_input(tensor));
    // A super-block of ggml is four scales and then the codes of four blocks, which lie in the rows as they are.
    std::vector<std::uint8_t> raw;
    for (std::size_t b = 0; b < 256; ++b) {
      raw.insert(raw.end(), &q.scales()[4 * b], &q.scales()[4 * b] + 4);
      raw.insert(raw.end(), &q.codes()[32 * b], &q.codes()[32 * b] + 32);
    }
    found.compare(tensor, raw, oracle::read_vector("outputs/" + tensor + ".ggml_nvfp4.raw.bin"));
  }
  NIBBLE_CHECK_EQUAL(found, 3);
}

TEST_CASE("Transformer Engine presets equal the oracle") {
  check_rule("python", recipe::transformer_engine, nvfp4_rule::transformer_engine, true);
  check_rule("kernel", recipe::transformer_engine_kernel, nvfp4_rule::transformer_engine_kernel, true);
  check_rule("2.14", recipe::transformer_engine_2_14, nvfp4_rule::transformer_engine_2_14, true);
  check_rule("cpp", recipe::transformer_engine_cpp, nvfp4_rule::transformer_engine_cpp, false);
  compare_everywhere<nibble::nvfp4_2d>("cpp tiles", recipe::transformer_engine_cpp_2d, [](const matrix& x) {
    return oracle::quantize_nvfp4(nvfp4_rule::transformer_engine_cpp, x, 16);
  });
}

TEST_CASE("torchao, compressed-tensors, FBGEMM, vLLM and ggml presets equal the oracle") {
  check_rule("torchao", recipe::torchao, nvfp4_rule::torchao, false);
  check_rule("torchao with tensor scale", recipe::torchao_tensor_scale, nvfp4_rule::torchao_tensor_scale, false);
  compare_everywhere<nibble::ggml_nvfp4>("ggml", recipe::ggml, [](const matrix& x) {
    return oracle::quantize_nvfp4(nvfp4_rule::ggml, x);
  });
  compare_everywhere<nibble::nvfp4>("compressed-tensors", recipe::compressed_tensors, [](const matrix& x) {
    quantized q = oracle::quantize_nvfp4(nvfp4_rule::compressed_tensors, x);
    q.global = oracle::f32::div(1.0, q.global);  // that implementation stores the encode multiplier
    return q;
  });
  compare_everywhere<nibble::nvfp4>("fbgemm", recipe::fbgemm, [](const matrix& x) {
    return oracle::quantize_by_quotient(oracle::by_quotient::fbgemm, x);
  });
  compare_everywhere<nibble::nvfp4>("vllm", recipe::vllm_emulation, [](const matrix& x) {
    return oracle::quantize_by_quotient(oracle::by_quotient::vllm_emulation, x);
  });
}

TEST_CASE("four over six equals the oracle") {
  recipe squared = recipe::transformer_engine_four_over_six;
  squared.choice = nibble::four_over_six::mean_squared_error;
  squared.tensor_scale_max = 0.0F;  // 448
  for (const std::size_t rows : {std::size_t{1}, std::size_t{16}}) {
    const auto absolute = [&](const matrix& x) {
      return oracle::quantize_four_over_six(x, rows, oracle::choice_error::mean_absolute, 256.0);
    };
    const auto square = [&](const matrix& x) {
      return oracle::quantize_four_over_six(x, rows, oracle::choice_error::mean_squared, 448.0);
    };
    if (rows == 1) {
      compare_everywhere<nibble::nvfp4>("absolute", recipe::transformer_engine_four_over_six, absolute, 4);
      compare_everywhere<nibble::nvfp4>("squared", squared, square, 4);
    } else {
      compare_everywhere<nibble::nvfp4_2d>("absolute tiles", recipe::transformer_engine_four_over_six, absolute, 4);
      compare_everywhere<nibble::nvfp4_2d>("squared tiles", squared, square, 4);
    }
  }
}

TEST_CASE("the order of codes in bytes changes nothing else") {
  differences found;
  const matrix x = oracle::make_tensor(tensor_mode::ties, 9, 45, 1);
  const auto low = quantized_by<nibble::nvfp4>(recipe::transformer_engine, x);
  const auto high = quantized_by<high_first>(recipe::transformer_engine, x);
  found.compare("codes", codes_of(high), codes_of(low));
  found.compare("scales", scales_of(high), scales_of(low));
  NIBBLE_CHECK_EQUAL(found, 2);
}
