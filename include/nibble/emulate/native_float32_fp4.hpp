// SPDX-License-Identifier: Apache-2.0
//
// float32 accumulation in order of FP4 elements on AVX2. Products are multiples of a quarter and a block's sums are so
// small that no addition within a block rounds: any order gives the bits of the stated one, and integers do.
#pragma once

#include <nibble/base/counts.hpp>
#include <nibble/emulate/native_float32.hpp>
#include <nibble/emulate/native_fp4.hpp>

#if defined(NIBBLE_EMULATE_AVX2)

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// Whether the kernel takes these operands: E2M1, blocks of whole groups, and every partial sum of a block an integer
/// of quarters, at most 144 each, that float32 holds.
inline bool has_exact_block_sums(const gemm_operand& a, const gemm_operand& b) noexcept {
  const auto fits = [](const gemm_operand& x) { return x.block % fp4_group == 0 || x.block >= x.k; };
  const std::size_t longest = nibble::detail::smaller(nibble::detail::smaller(a.block, b.block), a.k);
  return a.element == formats::e2m1 && b.element == formats::e2m1 && fits(a) && fits(b) && longest <= 65536;
}

/// What the kernel reads.
struct float32_fp4_operands : fp4_elements {
  std::vector<float> b_scales;
  float32_fp4_operands(const gemm_operand& x, const gemm_operand& y) : fp4_elements(x, y), b_scales(scale_panels(y)) {}
};

/// Accumulators of rows m, ..., m + Rows - 1 and eight columns of a panel, from `lane` on.
template <std::size_t Rows>
NIBBLE_ALWAYS_INLINE void float32_fp4_tile(const float32_fp4_operands& f, const gemm_operand& a, const gemm_operand& b,
                                           std::size_t m, std::size_t panel, std::size_t lane, float* out) noexcept {
  const std::uint32_t* rows = &f.a[m * a.stride / 4];
  const std::int8_t* columns = &f.b[panel * panel_cols * b.stride + 4 * lane];
  const std::int32_t* correction = &f.correction[panel * f.groups * panel_cols + lane];
  const float* b_scales = &f.b_scales[panel * b.scale_stride * panel_cols + lane];
  __m256 acc[Rows];
  for (auto& row : acc) row = _mm256_setzero_ps();
  each_block(a, b, [&](std::size_t first, std::size_t last, std::size_t i, std::size_t j) NIBBLE_INLINE_LAMBDA {
    __m256i sum[Rows];
    for (std::size_t r = 0; r < Rows; ++r) sum[r] = _mm256_setzero_si256();
    for (std::size_t k = first; k < last; k += fp4_group) {
      for (std::size_t r = 0; r < Rows; ++r) {
        sum[r] = _mm256_add_epi32(sum[r], fp4_products(rows + (r * a.stride + k) / 4, columns + k * panel_cols,
                                                       correction + k / fp4_group * panel_cols));
      }
    }
    const __m256 t = _mm256_loadu_ps(b_scales + j * panel_cols);
    for (std::size_t r = 0; r < Rows; ++r) {
      const __m256 s = _mm256_set1_ps(bit_cast<float>(a.scale_of(m + r, i)));
      // Exact: quarters of an integer below 2^24.
      const __m256 block_sum = opaque(_mm256_mul_ps(_mm256_cvtepi32_ps(sum[r]), _mm256_set1_ps(0.25F)));
      const __m256 scaled = opaque(_mm256_mul_ps(block_sum, opaque(_mm256_mul_ps(s, t))));
      acc[r] = first == 0 ? scaled : opaque(_mm256_add_ps(acc[r], scaled));
    }
  });
  for (std::size_t r = 0; r < Rows; ++r) _mm256_storeu_ps(out + r * tile_cols, acc[r]);
}

/// A tile of Rows x 16.
template <std::size_t Rows>
NIBBLE_ALWAYS_INLINE void float32_tile(const float32_fp4_operands& f, const gemm_operand& a, const gemm_operand& b,
                                       std::size_t m, std::size_t panel, float* out) noexcept {
  float32_fp4_tile<Rows>(f, a, b, m, panel, 0, out);
  float32_fp4_tile<Rows>(f, a, b, m, panel, 8, out + 8);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
#endif
