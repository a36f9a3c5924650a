// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding of exact quotients with 32 random bits: the code of x / d goes up where
// x >= d * (v + step * k / 2^32), with v the number below the quotient and k = 2^32 - R for the random word R. The right
// side is split in two float32 terms that are exact for divisors of at most 8 significant bits, and so is the remainder
// x - d * v (Sterbenz, "Floating-Point Computation", 1974), so no quotient has to be known beyond float32.
#pragma once

#include <nibble/simd/x86/blocks.hpp>
#include <nibble/simd/x86/quotient.hpp>

#if defined(__AVX2__)

#include <cstring>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Significant bits of a divisor that the kernel below takes.
inline constexpr int exact_divisor_bits = 8;

/// Sums (see rounder) for elements `x`, divided by `d` 2^-prescale, which is plain, or zero: then the sum is that of zero.
template <float_format F, class V>
NIBBLE_ALWAYS_INLINE typename V::word exact_stochastic_sum(typename V::word x, typename V::real d,
                                                           typename V::real reciprocal, typename V::word random) noexcept {
  using rounding = rounder<F, V>;
  using word = typename V::word;
  using real = typename V::real;
  const real magnitude = V::as_real(rounding::magnitude(x));
  const word y = truncated_quotient<V>(magnitude, d, reciprocal);
  const word power = rounding::power_below(y);
  const real rounded = V::template add_power<rounding::raise>(power, V::as_real(y));
  const real value = V::template subtract_power<rounding::raise>(power, rounded);
  const word is_less = V::greater(V::as_word(value), y);
  const real step = V::as_real(V::subtract(power, V::all(static_cast<std::uint32_t>(F.mantissa_bits) << 23)));
  const real below = V::subtract(value, V::as_real(V::both(V::as_word(step), is_less)));
  const real rest = V::subtract_product(below, d, magnitude);
  // k - 1 in two halves, the lower one raised by 1.
  const word limit = V::differ(random, V::all(~0U));
  const word low = V::add(V::both(limit, V::all(0xffffU)), V::all(1U));
  const real unit = V::multiply(V::multiply(step, d), V::all_real(0x1p-32F));
  const real upper = V::multiply(V::multiply(unit, V::all_real(0x1p16F)), V::from_integer(V::template right<16>(limit)));
  const real lower = V::multiply(unit, V::from_integer(low));
  const word stays = V::greater(V::as_word(lower), V::as_word(V::subtract(rest, upper)));
  const word zero = V::equal(V::as_word(d), V::all(0U));
  // One up from the number below, unless it stays.
  const word up = V::subtract(V::add(V::as_word(rounded), is_less), V::all(~0U));
  return V::add(up, V::either(stays, zero));
}

/// Codes of groups of elements. Every `Size` elements share a divisor, given with 2^-prescale and with its reciprocal.
template <float_format F, class V, std::size_t Size, bool Nibbles>
void encode_exact(const float* x, const std::uint32_t* divisor, const std::uint32_t* reciprocal, const std::uint8_t* random,
                  std::size_t groups, const destination& to, negative_zero_rule rule) noexcept {
  using rounding = rounder<F, V>;
  encode_groups<V, Nibbles, true>(groups, to, [=](std::size_t h, std::size_t g) NIBBLE_INLINE_LAMBDA {
    typename V::word v[4];
    typename V::word s[4];
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t at = 8 * V::lanes * g + (4 * h + i) * V::lanes;
      v[i] = V::load(x + at);
      s[i] = exact_stochastic_sum<F, V>(v[i], multiplier_of<V, Size>(divisor, g, 4 * h + i),
                                        multiplier_of<V, Size>(reciprocal, g, 4 * h + i), V::load(random + 4 * at));
    }
    return rounding::codes(rounding::magnitude_bytes(s[0], s[1], s[2], s[3]), v[0], v[1], v[2], v[3], rule);
  });
}

#if defined(__FMA__)

/// Whether the function below serves a format: what is less than 2^-66, as the quotients of subnormal numbers are, has no
/// part in a code or its 32 random bits.
NIBBLE_FUNCTION bool rounds_long_quotients(const float_format& f) noexcept {
  return rounds_by_addition(f) && !f.twos_complement && f.min_exponent() - f.mantissa_bits >= -34;
}

/// Codes of x / d for divisors of any number of significant bits, at least 2^-60, by a random word for each of `count`
/// elements, in binary64. A quotient is truncated: what lies below the last random bit cannot carry into the code. Whole
/// vectors of 4 are read and written. A template on the vector, so that units for different instruction sets share none.
template <class V>
[[gnu::noinline]] void encode_long_quotients(const float_format& f, float d, const float* x, const std::uint8_t* random,
                                             std::size_t count, negative_zero_rule rule, std::uint8_t* codes) noexcept {
  const auto opaque = [](__m256d v) NIBBLE_INLINE_LAMBDA {
    asm("" : "+x"(v));
    return v;
  };
  const __m256d divisor = _mm256_set1_pd(static_cast<double>(d));
  const auto field = static_cast<long long>(1023 + f.min_exponent());
  const __m256d least = _mm256_castsi256_pd(_mm256_set1_epi64x(field << 52));
  const __m128i point = _mm_cvtsi32_si128(52 - f.mantissa_bits);
  const __m128i below_point = _mm_cvtsi32_si128(20 - f.mantissa_bits);
  const __m256i base = _mm256_set1_epi64x((field - 1) << f.mantissa_bits);
  const __m128i largest = _mm_set1_epi32(static_cast<int>(f.max_code()));
  const __m128i sign_bit = _mm_set1_epi32(static_cast<int>(f.sign_mask()));
  const bool keeps = f.has_negative_zero() && rule == negative_zero_rule::keep;
  const bool drops_exact = f.has_negative_zero() && rule == negative_zero_rule::drop_exact;
  for (std::size_t i = 0; i < count; i += 4) {
    const __m128i number = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
    const __m128i magnitude = _mm_and_si128(number, _mm_set1_epi32(0x7fff'ffff));
    const __m256d y = _mm256_cvtps_pd(_mm_castsi128_ps(magnitude));
    __m256d nearest;
    asm("vdivpd %2, %1, %0" : "=x"(nearest) : "x"(y), "x"(divisor));
    // Less by one in its last place where the exact remainder is negative.
    const __m256i rest = _mm256_castpd_si256(_mm256_fnmadd_pd(nearest, divisor, y));
    const __m256i q = _mm256_sub_epi64(_mm256_castpd_si256(nearest), _mm256_srli_epi64(rest, 63));
    // Below the smallest normal number its sum with that has the steps of the format; it is truncated, too.
    const __m256d quotient = _mm256_castsi256_pd(q);
    const __m256d sum = opaque(_mm256_add_pd(quotient, least));
    const __m256d part = opaque(_mm256_sub_pd(sum, least));
    const __m256i above = _mm256_castpd_si256(_mm256_cmp_pd(part, quotient, _CMP_GT_OQ));
    const __m256i raised =
        _mm256_sub_epi64(_mm256_add_epi64(_mm256_castpd_si256(sum), above), _mm256_set1_epi64x(1LL << 52));
    const __m256i is_small = _mm256_castpd_si256(_mm256_cmp_pd(quotient, least, _CMP_LT_OQ));
    const __m256i fixed = _mm256_blendv_epi8(q, raised, is_small);
    const __m256i word = _mm256_cvtepu32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(random + 4 * i)));
    const __m256i up = _mm256_add_epi64(fixed, _mm256_sll_epi64(word, below_point));
    const __m256i wide = _mm256_sub_epi64(_mm256_srl_epi64(up, point), base);
    const __m128i code = _mm_min_epi32(
        _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(wide, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6))), largest);
    const __m128i of_zero = drops_exact ? magnitude : code;
    const __m128i is_zero = keeps ? _mm_setzero_si128() : _mm_cmpeq_epi32(of_zero, _mm_setzero_si128());
    const __m128i negative = _mm_andnot_si128(is_zero, _mm_srai_epi32(number, 31));
    const __m128i whole = _mm_or_si128(code, _mm_and_si128(negative, sign_bit));
    const __m128i bytes = _mm_shuffle_epi8(whole, _mm_setr_epi8(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12));
    const int four = _mm_cvtsi128_si32(bytes);
    std::memcpy(codes + i, &four, sizeof(four));
  }
}

#endif  // defined(__FMA__)

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
