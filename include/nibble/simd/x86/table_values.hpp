// SPDX-License-Identifier: Apache-2.0
//
// AVX-512: values of packed codes of 4 bits by one permutation of a table of 16. A block's scale multiplies the table,
// not its elements.
#pragma once

#include <nibble/simd/avx2/decode.hpp>

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The value of every code of a table format.
template <float_format F>
NIBBLE_ALWAYS_INLINE __m512 value_of_each_code() noexcept {
  alignas(64) static constexpr auto table = [] {
    std::array<float, 16> values{};
    for (std::size_t code = 0; code < 16; ++code) values[code] = value_table<F>[code & F.code_mask()];
    return values;
  }();
  return _mm512_load_ps(table.data());
}

/// As avx2::store_eight_values.
template <bool Upper, class T>
NIBBLE_ALWAYS_INLINE void store_sixteen_values(T* out, __m512 v) noexcept {
  using V = avx512_vector;
  if constexpr (std::same_as<T, float>) {
    _mm512_storeu_ps(out, v);
  } else if constexpr (T::format == formats::bf16) {
    const __m512i bits = V::as_word(v);
    const __m512i halves = V::right<16>(Upper ? bits : avx2::rounded_to_bf16<V>(bits));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_maskz_cvtepi32_epi16(V::every, halves));
  } else {
    const __m256i halves = _mm512_maskz_cvtps_ph(V::every, v, _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), halves);
  }
  avx2::keep_order();
}

/// Values of `groups` groups of 64 codes, two a byte. `table(g, i)` gives what to store for each code from element 16 *
/// i of group g on; it serves `Served` elements.
template <bool HighFirst, std::size_t Served, bool Upper, class T, class Table>
NIBBLE_ALWAYS_INLINE void decode_by_tables(const std::uint8_t* bytes, std::size_t groups, T* out,
                                           const Table& table) noexcept {
  using V = avx512_vector;
  // The four lowest bits of a lane are what the permutation of a table looks at.
  const __m512i low_first = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
  const __m512i counts = HighFirst ? V::differ(low_first, V::all(4)) : low_first;
  const __m512i first_words = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  for (std::size_t g = 0; g < groups; ++g, out += 64) {
    const __m512i codes = _mm512_zextsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32 * g)));
    __m512 values = table(g, std::size_t{0});
    unrolled<4>([&](std::size_t i) NIBBLE_INLINE_LAMBDA {
      if (i != 0 && 16 * i % Served == 0) values = table(g, i);
      const __m512i words = V::permuted(codes, V::add(first_words, V::all(static_cast<std::uint32_t>(2 * i))));
      const __m512i index = _mm512_maskz_srlv_epi32(V::every, words, counts);
      store_sixteen_values<Upper>(out + 16 * i, V::as_real(V::permuted(V::as_word(values), index)));
    });
  }
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif
