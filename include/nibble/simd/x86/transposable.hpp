// SPDX-License-Identifier: Apache-2.0
//
// The heaviest 2:4 transposable masks of four blocks at a time, a block in each 64-bit lane of an AVX2 register: the integer
// weights of method/mask_weights.hpp, the sums of all pairs of rows, and the first of the 90 masks that is heaviest.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <nibble/method/transposable_mask.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// A template, as its caller is, so that the 90 steps are compiled where they are wanted only.
template <class Arch>
class two_four_search {
  using word = __m256i;

 public:
  /// Blocks of one call; their 16 columns begin at each of the four rows.
  static constexpr std::size_t blocks = 4;

  /// The masks of four blocks, the rows of a block at bits 0, 4, 8, 12; false where one of them is to take the scalar way.
  static NIBBLE_ALWAYS_INLINE bool run(const float* const (&rows)[4], std::uint64_t* masks) noexcept {
    word magnitude[4][4];
    word most = _mm256_setzero_si256();
    for (std::size_t i = 0; i < 4; ++i) {
      turn(rows[i], magnitude[i]);
      for (std::size_t j = 0; j < 4; ++j) most = _mm256_max_epi32(most, magnitude[i][j]);
    }
    // Beyond these exponents are Inf and NaN, and subnormals that are not cut off whole.
    const word is_low = _mm256_cmpgt_epi32(_mm256_set1_epi64x(least_field << 23), most);
    const word is_zero = _mm256_cmpeq_epi32(most, _mm256_setzero_si256());
    const word is_high = _mm256_cmpgt_epi32(most, _mm256_set1_epi64x(0x7f7f'ffff));
    const word refused = _mm256_or_si256(_mm256_andnot_si256(is_zero, is_low), is_high);
    if (_mm256_movemask_epi8(refused) != 0) return false;
    const word top = _mm256_max_epi32(_mm256_srli_epi32(most, 23), _mm256_set1_epi64x(least_field));
    word weight[4][4];
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) weight[i][j] = weigh(magnitude[i][j], top);
    }
    _mm256_storeu_si256(reinterpret_cast<word*>(masks), choose(weight));
    return true;
  }

 private:
  static constexpr long long least_field = 57;

  /// The magnitudes of a row of four blocks: element j of each in the low halves of out[j].
  static NIBBLE_ALWAYS_INLINE void turn(const float* row, word (&out)[4]) noexcept {
    __m128 v[4];
    for (std::size_t b = 0; b < 4; ++b) v[b] = _mm_loadu_ps(row + 4 * b);
    _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]);
    const __m128i clear = _mm_set1_epi32(0x7fff'ffff);
    for (std::size_t j = 0; j < 4; ++j) out[j] = _mm256_cvtepu32_epi64(_mm_and_si128(_mm_castps_si128(v[j]), clear));
  }

  /// Subnormals and zeros get a leading one that the shift cuts off.
  static NIBBLE_ALWAYS_INLINE word weigh(word magnitude, word top) noexcept {
    const word fraction = _mm256_and_si256(magnitude, _mm256_set1_epi64x(0x007f'ffff));
    const word significand = _mm256_or_si256(fraction, _mm256_set1_epi64x(0x0080'0000));
    const word shift = _mm256_sub_epi64(top, _mm256_srli_epi64(magnitude, 23));
    return _mm256_srlv_epi64(_mm256_slli_epi64(significand, 31), shift);
  }

  /// The sums of rows i and i + 1 for all 36 pairs of places in two_four_rows.
  static NIBBLE_ALWAYS_INLINE void add_rows(const word (&first)[4], const word (&second)[4], word (&sums)[36]) noexcept {
    constexpr std::size_t left[6] = {0, 0, 0, 1, 1, 2};
    constexpr std::size_t right[6] = {1, 2, 3, 2, 3, 3};
    word a[6];
    word b[6];
    for (std::size_t place = 0; place < 6; ++place) {
      a[place] = _mm256_add_epi64(first[left[place]], first[right[place]]);
      b[place] = _mm256_add_epi64(second[left[place]], second[right[place]]);
    }
    for (std::size_t p = 0; p < 36; ++p) sums[p] = _mm256_add_epi64(a[p / 6], b[p % 6]);
  }

  static NIBBLE_ALWAYS_INLINE word choose(const word (&weight)[4][4]) noexcept {
    word upper[36];
    word lower[36];
    add_rows(weight[0], weight[1], upper);
    add_rows(weight[2], weight[3], lower);
    // Three searches side by side hide the latency of the comparisons; of equal sums the earlier search has the first.
    constexpr std::size_t searches = 3;
    word most[searches];
    word best[searches];
    for (std::size_t k = 0; k < searches; ++k) {
      most[k] = _mm256_set1_epi64x(-1);
      best[k] = _mm256_setzero_si256();
    }
    unrolled_constants<90>([&](auto step) NIBBLE_INLINE_LAMBDA {
      constexpr std::size_t which = step % searches;
      constexpr std::size_t n = which * (90 / searches) + step / searches;
      constexpr const auto& rows = all_two_four_masks.rows[n];
      constexpr std::uint32_t mask = two_four_rows[rows[0]] | two_four_rows[rows[1]] << 4 | two_four_rows[rows[2]] << 8 |
                                     two_four_rows[rows[3]] << 12;
      const word sum = _mm256_add_epi64(upper[rows[0] * 6 + rows[1]], lower[rows[2] * 6 + rows[3]]);
      take(most[which], best[which], sum, _mm256_set1_epi64x(mask));
    });
    for (std::size_t k = 1; k < searches; ++k) take(most[0], best[0], most[k], best[k]);
    return best[0];
  }

  /// Keeps what is heavier.
  static NIBBLE_ALWAYS_INLINE void take(word& most, word& best, word sum, word mask) noexcept {
    const word is_more = _mm256_cmpgt_epi64(sum, most);
    most = _mm256_blendv_epi8(most, sum, is_more);
    best = _mm256_blendv_epi8(best, mask, is_more);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
