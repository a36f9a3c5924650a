// SPDX-License-Identifier: Apache-2.0
//
// Vectors of doubles in which statistics are summed, and how far ahead they read.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__) && defined(__FMA__)

#include <nibble/method/lane_sums.hpp>

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
  static NIBBLE_ALWAYS_INLINE wide multiply(wide a, wide b) noexcept { return _mm256_mul_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide multiply_add(wide a, wide b, wide x) noexcept { return _mm256_fmadd_pd(a, b, x); }
  /// As detail::shortened.
  static NIBBLE_ALWAYS_INLINE wide shortened(wide x) noexcept {
    const __m256i rounded = _mm256_add_epi64(_mm256_castpd_si256(x), _mm256_set1_epi64x(1 << 26));
    return _mm256_castsi256_pd(_mm256_and_si256(rounded, _mm256_set1_epi64x(-(1 << 27))));
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
  static NIBBLE_ALWAYS_INLINE wide multiply(wide a, wide b) noexcept { return _mm512_mul_pd(a, b); }
  static NIBBLE_ALWAYS_INLINE wide multiply_add(wide a, wide b, wide x) noexcept { return _mm512_fmadd_pd(a, b, x); }
  static NIBBLE_ALWAYS_INLINE wide shortened(wide x) noexcept {
    const __m512i rounded = _mm512_add_epi64(_mm512_castpd_si512(x), _mm512_set1_epi64(1 << 26));
    return _mm512_castsi512_pd(_mm512_and_si512(rounded, _mm512_set1_epi64(-(1 << 27))));
  }
};
#endif

/// Whether none of the sums is NaN or Inf.
template <class W, std::size_t N>
NIBBLE_ALWAYS_INLINE bool all_finite(const typename W::wide (&sums)[N]) noexcept {
  double lanes[N * W::size];
  for (std::size_t v = 0; v < N; ++v) W::store(lanes + v * W::size, sums[v]);
  std::uint64_t is_any = 0;
  for (const double lane : lanes) {
    const std::uint64_t magnitude = to_bits(lane) & ieee_layout<std::uint64_t>::magnitude_mask;
    is_any |= magnitude >= ieee_layout<std::uint64_t>::infinity ? 1U : 0U;
  }
  return is_any == 0;
}

/// Elements between what is read and what is fetched into the caches: 2 KiB of each operand.
inline constexpr std::size_t prefetch_distance = 512;

/// Adds the whole 16s of columns to a state by add(state, i) and returns how many columns they are. Whether all were
/// finite is asked after 1,024 of them: if not, they are taken back and added by add_careful(state, i).
template <class State, std::size_t N, class Add, class AddCareful>
NIBBLE_ALWAYS_INLINE std::size_t over_columns(std::size_t count, State& state, const float* const (&operands)[N],
                                              const Add& add, const AddCareful& add_careful) noexcept {
  constexpr std::size_t piece = 1024;
  const std::size_t whole = count / measure_lanes * measure_lanes;
  for (std::size_t first = 0; first < whole; first += piece) {
    const std::size_t last = whole - first < piece ? whole : first + piece;
    State next = state;
    for (std::size_t i = first; i < last; i += measure_lanes) {
      // The work of a step fills the window of instructions that are in flight, so that loads alone do not run far
      // ahead.
      const std::size_t ahead = i + prefetch_distance < count ? i + prefetch_distance : i;
      for (const float* x : operands) _mm_prefetch(reinterpret_cast<const char*>(x + ahead), _MM_HINT_T0);
      add(next, i);
    }
    if (next.is_finite()) {
      state = next;
    } else {
      for (std::size_t i = first; i < last; i += measure_lanes) add_careful(state, i);
    }
  }
  return whole;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif
