// SPDX-License-Identifier: Apache-2.0
//
// Chains of tensor-core instructions on AVX2: the fused sum of multiply_accumulate for eight outputs at a time, in 32-bit
// integers. Outputs whose sum ends near the limits of binary32, and rows with NaN or Inf, take the scalar way.
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

/// Columns that share a panel of B, and bytes of a panel for one k: significands, then exponents.
inline constexpr std::size_t panel_cols = 16;
inline constexpr std::size_t panel_bytes = 2 * panel_cols;

/// What both kinds of units have in common.
struct chain_rule {
  std::size_t k = 32;
  std::size_t group = 32;
  sum_rule rule{};
};

/// Whether eight 32-bit lanes hold every sum: at most 16 products of two significands below 2 with 25 fraction bits (two
/// sums for 32), or 32 with 22.
inline bool fits_lanes(const chain_rule& u, const float_format& a, const float_format& b) noexcept {
  const int fraction = a.mantissa_bits + b.mantissa_bits;
  const auto small = [](const float_format& f) {
    return f.bits() <= 8 && f.mantissa_bits <= 4 && f.exponent_bits >= 1 && f.has_sign && f.has_zero &&
           f.min_exponent() >= -30 && f.max_exponent() <= 30 && !f.nan_is_negative_zero() &&
           f.specials != special_values::p3109_extended;
  };
  if (!small(a) || !small(b) || u.group > 32) return false;
  const bool narrow = u.rule.output == sum_output::f32_13_bits && u.rule.fraction_bits <= 21;
  const bool wide = u.rule.output == sum_output::f32 && u.rule.fraction_bits >= 23 && u.rule.fraction_bits <= 25;
  return (narrow || wide) && u.rule.fraction_bits >= fraction;
}

/// B in panels, [panel][k][16 significands, 16 exponents], and what the scalar way must do.
struct chain_panels {
  std::vector<std::int8_t> bytes;
  std::vector<std::uint8_t> special;        // of a panel: it holds NaN or Inf
  std::vector<std::int32_t> scale_exponents;  // [panel][scale of a row][16]; only for block-scaled units
  std::size_t stride = 0;                   // bytes of a panel
  operand table_a[256] = {};
  operand table_b[256] = {};

  chain_panels(const gemm_operand& a, const gemm_operand& b, const sum_rule& rule, bool scaled)
      : bytes((b.rows + panel_cols - 1) / panel_cols * panel_bytes * b.stride),
        special((b.rows + panel_cols - 1) / panel_cols), stride(panel_bytes * b.stride) {
    for (std::uint32_t code = 0; code < 256; ++code) {
      table_a[code] = unpack(a.element, code & a.element.code_mask(), rule.zeros);
      table_b[code] = unpack(b.element, code & b.element.code_mask(), rule.zeros);
    }
    for (std::size_t n = 0; n < special.size() * panel_cols; ++n) {
      for (std::size_t k = 0; k < b.stride; ++k) {
        const operand& x = table_b[n < b.rows ? b.row(n)[k] : 0U];
        std::int8_t* to = &bytes[n / panel_cols * stride + k * panel_bytes + n % panel_cols];
        to[0] = static_cast<std::int8_t>(x.significand);
        // A zero that takes no part: below every product and accumulator that these formats can give.
        to[panel_cols] = static_cast<std::int8_t>(x.exponent < -128 ? -128 : x.exponent);
        if (x.nan || x.infinite) special[n / panel_cols] = 1;
      }
    }
    if (scaled) add_scales(b);
  }

 private:
  void add_scales(const gemm_operand& b) {
    scale_exponents.resize(special.size() * b.scale_stride * panel_cols);
    for (std::size_t n = 0; n < b.rows; ++n) {
      for (std::size_t i = 0; i < b.scale_stride; ++i) {
        const std::uint32_t code = b.scale_codes[n * b.scale_stride + i];
        const std::size_t panel = n / panel_cols;
        scale_exponents[(panel * b.scale_stride + i) * panel_cols + n % panel_cols] = static_cast<std::int32_t>(code) - 127;
        if (code == 255) special[panel] = 1;
      }
    }
  }
};

/// At most 32 elements of a row of A: significands in the low halves of words, and exponents.
struct chain_row {
  std::int32_t significand[64];
  std::int32_t exponent[64];
  bool special = false;

  NIBBLE_ALWAYS_INLINE void load(const operand* table, const std::uint8_t* codes, std::size_t count) noexcept {
    special = false;
    for (std::size_t i = 0; i < count; ++i) {
      const operand& x = table[codes[i]];
      significand[i] = x.significand & 0xffff;
      exponent[i] = x.exponent;
      special = special || x.nan || x.infinite;
    }
  }
};

/// Eight accumulators taken apart: binary32 as significand * 2^(exponent - 23).
struct lanes_of_c {
  __m256i magnitude, sign, exponent;

  explicit NIBBLE_ALWAYS_INLINE lanes_of_c(__m256i bits) noexcept {
    const __m256i field = _mm256_and_si256(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(255));
    const __m256i is_subnormal = _mm256_cmpeq_epi32(field, _mm256_setzero_si256());
    const __m256i hidden = _mm256_andnot_si256(is_subnormal, _mm256_set1_epi32(1 << 23));
    magnitude = _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32((1 << 23) - 1)), hidden);
    sign = _mm256_srai_epi32(bits, 31);
    // field - 127, and -126 for subnormal numbers and zero.
    exponent = _mm256_sub_epi32(_mm256_sub_epi32(field, is_subnormal), _mm256_set1_epi32(127));
  }
  /// Cut to `fraction` bits below 2^largest, with sign.
  [[nodiscard]] NIBBLE_ALWAYS_INLINE __m256i align(int fraction, __m256i largest) const noexcept {
    const __m256i distance = _mm256_sub_epi32(largest, exponent);
    const int up = fraction > 23 ? fraction - 23 : 0;
    const int down = fraction < 23 ? 23 - fraction : 0;
    const __m256i right = _mm256_add_epi32(distance, _mm256_set1_epi32(down));
    const __m256i kept = _mm256_srlv_epi32(_mm256_slli_epi32(magnitude, up), right);
    return _mm256_sub_epi32(_mm256_xor_si256(kept, sign), sign);
  }
};

/// 2^exponent in four binary64 lanes.
NIBBLE_ALWAYS_INLINE __m256d powers(__m128i exponent) noexcept {
  const __m256i field = _mm256_cvtepi32_epi64(_mm_add_epi32(exponent, _mm_set1_epi32(1023)));
  return _mm256_castsi256_pd(_mm256_slli_epi64(field, 52));
}

/// Four sums, exact in binary64, cut to 24 bits and scaled: binary32, if the result is a normal number.
NIBBLE_ALWAYS_INLINE __m128 cut_sum(__m256d sum, __m128i unit) noexcept {
  const __m256i mask = _mm256_set1_epi64x(~((std::int64_t{1} << 29) - 1));
  const __m256d kept = _mm256_castsi256_pd(_mm256_and_si256(_mm256_castpd_si256(sum), mask));
  return _mm256_cvtpd_ps(_mm256_mul_pd(kept, powers(unit)));
}

/// The results of eight sums low + high + c in units of 2^(largest - fraction).
template <bool Wide>
NIBBLE_ALWAYS_INLINE __m256i finish_sum(__m256i low, __m256i high, __m256i c, __m256i largest, int fraction) noexcept {
  const __m256i unit = _mm256_sub_epi32(largest, _mm256_set1_epi32(fraction));
  if constexpr (Wide) {
    const auto half = [&](auto part) NIBBLE_INLINE_LAMBDA {
      const auto wide = [&](__m256i x) NIBBLE_INLINE_LAMBDA { return _mm256_cvtepi32_pd(part(x)); };
      return cut_sum(_mm256_add_pd(_mm256_add_pd(wide(low), wide(high)), wide(c)), part(unit));
    };
    const __m128 first = half([](__m256i x) NIBBLE_INLINE_LAMBDA { return _mm256_castsi256_si128(x); });
    const __m128 second = half([](__m256i x) NIBBLE_INLINE_LAMBDA { return _mm256_extracti128_si256(x, 1); });
    return _mm256_castps_si256(_mm256_set_m128(second, first));
  } else {
    // Below 2^24, so that the conversion is exact; then 13 fraction bits, and the unit into the exponent field.
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(low, high), c);
    const __m256i bits = _mm256_and_si256(_mm256_castps_si256(_mm256_cvtepi32_ps(sum)), _mm256_set1_epi32(~0x3ff));
    const __m256i is_zero = _mm256_cmpeq_epi32(sum, _mm256_setzero_si256());
    return _mm256_andnot_si256(is_zero, _mm256_add_epi32(bits, _mm256_slli_epi32(unit, 23)));
  }
}

/// One fused sum of `count` products for the 16 columns of a panel. `offset` is added to the exponents of products. Returns
/// a bit for each column whose accumulator was left as it was, for the scalar way.
template <bool Wide>
NIBBLE_ALWAYS_INLINE std::uint32_t fused_sums(const chain_row& a, std::size_t first, std::size_t count, const std::int8_t* b,
                                              const std::int32_t* offset, int fraction, int spare, float* acc) noexcept {
  std::uint32_t left = 0;
  for (std::size_t half = 0; half < panel_cols; half += 8) {
    const auto lanes = [&](std::size_t i, std::size_t at) NIBBLE_INLINE_LAMBDA {
      return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(b + i * panel_bytes + at + half)));
    };
    __m256i largest = _mm256_set1_epi32(-100'000);
    for (std::size_t i = 0; i < count; ++i) {
      const __m256i exponent = _mm256_add_epi32(lanes(i, panel_cols), _mm256_set1_epi32(a.exponent[first + i]));
      largest = _mm256_max_epi32(largest, exponent);
    }
    const __m256i shifted = offset != nullptr ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset + half))
                                              : _mm256_setzero_si256();
    const __m256i c_bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(acc + half));
    const lanes_of_c c(c_bits);
    largest = _mm256_max_epi32(_mm256_add_epi32(largest, shifted), c.exponent);
    const __m256i before = _mm256_sub_epi32(largest, shifted);
    __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    const auto add = [&](__m256i& sum, std::size_t i) NIBBLE_INLINE_LAMBDA {
      const __m256i product = _mm256_madd_epi16(lanes(i, 0), _mm256_set1_epi32(a.significand[first + i]));
      const __m256i distance = _mm256_sub_epi32(_mm256_sub_epi32(before, lanes(i, panel_cols)),
                                                _mm256_set1_epi32(a.exponent[first + i]));
      const __m256i kept = _mm256_srlv_epi32(_mm256_slli_epi32(_mm256_abs_epi32(product), spare), distance);
      sum = _mm256_add_epi32(sum, _mm256_sign_epi32(kept, product));
    };
    const std::size_t middle = Wide && count > 16 ? 16 : count;
    for (std::size_t i = 0; i < middle; ++i) add(sums[0], i);
    for (std::size_t i = middle; i < count; ++i) add(sums[1], i);
    const __m256i aligned = c.align(fraction, largest);
    const __m256i result = finish_sum<Wide>(sums[0], sums[1], aligned, largest, fraction);
    // Every nonzero sum is a normal number where the unit is, and stays below 2^128 where the largest exponent leaves room.
    const __m256i low = _mm256_cmpgt_epi32(_mm256_set1_epi32(fraction - 126), largest);
    const __m256i high = _mm256_cmpgt_epi32(largest, _mm256_set1_epi32(115));
    const __m256i nothing = _mm256_and_si256(
        _mm256_cmpeq_epi32(_mm256_or_si256(_mm256_or_si256(sums[0], sums[1]), aligned), _mm256_setzero_si256()), low);
    const __m256i leave = _mm256_andnot_si256(nothing, _mm256_or_si256(low, high));
    const __m256i stored = _mm256_andnot_si256(nothing, _mm256_blendv_epi8(result, c_bits, leave));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(acc + half), stored);
    left |= static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(leave))) << half;
  }
  return left;
}

}  // namespace detail
}  // namespace emulate
}  // namespace v0
}  // namespace nibble
#endif
