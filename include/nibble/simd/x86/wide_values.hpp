// SPDX-License-Identifier: Apache-2.0
//
// Values of bfloat16 and binary16 codes: their numbers widened, with NaN as decode gives it.
#pragma once

#include <nibble/simd/x86/encode_numbers.hpp>
#include <nibble/simd/x86/table_values.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Stores a vector as avx2::store_eight_values does; no wider one is streamed.
template <class V, bool Streamed, bool Upper, class T>
NIBBLE_ALWAYS_INLINE void store_values(T* out, typename V::real v) noexcept {
  if constexpr (V::lanes == 8) {
    avx2::store_eight_values<Streamed, Upper>(out, v);
  } else {
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    store_sixteen_values<Upper>(out, v);
#endif
  }
}

/// Values of `groups` groups of 64 codes, two bytes each; `mend(g)` is called after a group with NaN has been stored.
template <float_format F, class V, bool Streamed, class T, class Mend>
NIBBLE_ALWAYS_INLINE void decode_wide_groups(const std::uint8_t* bytes, std::size_t groups, T* out,
                                             const Mend& mend) noexcept {
  using word = typename V::word;
  for (std::size_t g = 0; g < groups; ++g, out += 64) {
    const auto* codes = reinterpret_cast<const minifloat<F>*>(bytes) + 64 * g;
    word largest = V::all(0U);
    unrolled<64 / V::lanes>([&](std::size_t i) NIBBLE_INLINE_LAMBDA {
      const word bits = load_sources<V>(codes + i * V::lanes);
      largest = V::largest(largest, V::both(bits, V::all(0x7fff'ffffU)));
      store_values<V, Streamed, F == formats::bf16>(out + i * V::lanes, V::as_real(bits));
    });
    if (V::any(V::greater(largest, V::all(0x7f80'0000U)))) [[unlikely]]
      mend(g);
  }
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
