// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32 for runs of consecutive counters. Each word sits in the low half of a 64-bit lane, where VPMULUDQ finds it
// and leaves the whole product; two or four vectors hide the multiplier's latency. Counters of one call differ in their low word
// only, so half of the first two rounds is the same for all and is computed once.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <nibble/base/philox.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

template <class V, int Rounds>
class philox_run {
  using word = typename V::word;
  static constexpr std::uint32_t multiplier_0 = 0xD251'1F53U;
  static constexpr std::uint32_t multiplier_1 = 0xCD9E'8D57U;
  static constexpr std::uint32_t step_low = 0x9E37'79B9U;
  static constexpr std::uint32_t step_high = 0xBB67'AE85U;

  /// Four words of counters, word k in the low half of each 64-bit lane of words[k]; the high halves hold anything.
  struct counters {
    word words[4];
  };

  /// In both halves: the broadcast of 32 bits from memory is a load and no more.
  static NIBBLE_ALWAYS_INLINE word all(std::uint32_t x) noexcept { return V::all(x); }
  static NIBBLE_ALWAYS_INLINE word high(word product) noexcept { return V::template right_wide<32>(product); }

 public:
  /// Blocks of one call of run().
  static constexpr std::size_t blocks = V::lanes;

  /// `high_index` is the upper half of all block indexes.
  NIBBLE_ALWAYS_INLINE philox_run(std::uint64_t seed, std::uint64_t stream, std::uint32_t high_index) noexcept {
    for (int r = 0; r < Rounds; ++r) {
      key_low_[r] = static_cast<std::uint32_t>(seed) + static_cast<std::uint32_t>(r) * step_low;
      key_high_[r] = static_cast<std::uint32_t>(seed >> 32) + static_cast<std::uint32_t>(r) * step_high;
    }
    // Round 1 of words 0 and 1, and round 2 of what follows from them.
    const std::uint64_t product_1 = std::uint64_t{multiplier_1} * static_cast<std::uint32_t>(stream);
    const std::uint32_t word_0 = static_cast<std::uint32_t>(product_1 >> 32) ^ high_index ^ key_low_[0];
    const std::uint64_t product_0 = std::uint64_t{multiplier_0} * word_0;
    first_2_ = static_cast<std::uint32_t>(stream >> 32) ^ key_high_[0];
    second_0_ = static_cast<std::uint32_t>(product_1) ^ key_low_[1];
    second_2_ = static_cast<std::uint32_t>(product_0 >> 32) ^ key_high_[1];
    third_2_ = static_cast<std::uint32_t>(product_0) ^ key_high_[2];
  }

  /// The words of blocks index, ..., index + Times * blocks - 1; their low halves do not overflow. With two times as many the
  /// multiplier is busy while results are on their way.
  template <std::size_t Times = 1>
  NIBBLE_ALWAYS_INLINE void run(std::uint32_t index, std::uint32_t* out) const noexcept {
    word indexes[2 * Times];
    unrolled<2 * Times>([&](auto i) NIBBLE_INLINE_LAMBDA {
      indexes[i] = V::block_counters(index + static_cast<std::uint32_t>(i * (blocks / 2)));
    });
    run(indexes, out);
  }

  /// The words of any blocks, given by the low halves of their indexes.
  NIBBLE_ALWAYS_INLINE void run(const std::uint32_t (&indexes)[blocks], std::uint32_t* out) const noexcept {
    run({V::block_counters(indexes), V::block_counters(indexes + blocks / 2)}, out);
  }

 private:
  template <std::size_t Vectors>
  NIBBLE_ALWAYS_INLINE void run(const word (&indexes)[Vectors], std::uint32_t* out) const noexcept {
    counters c[Vectors];
    unrolled<Vectors>([&](auto k) NIBBLE_INLINE_LAMBDA { c[k] = begin(indexes[k]); });
    unrolled<Rounds - 3>([&](auto i) NIBBLE_INLINE_LAMBDA {
      unrolled<Vectors>([&](auto k) NIBBLE_INLINE_LAMBDA { c[k] = round(c[k], key_low_[i + 3], key_high_[i + 3]); });
    });
    unrolled<Vectors>([&](auto k) NIBBLE_INLINE_LAMBDA {
      V::store_blocks(out + k * (2 * blocks), c[k].words[0], c[k].words[1], c[k].words[2], c[k].words[3]);
    });
  }

  /// The first three rounds.
  NIBBLE_ALWAYS_INLINE counters begin(word index) const noexcept {
    const word first = V::multiply_wide(index, all(multiplier_0));
    const word word_2 = V::differ(high(first), all(first_2_));
    const word second = V::multiply_wide(word_2, all(multiplier_1));
    const word third_0 = V::multiply_wide(V::differ(high(second), all(second_0_)), all(multiplier_0));
    const word third_1 = V::multiply_wide(V::differ(first, all(second_2_)), all(multiplier_1));
    return {{V::differ(high(third_1), V::differ(second, all(key_low_[2]))), third_1,
             V::differ(high(third_0), all(third_2_)), third_0}};
  }

  static NIBBLE_ALWAYS_INLINE counters round(const counters& c, std::uint32_t key_low, std::uint32_t key_high) noexcept {
    const word product_0 = V::multiply_wide(c.words[0], all(multiplier_0));
    const word product_1 = V::multiply_wide(c.words[2], all(multiplier_1));
    return {{V::differ(high(product_1), V::differ(c.words[1], all(key_low))), product_1,
             V::differ(high(product_0), V::differ(c.words[3], all(key_high))), product_0}};
  }

  std::uint32_t key_low_[Rounds];
  std::uint32_t key_high_[Rounds];
  std::uint32_t first_2_, second_0_, second_2_, third_2_;
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
