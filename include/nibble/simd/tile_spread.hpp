// SPDX-License-Identifier: Apache-2.0
//
// Blocks that are no whole vectors, moved apart for the kernels, and their codes moved together again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <nibble/simd/lanes.hpp>
#include <nibble/simd/unrolled.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Copies `count` elements in blocks of `Size`, so that one begins every `Room` elements, zeros behind each.
template <std::size_t Size, std::size_t Room, class Arch>
void spread_blocks(const float* x, std::size_t count, float* out) noexcept {
  using words = word_batch<Arch>;
  std::size_t i = 0;
  if constexpr (Room % words::size == 0) {
    static constexpr auto kept = [] {
      std::array<std::uint32_t, Room> masks{};
      for (std::size_t k = 0; k < Size; ++k) masks[k] = ~0U;
      return masks;
    }();
    // Whole vectors, where elements behind the block may be read.
    for (; i + Room <= count; i += Size, out += Room) {
      unrolled_constants<Room / words::size>([&](auto v) NIBBLE_INLINE_LAMBDA {
        constexpr std::size_t first = v * words::size;
        words bits = bits_as<std::uint32_t>(float_batch<Arch>::load_unaligned(x + i + first));
        if constexpr (first + words::size > Size) bits = bits & words::load_unaligned(&kept[first]);
        bits_as<float>(bits).store_unaligned(out + first);
      });
    }
  }
  for (; i < count; i += Size, out += Room) {
    const std::size_t own = i + Size <= count ? Size : count - i;
    std::memcpy(out, x + i, own * sizeof(float));
    std::memset(out + own, 0, (Room - own) * sizeof(float));
  }
}

/// Copies `count` bytes in blocks of `Size`, of which one begins every `Room` bytes, side by side.
template <std::size_t Size, std::size_t Room>
void join_blocks(const std::uint8_t* spread, std::size_t count, std::uint8_t* out) noexcept {
  std::size_t i = 0;
  // A short block is a register; the next one overwrites what that has beyond it.
  constexpr std::size_t together = Size < 16 ? 16 : Size;
  for (; 2 * Size >= together && i + 2 * Size <= count; i += Size, spread += Room) std::memcpy(out + i, spread, together);
  for (; i + Size <= count; i += Size, spread += Room) std::memcpy(out + i, spread, Size);
  std::memcpy(out + i, spread, count - i);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
