// SPDX-License-Identifier: Apache-2.0
//
// Whether some numbers are so small that a product of one may count as zero, or such that half a step is added to one.
#pragma once

#include <nibble/simd/x86/vector.hpp>

#if defined(__AVX2__)

#include <cstddef>
#include <cstdint>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Whether any of `count` numbers, in whole vectors, has magnitude bits less than `least` and is not zero, or all bits
/// of its fraction set where that matters (`by_fraction`).
template <class V>
[[nodiscard]] bool has_small_numbers(const float* x, std::size_t count, std::uint32_t least,
                                     bool by_fraction) noexcept {
  using word = typename V::word;
  word smallest = V::all(~0U);
  word full = V::all(0U);
  std::size_t i = 0;
  if (!by_fraction) {
    // Without its sign bit, one less: zeros count as the largest.
    const auto place = [=](std::size_t at)
                           NIBBLE_INLINE_LAMBDA { return V::add(V::template left<1>(V::load(x + at)), V::all(~0U)); };
    word other = smallest;
    for (; i + 2 * V::lanes <= count; i += 2 * V::lanes) {
      smallest = V::smallest_unsigned(smallest, place(i));
      other = V::smallest_unsigned(other, place(i + V::lanes));
    }
    smallest = V::template right<1>(V::smallest_unsigned(smallest, other));
  }
  const word fraction = V::all(by_fraction ? 0x007f'ffffU : 0U);
  for (; i < count; i += V::lanes) {
    const word magnitude = V::both(V::load(x + i), V::all(0x7fff'ffffU));
    smallest = V::smallest_unsigned(smallest, V::add(magnitude, V::all(~0U)));
    full = V::either(full, V::equal(V::both(magnitude, fraction), V::all(0x007f'ffffU)));
  }
  const word limit = V::all(least - 1U);
  const word above = V::equal(V::smallest_unsigned(smallest, limit), limit);
  return V::any(V::either(full, V::differ(above, V::all(~0U))));
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
