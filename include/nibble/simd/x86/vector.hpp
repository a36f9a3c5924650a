// SPDX-License-Identifier: Apache-2.0
//
// The registers of AVX2 and AVX-512 (x86/vector512.hpp) under one set of names, so that a kernel is written once for both.
// Both pack within 128-bit lanes; in_order() and nibbles() undo that. See the Intel Software Developer's Manual for each
// instruction.
#pragma once

#include <nibble/simd/x86/vector512.hpp>

#if defined(__AVX2__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// 256 bits: AVX2. `word` holds integers of any width, `real` float32; a comparison gives all ones or zeros.
struct avx2_vector {
  using word = __m256i;
  using real = __m256;
  static constexpr std::size_t lanes = 8;
  static constexpr std::size_t bytes = 32;
#if defined(__FMA__)
  static constexpr bool is_fused = true;
#else
  static constexpr bool is_fused = false;
#endif

  static NIBBLE_ALWAYS_INLINE word as_word(real x) noexcept { return _mm256_castps_si256(x); }
  static NIBBLE_ALWAYS_INLINE real as_real(word x) noexcept { return _mm256_castsi256_ps(x); }
  static NIBBLE_ALWAYS_INLINE word load(const void* p) noexcept { return _mm256_loadu_si256(static_cast<const word*>(p)); }
  static NIBBLE_ALWAYS_INLINE void store(void* p, word x) noexcept { _mm256_storeu_si256(static_cast<word*>(p), x); }
  static NIBBLE_ALWAYS_INLINE void stream(void* p, word x) noexcept { _mm256_stream_si256(static_cast<word*>(p), x); }
  static NIBBLE_ALWAYS_INLINE word all(std::uint32_t x) noexcept { return _mm256_set1_epi32(static_cast<int>(x)); }
  static NIBBLE_ALWAYS_INLINE word all_halves(int x) noexcept { return _mm256_set1_epi16(static_cast<short>(x)); }
  static NIBBLE_ALWAYS_INLINE word all_bytes(int x) noexcept { return _mm256_set1_epi8(static_cast<char>(x)); }
  static NIBBLE_ALWAYS_INLINE real all_real(float x) noexcept { return _mm256_set1_ps(x); }
  static NIBBLE_ALWAYS_INLINE real broadcast(const std::uint32_t* p) noexcept {
    return as_real(_mm256_set1_epi32(static_cast<int>(*p)));
  }
  /// 8- or 16-bit integers, one a lane.
  static NIBBLE_ALWAYS_INLINE word load_bytes(const void* p) noexcept {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p)));
  }
  static NIBBLE_ALWAYS_INLINE word load_halves(const void* p) noexcept {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  }

  static NIBBLE_ALWAYS_INLINE word both(word a, word b) noexcept { return _mm256_and_si256(a, b); }
  static NIBBLE_ALWAYS_INLINE word either(word a, word b) noexcept { return _mm256_or_si256(a, b); }
  static NIBBLE_ALWAYS_INLINE word differ(word a, word b) noexcept { return _mm256_xor_si256(a, b); }
  /// a where b is not.
  static NIBBLE_ALWAYS_INLINE word without(word a, word b) noexcept { return _mm256_andnot_si256(b, a); }

  static NIBBLE_ALWAYS_INLINE word add(word a, word b) noexcept { return _mm256_add_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word subtract(word a, word b) noexcept { return _mm256_sub_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word largest(word a, word b) noexcept { return _mm256_max_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word smallest(word a, word b) noexcept { return _mm256_min_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word smallest_unsigned(word a, word b) noexcept { return _mm256_min_epu32(a, b); }
  static NIBBLE_ALWAYS_INLINE word largest_unsigned(word a, word b) noexcept { return _mm256_max_epu32(a, b); }
  static NIBBLE_ALWAYS_INLINE word greater(word a, word b) noexcept { return _mm256_cmpgt_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word equal(word a, word b) noexcept { return _mm256_cmpeq_epi32(a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word left(word a) noexcept { return _mm256_slli_epi32(a, N); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right(word a) noexcept { return _mm256_srli_epi32(a, N); }
  static NIBBLE_ALWAYS_INLINE word sign_mask(word a) noexcept { return _mm256_srai_epi32(a, 31); }
  static NIBBLE_ALWAYS_INLINE bool any(word a) noexcept { return _mm256_movemask_epi8(a) != 0; }

  static NIBBLE_ALWAYS_INLINE word multiply_add_halves(word a, word b) noexcept { return _mm256_madd_epi16(a, b); }
  static NIBBLE_ALWAYS_INLINE word subtract_halves(word a, word b) noexcept { return _mm256_sub_epi16(a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_halves(word a) noexcept { return N == 0 ? a : _mm256_srli_epi16(a, N); }
  static NIBBLE_ALWAYS_INLINE word smallest_bytes(word a, word b) noexcept { return _mm256_min_epu8(a, b); }
  static NIBBLE_ALWAYS_INLINE word subtract_bytes(word a, word b) noexcept { return _mm256_sub_epi8(a, b); }
  /// Unsigned.
  static NIBBLE_ALWAYS_INLINE word subtract_saturated_bytes(word a, word b) noexcept { return _mm256_subs_epu8(a, b); }
  static NIBBLE_ALWAYS_INLINE word equal_bytes(word a, word b) noexcept { return _mm256_cmpeq_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word negative_bytes(word a) noexcept { return _mm256_cmpgt_epi8(_mm256_setzero_si256(), a); }
  static NIBBLE_ALWAYS_INLINE word add_halves(word a, word b) noexcept { return _mm256_add_epi16(a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_signed_halves(word a) noexcept { return _mm256_srai_epi16(a, N); }
  static NIBBLE_ALWAYS_INLINE word absolute_halves(word a) noexcept { return _mm256_abs_epi16(a); }
  static NIBBLE_ALWAYS_INLINE word smallest_unsigned_halves(word a, word b) noexcept { return _mm256_min_epu16(a, b); }
  /// (a + b + 1) / 2, unsigned.
  static NIBBLE_ALWAYS_INLINE word average_halves(word a, word b) noexcept { return _mm256_avg_epu16(a, b); }
  static NIBBLE_ALWAYS_INLINE word smallest_signed_bytes(word a, word b) noexcept { return _mm256_min_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word greater_bytes(word a, word b) noexcept { return _mm256_cmpgt_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word add_saturated_bytes(word a, word b) noexcept { return _mm256_adds_epi8(a, b); }
  /// a, and one more where x is greater than `limit`.
  static NIBBLE_ALWAYS_INLINE word count_greater_bytes(word a, word x, word limit) noexcept {
    return subtract_bytes(a, greater_bytes(x, limit));
  }
  /// The upper halves of the words of both by turns, a word of `a` first.
  static NIBBLE_ALWAYS_INLINE word upper_halves(word a, word b) noexcept { return _mm256_blend_epi16(right<16>(a), b, 0xaa); }
  /// Bytes of each 128-bit lane of `table` by index from 0 to 15; 0 for negative indexes.
  static NIBBLE_ALWAYS_INLINE word lookup(word table, word index) noexcept { return _mm256_shuffle_epi8(table, index); }
  /// 16 bytes in each 128-bit lane.
  template <class... Byte>
  static NIBBLE_ALWAYS_INLINE word repeated(Byte... values) noexcept {
    return _mm256_setr_epi8(static_cast<char>(values)..., static_cast<char>(values)...);
  }

  /// Words of `table` by the lowest bits of `index`.
  static NIBBLE_ALWAYS_INLINE word permuted(word table, word index) noexcept {
    return _mm256_permutevar8x32_epi32(table, index);
  }

  /// Words to halves, halves to bytes, with signed (`pack`) or unsigned saturation.
  static NIBBLE_ALWAYS_INLINE word pack_words(word a, word b) noexcept { return _mm256_packs_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word pack_halves(word a, word b) noexcept { return _mm256_packs_epi16(a, b); }
  static NIBBLE_ALWAYS_INLINE word pack_halves_unsigned(word a, word b) noexcept { return _mm256_packus_epi16(a, b); }

  // Results of float32 operations pass through an opaque register: no compiler merges or reorders them.
  static NIBBLE_ALWAYS_INLINE real opaque(real x) noexcept {
    asm("" : "+x"(x));
    return x;
  }
  static NIBBLE_ALWAYS_INLINE real multiply(real a, real b) noexcept { return opaque(_mm256_mul_ps(a, b)); }
  /// Correctly rounded: under -ffast-math compilers take an estimate for a division that they know to be one.
  static NIBBLE_ALWAYS_INLINE real divide(real a, real b) noexcept {
    real quotient;
    asm("vdivps %2, %1, %0" : "=x"(quotient) : "x"(a), "x"(b));
    return quotient;
  }
  static NIBBLE_ALWAYS_INLINE real add(real a, real b) noexcept { return opaque(_mm256_add_ps(a, b)); }
  static NIBBLE_ALWAYS_INLINE real subtract(real a, real b) noexcept { return opaque(_mm256_sub_ps(a, b)); }
  /// power * 2^Shift + x, and x less it: one rounding. AMD's processors add on other ports than they multiply, so the
  /// integer addition to the exponent beats the fused form here.
  template <int Shift>
  static NIBBLE_ALWAYS_INLINE real add_power(word power, real x) noexcept {
    return add(as_real(add(power, all(static_cast<std::uint32_t>(Shift) << 23))), x);
  }
  template <int Shift>
  static NIBBLE_ALWAYS_INLINE real subtract_power(word power, real x) noexcept {
    return subtract(x, as_real(add(power, all(static_cast<std::uint32_t>(Shift) << 23))));
  }
  /// a * b + x, x - a * b and a * b - x, fused where `is_fused`; else one rounding where the product is exact.
  static NIBBLE_ALWAYS_INLINE real multiply_add(real a, real b, real x) noexcept {
#if defined(__FMA__)
    return opaque(_mm256_fmadd_ps(a, b, x));
#else
    return add(multiply(a, b), x);
#endif
  }
  static NIBBLE_ALWAYS_INLINE real subtract_product(real a, real b, real x) noexcept {
#if defined(__FMA__)
    return opaque(_mm256_fnmadd_ps(a, b, x));
#else
    return subtract(x, multiply(a, b));
#endif
  }
  static NIBBLE_ALWAYS_INLINE real product_less(real a, real b, real x) noexcept {
#if defined(__FMA__)
    return opaque(_mm256_fmsub_ps(a, b, x));
#else
    return subtract(multiply(a, b), x);
#endif
  }
  /// Whether a or b is NaN. The instruction is named: -ffast-math lets compilers think that none is.
  static NIBBLE_ALWAYS_INLINE word unordered(real a, real b) noexcept {
    real either;
    asm("vcmpunordps %2, %1, %0" : "=x"(either) : "x"(a), "x"(b));
    return as_word(either);
  }
  /// b where the lane of `sign` is negative, else a.
  static NIBBLE_ALWAYS_INLINE real by_sign(real a, real b, word sign) noexcept {
    return _mm256_blendv_ps(a, b, as_real(sign));
  }
  static NIBBLE_ALWAYS_INLINE word truncated(real x) noexcept { return _mm256_cvttps_epi32(x); }
  static NIBBLE_ALWAYS_INLINE real from_integer(word x) noexcept { return opaque(_mm256_cvtepi32_ps(x)); }

  // 64-bit lanes.
  static NIBBLE_ALWAYS_INLINE word all_wide(std::uint32_t x) noexcept { return _mm256_set1_epi64x(x); }
  /// Products of the low halves of 64-bit lanes.
  static NIBBLE_ALWAYS_INLINE word multiply_wide(word a, word b) noexcept { return _mm256_mul_epu32(a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_wide(word a) noexcept { return _mm256_srli_epi64(a, N); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word left_wide(word a) noexcept { return _mm256_slli_epi64(a, N); }
  static NIBBLE_ALWAYS_INLINE word add_wide(word a, word b) noexcept { return _mm256_add_epi64(a, b); }
  static NIBBLE_ALWAYS_INLINE word opaque(word x) noexcept {
    asm("" : "+x"(x));
    return x;
  }

  /// Bytes of four packed vectors, 4-byte groups 0L 1L 2L 3L | 0H 1H 2H 3H, in the order of the elements.
  static NIBBLE_ALWAYS_INLINE word in_order(word x) noexcept {
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  }
  /// The other way round.
  static NIBBLE_ALWAYS_INLINE word in_packing_order(word x) noexcept {
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
  }
  /// The bytes in the first or second half of each 128-bit lane as 16-bit integers.
  static NIBBLE_ALWAYS_INLINE word first_bytes(word x) noexcept { return _mm256_unpacklo_epi8(x, _mm256_setzero_si256()); }
  static NIBBLE_ALWAYS_INLINE word second_bytes(word x) noexcept { return _mm256_unpackhi_epi8(x, _mm256_setzero_si256()); }
  /// Codes of at most 4 bits, one a byte in the order that packing left, two a byte in order with the even one low.
  static NIBBLE_ALWAYS_INLINE word nibbles(word first, word second) noexcept {
    const word weights = _mm256_set1_epi16(0x1001);
    const word halves = _mm256_packus_epi16(_mm256_maddubs_epi16(first, weights), _mm256_maddubs_epi16(second, weights));
    const word together = _mm256_permute4x64_epi64(halves, 0xd8);
    return lookup(together, repeated(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
  }
  /// The same where the codes of vectors 0 and 1, and those of vectors 2 and 3, lie by turns in what was packed.
  static NIBBLE_ALWAYS_INLINE word turned_nibbles(word first, word second) noexcept {
    const word weights = _mm256_set1_epi32(0x0010'0001);
    const word halves = _mm256_packus_epi32(_mm256_madd_epi16(first, weights), _mm256_madd_epi16(second, weights));
    const word together = _mm256_permute4x64_epi64(halves, 0xd8);
    return lookup(together, repeated(0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15));
  }
};

/// The vector of an architecture; void where it has none of these.
template <class Arch>
struct vector_of_architecture {
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  using wide = std::conditional_t<std::is_base_of_v<xsimd::avx512bw, Arch>, avx512_vector, avx2_vector>;
#else
  using wide = avx2_vector;
#endif
  using type = std::conditional_t<has_avx2<Arch>, wide, void>;
};
template <class Arch>
using vector_of = typename vector_of_architecture<Arch>::type;

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
