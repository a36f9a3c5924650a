// SPDX-License-Identifier: Apache-2.0
//
// Vectors of binary32 bits from sources of any type: float as it stands, bfloat16 by a shift, binary16 and the other
// minifloats by the decode expression.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nibble/block/matrix_view.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/simd/lanes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The next vector of codes or bits, one a lane.
template <class Arch, class T>
NIBBLE_ALWAYS_INLINE word_batch<Arch> load_lanes(const T* x) noexcept {
  constexpr std::size_t width = word_batch<Arch>::size;
  std::uint32_t lanes[width];
  for (std::size_t i = 0; i < width; ++i) lanes[i] = x[i].bits();
  return word_batch<Arch>::load_unaligned(lanes);
}

/// element_bits of the next vector of elements.
template <class Arch, class T>
NIBBLE_ALWAYS_INLINE word_batch<Arch> widened(const T* x) noexcept {
  constexpr std::size_t width = word_batch<Arch>::size;
  if constexpr (std::same_as<T, float>) {
    return bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x));
  } else if constexpr (minifloat_type<T>) {
    if constexpr (T::format == formats::bf16) {
      return load_lanes<Arch>(x) << 16;
    } else {
      return decode_lanes(T::format, load_lanes<Arch>(x));
    }
  } else {
    std::uint32_t lanes[width];
    for (std::size_t i = 0; i < width; ++i) lanes[i] = element_bits(x[i]);
    return word_batch<Arch>::load_unaligned(lanes);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
