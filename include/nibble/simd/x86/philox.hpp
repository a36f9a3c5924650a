// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32 for runs of consecutive counters. Each word sits in the low half of a 64-bit lane, where VPMULUDQ finds it
// and leaves the whole product; four vectors beside each other hide the latency of a round, in which three are issued.
// Counters of one call differ in their low word only, so half of the first two rounds is the same for all and is
// computed once, and the first product of the next counters is a sum.
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

/// What the first three rounds take.
template <class V>
struct philox_start {
  using word = typename V::word;
  word first_2;   ///< differs from the first product's upper half by word 2 of round 2
  word second_0;  ///< from the second product's by word 0 of round 3
  word second_2;  ///< from the first product's lower half by word 2 of round 3
  word third_2;   ///< from the third product's upper half by word 2 of round 4
  word low;       ///< keys of round 3
  word high;
  word multipliers[2];
  word step;  ///< from the first product of a vector to that of its next counters
};

static_assert(offsetof(philox_start<avx2_vector>, second_0) == 32 && offsetof(philox_start<avx2_vector>, second_2) == 64 &&
              offsetof(philox_start<avx2_vector>, third_2) == 96 && offsetof(philox_start<avx2_vector>, low) == 128 &&
              offsetof(philox_start<avx2_vector>, high) == 160 &&
              offsetof(philox_start<avx2_vector>, multipliers) == 192 && offsetof(philox_start<avx2_vector>, step) == 256,
              "the instructions below count the bytes");

/// What Philox wants of the registers V.
template <class V>
struct philox_vector;

template <>
struct philox_vector<avx2_vector> {
  using word = __m256i;
  /// Vectors beside each other.
  static constexpr std::size_t vectors = 4;

  /// Whether keys are added to products: that of its round to the upper halves of one, that of the next round to its
  /// lower halves, by one operation for both.
  static constexpr bool pairs_keys = true;
  static NIBBLE_ALWAYS_INLINE word keys(std::uint32_t own, std::uint32_t next) noexcept {
    return _mm256_set1_epi64x(static_cast<long long>(std::uint64_t{own} << 32 | next));
  }
  static NIBBLE_ALWAYS_INLINE word last_key(std::uint32_t key) noexcept { return avx2_vector::all(key); }

  /// A round of Philox4x32 in place: word 0 of the result is in `c1`, 1 in `c2`, 2 in `c3` and 3 in `c0`. Every other
  /// one takes keys. Written out because the words of four vectors leave few registers for steps between: GCC 12 stores
  /// several, each on the way to the next product. The shuffles leave two of three ports to products and differences.
  static NIBBLE_ALWAYS_INLINE void round(word& c0, word& c1, word& c2, word& c3, bool keyed, const word& low,
                                         const word& high, const word (&multipliers)[2]) noexcept {
    word t;
    if (keyed) {
      asm("vpmuludq %[m0], %[c0], %[c0]\n\t"
          "vpmuludq %[m1], %[c2], %[c2]\n\t"
          "vpxor %[high], %[c0], %[c0]\n\t"
          "vpxor %[low], %[c2], %[c2]\n\t"
          "vpshufd $0xf5, %[c2], %[t]\n\t"
          "vpxor %[t], %[c1], %[c1]\n\t"
          "vpshufd $0xf5, %[c0], %[t]\n\t"
          "vpxor %[t], %[c3], %[c3]"
          : [c0] "+x"(c0), [c1] "+x"(c1), [c2] "+x"(c2), [c3] "+x"(c3), [t] "=&x"(t)
          : [m0] "m"(multipliers[0]), [m1] "m"(multipliers[1]), [low] "m"(low), [high] "m"(high));
    } else {
      asm("vpmuludq %[m0], %[c0], %[c0]\n\t"
          "vpmuludq %[m1], %[c2], %[c2]\n\t"
          "vpshufd $0xf5, %[c2], %[t]\n\t"
          "vpxor %[t], %[c1], %[c1]\n\t"
          "vpshufd $0xf5, %[c0], %[t]\n\t"
          "vpxor %[t], %[c3], %[c3]"
          : [c0] "+x"(c0), [c1] "+x"(c1), [c2] "+x"(c2), [c3] "+x"(c3), [t] "=&x"(t)
          : [m0] "m"(multipliers[0]), [m1] "m"(multipliers[1]));
    }
  }
  /// The first two rounds from the first product, which moves on to the next counters. Written out because Clang 14
  /// keeps all constants in registers, which the words of other counters have to leave.
  static NIBBLE_ALWAYS_INLINE void begin(word& c1, word& c2, word& product,
                                         const philox_start<avx2_vector>& start) noexcept {
    word t;
    asm("vmovdqa %[product], %[t]\n\t"
        "vpsrlq $32, %[t], %[c2]\n\t"
        "vpxor (%[start]), %[c2], %[c2]\n\t"
        "vpmuludq 224(%[start]), %[c2], %[c2]\n\t"
        "vpxor 64(%[start]), %[t], %[c1]\n\t"
        "vpmuludq 224(%[start]), %[c1], %[c1]\n\t"
        "vpaddq 256(%[start]), %[t], %[t]\n\t"
        "vmovdqa %[t], %[product]"
        : [c1] "=&x"(c1), [c2] "=&x"(c2), [t] "=&x"(t), [product] "+m"(product)
        : [start] "r"(&start), "m"(start));
  }
  /// The third round.
  static NIBBLE_ALWAYS_INLINE void third(word& c0, word& c1, word& c2, word& c3,
                                         const philox_start<avx2_vector>& start) noexcept {
    asm("vpsrlq $32, %[c2], %[c3]\n\t"
        "vpxor 32(%[start]), %[c3], %[c3]\n\t"
        "vpmuludq 192(%[start]), %[c3], %[c3]\n\t"
        "vpxor 128(%[start]), %[c1], %[c1]\n\t"
        "vpsrlq $32, %[c1], %[c0]\n\t"
        "vpxor %[c2], %[c0], %[c0]\n\t"
        "vpsrlq $32, %[c3], %[c2]\n\t"
        "vpxor 96(%[start]), %[c2], %[c2]\n\t"
        "vpxor 160(%[start]), %[c3], %[c3]"
        : [c0] "=&x"(c0), [c1] "+x"(c1), [c2] "+x"(c2), [c3] "=&x"(c3)
        : [start] "r"(&start), "m"(start));
  }
  /// Fifteen registers hold the words of counters but these two.
  static constexpr bool stores_last = true;
  /// The same with words 1 and 3 in memory.
  static NIBBLE_ALWAYS_INLINE void stored_round(word& c0, word& c1, word& c2, word& c3, bool keyed, const word& low,
                                                const word& high, const word (&multipliers)[2]) noexcept {
    word t;
    if (keyed) {
      asm("vpmuludq %[m1], %[c2], %[c2]\n\t"
          "vpmuludq %[m0], %[c0], %[c0]\n\t"
          "vpxor %[low], %[c2], %[c2]\n\t"
          "vpxor %[high], %[c0], %[c0]\n\t"
          "vpshufd $0xf5, %[c2], %[t]\n\t"
          "vpxor %[c1], %[t], %[t]\n\t"
          "vmovdqa %[c2], %[c1]\n\t"
          "vpshufd $0xf5, %[c0], %[c2]\n\t"
          "vpxor %[c3], %[c2], %[c2]\n\t"
          "vmovdqa %[c0], %[c3]"
          : [c0] "+x"(c0), [c1] "+m"(c1), [c2] "+x"(c2), [c3] "+m"(c3), [t] "=&x"(t)
          : [m0] "m"(multipliers[0]), [m1] "m"(multipliers[1]), [low] "m"(low), [high] "m"(high));
    } else {
      asm("vpmuludq %[m1], %[c2], %[c2]\n\t"
          "vpmuludq %[m0], %[c0], %[c0]\n\t"
          "vpshufd $0xf5, %[c2], %[t]\n\t"
          "vpxor %[c1], %[t], %[t]\n\t"
          "vmovdqa %[c2], %[c1]\n\t"
          "vpshufd $0xf5, %[c0], %[c2]\n\t"
          "vpxor %[c3], %[c2], %[c2]\n\t"
          "vmovdqa %[c0], %[c3]"
          : [c0] "+x"(c0), [c1] "+m"(c1), [c2] "+x"(c2), [c3] "+m"(c3), [t] "=&x"(t)
          : [m0] "m"(multipliers[0]), [m1] "m"(multipliers[1]));
    }
    c0 = t;
  }
  /// index, ..., index + 3 in the order in which store_swapped_blocks wants them.
  static NIBBLE_ALWAYS_INLINE word block_counters(std::uint32_t index) noexcept {
    return _mm256_add_epi64(avx2_vector::all_wide(index), _mm256_setr_epi64x(0, 2, 1, 3));
  }
  static NIBBLE_ALWAYS_INLINE word block_counters(const std::uint64_t* indexes) noexcept {
    return _mm256_permute4x64_epi64(avx2_vector::load(indexes), 0xd8);
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

  static NIBBLE_ALWAYS_INLINE word high(word product) noexcept { return V::right_wide<32>(product); }
  static NIBBLE_ALWAYS_INLINE void begin(word& c1, word& c2, word& product, const philox_start<V>& start) noexcept {
    c2 = V::opaque(V::multiply_wide(V::differ(high(product), start.first_2), start.multipliers[1]));
    c1 = V::opaque(V::multiply_wide(V::differ(product, start.second_2), start.multipliers[1]));
    product = V::add_wide(product, start.step);
  }
  static NIBBLE_ALWAYS_INLINE void third(word& c0, word& c1, word& c2, word& c3,
                                         const philox_start<V>& start) noexcept {
    // Compilers would have more on its way at once than there are registers.
    c3 = V::opaque(V::multiply_wide(V::differ(high(c2), start.second_0), start.multipliers[0]));
    c0 = V::differ(high(c1), c2, start.low);
    c2 = V::opaque(V::differ(high(c3), start.third_2));
  }
  /// No: one operation takes a key, a lower half and an upper half.
  static constexpr bool pairs_keys = false;
  static NIBBLE_ALWAYS_INLINE word keys(std::uint32_t own, std::uint32_t /*next*/) noexcept { return V::all(own); }
  static NIBBLE_ALWAYS_INLINE word last_key(std::uint32_t key) noexcept { return V::left_wide<32>(V::all(key)); }

  static NIBBLE_ALWAYS_INLINE void round(word& c0, word& c1, word& c2, word& c3, bool /*keyed*/, const word& low,
                                         const word& high, const word (&multipliers)[2]) noexcept {
    c0 = V::multiply_wide(c0, multipliers[0]);
    c2 = V::multiply_wide(c2, multipliers[1]);
    // One high half by either port.
    c1 = V::differ(_mm512_maskz_shuffle_epi32(V::every, c2, _MM_PERM_DDBB), c1, low);
    c3 = V::differ(V::right_wide<32>(c0), c3, high);
  }
  static constexpr bool stores_last = false;
  static NIBBLE_ALWAYS_INLINE word block_counters(std::uint32_t index) noexcept {
    return _mm512_add_epi64(V::all_wide(index), _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7));
  }
  static NIBBLE_ALWAYS_INLINE word block_counters(const std::uint64_t* indexes) noexcept {
    return _mm512_maskz_permutexvar_epi64(0xff, _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), V::load(indexes));
  }
  static NIBBLE_ALWAYS_INLINE void store_swapped_blocks(std::uint32_t* out, word a, word b) noexcept {
    V::store(out, V::as_word(_mm512_maskz_shuffle_ps(V::every, V::as_real(a), V::as_real(b), 0x11)));
    V::store(out + 16, V::as_word(_mm512_maskz_shuffle_ps(V::every, V::as_real(a), V::as_real(b), 0xbb)));
  }
};
#endif

/// One stream by 7 or 10 rounds.
template <class V>
class philox_run : philox_constants {
  using word = typename V::word;
  using own = philox_vector<V>;
  static constexpr std::size_t most = 10;  ///< rounds
  static constexpr std::size_t last = most - 1;
  static constexpr std::size_t fewest = 7;
  static constexpr std::size_t vectors = own::vectors;
  static constexpr std::size_t per_vector = V::lanes / 2;

  /// Four words of counters, word k in the low half of each 64-bit lane of words[k]; the high halves hold anything.
  struct counters {
    word words[4];
  };

 public:
  /// Blocks that are made at a time.
  static constexpr std::size_t blocks = vectors * per_vector;

  philox_run() = default;
  /// `high_index` is the upper half of all block indexes.
  [[gnu::noinline]] philox_run(std::uint64_t seed, std::uint64_t stream, std::uint32_t high_index, int rounds) noexcept
      : all_rounds_(rounds == static_cast<int>(most)) {
    const auto low = static_cast<std::uint32_t>(seed);
    const auto high = static_cast<std::uint32_t>(seed >> 32);
    // Round 1 of words 0 and 1, and round 2 of what follows from them.
    const std::uint64_t product_1 = std::uint64_t{multiplier_1} * static_cast<std::uint32_t>(stream);
    const std::uint32_t word_0 = static_cast<std::uint32_t>(product_1 >> 32) ^ high_index ^ low;
    const std::uint64_t product_0 = std::uint64_t{multiplier_0} * word_0;
    start_.first_2 = V::all(static_cast<std::uint32_t>(stream >> 32) ^ high);
    start_.second_0 = V::all(static_cast<std::uint32_t>(product_1) ^ (low + step_low));
    start_.second_2 = V::all(static_cast<std::uint32_t>(product_0 >> 32) ^ (high + step_high));
    start_.third_2 = V::all(static_cast<std::uint32_t>(product_0) ^ (high + 2 * step_high));
    start_.low = own::keys(low + 2 * step_low, low + 3 * step_low);
    start_.high = own::keys(high + 2 * step_high, high + 3 * step_high);
    start_.multipliers[0] = V::all(multiplier_0);
    start_.multipliers[1] = V::all(multiplier_1);
    start_.step = V::multiply_wide(V::all(blocks), V::all(multiplier_0));
    for (std::uint32_t r = 3; r < last; ++r) {
      low_[r] = own::keys(low + r * step_low, low + (r + 1) * step_low);
      high_[r] = own::keys(high + r * step_high, high + (r + 1) * step_high);
    }
    const std::uint32_t end = all_rounds_ ? last : fewest - 1;
    low_[last] = own::last_key(low + end * step_low);
    high_[last] = own::last_key(high + end * step_high);
  }

  /// The words of `count` blocks from that with low half `index` on; the low halves do not overflow.
  NIBBLE_ALWAYS_INLINE void run(std::uint32_t index, std::size_t count, std::uint32_t* out) const noexcept {
    word first[vectors];
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
      first[k] = product_0(own::block_counters(index + static_cast<std::uint32_t>(k * per_vector)));
    });
    run(first, count, out);
  }

  /// The words of any `blocks` blocks.
  NIBBLE_ALWAYS_INLINE void run(const std::uint64_t* indexes, std::uint32_t* out) const noexcept {
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
    word products[vectors];
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA { products[k] = first[k]; });
    std::uint32_t rest[4 * blocks];
    for (std::size_t i = 0; i < count; i += blocks) {
      const bool whole = count - i >= blocks;
      std::uint32_t* to = whole ? out + 4 * i : rest;
      asm("" : "+r"(to));  // one place, not one for each store
      make(products, to);
      if (!whole) std::memcpy(out + 4 * i, rest, 4 * (count - i) * sizeof(std::uint32_t));
    }
  }

  /// The words of `blocks` blocks, by their first products, which move on.
  NIBBLE_ALWAYS_INLINE void make(word (&products)[vectors], std::uint32_t* out) const noexcept {
    counters c[vectors];
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
      own::begin(c[k].words[1], c[k].words[2], products[k], start_);
    });
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
      own::third(c[k].words[0], c[k].words[1], c[k].words[2], c[k].words[3], start_);
    });
    // Of the last counters, where they are stored.
    word word_1 = c[last_vector].words[1];
    word word_3 = c[last_vector].words[3];
    three_rounds(c, word_1, word_3, 3);
    // The words are in other registers then, so that each way has its own end.
    if (all_rounds_) [[likely]] {
      three_rounds(c, word_1, word_3, 6);
      finish(c, word_1, word_3, out);
    } else {
      if constexpr (own::pairs_keys) {
        unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
          word& low = is_stored(k) ? word_1 : c[k].words[1];
          word& high = is_stored(k) ? word_3 : c[k].words[3];
          low = V::differ(low, low_[last]);
          high = V::differ(high, high_[last]);
        });
      }
      finish(c, word_1, word_3, out);
    }
  }

  static constexpr std::size_t last_vector = vectors - 1;
  /// Whether words 1 and 3 of a vector of counters are kept in memory.
  static NIBBLE_ALWAYS_INLINE bool is_stored(std::size_t k) noexcept { return own::stores_last && k == last_vector; }

  NIBBLE_ALWAYS_INLINE void three_rounds(counters (&c)[vectors], word& word_1, word& word_3,
                                         std::size_t from) const noexcept {
    unrolled<3>([&](std::size_t r) NIBBLE_INLINE_LAMBDA {
      unrolled<vectors>([&](std::size_t k) NIBBLE_INLINE_LAMBDA {
        if (is_stored(k)) {
          stored_round(c[k], word_1, word_3, from + r);
        } else {
          round(c[k], from + r);
        }
      });
    });
  }

  /// The last round of all.
  NIBBLE_ALWAYS_INLINE void finish(counters (&c)[vectors], const word& word_1, const word& word_3,
                                   std::uint32_t* out) const noexcept {
    unrolled<vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
      if (is_stored(k)) {
        c[k].words[1] = word_1;
        c[k].words[3] = word_3;
      }
      finish(c[k], out + k * (4 * per_vector));
    });
  }

  NIBBLE_ALWAYS_INLINE void round(counters& c, std::size_t r) const noexcept {
    own::round(c.words[0], c.words[1], c.words[2], c.words[3], r % 2 == 0, low_[r], high_[r], start_.multipliers);
    c = {{c.words[1], c.words[2], c.words[3], c.words[0]}};
  }
  NIBBLE_ALWAYS_INLINE void stored_round(counters& c, word& word_1, word& word_3, std::size_t r) const noexcept {
    if constexpr (own::stores_last) {
      own::stored_round(c.words[0], word_1, c.words[2], word_3, r % 2 == 0, low_[r], high_[r], start_.multipliers);
    }
  }

  /// The last round, and its words in the order of the blocks.
  NIBBLE_ALWAYS_INLINE void finish(const counters& c, std::uint32_t* out) const noexcept {
    // The low half of a product is word 1 or 3, and the high half is the other operand of word 0 or 2.
    const auto joined = [](word product, word other, const word& key) NIBBLE_INLINE_LAMBDA {
      if constexpr (own::pairs_keys) {
        return V::differ(product, V::template left_wide<32>(other));
      } else {
        return V::differ(product, V::template left_wide<32>(other), key);
      }
    };
    const word low = joined(V::multiply_wide(c.words[2], start_.multipliers[1]), c.words[1], low_[last]);
    const word high = joined(V::multiply_wide(c.words[0], start_.multipliers[0]), c.words[3], high_[last]);
    own::store_swapped_blocks(out, low, high);
  }

  bool all_rounds_;
  word low_[most];  ///< keys of rounds, from the fourth on: one of a round, or pairs
  word high_[most];
  philox_start<V> start_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
