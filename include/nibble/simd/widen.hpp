// SPDX-License-Identifier: Apache-2.0
//
// Vectors of binary32 bits from elements of any type, as element_bits gives them one by one.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/matrix_view.hpp>
#include <nibble/simd/convert.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// element_bits of the next vector of elements.
template <class Arch, class T>
NIBBLE_ALWAYS_INLINE word_batch<Arch> widened(const T* x) noexcept {
  if constexpr (sizeof(source_bits(*x)) == 4) {
    return source_lanes<Arch>(x);
  } else {
    constexpr std::size_t width = word_batch<Arch>::size;
    std::uint32_t lanes[width];
    for (std::size_t i = 0; i < width; ++i) lanes[i] = element_bits(x[i]);
    return word_batch<Arch>::load_unaligned(lanes);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
