// SPDX-License-Identifier: Apache-2.0
//
// float32 accumulation in order on AVX2: vectorised over outputs, so that every output keeps its order. Products of two
// narrow elements are exact, and a fused multiplication then rounds exactly as an addition does.
#pragma once

#include <nibble/emulate/native_mode.hpp>

#if defined(NIBBLE_EMULATE_AVX2)

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nibble/emulate/gemm.hpp>

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// Columns and rows of a tile, which the registers of AVX2 hold.
inline constexpr std::size_t tile_cols = 16;
inline constexpr std::size_t tile_rows = 4;

/// Whether every product of two elements is an exact float32, and no sum of products ends among its subnormals.
inline bool has_exact_products(const float_format& a, const float_format& b) noexcept {
  const auto narrow = [](const float_format& f) {
    return f.mantissa_bits <= 10 && f.min_exponent() - f.mantissa_bits >= -60 && f.max_exponent() <= 60;
  };
  return narrow(a) && narrow(b);
}

/// The scales of B in panels of 16 columns: [panel][scale of a row][16].
inline std::vector<float> scale_panels(const gemm_operand& y) {
  std::vector<float> scales((y.rows + tile_cols - 1) / tile_cols * tile_cols * y.scale_stride);
  for (std::size_t n = 0; n < y.rows; ++n) {
    for (std::size_t i = 0; i < y.scale_stride; ++i) {
      scales[(n / tile_cols * y.scale_stride + i) * tile_cols + n % tile_cols] =
          bit_cast<float>(y.scales[n * y.scale_stride + i]);
    }
  }
  return scales;
}

/// Operands as float32: A row-major, B in panels of 16 columns, scales beside them.
struct float32_operands {
  std::vector<float> a;  // [row][k]
  std::vector<float> b;  // [panel][k][16]
  std::vector<float> b_scales;

  float32_operands(const gemm_operand& x, const gemm_operand& y) : a(x.rows * x.k), b_scales(scale_panels(y)) {
    for (std::size_t m = 0; m < x.rows; ++m) {
      for (std::size_t k = 0; k < x.k; ++k) a[m * x.k + k] = bit_cast<float>(x.table.bits[x.row(m)[k]]);
    }
    const std::size_t panels = (y.rows + tile_cols - 1) / tile_cols;
    b.resize(panels * tile_cols * y.k);
    for (std::size_t n = 0; n < y.rows; ++n) {
      const std::size_t panel = n / tile_cols;
      for (std::size_t k = 0; k < y.k; ++k) {
        b[(panel * y.k + k) * tile_cols + n % tile_cols] = bit_cast<float>(y.table.bits[y.row(n)[k]]);
      }
    }
  }
};

/// Accumulators of rows m, ..., m + Rows - 1 and the 16 columns of a panel.
template <std::size_t Rows>
NIBBLE_ALWAYS_INLINE void float32_tile(const float32_operands& f, const gemm_operand& a, const gemm_operand& b,
                                       std::size_t m, std::size_t panel, float* out) noexcept {
  __m256 acc[Rows][2];
  for (auto& row : acc) row[0] = row[1] = _mm256_setzero_ps();
  const float* rows = &f.a[m * a.k];
  const float* columns = &f.b[panel * a.k * tile_cols];
  const float* b_scales = &f.b_scales[panel * b.scale_stride * tile_cols];
  each_block(a, b, [&](std::size_t first, std::size_t last, std::size_t i, std::size_t j) NIBBLE_INLINE_LAMBDA {
    __m256 sum[Rows][2];
    for (auto& row : sum) row[0] = row[1] = _mm256_setzero_ps();
    for (std::size_t k = first; k < last; ++k) {
      const __m256 low = _mm256_loadu_ps(columns + k * tile_cols);
      const __m256 high = _mm256_loadu_ps(columns + k * tile_cols + 8);
      for (std::size_t r = 0; r < Rows; ++r) {
        const __m256 x = _mm256_broadcast_ss(rows + r * a.k + k);
        sum[r][0] = opaque(_mm256_fmadd_ps(x, low, sum[r][0]));
        sum[r][1] = opaque(_mm256_fmadd_ps(x, high, sum[r][1]));
      }
    }
    for (std::size_t r = 0; r < Rows; ++r) {
      const float s = bit_cast<float>(a.scale_of(m + r, i));
      for (std::size_t h = 0; h < 2; ++h) {
        const __m256 t = _mm256_loadu_ps(b_scales + j * tile_cols + 8 * h);
        const __m256 scale = opaque(_mm256_mul_ps(_mm256_set1_ps(s), t));
        const __m256 scaled = opaque(_mm256_mul_ps(sum[r][h], scale));
        acc[r][h] = first == 0 ? scaled : opaque(_mm256_add_ps(acc[r][h], scaled));
      }
    }
  });
  for (std::size_t r = 0; r < Rows; ++r) {
    _mm256_storeu_ps(out + r * tile_cols, acc[r][0]);
    _mm256_storeu_ps(out + r * tile_cols + 8, acc[r][1]);
  }
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
#endif
