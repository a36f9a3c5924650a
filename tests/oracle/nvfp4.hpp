// SPDX-License-Identifier: Apache-2.0

// References for NVFP4: E2M1 elements, blocks of 16 (or tiles of 16 x 16), E4M3 scales.
#pragma once

#include <oracle/blocks.hpp>

namespace oracle {

/// Transformer Engine: Python reference (reference_nvfp4.py), CUDA kernels (core_nvfp4.cuh), C++ reference of the
/// operator tests (test_cast_nvfp4_transpose.cu), Python reference up to release 2.14. torchao: nvfp4_quantize without
/// and with a per-tensor scale. compressed-tensors: float32 observer on CPU. ggml: quantize_row_nvfp4_ref.
enum class nvfp4_rule {
  transformer_engine,
  transformer_engine_kernel,
  transformer_engine_cpp,
  transformer_engine_2_14,
  torchao,
  torchao_tensor_scale,
  compressed_tensors,
  ggml
};

namespace nvfp4_detail {

/// What the tensor contributes: `encode` is S_enc (or 1 / tensor scale), `decode` its reciprocal as the rule rounds it.
struct tensor_state {
  double encode = 1;
  double decode = 1;
};

/// A block: the stored scale, and how a value is brought to the range of E2M1.
struct block_state {
  std::uint32_t scale = 0;
  double multiplier = 0;
  double divisor = 0;
};

inline bool propagates_nan(nvfp4_rule rule) {
  return rule != nvfp4_rule::transformer_engine_kernel && rule != nvfp4_rule::transformer_engine_cpp &&
         rule != nvfp4_rule::ggml;
}

inline bool is_transformer_engine(nvfp4_rule rule) {
  return rule == nvfp4_rule::transformer_engine || rule == nvfp4_rule::transformer_engine_kernel ||
         rule == nvfp4_rule::transformer_engine_cpp || rule == nvfp4_rule::transformer_engine_2_14;
}

inline tensor_state tensor_of(nvfp4_rule rule, double amax) {
  tensor_state t;
  if (is_transformer_engine(rule)) {
    const bool kernel = !propagates_nan(rule);
    t.encode = f32::at_most(f32::div(2688.0, amax), f32::max);
    if (is_zero(t.encode) || (kernel && is_zero(amax))) t.encode = 1.0;
    t.decode = f32::div(1.0, t.encode);
  } else if (rule == nvfp4_rule::torchao_tensor_scale) {
    t.decode = f32::div(amax, 2688.0);
    t.encode = f32::div(1.0, t.decode);
  } else if (rule == nvfp4_rule::compressed_tensors) {
    t.encode = f32::div(2688.0, !is_nan(amax) && amax < 0x1p-126 ? 0x1p-126 : amax);
    if (is_nan(t.encode) || is_infinite(t.encode)) t.encode = 1.0;
    t.decode = f32::div(1.0, t.encode);
  }
  return t;
}

inline block_state transformer_engine_block(nvfp4_rule rule, bool tile, const tensor_state& t, double amax) {
  const bool cpp = rule == nvfp4_rule::transformer_engine_cpp;
  const bool divides = rule == nvfp4_rule::transformer_engine_2_14 || (cpp && tile);
  const double sixth = f32::div(1.0, 6.0);
  double scale = 0;
  if (divides) {
    scale = f32::mul(f32::div(amax, 6.0), t.encode);
  } else {
    scale = f32::mul(amax, f32::mul(t.encode, sixth));
  }
  block_state b;
  b.scale = encode(e4m3, scale);
  const double stored = decode(e4m3, b.scale);
  if (cpp && is_zero(stored)) return b;
  if (cpp && tile) {
    b.multiplier = f32::div(t.encode, stored);
  } else {
    b.multiplier = f32::at_most(f32::div(1.0, f32::mul(stored, t.decode)), f32::max);
  }
  return b;
}

inline block_state torchao_block(bool tensor_scale, const tensor_state& t, double amax) {
  const double raw = f32::div(amax, 6.0);
  block_state b;
  b.scale = encode(e4m3, f32::clamp(tensor_scale ? f32::div(raw, t.decode) : raw, 0x1p-6, 448.0));
  b.multiplier = f32::div(t.encode, decode(e4m3, b.scale));
  return b;
}

inline block_state compressed_tensors_block(const tensor_state& t, double amax) {
  block_state b;
  b.scale = encode(e4m3, f32::mul(t.encode, f32::div(amax, 6.0)));
  if (b.scale == 0) b.scale = encode(e4m3, 0.125);
  b.divisor = f32::div(decode(e4m3, b.scale), t.encode);
  return b;
}

inline block_state block_of(nvfp4_rule rule, bool tile, const tensor_state& t, double amax) {
  if (is_transformer_engine(rule)) return transformer_engine_block(rule, tile, t, amax);
  if (rule == nvfp4_rule::compressed_tensors) return compressed_tensors_block(t, amax);
  if (rule != nvfp4_rule::ggml) return torchao_block(rule == nvfp4_rule::torchao_tensor_scale, t, amax);
  block_state b;
  b.scale = ggml_ue4m3(f32::div(amax, 6.0));
  b.multiplier = decode(ue4m3, b.scale) / 2;
  return b;
}

inline std::uint32_t element_of(nvfp4_rule rule, const block_state& b, double x) {
  if (rule == nvfp4_rule::ggml) return ggml_code(x, b.multiplier);
  const bool divides = rule == nvfp4_rule::compressed_tensors;
  const double scaled = divides ? f32::div(x, b.divisor) : f32::mul(x, b.multiplier);
  const bool hardware = rule == nvfp4_rule::transformer_engine_kernel || rule == nvfp4_rule::transformer_engine_cpp;
  if (is_nan(scaled)) return hardware ? max_code(e2m1) : 0;
  const bool comparisons = rule == nvfp4_rule::transformer_engine || rule == nvfp4_rule::transformer_engine_2_14;
  if (comparisons && is_zero(scaled)) return 0;
  const std::uint32_t code = encode(e2m1, scaled);
  return divides && code == e2m1.sign_code() ? 0 : code;
}

}  // namespace nvfp4_detail

/// `block_rows` is 1 or 16. `global` is the decode multiplier of the tensor; compressed-tensors stores its inverse, the
/// encode multiplier.
inline quantized quantize_nvfp4(nvfp4_rule rule, const matrix& x, std::size_t block_rows = 1) {
  using namespace nvfp4_detail;
  constexpr std::size_t block = 16;
  const std::size_t blocks = (x.columns + block - 1) / block;
  quantized q;
  q.codes.resize(x.rows * x.columns);
  q.scales.resize(x.rows * blocks);
  q.tensor_amax = amax_of(tile_of(x, 0, 0, x.rows, x.columns), propagates_nan(rule));
  const tensor_state t = tensor_of(rule, q.tensor_amax);
  q.global = rule == nvfp4_rule::compressed_tensors ? t.encode : t.decode;
  for (std::size_t row = 0; row < x.rows; row += block_rows) {
    for (std::size_t k = 0; k < blocks; ++k) {
      const auto values = tile_of(x, row, k * block, block_rows, block);
      const auto state = block_of(rule, block_rows > 1, t, amax_of(values, propagates_nan(rule)));
      for (std::size_t i = 0; i < block_rows && row + i < x.rows; ++i) {
        q.scales[(row + i) * blocks + k] = static_cast<std::uint8_t>(state.scale);
        for (std::size_t j = 0; j < block && k * block + j < x.columns; ++j) {
          q.codes[(row + i) * x.columns + k * block + j] =
              static_cast<std::uint8_t>(element_of(rule, state, values[i * block + j]));
        }
      }
    }
  }
  return q;
}

}  // namespace oracle
