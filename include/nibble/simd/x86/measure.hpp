// SPDX-License-Identifier: Apache-2.0
//
// The sums of method/measure.hpp over rows of float32: 16 columns a step, each lane of a vector of doubles one of the
// 16 lanes of summation. Squares and products are exact, so that the fused forms round as a product and a sum do.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__) && defined(__FMA__)

#include <nibble/method/measure.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Vectors of doubles beside the registers of V.
template <class V>
struct wide_lanes;

template <>
struct wide_lanes<avx2_vector> {
  using wide = __m256d;
  static constexpr std::size_t size = 4;
  static NIBBLE_ALWAYS_INLINE wide load(const double* p) noexcept { return _mm256_loadu_pd(p); }
  static NIBBLE_ALWAYS_INLINE void store(double* p, wide x) noexcept { _mm256_storeu_pd(p, x); }
  static NIBBLE_ALWAYS_INLINE wide from_floats(const float* p) noexcept { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
  static NIBBLE_ALWAYS_INLINE wide all(double x) noexcept { return _mm256_set1_pd(x); }
  static NIBBLE_ALWAYS_INLINE wide both(wide a, wide b) noexcept { return _mm256_and_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide differ(wide a, wide b) noexcept { return _mm256_xor_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide add(wide a, wide b) noexcept { return _mm256_add_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide subtract(wide a, wide b) noexcept { return _mm256_sub_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide largest(wide a, wide b) noexcept { return _mm256_max_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide multiply_add(wide a, wide b, wide x) noexcept { return _mm256_fmadd_pd(a, b, x); }
  static NIBBLE_ALWAYS_INLINE wide add_bits(wide a, wide b) noexcept {
    return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b)));
  }
};

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
template <>
struct wide_lanes<avx512_vector> {
  using wide = __m512d;
  static constexpr std::size_t size = 8;
  static NIBBLE_ALWAYS_INLINE wide load(const double* p) noexcept { return _mm512_loadu_pd(p); }
  static NIBBLE_ALWAYS_INLINE void store(double* p, wide x) noexcept { _mm512_storeu_pd(p, x); }
  static NIBBLE_ALWAYS_INLINE wide from_floats(const float* p) noexcept {
    return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(p));
  }
  static NIBBLE_ALWAYS_INLINE wide all(double x) noexcept { return _mm512_set1_pd(x); }
  static NIBBLE_ALWAYS_INLINE wide both(wide a, wide b) noexcept { return _mm512_maskz_and_pd(0xff, a, b); }
  static NIBBLE_ALWAYS_INLINE wide differ(wide a, wide b) noexcept { return _mm512_maskz_xor_pd(0xff, a, b); }
  static NIBBLE_ALWAYS_INLINE wide add(wide a, wide b) noexcept { return _mm512_add_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide subtract(wide a, wide b) noexcept { return _mm512_sub_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide largest(wide a, wide b) noexcept { return _mm512_maskz_max_pd(0xff, a, b); }
  static NIBBLE_ALWAYS_INLINE wide multiply_add(wide a, wide b, wide x) noexcept { return _mm512_fmadd_pd(a, b, x); }
  static NIBBLE_ALWAYS_INLINE wide add_bits(wide a, wide b) noexcept {
    return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b)));
  }
};
#endif

/// Whether any of 16 elements of x or y is NaN or Inf.
template <class V>
NIBBLE_ALWAYS_INLINE bool any_nonfinite(const float* x, const float* y) noexcept {
  const typename V::word mask = V::all(0x7fff'ffffU);
  const typename V::word step = V::all(0x0080'0000U);  // carries the exponent 255 into the sign
  typename V::word signs = V::all(0);
  for (std::size_t i = 0; i < measure_lanes; i += V::lanes) {
    signs = V::either(signs, V::add(V::both(V::load(x + i), mask), step));
    signs = V::either(signs, V::add(V::both(V::load(y + i), mask), step));
  }
  return V::any(V::sign_mask(signs));
}

/// 16 pairs with those that do not count as zeros, which add nothing.
struct cleaned_pairs {
  float x[measure_lanes], y[measure_lanes];
  cleaned_pairs(const float* from_x, const float* from_y, measured_row& row) noexcept {
    for (std::size_t i = 0; i < measure_lanes; ++i) {
      const bool bad_x = !binary32(from_x[i]).is_finite();
      const bool bad_y = !binary32(from_y[i]).is_finite();
      row.nonfinite += bad_x ? 1U : 0U;
      row.broken += !bad_x && bad_y ? 1U : 0U;
      x[i] = bad_x || bad_y ? 0.0F : from_x[i];
      y[i] = bad_x || bad_y ? 0.0F : from_y[i];
    }
  }
};

/// Elements between what is read and what is fetched into the caches: 2 KiB of x, and of y.
inline constexpr std::size_t prefetch_distance = 512;

/// The sums of one row.
template <class V>
measured_row measure_row(const float* x, const float* y, std::size_t count) noexcept {
  using W = wide_lanes<V>;
  using wide = typename W::wide;
  constexpr std::size_t vectors = measure_lanes / W::size;
  measured_row row;
  wide signal[vectors], output[vectors], product[vectors], error[vectors], outward[vectors], noise[vectors];
  wide largest = W::all(0);
  for (std::size_t v = 0; v < vectors; ++v) {
    signal[v] = output[v] = product[v] = error[v] = outward[v] = noise[v] = W::all(0);
  }
  const wide half = W::all(bit_cast<double>(std::uint64_t{1} << 26));
  const wide kept = W::all(bit_cast<double>(~((std::uint64_t{1} << 27) - 1U)));
  const wide sign = W::all(-0.0);
  const wide magnitude = W::all(bit_cast<double>(ieee_layout<std::uint64_t>::magnitude_mask));
  const auto add = [&](const float* px, const float* py) NIBBLE_INLINE_LAMBDA {
    unrolled<vectors>([&](auto v) NIBBLE_INLINE_LAMBDA {
      const wide a = W::from_floats(px + v * W::size);
      const wide b = W::from_floats(py + v * W::size);
      const wide e = W::both(W::add_bits(W::subtract(b, a), half), kept);
      signal[v] = W::multiply_add(a, a, signal[v]);
      output[v] = W::multiply_add(b, b, output[v]);
      product[v] = W::multiply_add(a, b, product[v]);
      noise[v] = W::multiply_add(e, e, noise[v]);
      error[v] = W::add(error[v], e);
      outward[v] = W::add(outward[v], W::differ(e, W::both(a, sign)));
      largest = W::largest(largest, W::both(e, magnitude));
    });
  };
  std::size_t i = 0;
  for (; i + measure_lanes <= count; i += measure_lanes) {
    // The work of a step fills the window of instructions that are in flight, so that loads alone do not run far ahead.
    const std::size_t ahead = i + prefetch_distance < count ? i + prefetch_distance : i;
    _mm_prefetch(reinterpret_cast<const char*>(x + ahead), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(y + ahead), _MM_HINT_T0);
    if (any_nonfinite<V>(x + i, y + i)) {
      const cleaned_pairs pairs(x + i, y + i, row);
      add(pairs.x, pairs.y);
    } else {
      add(x + i, y + i);
    }
  }
  for (std::size_t v = 0; v < vectors; ++v) {
    W::store(row.signal.data() + v * W::size, signal[v]);
    W::store(row.output.data() + v * W::size, output[v]);
    W::store(row.product.data() + v * W::size, product[v]);
    W::store(row.error.data() + v * W::size, error[v]);
    W::store(row.outward.data() + v * W::size, outward[v]);
    W::store(row.noise.data() + v * W::size, noise[v]);
  }
  double sizes[W::size];
  W::store(sizes, largest);
  for (const double size : sizes) row.largest = size > row.largest ? size : row.largest;
  for (; i < count; ++i) row.add(i % measure_lanes, to_bits(x[i]), to_bits(y[i]));
  return row;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif
