// SPDX-License-Identifier: Apache-2.0
//
// Kernels over runs of blocks: maxima of a vector of blocks at once, and codes of eight vectors of elements at a time.
#pragma once

#include <nibble/simd/x86/stochastic.hpp>

#if defined(__AVX2__)

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <nibble/simd/stream.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Lane i of the result is the largest lane of vector i; the lanes are non-negative integers.
NIBBLE_ALWAYS_INLINE __m256i maxima(const __m256i (&v)[8]) noexcept {
  const auto pair = [](__m256i x, __m256i y) NIBBLE_INLINE_LAMBDA {
    return _mm256_max_epi32(_mm256_unpacklo_epi32(x, y), _mm256_unpackhi_epi32(x, y));
  };
  const auto quad = [](__m256i x, __m256i y) NIBBLE_INLINE_LAMBDA {
    return _mm256_max_epi32(_mm256_unpacklo_epi64(x, y), _mm256_unpackhi_epi64(x, y));
  };
  const __m256i low = quad(pair(v[0], v[1]), pair(v[2], v[3]));
  const __m256i high = quad(pair(v[4], v[5]), pair(v[6], v[7]));
  return _mm256_max_epi32(_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31));
}
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
NIBBLE_ALWAYS_INLINE __m512i maxima(const __m512i (&v)[16]) noexcept {
  constexpr __mmask16 every = 0xffff;
  constexpr __mmask8 every_pair = 0xff;
  const auto larger = [](__m512i x, __m512i y) NIBBLE_INLINE_LAMBDA { return _mm512_maskz_max_epi32(every, x, y); };
  // Only one of two ports shuffles, so half of each exchange is a blend. Two blocks by halves, four by quarters 0 2 1 3.
  const auto half = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
    return larger(_mm512_mask_blend_epi64(0xf0, v[i], v[i + 1]),
                  _mm512_maskz_shuffle_i64x2(every_pair, v[i], v[i + 1], 0x4e));
  };
  const auto quad = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
    const __m512i x = half(i);
    const __m512i y = half(i + 2);
    const __m512i order = _mm512_setr_epi64(2, 3, 8, 9, 6, 7, 12, 13);
    return larger(_mm512_mask_blend_epi64(0xcc, x, y), _mm512_permutex2var_epi64(x, order, y));
  };
  const auto pair = [&](__m512i x, __m512i y) NIBBLE_INLINE_LAMBDA {
    const __m512d turned = _mm512_maskz_shuffle_pd(every_pair, _mm512_castsi512_pd(x), _mm512_castsi512_pd(y), 0x55);
    return larger(_mm512_mask_blend_epi64(0xaa, x, y), _mm512_castpd_si512(turned));
  };
  const __m512 low = _mm512_castsi512_ps(pair(quad(0), quad(4)));
  const __m512 high = _mm512_castsi512_ps(pair(quad(8), quad(12)));
  const __m512i order = _mm512_setr_epi32(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15);
  return _mm512_maskz_permutexvar_epi32(every, order,
                                        larger(_mm512_castps_si512(_mm512_maskz_shuffle_ps(every, low, high, 0x88)),
                                               _mm512_castps_si512(_mm512_maskz_shuffle_ps(every, low, high, 0xdd))));
}
#endif

/// The largest magnitude bits of V::lanes blocks of `Size` elements, a multiple of V::lanes.
template <class V, std::size_t Size>
NIBBLE_ALWAYS_INLINE typename V::word block_maxima(const float* x) noexcept {
  typename V::word best[V::lanes];
  const typename V::word mask = V::all(0x7fff'ffffU);
  unrolled<V::lanes>([&](auto b) NIBBLE_INLINE_LAMBDA {
    best[b] = V::both(V::load(x + b * Size), mask);
    for (std::size_t i = V::lanes; i < Size; i += V::lanes) {
      best[b] = V::largest(best[b], V::both(V::load(x + b * Size + i), mask));
    }
  });
  return maxima(best);
}

/// Where the bytes of groups of eight vectors go, and what is fetched meanwhile.
struct destination {
  std::uint8_t* bytes;
  bool streamed = false;       ///< past the caches; `bytes` is then aligned to the vector
  const char* ahead = nullptr;  ///< memory that will be read next, or null
};

/// Stores 8 * V::lanes codes, one a byte in two vectors in the order of packing, or with vectors by turns (`Turned`):
/// two a byte with the even one low, or one.
template <class V, bool Nibbles, bool Turned = false>
NIBBLE_ALWAYS_INLINE void store_group(std::uint8_t* bytes, bool streamed, typename V::word first,
                                      typename V::word second) noexcept {
  const auto put = [&](std::uint8_t* to, typename V::word x) NIBBLE_INLINE_LAMBDA {
    if (streamed) [[unlikely]] {
      V::stream(to, x);
    } else {
      V::store(to, x);
    }
  };
  if constexpr (Nibbles) {
    put(bytes, Turned ? V::turned_nibbles(first, second) : V::nibbles(first, second));
  } else {
    if constexpr (Turned) {
      const typename V::word order = V::repeated(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
      first = V::lookup(first, order);
      second = V::lookup(second, order);
    }
    put(bytes, V::in_order(first));
    put(bytes + V::bytes, V::in_order(second));
  }
}

/// Codes of `groups` groups of eight vectors. `half(h, g)` gives the codes of half h of group g, one a byte in the order
/// of packing or by turns; it is a copy, which no store can change, and this is the function that a kernel is compiled
/// as. A `Rare` one is compiled for both halves at once.
template <class V, bool Nibbles, bool Rare = false, bool Turned = false, class Half>
[[gnu::noinline]] void encode_groups(std::size_t groups, destination to, const Half half) noexcept {
  constexpr std::size_t group_bytes = (Nibbles ? 1 : 2) * V::bytes;
  for (std::size_t g = 0; g < groups; ++g) {
    to.ahead = fetch<8 * V::lanes * fetched_bytes>(to.ahead);
    typename V::word codes[2];
    if constexpr (Rare) {
      for (std::size_t h = 0; h < 2; ++h) codes[h] = half(h, g);
    } else {
      codes[0] = half(std::size_t{0}, g);
      codes[1] = half(std::size_t{1}, g);
    }
    store_group<V, Nibbles, Turned>(to.bytes, to.streamed, codes[0], codes[1]);
    to.bytes += group_bytes;
  }
}

/// The same in two steps: `finish(h, g, begun)` makes the codes from what `begin(h, g)` gave. A half of the next group is
/// begun before this group's other half is finished: each by itself waits longer for its own results than the entries of a
/// scheduler last.
template <class V, bool Nibbles, bool Turned = false, class Begin, class Finish>
[[gnu::noinline]] void encode_groups_ahead(std::size_t groups, destination to, const Begin begin,
                                           const Finish finish) noexcept {
  if (groups == 0) return;
  constexpr std::size_t group_bytes = (Nibbles ? 1 : 2) * V::bytes;
  constexpr std::size_t h0 = 0;
  constexpr std::size_t h1 = 1;
  auto first = begin(h0, 0);
  auto second = begin(h1, 0);
  for (std::size_t g = 0; g + 1 < groups; ++g) {
    to.ahead = fetch<8 * V::lanes * fetched_bytes>(to.ahead);
    const typename V::word even = finish(h0, g, first);
    first = begin(h0, g + 1);
    const typename V::word odd = finish(h1, g, second);
    second = begin(h1, g + 1);
    store_group<V, Nibbles, Turned>(to.bytes, to.streamed, even, odd);
    to.bytes += group_bytes;
  }
  to.ahead = fetch<8 * V::lanes * fetched_bytes>(to.ahead);
  store_group<V, Nibbles, Turned>(to.bytes, to.streamed, finish(h0, groups - 1, first), finish(h1, groups - 1, second));
}

/// The same place, which compilers do not know: what a rare path loads from there once more is not kept in memory for it
/// each time.
template <class T>
NIBBLE_ALWAYS_INLINE const T* anew(const T* place) noexcept {
  asm("" : "+r"(place));
  return place;
}

/// Most elements that a call of a kernel takes together, those of a tile.
inline constexpr std::size_t most_together = 2048;
/// The block of each vector of them, where `Vectors` are a block.
template <class V, std::size_t Vectors>
inline constexpr auto block_of_vector = [] {
  std::array<std::uint8_t, most_together / V::lanes> blocks{};
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::uint8_t>(i / Vectors);
  return blocks;
}();

/// The multiplier of vector `i` of group `g`, where every `Size` elements share one.
template <class V, std::size_t Size>
NIBBLE_ALWAYS_INLINE typename V::real multiplier_of(const std::uint32_t* multiplier, std::size_t g, std::size_t i) noexcept {
  constexpr std::size_t group = 8 * V::lanes;
  constexpr std::size_t vectors = Size / V::lanes;
  if constexpr (group % Size == 0) {
    return V::broadcast(multiplier + group / Size * g + i * V::lanes / Size);
  } else if constexpr (std::has_single_bit(vectors)) {
    return V::broadcast(multiplier + (8 * g + i) / vectors);
  } else {
    // A table takes the place of divisions.
    return V::broadcast(multiplier + block_of_vector<V, vectors>[8 * g + i]);
  }
}
/// The product of that vector of `x` and its multiplier.
template <class V, std::size_t Size>
NIBBLE_ALWAYS_INLINE typename V::real product_of(const float* x, const std::uint32_t* multiplier, std::size_t g,
                                                 std::size_t i) noexcept {
  return V::multiply(V::as_real(V::load(x + (8 * g + i) * V::lanes)), multiplier_of<V, Size>(multiplier, g, i));
}

/// Whether the processor takes subnormal numbers as zeros (MXCSR.DAZ).
NIBBLE_ALWAYS_INLINE bool reads_subnormals_as_zeros() noexcept { return (_mm_getcsr() & 0x40U) != 0; }

/// Codes of groups of elements under a deterministic rounding. Every `Size` elements, a multiple of V::lanes, share a
/// multiplier, which includes 2^prescale of the rounder. Signs are those of the elements.
template <float_format F, class V, std::size_t Size, bool Nibbles, rounding_mode Mode>
void encode_rounded(const float* x, const std::uint32_t* multiplier, std::size_t groups, const destination& to,
                    negative_zero_rule rule) noexcept {
  using rounding = rounder<F, V>;
  constexpr bool is_rare = Mode == rounding_mode::nearest_toward_zero;
  const auto half_by = [=](negative_zero_rule by, const auto& multiply) NIBBLE_INLINE_LAMBDA {
    return [=](auto h, std::size_t g) NIBBLE_INLINE_LAMBDA {
      typename V::word p[4];
      typename V::word s[4];
      unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
        p[i] = V::as_word(multiply(V::as_real(V::load(x + (8 * g + 4 * h + i) * V::lanes)),
                                   multiplier_of<V, Size>(multiplier, g, 4 * h + i)));
        s[i] = rounding::template sum<Mode>(p[i]);
      });
      const auto again = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
        return V::load(anew(x + (8 * g + 4 * h + i) * V::lanes));
      };
      return rounding::signed_codes(rounding::magnitude_bytes(s[0], s[1], s[2], s[3]),
                                    rounding::signs(p[0], p[1], p[2], p[3]), again, by);
    };
  };
  if constexpr (V::is_fused && F.has_negative_zero()) {
    if (rule == negative_zero_rule::drop_exact && !reads_subnormals_as_zeros()) {
      // As encode_nearest_e2m1 has it.
      const typename V::real zero = V::opaque(V::all_real(0.0F));
      return encode_groups<V, Nibbles, is_rare>(
          groups, to, half_by(negative_zero_rule::keep,
                              [=](auto a, auto b) NIBBLE_INLINE_LAMBDA { return V::multiply_add(a, b, zero); }));
    }
  }
  encode_groups<V, Nibbles, is_rare>(
      groups, to, half_by(rule, [](auto a, auto b) NIBBLE_INLINE_LAMBDA { return V::multiply(a, b); }));
}

/// As above under a rounding that sees_traces; multipliers are those of the blocks.
template <float_format F, class V, std::size_t Size, bool Nibbles>
void encode_inexact(const float* x, const std::uint32_t* multiplier, std::size_t groups, const destination& to,
                    negative_zero_rule rule, rounding_mode mode) noexcept {
  using rounding = rounder<F, V, false>;
  encode_groups<V, Nibbles, true>(groups, to, [=, steps = inexact_steps<V>(mode)](auto h, std::size_t g)
                                                  NIBBLE_INLINE_LAMBDA {
    typename V::word p[4];
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      p[i] = V::as_word(product_of<V, Size>(x, multiplier, g, 4 * h + i));
    });
    return rounding::codes(rounding::inexact_bytes(p, steps), p[0], p[1], p[2], p[3], rule);
  });
}

/// As above, stochastically, by the bit string that begins at `random`.
template <float_format F, class V, std::size_t Size, bool Nibbles, int Bits>
void encode_stochastic(const float* x, const std::uint32_t* multiplier, const std::uint8_t* random, std::size_t groups,
                       const destination& to, negative_zero_rule rule) noexcept {
  using rounding = stochastic_rounder<F, V, Bits>;
  encode_groups<V, Nibbles>(groups, to, [=](auto h, std::size_t g) NIBBLE_INLINE_LAMBDA {
    const std::size_t at = (8 * g + 4 * h) * V::lanes;
    typename V::word p[4];
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      p[i] = V::as_word(product_of<V, Size>(x, multiplier, g, 4 * h + i));
    });
    // Signs first, and products once more where drop_exact wants them: else they are kept in memory for these.
    const typename V::word signs = V::opaque(rounder<F, V>::signs(p[0], p[1], p[2], p[3]));
    const typename V::word bytes = rounding::magnitude_bytes(p, random + at * (Bits / 8));
    const auto again = [&](std::size_t i) NIBBLE_INLINE_LAMBDA {
      const typename V::word number = V::load(anew(x + at + i * V::lanes));
      return V::as_word(V::multiply(V::as_real(number), multiplier_of<V, Size>(multiplier, g, 4 * h + i)));
    };
    return rounder<F, V>::template signed_codes<0>(bytes, signs, again, rule);
  });
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
