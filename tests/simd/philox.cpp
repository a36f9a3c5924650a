// SPDX-License-Identifier: Apache-2.0
//
// Runs of Philox blocks against one block at a time, over counters that carry into every word.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <nibble/simd.hpp>

TEST_CASE("a run of blocks is the blocks one by one") {
  using namespace nibble;
  constexpr std::uint64_t seed = 0x1234'5678'9abc'def0U;
  int different = 0;
  for (const std::uint64_t stream : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{77} << 32 | 5U, ~std::uint64_t{0}}) {
    for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{0xffff'fffcU},
                                      std::uint64_t{0x1'ffff'fffaU}, ~std::uint64_t{0} - 3U}) {
      for (std::size_t count = 0; count <= 37; ++count) {
        const int rounds = count % 2 == 0 ? 10 : 7;
        std::vector<std::uint32_t> words(4 * count + 1, 0xdead'beefU);
        detail::philox_blocks<xsimd::default_arch>(seed, stream, index, count, words.data(), rounds);
        for (std::size_t i = 0; i < count; ++i) {
          const philox_block block = random_block(seed, stream, index + i, rounds);
          for (std::size_t k = 0; k < 4; ++k) different += block.words[k] == words[4 * i + k] ? 0 : 1;
        }
        different += words[4 * count] == 0xdead'beefU ? 0 : 1;
      }
    }
  }
  CHECK(different == 0);
}
