// SPDX-License-Identifier: Apache-2.0
//
// The registers of AVX-512 under the names of x86/vector.hpp.
#pragma once

#include <nibble/simd/compat.hpp>

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// 512 bits: AVX-512 F, BW, DQ, VL. The zero-masking forms with all lanes set are the plain instructions; the plain forms
/// of GCC 12 read an uninitialised register, of which it then warns.
struct avx512_vector {
  using word = __m512i;
  using real = __m512;
  static constexpr std::size_t lanes = 16;
  static constexpr std::size_t bytes = 64;
  static constexpr bool is_fused = true;
  static constexpr __mmask16 every = 0xffff;
  static constexpr __mmask32 every_half = 0xffff'ffffU;
  static constexpr __mmask64 every_byte = ~__mmask64{0};

  static NIBBLE_ALWAYS_INLINE word as_word(real x) noexcept { return _mm512_castps_si512(x); }
  static NIBBLE_ALWAYS_INLINE real as_real(word x) noexcept { return _mm512_castsi512_ps(x); }
  static NIBBLE_ALWAYS_INLINE word load(const void* p) noexcept { return _mm512_loadu_si512(p); }
  static NIBBLE_ALWAYS_INLINE void store(void* p, word x) noexcept { _mm512_storeu_si512(p, x); }
  static NIBBLE_ALWAYS_INLINE void stream(void* p, word x) noexcept { _mm512_stream_si512(static_cast<word*>(p), x); }
  static NIBBLE_ALWAYS_INLINE word all(std::uint32_t x) noexcept { return _mm512_set1_epi32(static_cast<int>(x)); }
  static NIBBLE_ALWAYS_INLINE word all_halves(int x) noexcept { return _mm512_set1_epi16(static_cast<short>(x)); }
  static NIBBLE_ALWAYS_INLINE word all_bytes(int x) noexcept { return _mm512_set1_epi8(static_cast<char>(x)); }
  static NIBBLE_ALWAYS_INLINE real all_real(float x) noexcept { return _mm512_set1_ps(x); }
  static NIBBLE_ALWAYS_INLINE real broadcast(const std::uint32_t* p) noexcept {
    return as_real(_mm512_set1_epi32(static_cast<int>(*p)));
  }
  static NIBBLE_ALWAYS_INLINE word load_bytes(const void* p) noexcept {
    return _mm512_maskz_cvtepu8_epi32(every, _mm_loadu_si128(static_cast<const __m128i*>(p)));
  }
  static NIBBLE_ALWAYS_INLINE word load_halves(const void* p) noexcept {
    return _mm512_maskz_cvtepu16_epi32(every, _mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }

  static NIBBLE_ALWAYS_INLINE word both(word a, word b) noexcept { return _mm512_and_si512(a, b); }
  static NIBBLE_ALWAYS_INLINE word either(word a, word b) noexcept { return _mm512_or_si512(a, b); }
  static NIBBLE_ALWAYS_INLINE word differ(word a, word b) noexcept { return _mm512_xor_si512(a, b); }
  static NIBBLE_ALWAYS_INLINE word differ(word a, word b, word c) noexcept {
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
  }
  static NIBBLE_ALWAYS_INLINE word without(word a, word b) noexcept { return _mm512_maskz_andnot_epi32(every, b, a); }

  static NIBBLE_ALWAYS_INLINE word add(word a, word b) noexcept { return _mm512_add_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word subtract(word a, word b) noexcept { return _mm512_sub_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word largest(word a, word b) noexcept { return _mm512_maskz_max_epi32(every, a, b); }
  static NIBBLE_ALWAYS_INLINE word smallest(word a, word b) noexcept { return _mm512_maskz_min_epi32(every, a, b); }
  static NIBBLE_ALWAYS_INLINE word smallest_unsigned(word a, word b) noexcept { return _mm512_maskz_min_epu32(every, a, b); }
  static NIBBLE_ALWAYS_INLINE word largest_unsigned(word a, word b) noexcept { return _mm512_maskz_max_epu32(every, a, b); }
  static NIBBLE_ALWAYS_INLINE word greater(word a, word b) noexcept {
    return _mm512_movm_epi32(_mm512_cmpgt_epi32_mask(a, b));
  }
  static NIBBLE_ALWAYS_INLINE word equal(word a, word b) noexcept {
    return _mm512_movm_epi32(_mm512_cmpeq_epi32_mask(a, b));
  }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word left(word a) noexcept { return _mm512_maskz_slli_epi32(every, a, N); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right(word a) noexcept { return _mm512_maskz_srli_epi32(every, a, N); }
  static NIBBLE_ALWAYS_INLINE word sign_mask(word a) noexcept { return _mm512_maskz_srai_epi32(every, a, 31); }
  static NIBBLE_ALWAYS_INLINE bool any(word a) noexcept { return _mm512_test_epi32_mask(a, a) != 0; }

  static NIBBLE_ALWAYS_INLINE word multiply_add_halves(word a, word b) noexcept { return _mm512_madd_epi16(a, b); }
  static NIBBLE_ALWAYS_INLINE word subtract_halves(word a, word b) noexcept { return _mm512_sub_epi16(a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_halves(word a) noexcept {
    return N == 0 ? a : _mm512_maskz_srli_epi16(every_half, a, N);
  }
  static NIBBLE_ALWAYS_INLINE word smallest_bytes(word a, word b) noexcept { return _mm512_min_epu8(a, b); }
  static NIBBLE_ALWAYS_INLINE word subtract_bytes(word a, word b) noexcept { return _mm512_sub_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word subtract_saturated_bytes(word a, word b) noexcept { return _mm512_subs_epu8(a, b); }
  static NIBBLE_ALWAYS_INLINE word equal_bytes(word a, word b) noexcept {
    return _mm512_movm_epi8(_mm512_cmpeq_epi8_mask(a, b));
  }
  static NIBBLE_ALWAYS_INLINE word negative_bytes(word a) noexcept { return _mm512_movm_epi8(_mm512_movepi8_mask(a)); }
  static NIBBLE_ALWAYS_INLINE word add_halves(word a, word b) noexcept { return _mm512_add_epi16(a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_signed_halves(word a) noexcept { return _mm512_maskz_srai_epi16(every_half, a, N); }
  static NIBBLE_ALWAYS_INLINE word absolute_halves(word a) noexcept { return _mm512_abs_epi16(a); }
  static NIBBLE_ALWAYS_INLINE word smallest_unsigned_halves(word a, word b) noexcept { return _mm512_min_epu16(a, b); }
  static NIBBLE_ALWAYS_INLINE word average_halves(word a, word b) noexcept { return _mm512_avg_epu16(a, b); }
  static NIBBLE_ALWAYS_INLINE word smallest_signed_bytes(word a, word b) noexcept { return _mm512_min_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word greater_bytes(word a, word b) noexcept {
    return _mm512_movm_epi8(_mm512_cmpgt_epi8_mask(a, b));
  }
  static NIBBLE_ALWAYS_INLINE word add_saturated_bytes(word a, word b) noexcept { return _mm512_adds_epi8(a, b); }
  static NIBBLE_ALWAYS_INLINE word count_greater_bytes(word a, word x, word limit) noexcept {
    asm("vpaddb %2, %0, %0%{%1%}" : "+v"(a) : "Yk"(_mm512_cmpgt_epi8_mask(x, limit)), "v"(all_bytes(1)));
    return a;
  }
  /// `to`, with bytes of `from` by the lanes' index in some places. The instruction is named: Clang would take one that is
  /// three to a processor.
  static NIBBLE_ALWAYS_INLINE word shuffled_into(word to, __mmask64 places, word from, word index) noexcept {
    asm("vpshufb %3, %2, %0%{%1%}" : "+v"(to) : "Yk"(places), "v"(from), "v"(index));
    return to;
  }
  static NIBBLE_ALWAYS_INLINE word upper_halves(word a, word b) noexcept {
    const __m512i down = repeated(2, 3, 2, 3, 6, 7, 6, 7, 10, 11, 10, 11, 14, 15, 14, 15);
    return shuffled_into(b, 0x3333'3333'3333'3333U, a, down);
  }
  /// Of the lower halves.
  static NIBBLE_ALWAYS_INLINE word lower_halves(word a, word b) noexcept {
    const __m512i up = repeated(0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13);
    return shuffled_into(a, 0xcccc'cccc'cccc'ccccU, b, up);
  }
  static NIBBLE_ALWAYS_INLINE word lookup(word table, word index) noexcept { return _mm512_shuffle_epi8(table, index); }
  template <class... Byte>
  static NIBBLE_ALWAYS_INLINE word repeated(Byte... values) noexcept {
    return _mm512_maskz_broadcast_i32x4(every, _mm_setr_epi8(static_cast<char>(values)...));
  }

  static NIBBLE_ALWAYS_INLINE word permuted(word table, word index) noexcept {
    return _mm512_maskz_permutexvar_epi32(every, index, table);
  }

  static NIBBLE_ALWAYS_INLINE word pack_words(word a, word b) noexcept { return _mm512_packs_epi32(a, b); }
  static NIBBLE_ALWAYS_INLINE word pack_halves(word a, word b) noexcept { return _mm512_packs_epi16(a, b); }
  static NIBBLE_ALWAYS_INLINE word pack_halves_unsigned(word a, word b) noexcept { return _mm512_packus_epi16(a, b); }

  static NIBBLE_ALWAYS_INLINE real opaque(real x) noexcept {
    asm("" : "+v"(x));
    return x;
  }
  static NIBBLE_ALWAYS_INLINE real multiply(real a, real b) noexcept { return opaque(_mm512_mul_ps(a, b)); }
  static NIBBLE_ALWAYS_INLINE real divide(real a, real b) noexcept {
    real quotient;
    asm("vdivps %2, %1, %0" : "=v"(quotient) : "v"(a), "v"(b));
    return quotient;
  }
  static NIBBLE_ALWAYS_INLINE real add(real a, real b) noexcept { return opaque(_mm512_add_ps(a, b)); }
  static NIBBLE_ALWAYS_INLINE real subtract(real a, real b) noexcept { return opaque(_mm512_sub_ps(a, b)); }
  template <int Shift>
  static NIBBLE_ALWAYS_INLINE real add_power(word power, real x) noexcept {
    return opaque(_mm512_fmadd_ps(as_real(power), all_real(static_cast<float>(1U << Shift)), x));
  }
  template <int Shift>
  static NIBBLE_ALWAYS_INLINE real subtract_power(word power, real x) noexcept {
    return subtract_product(as_real(power), all_real(static_cast<float>(1U << Shift)), x);
  }
  static NIBBLE_ALWAYS_INLINE real multiply_add(real a, real b, real x) noexcept {
    return opaque(_mm512_fmadd_ps(a, b, x));
  }
  static NIBBLE_ALWAYS_INLINE real subtract_product(real a, real b, real x) noexcept {
    return opaque(_mm512_fnmadd_ps(a, b, x));
  }
  static NIBBLE_ALWAYS_INLINE real product_less(real a, real b, real x) noexcept { return opaque(_mm512_fmsub_ps(a, b, x)); }
  static NIBBLE_ALWAYS_INLINE word unordered(real a, real b) noexcept {
    __mmask16 either;
    asm("vcmpunordps %2, %1, %0" : "=k"(either) : "v"(a), "v"(b));
    return _mm512_movm_epi32(either);
  }
  static NIBBLE_ALWAYS_INLINE real by_sign(real a, real b, word sign) noexcept {
    return _mm512_mask_blend_ps(_mm512_movepi32_mask(sign), a, b);
  }
  static NIBBLE_ALWAYS_INLINE word truncated(real x) noexcept { return _mm512_maskz_cvttps_epi32(every, x); }
  static NIBBLE_ALWAYS_INLINE real from_integer(word x) noexcept { return opaque(_mm512_maskz_cvtepi32_ps(every, x)); }

  static NIBBLE_ALWAYS_INLINE word all_wide(std::uint32_t x) noexcept { return _mm512_set1_epi64(x); }
  static NIBBLE_ALWAYS_INLINE word multiply_wide(word a, word b) noexcept { return _mm512_maskz_mul_epu32(0xff, a, b); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word right_wide(word a) noexcept { return _mm512_maskz_srli_epi64(0xff, a, N); }
  template <int N>
  static NIBBLE_ALWAYS_INLINE word left_wide(word a) noexcept { return _mm512_maskz_slli_epi64(0xff, a, N); }
  static NIBBLE_ALWAYS_INLINE word add_wide(word a, word b) noexcept { return _mm512_add_epi64(a, b); }
  static NIBBLE_ALWAYS_INLINE word opaque(word x) noexcept {
    asm("" : "+v"(x));
    return x;
  }

  static NIBBLE_ALWAYS_INLINE word in_order(word x) noexcept {
    const word order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_maskz_permutexvar_epi32(every, order, x);
  }
  static NIBBLE_ALWAYS_INLINE word in_packing_order(word x) noexcept { return in_order(x); }
  static NIBBLE_ALWAYS_INLINE word first_bytes(word x) noexcept { return _mm512_unpacklo_epi8(x, _mm512_setzero_si512()); }
  static NIBBLE_ALWAYS_INLINE word second_bytes(word x) noexcept { return _mm512_unpackhi_epi8(x, _mm512_setzero_si512()); }
  static NIBBLE_ALWAYS_INLINE word nibbles(word first, word second) noexcept {
    const word weights = _mm512_set1_epi16(0x1001);
    return vector_by_vector(
        _mm512_packus_epi16(_mm512_maddubs_epi16(first, weights), _mm512_maddubs_epi16(second, weights)));
  }
  static NIBBLE_ALWAYS_INLINE word turned_nibbles(word first, word second) noexcept {
    const word weights = _mm512_set1_epi32(0x0010'0001);
    const word halves = _mm512_maskz_packus_epi32(every_half, multiply_add_halves(first, weights),
                                                  multiply_add_halves(second, weights));
#if defined(__AVX512VBMI__)
    return permuted_bytes<true>(halves);
#else
    // Opaque: Clang would make a dozen operations of both.
    return vector_by_vector(opaque(lookup(halves, repeated(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15))));
#endif
  }
  /// Half u of lane j holds four codes of vector u: the first four vectors before the others.
  static NIBBLE_ALWAYS_INLINE word vector_by_vector(word halves) noexcept {
#if defined(__AVX512VBMI__)
    return permuted_bytes<false>(halves);
#else
    const word order = _mm512_set_epi16(31, 23, 15, 7, 30, 22, 14, 6, 29, 21, 13, 5, 28, 20, 12, 4,  //
                                        27, 19, 11, 3, 26, 18, 10, 2, 25, 17, 9, 1, 24, 16, 8, 0);
    return _mm512_maskz_permutexvar_epi16(every_half, order, halves);
#endif
  }
#if defined(__AVX512VBMI__)
  /// The same by bytes, which takes one operation where halves take two; `Turned`: codes of two vectors lie by turns.
  template <bool Turned>
  static NIBBLE_ALWAYS_INLINE word permuted_bytes(word halves) noexcept {
    alignas(64) static constexpr auto order = [] {
      std::array<std::uint8_t, bytes> at{};
      for (std::size_t i = 0; i < bytes; ++i) {
        const std::size_t within = i / 8 * 2 + i % 2;  // its place among the 16 of a lane
        const std::size_t turned = within / 4 * 4 + within % 2 * 2 + within / 2 % 2;
        at[i] = static_cast<std::uint8_t>(i / 2 % 4 * 16 + (Turned ? turned : within));
      }
      return at;
    }();
    return _mm512_maskz_permutexvar_epi8(every_byte, load(order.data()), halves);
  }
#endif
};

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif
