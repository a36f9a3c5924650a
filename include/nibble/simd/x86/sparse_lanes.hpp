// SPDX-License-Identifier: Apache-2.0
//
// What N:M sparsity asks of a vector beyond vector.hpp: masks as comparisons make them (bits of a mask register on
// AVX-512), blocks of four turned so that element i of each block is in vector i, and pairs taken apart.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Turned lanes: in lane 4 L + j of a turned vector stands block j * (lanes / 4) + L of four vectors in a row.
template <class V>
struct sparse_lanes;

template <>
struct sparse_lanes<avx2_vector> : avx2_vector {
  using mask = word;
  static NIBBLE_ALWAYS_INLINE mask is_greater(word a, word b) noexcept { return greater(a, b); }
  static NIBBLE_ALWAYS_INLINE mask is_equal(word a, word b) noexcept { return equal(a, b); }
  /// Where an unsigned number is at most `most`.
  static NIBBLE_ALWAYS_INLINE mask is_at_most(word x, word most) noexcept {
    return equal(smallest_unsigned(x, most), x);
  }
  static NIBBLE_ALWAYS_INLINE mask all_of(mask a, mask b) noexcept { return both(a, b); }
  static NIBBLE_ALWAYS_INLINE mask any_of(mask a, mask b) noexcept { return either(a, b); }
  static NIBBLE_ALWAYS_INLINE mask but_not(mask a, mask b) noexcept { return without(a, b); }
  static NIBBLE_ALWAYS_INLINE bool is_any(mask a) noexcept { return any(a); }
  static NIBBLE_ALWAYS_INLINE word select(mask m, word a, word b) noexcept { return _mm256_blendv_epi8(b, a, m); }
  /// The masks of those positions at which the number of picks grows, by at most one: two picks are made one after the
  /// other, first[i] and second[i] say whether they are made at position i or before, all of them in the end.
  static NIBBLE_ALWAYS_INLINE void picks(const mask (&first)[4], const mask (&second)[4], mask (&picked)[4]) noexcept {
    const word two = add(first[1], second[1]);
    const word three = add(first[2], second[2]);
    picked[0] = first[0];
    picked[1] = subtract(two, first[0]);
    picked[2] = subtract(three, two);
    picked[3] = subtract(add(first[3], second[3]), three);
  }
  static NIBBLE_ALWAYS_INLINE word where(mask m, word a) noexcept { return both(m, a); }
  static NIBBLE_ALWAYS_INLINE word ones_where(mask m, word a) noexcept { return either(m, a); }
  static NIBBLE_ALWAYS_INLINE word without_where(mask m, word a) noexcept { return without(a, m); }
  /// a & first | second.
  static NIBBLE_ALWAYS_INLINE word cut_and_set(word a, word first, word second) noexcept {
    return either(both(a, first), second);
  }
  static NIBBLE_ALWAYS_INLINE word half_where(mask m, word a) noexcept { return _mm256_srlv_epi32(a, right<31>(m)); }
  /// 1 where m, and 2 where m and n are.
  static NIBBLE_ALWAYS_INLINE word count(mask m, mask n) noexcept { return subtract(subtract(all(0), m), n); }
  static NIBBLE_ALWAYS_INLINE word left_by(word a, word count) noexcept { return _mm256_sllv_epi32(a, count); }
  static NIBBLE_ALWAYS_INLINE word upper_product(word a, word b) noexcept {
    const word even = _mm256_srli_epi64(_mm256_mul_epu32(a, b), 32);
    const word odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    return _mm256_blend_epi32(even, odd, 0xaa);
  }
  static NIBBLE_ALWAYS_INLINE void turn(word (&v)[4]) noexcept {
    const word a = _mm256_unpacklo_epi32(v[0], v[1]);
    const word b = _mm256_unpackhi_epi32(v[0], v[1]);
    const word c = _mm256_unpacklo_epi32(v[2], v[3]);
    const word d = _mm256_unpackhi_epi32(v[2], v[3]);
    v[0] = _mm256_unpacklo_epi64(a, c);
    v[1] = _mm256_unpackhi_epi64(a, c);
    v[2] = _mm256_unpacklo_epi64(b, d);
    v[3] = _mm256_unpackhi_epi64(b, d);
  }
  /// One number a block, in the order of the blocks, to turned lanes; and back.
  static NIBBLE_ALWAYS_INLINE word to_turned(word x) noexcept {
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
  }
  static NIBBLE_ALWAYS_INLINE word from_turned(word x) noexcept {
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  }
  /// The upper halves of 64-bit numbers, one a block, to turned lanes.
  static NIBBLE_ALWAYS_INLINE word high_to_turned(word first, word second) noexcept {
    return _mm256_permutevar8x32_epi32(high_to_parted(first, second), _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7));
  }
  /// Stores a_0 b_0 a_1 b_1 ..., a and b turned.
  static NIBBLE_ALWAYS_INLINE void store_pairs(std::uint32_t* out, word a, word b) noexcept {
    // Within a lane the low and the high halves of the pairs of blocks j = 0 to 3.
    const word low = _mm256_unpacklo_epi32(a, b);
    const word high = _mm256_unpackhi_epi32(a, b);
    store(out, _mm256_permute4x64_epi64(low, 0xd8));
    store(out + 8, _mm256_permute4x64_epi64(high, 0xd8));
  }
  /// Stores codes of 4 bits, one a block in turned lanes, four to a 16-bit word.
  static NIBBLE_ALWAYS_INLINE void store_metadata(std::uint16_t* out, word code) noexcept {
    const word placed = left_by(code, _mm256_setr_epi32(0, 8, 0, 8, 4, 12, 4, 12));
    const __m128i halves = _mm_or_si128(_mm256_castsi256_si128(placed), _mm256_extracti128_si256(placed, 1));
    const __m128i words = _mm_or_si128(halves, _mm_srli_epi64(halves, 32));
    out[0] = static_cast<std::uint16_t>(_mm_extract_epi16(words, 0));
    out[1] = static_cast<std::uint16_t>(_mm_extract_epi16(words, 4));
  }
  /// The even and the odd elements of two vectors, in an order of their own; and back.
  static NIBBLE_ALWAYS_INLINE void part_pairs(word& a, word& b) noexcept {
    const real even = _mm256_shuffle_ps(as_real(a), as_real(b), 0x88);
    const real odd = _mm256_shuffle_ps(as_real(a), as_real(b), 0xdd);
    a = as_word(even);
    b = as_word(odd);
  }
  static NIBBLE_ALWAYS_INLINE void join_pairs(word& even, word& odd) noexcept {
    const word low = _mm256_unpacklo_epi32(even, odd);
    odd = _mm256_unpackhi_epi32(even, odd);
    even = low;
  }
  /// One number a pair, in the order of the pairs, to the order of part_pairs; and the upper halves of 64-bit ones.
  static NIBBLE_ALWAYS_INLINE word to_parted(word x) noexcept { return _mm256_permute4x64_epi64(x, 0xd8); }
  static NIBBLE_ALWAYS_INLINE word high_to_parted(word first, word second) noexcept {
    return as_word(_mm256_shuffle_ps(as_real(first), as_real(second), 0xdd));
  }
  template <int Order>
  static NIBBLE_ALWAYS_INLINE word shuffle_block(word x) noexcept {
    return _mm256_shuffle_epi32(x, Order);
  }
  /// The magnitudes of each block that are among its two largest, of equal ones the first, keep their element of x.
  static NIBBLE_ALWAYS_INLINE word keep_two(word x) noexcept {
    const word m = both(x, all(0x7fff'ffffU));
    // m_i >= m_j counts where j comes later, and is m_i > m_j - 1.
    const word first = greater(m, add(shuffle_block<0x39>(m), _mm256_setr_epi32(-1, -1, -1, 0, -1, -1, -1, 0)));
    const word second = greater(m, add(shuffle_block<0x4e>(m), _mm256_setr_epi32(-1, -1, 0, 0, -1, -1, 0, 0)));
    const word third = greater(m, add(shuffle_block<0x93>(m), _mm256_setr_epi32(-1, 0, 0, 0, -1, 0, 0, 0)));
    const word wins = either(both(first, second), both(third, either(first, second)));
    return both(x, wins);
  }
};

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
template <>
struct sparse_lanes<avx512_vector> : avx512_vector {
  using mask = __mmask16;
  static NIBBLE_ALWAYS_INLINE mask is_greater(word a, word b) noexcept { return _mm512_cmpgt_epi32_mask(a, b); }
  static NIBBLE_ALWAYS_INLINE mask is_equal(word a, word b) noexcept { return _mm512_cmpeq_epi32_mask(a, b); }
  static NIBBLE_ALWAYS_INLINE mask is_at_most(word x, word most) noexcept { return _mm512_cmple_epu32_mask(x, most); }
  static NIBBLE_ALWAYS_INLINE mask all_of(mask a, mask b) noexcept { return static_cast<mask>(a & b); }
  static NIBBLE_ALWAYS_INLINE mask any_of(mask a, mask b) noexcept { return static_cast<mask>(a | b); }
  static NIBBLE_ALWAYS_INLINE mask but_not(mask a, mask b) noexcept { return static_cast<mask>(a & ~b); }
  static NIBBLE_ALWAYS_INLINE bool is_any(mask a) noexcept { return a != 0; }
  static NIBBLE_ALWAYS_INLINE word select(mask m, word a, word b) noexcept { return _mm512_mask_blend_epi32(m, b, a); }
  static NIBBLE_ALWAYS_INLINE void picks(const mask (&first)[4], const mask (&second)[4], mask (&picked)[4]) noexcept {
    picked[0] = first[0];
    picked[1] = any_of(but_not(first[1], first[0]), second[1]);
    picked[2] = any_of(but_not(first[2], first[1]), but_not(second[2], second[1]));
    picked[3] = any_of(but_not(first[3], first[2]), but_not(second[3], second[2]));
  }
  static NIBBLE_ALWAYS_INLINE word where(mask m, word a) noexcept { return _mm512_maskz_mov_epi32(m, a); }
  static NIBBLE_ALWAYS_INLINE word ones_where(mask m, word a) noexcept {
    return _mm512_mask_mov_epi32(a, m, all(0xffff'ffffU));
  }
  static NIBBLE_ALWAYS_INLINE word without_where(mask m, word a) noexcept {
    return _mm512_maskz_mov_epi32(static_cast<mask>(~m), a);
  }
  static NIBBLE_ALWAYS_INLINE word cut_and_set(word a, word first, word second) noexcept {
    return _mm512_ternarylogic_epi32(a, first, second, 0xea);
  }
  static NIBBLE_ALWAYS_INLINE word half_where(mask m, word a) noexcept { return _mm512_mask_srli_epi32(a, m, a, 1); }
  static NIBBLE_ALWAYS_INLINE word count(mask m, mask n) noexcept {
    return _mm512_mask_mov_epi32(where(m, all(1)), n, all(2));
  }
  static NIBBLE_ALWAYS_INLINE word left_by(word a, word count) noexcept {
    return _mm512_maskz_sllv_epi32(every, a, count);
  }
  static NIBBLE_ALWAYS_INLINE word upper_product(word a, word b) noexcept {
    const word even = right_wide<32>(multiply_wide(a, b));
    const word odd = multiply_wide(right_wide<32>(a), right_wide<32>(b));
    return _mm512_mask_blend_epi32(0xaaaa, even, odd);
  }
  static NIBBLE_ALWAYS_INLINE void turn(word (&v)[4]) noexcept {
    const word a = _mm512_maskz_unpacklo_epi32(every, v[0], v[1]);
    const word b = _mm512_maskz_unpackhi_epi32(every, v[0], v[1]);
    const word c = _mm512_maskz_unpacklo_epi32(every, v[2], v[3]);
    const word d = _mm512_maskz_unpackhi_epi32(every, v[2], v[3]);
    v[0] = _mm512_maskz_unpacklo_epi64(0xff, a, c);
    v[1] = _mm512_maskz_unpackhi_epi64(0xff, a, c);
    v[2] = _mm512_maskz_unpacklo_epi64(0xff, b, d);
    v[3] = _mm512_maskz_unpackhi_epi64(0xff, b, d);
  }
  static NIBBLE_ALWAYS_INLINE word to_turned(word x) noexcept {
    const word order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_maskz_permutexvar_epi32(every, order, x);
  }
  static NIBBLE_ALWAYS_INLINE word from_turned(word x) noexcept { return to_turned(x); }
  static NIBBLE_ALWAYS_INLINE word high_to_turned(word first, word second) noexcept {
    const word order = _mm512_setr_epi32(1, 9, 17, 25, 3, 11, 19, 27, 5, 13, 21, 29, 7, 15, 23, 31);
    return _mm512_permutex2var_epi32(first, order, second);
  }
  static NIBBLE_ALWAYS_INLINE void store_pairs(std::uint32_t* out, word a, word b) noexcept {
    const word low = _mm512_setr_epi32(0, 16, 4, 20, 8, 24, 12, 28, 1, 17, 5, 21, 9, 25, 13, 29);
    const word high = _mm512_setr_epi32(2, 18, 6, 22, 10, 26, 14, 30, 3, 19, 7, 23, 11, 27, 15, 31);
    store(out, _mm512_permutex2var_epi32(a, low, b));
    store(out + 16, _mm512_permutex2var_epi32(a, high, b));
  }
  static NIBBLE_ALWAYS_INLINE void store_metadata(std::uint16_t* out, word code) noexcept {
    const word placed = left_by(code, _mm512_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12));
    const __m256i halves = _mm256_or_si256(_mm512_maskz_extracti64x4_epi64(0xff, placed, 0),
                                           _mm512_maskz_extracti64x4_epi64(0xff, placed, 1));
    const __m128i words = _mm_or_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi32(words, words));
  }
  static NIBBLE_ALWAYS_INLINE void part_pairs(word& a, word& b) noexcept {
    const word low = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const word even = _mm512_permutex2var_epi32(a, low, b);
    b = _mm512_permutex2var_epi32(a, add(low, all(1)), b);
    a = even;
  }
  static NIBBLE_ALWAYS_INLINE void join_pairs(word& even, word& odd) noexcept {
    const word low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const word first = _mm512_permutex2var_epi32(even, low, odd);
    odd = _mm512_permutex2var_epi32(even, add(low, all(8)), odd);
    even = first;
  }
  static NIBBLE_ALWAYS_INLINE word to_parted(word x) noexcept { return x; }
  static NIBBLE_ALWAYS_INLINE word high_to_parted(word first, word second) noexcept {
    const word order = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_permutex2var_epi32(first, order, second);
  }
  template <int Order>
  static NIBBLE_ALWAYS_INLINE word shuffle_block(word x) noexcept {
    return _mm512_maskz_shuffle_epi32(every, x, static_cast<_MM_PERM_ENUM>(Order));
  }
  static NIBBLE_ALWAYS_INLINE word keep_two(word x) noexcept {
    const word m = both(x, all(0x7fff'ffffU));
    const word one = all(0xffff'ffffU);
    const mask first = is_greater(m, add(shuffle_block<0x39>(m), where(0x7777, one)));
    const mask second = is_greater(m, add(shuffle_block<0x4e>(m), where(0x3333, one)));
    const mask third = is_greater(m, add(shuffle_block<0x93>(m), where(0x1111, one)));
    return where(any_of(all_of(first, second), all_of(third, any_of(first, second))), x);
  }
};
#endif

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
