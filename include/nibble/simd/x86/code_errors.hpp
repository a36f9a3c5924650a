// SPDX-License-Identifier: Apache-2.0
//
// The errors of codes of up to 8 bits under two scales, element by element, and their sums in order, for four over six
// (block/four_over_six.hpp).
#pragma once

#include <nibble/simd/unrolled.hpp>
#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__) && defined(__F16C__)

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/block/four_over_six.hpp>
#include <nibble/format/float_format.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Magnitudes of codes are read as binary16, of which they have the upper bits: by the conversion, which takes
/// subnormal numbers whatever the processor does with others. Values are then one of at most 8 fractions under the
/// scale, times a power of two: a factor that changes no rounding on the way to them.
class code_errors {
  using vector = avx2_vector;

 public:
  /// Whether finite codes of a format, of the sign of their elements, are upper bits of finite binary16 but for the
  /// bias.
  static constexpr bool serves(const float_format& f) noexcept {
    return f.has_sign && f.has_zero && !f.twos_complement && !f.nan_is_negative_zero() && f.mantissa_bits <= 3 &&
           f.exponent_bits >= 1 && f.exponent_bits <= 5 && (f.max_code() >> f.mantissa_bits) < 31 && f.bias >= 1 &&
           f.bias <= 31;
  }

  /// Binary16 has 1 for what has this value in a format; no more than twice it is made on the way.
  static double unit(const float_format& f) noexcept { return power_of_two(15 - f.bias); }

  code_errors(const float_format& f, float amax, float denominator) noexcept
      : mask_(_mm_set1_epi16(static_cast<short>(f.magnitude_mask()))),
        largest_(_mm_set1_epi16(static_cast<short>(f.max_code()))),
        place_(_mm_set1_epi16(static_cast<short>(1 << (10 - f.mantissa_bits)))),
        fractions_(_mm256_mul_ps(_mm256_setr_ps(1.0F, 1.125F, 1.25F, 1.375F, 1.5F, 1.625F, 1.75F, 1.875F),
                                 _mm256_set1_ps(static_cast<float>(unit(f))))),
        amax_(vector::all_real(amax)),
        denominator_(vector::all_real(denominator)) {}

  /// Stores the errors of `length` elements, a multiple of 8, under two scales; codes come one a byte. False where a
  /// code is not finite, which a finite element can have whose product overflows (infinity_rule) and which counts as a
  /// number here; or where the square of an error is below the normal numbers and not zero.
  [[nodiscard]] bool store(const float* x, std::size_t length, bool squares, const std::uint8_t* const (&codes)[2],
                           const float (&scale)[2], float* const (&errors)[2]) const noexcept {
    __m256 values[2];
    for (std::size_t c = 0; c < 2; ++c) {
      values[c] = vector::divide(vector::multiply(vector::multiply(fractions_, vector::all_real(scale[c])), amax_),
                                 denominator_);
    }
    return squares ? store_each<true>(x, length, codes, values, errors)
                   : store_each<false>(x, length, codes, values, errors);
  }

 private:
  template <bool Squares>
  [[nodiscard]] NIBBLE_ALWAYS_INLINE bool store_each(const float* x, std::size_t length,
                                                     const std::uint8_t* const (&codes)[2], const __m256 (&values)[2],
                                                     float* const (&errors)[2]) const noexcept {
    const __m256i magnitude = vector::all(0x7fff'ffffU);
    const __m256i power_bits = vector::all(0x7f80'0000U);
    const __m256i ones = vector::all(~0U);
    __m128i largest = _mm_setzero_si128();
    __m256i least_error = ones;
    for (std::size_t i = 0; i < length; i += 8) {
      const __m256 number = vector::as_real(vector::both(vector::load(x + i), magnitude));
      unrolled<2>([&](auto c) NIBBLE_INLINE_LAMBDA {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes[c] + i));
        const __m128i code = _mm_and_si128(_mm_cvtepu8_epi16(bytes), mask_);
        largest = _mm_max_epi16(largest, code);
        const __m256i half = vector::as_word(_mm256_cvtph_ps(_mm_mullo_epi16(code, place_)));
        const __m256 fraction = _mm256_permutevar8x32_ps(values[c], vector::right<20>(half));
        const __m256 power = vector::as_real(vector::both(half, power_bits));
        // The product is exact.
        __m256i error = vector::both(vector::as_word(vector::subtract_product(fraction, power, number)), magnitude);
        if constexpr (Squares) {
          least_error = vector::smallest_unsigned(least_error, vector::add(error, ones));
          error = vector::as_word(vector::multiply(vector::as_real(error), vector::as_real(error)));
        }
        vector::store(errors[c] + i, error);
      });
    }
    // The last that is too small, less one as they are, so that zero is the largest.
    const __m256i last = vector::all(least_squared - 2U);
    const bool flushes = vector::any(vector::equal(vector::smallest_unsigned(least_error, last), least_error));
    return !(Squares && flushes) && _mm_movemask_epi8(_mm_cmpgt_epi16(largest, largest_)) == 0;
  }

  __m128i mask_;
  __m128i largest_;
  __m128i place_;
  __m256 fractions_;
  __m256 amax_;
  __m256 denominator_;
};

/// Sums in order of `count` runs of `Length` numbers behind each other, a run a lane. Whole vectors of 8 are written.
template <std::size_t Length>
void sum_runs(const float* x, std::size_t count, float* sums) noexcept {
  using vector = avx2_vector;
  static_assert(Length % 4 == 0);
  const auto sum_some = [&](std::size_t first, auto vectors) NIBBLE_INLINE_LAMBDA {
    constexpr std::size_t those = decltype(vectors)::value;
    const float* runs[8 * those];
    for (std::size_t k = 0; k < 8 * those; ++k) runs[k] = x + smaller(first + k, count - 1) * Length;
    __m256 sum[those];
    for (__m256& s : sum) s = _mm256_setzero_ps();
    for (std::size_t i = 0; i < Length; i += 4) {
      unrolled<those>([&](auto v) NIBBLE_INLINE_LAMBDA {
        const auto load = [&](std::size_t k) NIBBLE_INLINE_LAMBDA {
          const __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(runs[8 * v + k] + i));
          return _mm256_castps_pd(_mm256_insertf128_ps(low, _mm_loadu_ps(runs[8 * v + k + 4] + i), 1));
        };
        const auto low = [](__m256d a, __m256d b) NIBBLE_INLINE_LAMBDA {
          return _mm256_unpacklo_ps(_mm256_castpd_ps(a), _mm256_castpd_ps(b));
        };
        const auto high = [](__m256d a, __m256d b) NIBBLE_INLINE_LAMBDA {
          return _mm256_unpackhi_ps(_mm256_castpd_ps(a), _mm256_castpd_ps(b));
        };
        const __m256d rows[4] = {load(0), load(1), load(2), load(3)};
        const __m256d first_low = _mm256_castps_pd(low(rows[0], rows[1]));
        const __m256d first_high = _mm256_castps_pd(high(rows[0], rows[1]));
        const __m256d second_low = _mm256_castps_pd(low(rows[2], rows[3]));
        const __m256d second_high = _mm256_castps_pd(high(rows[2], rows[3]));
        sum[v] = vector::add(sum[v], _mm256_castpd_ps(_mm256_unpacklo_pd(first_low, second_low)));
        sum[v] = vector::add(sum[v], _mm256_castpd_ps(_mm256_unpackhi_pd(first_low, second_low)));
        sum[v] = vector::add(sum[v], _mm256_castpd_ps(_mm256_unpacklo_pd(first_high, second_high)));
        sum[v] = vector::add(sum[v], _mm256_castpd_ps(_mm256_unpackhi_pd(first_high, second_high)));
      });
    }
    for (std::size_t v = 0; v < those; ++v) _mm256_storeu_ps(sums + first + 8 * v, sum[v]);
  };
  std::size_t first = 0;
  for (; first + 8 < count; first += 16) sum_some(first, std::integral_constant<std::size_t, 2>{});
  if (first < count) sum_some(first, std::integral_constant<std::size_t, 1>{});
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__) && defined(__F16C__)
