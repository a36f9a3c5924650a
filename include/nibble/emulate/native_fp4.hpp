// SPDX-License-Identifier: Apache-2.0
//
// Chains of block-scaled FP4 instructions on AVX2: sums of sixteen products by byte multiplications, scaled and aligned
// in binary64, where all of it is exact; sixteen outputs at a time.
#pragma once

#include <nibble/emulate/native_chain.hpp>

#if defined(NIBBLE_EMULATE_AVX2)

namespace nibble {
inline namespace v0 {
namespace emulate {
namespace detail::inline NIBBLE_UNIT {

/// Products of one exact sum, and of an instruction.
inline constexpr std::size_t fp4_group = 16;
inline constexpr std::size_t fp4_k = 64;

/// A scale as a number and as the exponent that aligns its group.
struct fp4_scale {
  double value = 0;
  std::int32_t exponent = 0;
  bool nan = false;
};

/// Whether the kernel takes this unit: E2M1 with UE4M3 or UE8M0 scales of 16 or 32 elements.
inline bool is_fp4_unit(const scaled_unit& u, const gemm_operand& a, const gemm_operand& b) noexcept {
  const bool scales = a.scale == formats::e4m3 || a.scale == formats::ue4m3 || a.scale == formats::e8m0;
  return u.k == 64 && u.group == 16 && u.rule == units::blackwell_mxf4.rule && a.element == formats::e2m1 &&
         b.element == formats::e2m1 && scales && (a.block == 16 || a.block == 32);
}

/// Elements in the layouts of the kernels. They are twice their value; those of A are 12 more, and so unsigned, which
/// `correction` (12 times the sum of a group of B) takes back.
struct fp4_elements {
  std::vector<std::uint32_t> a;          // [row][k / 4], four bytes each
  std::vector<std::int8_t> b;            // [panel][k / 4][16 columns][4]
  std::vector<std::int32_t> correction;  // [panel][group][16]
  std::size_t groups = 0;                // of a row

  fp4_elements(const gemm_operand& x, const gemm_operand& y) : a(x.codes.size() / 4), groups(y.stride / fp4_group) {
    constexpr std::int8_t twice[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    for (std::size_t i = 0; i < x.codes.size(); ++i) {
      a[i / 4] |= static_cast<std::uint32_t>(twice[x.codes[i] & 15U] + 12) << i % 4 * 8;
    }
    const std::size_t panels = (y.rows + panel_cols - 1) / panel_cols;
    b.resize(panels * panel_cols * y.stride);
    correction.resize(panels * panel_cols * groups);
    for (std::size_t n = 0; n < y.rows; ++n) {
      const std::size_t panel = n / panel_cols;
      const std::size_t lane = n % panel_cols;
      for (std::size_t k = 0; k < y.stride; ++k) {
        const std::int8_t element = twice[y.row(n)[k] & 15U];
        b[panel * panel_cols * y.stride + k / 4 * 4 * panel_cols + lane * 4 + k % 4] = element;
        correction[(panel * groups + k / fp4_group) * panel_cols + lane] += 12 * element;
      }
    }
  }
};

/// The operands of block-scaled instructions.
struct fp4_operands : fp4_elements {
  std::vector<double> b_scales;        // [panel][group][16]
  std::vector<std::int32_t> b_exponents;
  std::vector<std::uint8_t> special;   // of a panel: it holds a NaN scale
  fp4_scale table[256];

  fp4_operands(const gemm_operand& x, const gemm_operand& y) : fp4_elements(x, y) {
    for (std::uint32_t code = 0; code < 256; ++code) {
      const operand s = unpack(x.scale, code & x.scale.magnitude_mask(), zero_exponent::format_minimum);
      table[code] = {s.significand * power_of_two(s.exponent - x.scale.mantissa_bits), s.exponent, s.nan};
    }
    b_scales.resize(correction.size());
    b_exponents.resize(correction.size());
    special.resize((y.rows + panel_cols - 1) / panel_cols);
    for (std::size_t n = 0; n < y.rows; ++n) {
      const std::size_t panel = n / panel_cols;
      const std::size_t lane = n % panel_cols;
      for (std::size_t g = 0; g < groups; ++g) {
        const fp4_scale& s = table[y.scale_codes[n * y.scale_stride + g * fp4_group / y.block]];
        // A quarter: elements are doubled on both sides.
        b_scales[(panel * groups + g) * panel_cols + lane] = s.value * 0.25;
        b_exponents[(panel * groups + g) * panel_cols + lane] = s.exponent;
        if (s.nan) special[panel] = 1;
      }
    }
  }
};

/// Four times the sum of a group's products for eight columns.
NIBBLE_ALWAYS_INLINE __m256i fp4_products(const std::uint32_t* a, const std::int8_t* b,
                                          const std::int32_t* correction) noexcept {
  const auto four = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
    const __m256i columns = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + i * 4 * panel_cols));
    return _mm256_maddubs_epi16(_mm256_set1_epi32(static_cast<std::int32_t>(a[i])), columns);
  };
  // Pairs are at most 24 * 12 * 2, so that four of them fit 16 bits.
  const __m256i pairs = _mm256_add_epi16(_mm256_add_epi16(four(0), four(1)), _mm256_add_epi16(four(2), four(3)));
  return _mm256_sub_epi32(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(correction)));
}

/// One instruction for eight columns. `a_scales` are of the four groups. Returns the columns left for the scalar way.
NIBBLE_ALWAYS_INLINE std::uint32_t fp4_step(const fp4_scale* a_scales, const std::uint32_t* a, const std::int8_t* b,
                                            const std::int32_t* correction, const double* b_scales,
                                            const std::int32_t* b_exponents, float* acc) noexcept {
  const __m256 c = _mm256_loadu_ps(acc);
  const lanes_of_c parts(_mm256_castps_si256(c));
  __m256i largest = parts.exponent;
  for (std::size_t g = 0; g < 4; ++g) {
    const __m256i exponent = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b_exponents + g * panel_cols));
    largest = _mm256_max_epi32(largest, _mm256_add_epi32(exponent, _mm256_set1_epi32(a_scales[g].exponent)));
  }
  const __m128i largest_of[2] = {_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1)};
  const __m128 c_of[2] = {_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1)};
  __m256d to_units[2];
  __m256d sum[2];
  constexpr int truncate = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
  for (std::size_t h = 0; h < 2; ++h) {
    to_units[h] = powers(_mm_sub_epi32(_mm_set1_epi32(35), largest_of[h]));
    sum[h] = _mm256_round_pd(_mm256_mul_pd(_mm256_cvtps_pd(c_of[h]), to_units[h]), truncate);
  }
  for (std::size_t g = 0; g < 4; ++g) {
    const __m256i products =
        fp4_products(a + g * fp4_group / 4, b + g * fp4_group * panel_cols, correction + g * panel_cols);
    const __m128i products_of[2] = {_mm256_castsi256_si128(products), _mm256_extracti128_si256(products, 1)};
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256d b_scale = _mm256_loadu_pd(b_scales + g * panel_cols + 4 * h);
      const __m256d scale = _mm256_mul_pd(_mm256_set1_pd(a_scales[g].value), b_scale);
      const __m256d term = _mm256_mul_pd(_mm256_mul_pd(_mm256_cvtepi32_pd(products_of[h]), scale), to_units[h]);
      sum[h] = _mm256_add_pd(sum[h], _mm256_round_pd(term, truncate));
    }
  }
  std::uint32_t left = 0;
  __m128 results[2];
  for (std::size_t h = 0; h < 2; ++h) {
    results[h] = cut_sum(sum[h], _mm_sub_epi32(largest_of[h], _mm_set1_epi32(35)));
  }
  const __m256i result = _mm256_castps_si256(_mm256_set_m128(results[1], results[0]));
  // Exact where the result is a normal number or zero. Zero, subnormal numbers, Inf and NaN are looked at again.
  const __m256i field = _mm256_and_si256(result, _mm256_set1_epi32(0x7f80'0000));
  const __m256i odd = _mm256_or_si256(_mm256_cmpeq_epi32(field, _mm256_setzero_si256()),
                                      _mm256_cmpeq_epi32(field, _mm256_set1_epi32(0x7f80'0000)));
  __m256i leave = _mm256_setzero_si256();
  __m256i stored = result;
  if (_mm256_movemask_ps(_mm256_castsi256_ps(odd)) != 0) {
    const auto zeros = [&](std::size_t h) NIBBLE_INLINE_LAMBDA {
      const __m256i twice = _mm256_slli_epi64(_mm256_castpd_si256(sum[h]), 1);
      const __m256i is_zero = _mm256_cmpeq_epi64(twice, _mm256_setzero_si256());
      const __m256i even = _mm256_permutevar8x32_epi32(is_zero, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
      return _mm256_castsi256_si128(even);
    };
    const __m256i nothing = _mm256_set_m128i(zeros(1), zeros(0));
    leave = _mm256_andnot_si256(nothing, odd);
    stored = _mm256_andnot_si256(nothing, _mm256_blendv_epi8(result, _mm256_castps_si256(c), leave));
    left = static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(leave)));
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc), stored);
  return left;
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
#endif
