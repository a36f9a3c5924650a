// SPDX-License-Identifier: Apache-2.0
//
// Codes that share bytes are written by one thread: the units of a packed layout that is known at run time.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/packed/layout.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// A run of codes of one row, cut into units: the smallest groups of codes that share no byte with another.
struct code_units {
  packed_layout layout;

  /// Units of `count` codes that begin at a multiple of a unit (split halves: of a group).
  [[nodiscard]] NIBBLE_FUNCTION std::size_t of(std::size_t count) const noexcept {
    if (layout.slot_bits >= 8) return count;
    if (layout.slot_bits == 6) return (count + 3) / 4;
    return nibble_bytes(layout.order, count, static_cast<std::size_t>(layout.group));
  }
  /// Codes in a unit.
  [[nodiscard]] NIBBLE_FUNCTION unsigned codes() const noexcept {
    return layout.slot_bits >= 8 ? 1U : layout.slot_bits == 6 ? 4U : 2U;
  }
  /// The i-th code of unit `u`, as an index into the run.
  [[nodiscard]] NIBBLE_FUNCTION std::size_t index(std::size_t u, unsigned i) const noexcept {
    if (layout.slot_bits >= 8) return u;
    if (layout.slot_bits == 6) return 4 * u + i;
    if (layout.order != nibble_order::split_halves) return 2 * u + i;
    const std::size_t half = static_cast<std::size_t>(layout.group) / 2;
    return u / half * (2 * half) + u % half + i * half;
  }

  /// Writes unit `u` of the run that starts at column `first` and has `count` codes; code(k) is the code of column
  /// first + k. Slots beyond the run are zero.
  template <class Code>
  NIBBLE_FUNCTION void write(std::uint8_t* row, std::size_t first, std::size_t count, std::size_t u,
                             Code&& code) const {
    const std::size_t byte = locate(layout, first + index(u, 0)).byte;
    std::uint32_t word = 0;
    unsigned present = 0;
    for (unsigned i = 0; i < codes(); ++i) {
      const std::size_t k = index(u, i);
      if (k >= count) continue;
      const code_place place = locate(layout, first + k);
      word |= static_cast<std::uint32_t>(code(k)) << (static_cast<int>(place.byte - byte) * 8 + place.shift);
      ++present;
    }
    // Four codes of 6 bits take 3 bytes, and fewer take a byte each.
    const unsigned bytes = layout.slot_bits == 16 ? 2U : layout.slot_bits != 6 ? 1U : present < 4 ? present : 3U;
    for (unsigned i = 0; i < bytes; ++i) row[byte + i] = static_cast<std::uint8_t>(word >> (8 * i));
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
