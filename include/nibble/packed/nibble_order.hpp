// SPDX-License-Identifier: Apache-2.0
//
// Where the 4-bit codes of a sequence lie in bytes. Three orders are in use; none of them can be told from the bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {

/// Which half of which byte holds an element.
enum class nibble_order : std::uint8_t {
  low_first,     ///< byte j: element 2j in the low half, 2j + 1 in the high half (CUDA, PTX, PyTorch, torchao)
  high_first,    ///< byte j: element 2j in the high half, 2j + 1 in the low half
  split_halves,  ///< in groups of g elements and g/2 bytes: byte j of a group holds element j low and element j + g/2
                 ///< high (ggml: g = 32 in mxfp4, 16 in nvfp4)
};

/// A byte and how far left in it a code is shifted.
struct code_place {
  std::size_t byte = 0;
  int shift = 0;
  friend constexpr bool operator==(const code_place&, const code_place&) = default;
};

/// The place of element `index`. `group` counts for split_halves only: the elements of a group, even and positive.
[[nodiscard]] NIBBLE_FUNCTION code_place locate(nibble_order order, std::size_t index,
                                                std::size_t group = 32) noexcept {
  if (order == nibble_order::split_halves) {
    const std::size_t half = group / 2;
    const std::size_t inside = index % group;
    const bool upper = inside >= half;
    return {index / group * half + (upper ? inside - half : inside), upper ? 4 : 0};
  }
  const bool high = (index % 2 != 0) != (order == nibble_order::high_first);
  return {index / 2, high ? 4 : 0};
}

/// Bytes that `count` codes take: two codes a byte, rounded up to a byte, or to a group for split_halves.
[[nodiscard]] NIBBLE_FUNCTION std::size_t nibble_bytes(nibble_order order, std::size_t count,
                                                       std::size_t group = 32) noexcept {
  if (order == nibble_order::split_halves) return (count / group + (count % group != 0 ? 1 : 0)) * (group / 2);
  return count / 2 + count % 2;
}

}  // namespace v0
}  // namespace nibble
