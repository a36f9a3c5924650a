// SPDX-License-Identifier: Apache-2.0

// References for the NVFP4 quantizers that multiply by (tensor multiplier) / (block scale): FBGEMM's fp4_quantize.py
// and vLLM's Triton emulation. NaN is left out of every maximum; a block whose scale is zero becomes zeros.
#pragma once

#include <oracle/blocks.hpp>

namespace oracle {

/// They differ in the scale: (amax / 6) * gs in FBGEMM, gs * (amax * (1/6)) in vLLM.
enum class by_quotient { fbgemm, vllm_emulation };

/// `global` is the decode multiplier, 1 / gs.
inline quantized quantize_by_quotient(by_quotient rule, const matrix& x, std::size_t block_rows = 1) {
  constexpr std::size_t block = 16;
  const std::size_t blocks = (x.columns + block - 1) / block;
  quantized q;
  q.codes.resize(x.rows * x.columns);
  q.scales.resize(x.rows * blocks);
  q.tensor_amax = amax_of(tile_of(x, 0, 0, x.rows, x.columns), false);
  double gs = f32::at_most(f32::div(2688.0, q.tensor_amax), f32::max);
  if (is_zero(gs) || is_zero(q.tensor_amax)) gs = 1.0;
  q.global = f32::div(1.0, gs);
  for (std::size_t row = 0; row < x.rows; row += block_rows) {
    for (std::size_t k = 0; k < blocks; ++k) {
      const auto values = tile_of(x, row, k * block, block_rows, block);
      const double amax = amax_of(values, false);
      const double part = rule == by_quotient::fbgemm ? f32::div(amax, 6.0) : f32::mul(amax, f32::div(1.0, 6.0));
      const std::uint32_t scale = encode(e4m3, f32::mul(part, gs));
      const double multiplier = scale == 0 ? 0.0 : f32::div(gs, decode(e4m3, scale));
      for (std::size_t i = 0; i < block_rows && row + i < x.rows; ++i) {
        q.scales[(row + i) * blocks + k] = static_cast<std::uint8_t>(scale);
        for (std::size_t j = 0; j < block && k * block + j < x.columns; ++j) {
          const double y = f32::mul(values[i * block + j], multiplier);
          q.codes[(row + i) * x.columns + k * block + j] = static_cast<std::uint8_t>(encode(e2m1, y));
        }
      }
    }
  }
  return q;
}

}  // namespace oracle
