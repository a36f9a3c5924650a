// SPDX-License-Identifier: Apache-2.0
//
// AVX2: codes of 64 numbers at a time by the rounding of nearest.hpp, from float, bfloat16 and binary16. NaN and whatever
// else does not follow the addition is rare: a group that holds one is mended afterwards.
#pragma once

#include <nibble/simd/avx2/philox.hpp>

#if defined(__AVX2__)

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nibble/block/codec.hpp>
#include <nibble/simd/avx2/nearest.hpp>
#include <nibble/simd/convert.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::avx2 {

/// Whether numbers of type T load eight at a time.
template <class T>
consteval bool loads_by_eight() noexcept {
  if constexpr (std::same_as<T, float>) {
    return true;
  } else if constexpr (minifloat_type<T>) {
#if defined(__F16C__)
    if constexpr (T::format == formats::f16) return true;
#endif
    return T::format == formats::bf16;
  } else {
    return false;
  }
}

/// binary32 bits of eight numbers.
template <class T>
NIBBLE_ALWAYS_INLINE __m256i eight_sources(const T* x) noexcept {
  if constexpr (std::same_as<T, float>) {
    return _mm256_castps_si256(_mm256_loadu_ps(x));
  } else {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
#if defined(__F16C__)
    if constexpr (T::format == formats::f16) return _mm256_castps_si256(_mm256_cvtph_ps(halves));
#endif
    return _mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16);
  }
}

/// Which sources of a call the addition serves.
struct addition_domain {
  bool applies = false;
  std::uint32_t last = 0;  ///< the largest magnitude bits whose result is that of the addition
};

/// Whether the addition gives the code of every finite number. A tie goes to the even significand, which is the even code
/// only where the significand has bits below the leading one.
NIBBLE_FUNCTION bool encodes_by_addition(const float_format& f) noexcept {
  return rounds_by_addition(f) && f.mantissa_bits > 0;
}

/// Finite numbers must saturate and keep the sign of zero. Inf follows the addition where it saturates, too.
template <float_format F>
NIBBLE_FUNCTION addition_domain domain_of(const special_codes& s, rounding_mode mode) noexcept {
  if (!encodes_by_addition(F) || mode != rounding_mode::nearest_even) return {};
  bool infinity = true;
  bool finite = !s.drop_sign && !s.subnormal_source_rounds_up;
  for (const bool negative : {false, true}) {
    const std::uint32_t sign = negative ? F.sign_mask() : 0U;
    finite = finite && s.overflow[negative] == (F.max_code() | sign) && s.zero[negative] == sign &&
             s.underflow[negative] == sign;
    infinity = infinity && s.infinity[negative] == (F.max_code() | sign);
  }
  return {finite, infinity ? 0x7f80'0000U : 0x7f7f'ffffU};
}

/// Codes of the numbers of a group that the addition does not serve.
template <float_format F, class Arch, class T>
[[gnu::noinline, gnu::cold]] void mend_group(const T* x, const packed_layout& layout, std::uint8_t* bytes,
                                             const special_codes& s, std::uint32_t last) noexcept {
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t bits = source_bits(x[i]);
    if ((bits & 0x7fff'ffffU) <= last) continue;
    store_code(layout, bytes, i, encode_lanes<rounding_mode::nearest_even>(F, s, bits, 0U, 0));
  }
}

template <bool Streamed>
NIBBLE_ALWAYS_INLINE void store_codes_32(std::uint8_t* out, __m256i codes) noexcept {
  if constexpr (Streamed) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(out), codes);
  } else {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), codes);
  }
}

/// Codes of `groups` groups of 64 numbers, two a byte (even low) or one a byte. Streamed results need 32-byte alignment,
/// and finish_stream() at the end.
template <float_format F, class Arch, bool Nibbles, bool Streamed, class T>
void encode_groups(const T* x, std::size_t groups, std::uint8_t* bytes, const special_codes& s,
                   std::uint32_t last) noexcept {
  using rounding = nearest<F>;
  constexpr std::size_t group_bytes = Nibbles ? 32 : 64;
  constexpr std::size_t ahead = 4096;
  const __m256i ordinary = _mm256_set1_epi32(static_cast<int>(last));
  for (std::size_t g = 0; g < groups; ++g, x += 64, bytes += group_bytes) {
    __m256i half[2];
    __m256i largest = _mm256_setzero_si256();
    unrolled<2>([&](auto h) NIBBLE_INLINE_LAMBDA {
      __m256i v[4];
      __m256i sum[4];
      unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
        const T* from = x + 32 * h + 8 * i;
        // Once a cache line.
        if (i * 8 * sizeof(T) % 64 == 0) _mm_prefetch(reinterpret_cast<const char*>(from) + ahead, _MM_HINT_T0);
        v[i] = eight_sources(from);
        const __m256i magnitude = magnitude_of(v[i]);
        largest = _mm256_max_epi32(largest, magnitude);
        sum[i] = rounding::sums(magnitude);
      });
      half[h] = rounding::with_sign(rounding::codes(sum[0], sum[1], sum[2], sum[3]),
                                    rounding::signs(v[0], v[1], v[2], v[3]));
    });
    if constexpr (Nibbles) {
      store_codes_32<Streamed>(bytes, packed_nibbles(half[0], half[1]));
    } else {
      store_codes_32<Streamed>(bytes, in_order(half[0]));
      store_codes_32<Streamed>(bytes + 32, in_order(half[1]));
    }
    if (_mm256_movemask_epi8(_mm256_cmpgt_epi32(largest, ordinary)) != 0) [[unlikely]] {
      mend_group<F, Arch>(x, Nibbles ? layouts::nibbles_low_first : layouts::bytes, bytes, s, last);
    }
  }
}

/// Whether encode_groups serves a call.
template <float_format F, class T>
NIBBLE_FUNCTION bool takes_span(const packed_layout& layout) noexcept {
  return encodes_by_addition(F) && loads_by_eight<T>() &&
         (layout == layouts::bytes || (layout == layouts::nibbles_low_first && F.bits() <= 4));
}

/// Encodes whole groups from the first number on; returns how many numbers that is.
template <float_format F, class Arch, bool Streamed, class T>
std::size_t encode_whole_groups(const T* x, std::size_t count, std::uint8_t* bytes, const packed_layout& layout,
                                const special_codes& s, std::uint32_t last) noexcept {
  const std::size_t groups = count / 64;
  if constexpr (F.bits() <= 4) {
    if (layout.slot_bits == 4) {
      encode_groups<F, Arch, true, Streamed>(x, groups, bytes, s, last);
      return groups * 64;
    }
  }
  encode_groups<F, Arch, false, Streamed>(x, groups, bytes, s, last);
  return groups * 64;
}

}  // namespace detail::avx2
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
