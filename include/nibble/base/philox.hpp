// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
// 1, 2, 3" (SC 2011). A block of four words is a pure function of key and counter, so that threads, tiles and devices
// cannot change a result.
#pragma once

#include <array>
#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {

/// Four 32-bit words, word 0 first.
struct philox_block {
  std::uint32_t words[4];
  friend constexpr bool operator==(const philox_block&, const philox_block&) = default;
};

namespace detail {

/// What a round multiplies by, and what its keys grow by, as in Random123, which the authors published with the paper.
struct philox_constants {
  static constexpr std::uint32_t multiplier_0 = 0xD251'1F53U;
  static constexpr std::uint32_t multiplier_1 = 0xCD9E'8D57U;
  static constexpr std::uint32_t step_low = 0x9E37'79B9U;
  static constexpr std::uint32_t step_high = 0xBB67'AE85U;
};

}  // namespace detail

/// Philox4x32 with so many rounds of the 128-bit counter under the 64-bit key {key_low, key_high}.
/// Ten rounds is the published generator; seven is the smallest number that passes BigCrush (section 5 of the paper).
NIBBLE_FUNCTION philox_block philox4x32(philox_block counter, std::uint32_t key_low, std::uint32_t key_high,
                                        int rounds) noexcept {
  using constants = detail::philox_constants;
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t product_0 = std::uint64_t{constants::multiplier_0} * counter.words[0];
    const std::uint64_t product_1 = std::uint64_t{constants::multiplier_1} * counter.words[2];
    counter = philox_block{{static_cast<std::uint32_t>(product_1 >> 32) ^ counter.words[1] ^ key_low,
                            static_cast<std::uint32_t>(product_1),
                            static_cast<std::uint32_t>(product_0 >> 32) ^ counter.words[3] ^ key_high,
                            static_cast<std::uint32_t>(product_0)}};
    key_low += constants::step_low;
    key_high += constants::step_high;
  }
  return counter;
}
template <int Rounds = 10>
NIBBLE_FUNCTION philox_block philox4x32(philox_block counter, std::uint32_t key_low, std::uint32_t key_high) noexcept {
  static_assert(Rounds >= 7 && Rounds <= 16, "philox4x32: use 7 to 16 rounds; fewer than 7 fail statistical tests");
  return philox4x32(counter, key_low, key_high, Rounds);
}

/// The random stream of one seed: block `index` of stream `stream`. The counter is {index, stream}, 64 bits each, low
/// word first; the key is the seed, low word first.
NIBBLE_FUNCTION philox_block random_block(std::uint64_t seed, std::uint64_t stream, std::uint64_t index,
                                          int rounds = 10) noexcept {
  return philox4x32(philox_block{{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                                    static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)}},
                      static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32), rounds);
}

}  // namespace v0
}  // namespace nibble
