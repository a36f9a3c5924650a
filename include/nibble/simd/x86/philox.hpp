// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32 for runs of consecutive counters. Each word sits in the low half of a 64-bit lane, where VPMULUDQ finds it
// and leaves the whole product; three or four vectors beside each other hide the multiplier's latency, and three fill
// the registers of AVX2. Counters of one call differ in their low word only, so half of the first two rounds is the same
// for all and is computed once, and the first product of the next counters is a sum.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/base/philox.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// What Philox wants of the registers V.
template <class V>
struct philox_vector;

template <>
struct philox_vector<avx2_vector> {
  using word = __m256i;
  /// Vectors beside each other.
  static constexpr std::size_t vectors = 3;

  /// A round of Philox4x32 in place: word 0 of the result is in `c1`, 1 in `c2`, 2 in `c3` and 3 in `c0`. Written out
  /// because 12 words in 16 registers leave one for a step between: GCC 12 stores several, each on the way to the next
  /// product. The shuffles leave two of three ports to products and differences.
  static NIBBLE_ALWAYS_INLINE void round(word& c0, word& c1, word& c2, word& c3, const word& key_low,
                                         const word& key_high, word multiplier_0, word multiplier_1) noexcept {
    word high;
    asm("vpmuludq %[m0], %[c0], %[c0]\n\t"
        "vpmuludq %[m1], %[c2], %[c2]\n\t"
        "vpxor %[low], %[c1], %[c1]\n\t"
        "vpxor %[high], %[c3], %[c3]\n\t"
        "vpshufd $0xf5, %[c2], %[t]\n\t"
        "vpxor %[t], %[c1], %[c1]\n\t"
        "vpshufd $0xf5, %[c0], %[t]\n\t"
        "vpxor %[t], %[c3], %[c3]"
        : [c0] "+x"(c0), [c1] "+x"(c1), [c2] "+x"(c2), [c3] "+x"(c3), [t] "=&x"(high)
        : [m0] "x"(multiplier_0), [m1] "x"(multiplier_1), [low] "m"(key_low), [high] "m"(key_high));
  }
  /// index, ..., index + 3 in the order in which store_swapped_blocks wants them.
  static NIBBLE_ALWAYS_INLINE word block_counters(std::uint32_t index) noexcept {
    return _mm256_add_epi64(avx2_vector::all_wide(index), _mm256_setr_epi64x(0, 2, 1, 3));
  }
  static NIBBLE_ALWAYS_INLINE word block_counters(const std::uint32_t* indexes) noexcept {
    return _mm256_setr_epi64x(indexes[0], indexes[2], indexes[1], indexes[3]);
  }
  /// Blocks of four words in a row: the high halves of `a`, its low halves, and those of `b`.
  static NIBBLE_ALWAYS_INLINE void store_swapped_blocks(std::uint32_t* out, word a, word b) noexcept {
    using V = avx2_vector;
    V::store(out, V::as_word(_mm256_shuffle_ps(V::as_real(a), V::as_real(b), 0x11)));
    V::store(out + 8, V::as_word(_mm256_shuffle_ps(V::as_real(a), V::as_real(b), 0xbb)));
  }
};

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
template <>
struct philox_vector<avx512_vector> {
  using V = avx512_vector;
  using word = __m512i;
  static constexpr std::size_t vectors = 4;

  static NIBBLE_ALWAYS_INLINE void round(word& c0, word& c1, word& c2, word& c3, const word& key_low,
                                         const word& key_high, word multiplier_0, word multiplier_1) noexcept {
    c0 = V::multiply_wide(c0, multiplier_0);
    c2 = V::multiply_wide(c2, multiplier_1);
    // One high half by either port.
    c1 = V::differ(_mm512_maskz_shuffle_epi32(V::every, c2, _MM_PERM_DDBB), c1, key_low);
    c3 = V::differ(V::right_wide<32>(c0), c3, key_high);
  }
  static NIBBLE_ALWAYS_INLINE word block_counters(std::uint32_t index) noexcept {
    return _mm512_add_epi64(V::all_wide(index), _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7));
  }
  static NIBBLE_ALWAYS_INLINE word block_counters(const std::uint32_t* indexes) noexcept {
    return _mm512_setr_epi64(indexes[0], indexes[4], indexes[1], indexes[5], indexes[2], indexes[6], indexes[3],
                             indexes[7]);
  }
  static NIBBLE_ALWAYS_INLINE void store_swapped_blocks(std::uint32_t* out, word a, word b) noexcept {
    V::store(out, V::as_word(_mm512_maskz_shuffle_ps(V::every, V::as_real(a), V::as_real(b), 0x11)));
    V::store(out + 16, V::as_word(_mm512_maskz_shuffle_ps(V::every, V::as_real(a), V::as_real(b), 0xbb)));
  }
};
#endif

template <class V, int Rounds>
class philox_run {
  using word = typename V::word;
  using own = philox_vector<V>;
  static constexpr std::uint32_t multiplier_0 = 0xD251'1F53U;
  static constexpr std::uint32_t multiplier_1 = 0xCD9E'8D57U;
  static constexpr std::uint32_t step_low = 0x9E37'79B9U;
  static constexpr std::uint32_t step_high = 0xBB67'AE85U;
  static constexpr std::size_t last = Rounds - 1;
  static constexpr std::size_t vectors = own::vectors;
  static constexpr std::size_t per_vector = V::lanes / 2;

  /// Four words of counters, word k in the low half of each 64-bit lane of words[k]; the high halves hold anything.
  struct counters {
    word words[4];
  };

  static NIBBLE_ALWAYS_INLINE word high(word product) noexcept { return V::template right_wide<32>(product); }

 public:
  /// Blocks that are made at a time.
  static constexpr std::size_t blocks = vectors * per_vector;

  /// `high_index` is the upper half of all block indexes.
  philox_run(std::uint64_t seed, std::uint64_t stream, std::uint32_t high_index) noexcept {
    std::uint32_t low = static_cast<std::uint32_t>(seed);
    std::uint32_t high = static_cast<std::uint32_t>(seed >> 32);
    // Round 1 of words 0 and 1, and round 2 of what follows from them.
    const std::uint64_t product_1 = std::uint64_t{multiplier_1} * static_cast<std::uint32_t>(stream);
    const std::uint32_t word_0 = static_cast<std::uint32_t>(product_1 >> 32) ^ high_index ^ low;
    const std::uint64_t product_0 = std::uint64_t{multiplier_0} * word_0;
    first_2_ = V::all(static_cast<std::uint32_t>(stream >> 32) ^ high);
    second_0_ = V::all(static_cast<std::uint32_t>(product_1) ^ (low + step_low));
    second_2_ = V::all(static_cast<std::uint32_t>(product_0 >> 32) ^ (high + step_high));
    third_2_ = V::all(static_cast<std::uint32_t>(product_0) ^ (high + 2 * step_high));
    for (std::size_t r = 0; r < Rounds; ++r, low += step_low, high += step_high) {
      key_low_[r] = V::all(low);
      key_high_[r] = V::all(high);
    }
  }

  /// The words of `count` blocks from that with low half `index` on; the low halves do not overflow.
  NIBBLE_ALWAYS_INLINE void run(std::uint32_t index, std::size_t count, std::uint32_t* out) const noexcept {
    word first[vectors];
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
      first[k] = product_0(own::block_counters(index + static_cast<std::uint32_t>(k * per_vector)));
    });
    run(first, count, out);
  }

  /// The words of any `blocks` blocks, given by the low halves of their indexes.
  NIBBLE_ALWAYS_INLINE void run(const std::uint32_t (&indexes)[blocks], std::uint32_t* out) const noexcept {
    word first[vectors];
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
      first[k] = product_0(own::block_counters(indexes + k * per_vector));
    });
    run(first, blocks, out);
  }

 private:
  static NIBBLE_ALWAYS_INLINE word product_0(word x) noexcept { return V::multiply_wide(x, V::all(multiplier_0)); }

  /// `first` are the first products of word 0 of the first blocks.
  NIBBLE_OUTLINED void run(const word (&first)[vectors], std::size_t count, std::uint32_t* out) const noexcept {
    const word multipliers[2] = {V::opaque(V::all(multiplier_0)), V::opaque(V::all(multiplier_1))};
    const word step = V::multiply_wide(V::all(blocks), V::all(multiplier_0));
    word products[vectors];
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA { products[k] = first[k]; });
    std::uint32_t rest[4 * blocks];
    for (std::size_t i = 0; i < count; i += blocks) {
      const bool whole = count - i >= blocks;
      std::uint32_t* to = whole ? out + 4 * i : rest;
      counters c[vectors];
      unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
        c[k] = begin(products[k], multipliers);
        products[k] = V::add_wide(products[k], step);
      });
      unrolled<Rounds - 4>([&](auto r) NIBBLE_INLINE_LAMBDA {
        unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA { round(c[k], r + 3, multipliers); });
      });
      unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA { finish(c[k], multipliers, to + k * (4 * per_vector)); });
      if (!whole) std::memcpy(out + 4 * i, rest, 4 * (count - i) * sizeof(std::uint32_t));
    }
  }

  /// The first three rounds.
  NIBBLE_ALWAYS_INLINE counters begin(word first, const word (&multipliers)[2]) const noexcept {
    // Compilers would have more on its way at once than there are registers.
    const word word_2 = V::differ(high(first), first_2_);
    const word second = V::opaque(V::multiply_wide(word_2, multipliers[1]));
    const word third_0 = V::opaque(V::multiply_wide(V::differ(high(second), second_0_), multipliers[0]));
    const word third_1 = V::opaque(V::multiply_wide(V::differ(first, second_2_), multipliers[1]));
    const word other = V::opaque(V::differ(second, key_low_[2]));
    return {{V::opaque(V::differ(high(third_1), other)), third_1, V::opaque(V::differ(high(third_0), third_2_)),
             third_0}};
  }

  NIBBLE_ALWAYS_INLINE void round(counters& c, std::size_t r, const word (&multipliers)[2]) const noexcept {
    own::round(c.words[0], c.words[1], c.words[2], c.words[3], key_low_[r], key_high_[r], multipliers[0],
               multipliers[1]);
    c = {{c.words[1], c.words[2], c.words[3], c.words[0]}};
  }

  /// The last round, and its words in the order of the blocks.
  NIBBLE_ALWAYS_INLINE void finish(const counters& c, const word (&multipliers)[2], std::uint32_t* out) const noexcept {
    // The low half of a product is word 1 or 3, and the high half is the other operand of word 0 or 2.
    const auto joined = [](word product, word other) NIBBLE_INLINE_LAMBDA {
      return V::differ(product, V::template left_wide<32>(other));
    };
    const word low = joined(V::multiply_wide(c.words[2], multipliers[1]), V::differ(c.words[1], key_low_[last]));
    const word high = joined(V::multiply_wide(c.words[0], multipliers[0]), V::differ(c.words[3], key_high_[last]));
    own::store_swapped_blocks(out, low, high);
  }

  word key_low_[Rounds];
  word key_high_[Rounds];
  word first_2_, second_0_, second_2_, third_2_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
