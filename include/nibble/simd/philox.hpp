// SPDX-License-Identifier: Apache-2.0
//
// Philox4x32 for runs of consecutive blocks: one counter a lane, the words in the order of the scalar stream. See
// base/philox.hpp for the generator.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/base/philox.hpp>
#include <nibble/block/options.hpp>
#include <nibble/simd/convert.hpp>
#include <nibble/simd/x86/philox.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// One stream of words, by 7 or 10 rounds.
template <class Arch>
class philox_stream {
 public:
  philox_stream(std::uint64_t seed, std::uint64_t stream, int rounds) noexcept
      : seed_(seed), stream_(stream), rounds_(rounds) {}

  /// The 4 * count words of blocks index, index + 1, ...
  void blocks(std::uint64_t index, std::size_t count, std::uint32_t* out) noexcept {
    std::size_t i = 0;
#if defined(__AVX2__)
    if constexpr (has_avx2<Arch>) {
      // Fewer blocks than four are sooner made one by one.
      if (count >= 4 && (index & 0xffff'ffffU) + count <= 0xffff'ffffU) {
        const auto high = static_cast<std::uint32_t>(index >> 32);
        if (!is_made_ || high != high_) {
          generator_ = generator(seed_, stream_, high, rounds_);
          is_made_ = true;
          high_ = high;
        }
        return generator_.run(static_cast<std::uint32_t>(index), count, out);
      }
    }
#endif
    for (; i < count; ++i) {
      const philox_block block = random_block(seed_, stream_, index + i, rounds_);
      for (std::size_t k = 0; k < 4; ++k) out[4 * i + k] = block.words[k];
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
  int rounds_;
#if defined(__AVX2__)
  struct nothing {};
  using generator = std::conditional_t<has_avx2<Arch>, x86::philox_run<x86::vector_of<Arch>>, nothing>;
  bool is_made_ = false;
  std::uint32_t high_ = 0;  ///< of the indexes that generator_ is for
  generator generator_;
#endif
};

/// The 4 * count words of blocks index, index + 1, ... of a stream, by 7 or 10 rounds.
template <class Arch>
void philox_blocks(std::uint64_t seed, std::uint64_t stream, std::uint64_t index, std::size_t count, std::uint32_t* out,
                   int rounds = 10) noexcept {
  philox_stream<Arch>(seed, stream, rounds).blocks(index, count, out);
}

#if defined(__AVX2__)
/// The words of any blocks; returns how many. The upper halves of their indexes are those of the first.
template <class Vector>
std::size_t philox_gathered(const stochastic& random, const std::uint64_t* indexes, std::size_t count,
                            std::uint32_t* out) noexcept {
  using run = x86::philox_run<Vector>;
  const run generator(random.seed, random.stream, static_cast<std::uint32_t>(indexes[0] >> 32), random.rounds);
  std::size_t i = 0;
  for (; i + run::blocks <= count; i += run::blocks) generator.run(indexes + i, out + 4 * i);
  if (i < count) {
    std::uint64_t rest[run::blocks] = {};
    std::uint32_t last[4 * run::blocks];
    std::memcpy(rest, indexes + i, (count - i) * sizeof(std::uint64_t));
    generator.run(rest, last);
    std::memcpy(out + 4 * i, last, 16 * (count - i));
  }
  return count;
}
#endif

/// The words of the blocks at ascending `indexes` of a stream, four a block.
template <class Arch>
void philox_blocks_at(const stochastic& random, const std::uint64_t* indexes, std::size_t count,
                      std::uint32_t* out) noexcept {
  std::size_t i = 0;
#if defined(__AVX2__)
  if constexpr (has_avx2<Arch>) {
    using vector = x86::vector_of<Arch>;
    if (count != 0 && indexes[0] >> 32 == indexes[count - 1] >> 32) {
      i = philox_gathered<vector>(random, indexes, count, out);
    }
  }
#endif
  for (; i < count; ++i) {
    const philox_block block = random_block(random.seed, random.stream, indexes[i], random.rounds);
    for (std::size_t k = 0; k < 4; ++k) out[4 * i + k] = block.words[k];
  }
}

/// Strings of `bits` (8, 16 or 32) random bits, right-aligned: `count` of them from string `first` of `words` on.
template <class Arch>
NIBBLE_ALWAYS_INLINE void spread_random(const std::uint32_t* words, std::size_t first, int bits, std::size_t count,
                                        std::uint32_t* out) noexcept {
  if (bits == 32) {
    std::memcpy(out, words + first, count * sizeof(std::uint32_t));
    return;
  }
  std::size_t i = 0;
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::size_t width = word_batch<Arch>::size;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(words) + first * static_cast<std::size_t>(bits / 8);
    for (; i + width <= count; i += width) {
      if (bits == 8) {
        load_widened<Arch>(bytes + i).store_unaligned(out + i);
      } else {
        std::uint16_t halves[width];
        std::memcpy(halves, bytes + 2 * i, sizeof(halves));
        load_widened<Arch>(halves).store_unaligned(out + i);
      }
    }
  }
  const auto per_word = static_cast<std::size_t>(32 / bits);
  const std::uint32_t mask = (std::uint32_t{1} << bits) - 1U;
  for (; i < count; ++i) {
    const std::size_t element = first + i;
    out[i] = (words[element / per_word] >> (element % per_word * static_cast<std::size_t>(bits))) & mask;
  }
}

/// The random words of `count` (at most chunk_size) consecutive elements from `first`, right-aligned.
template <class Arch>
NIBBLE_ALWAYS_INLINE void draw_consecutive(const stochastic& random, std::uint64_t first, int bits, std::size_t count,
                                           std::uint32_t* out) noexcept {
  const auto per_block = static_cast<std::uint64_t>(128 / bits);
  const std::uint64_t first_block = first / per_block;
  const std::uint64_t last_block = (first + count - 1) / per_block;
  const auto blocks = static_cast<std::size_t>(last_block - first_block + 1);
  const auto skip = static_cast<std::size_t>(first - first_block * per_block);
  if (bits == 32 && skip == 0 && blocks * 4 == count) {
    philox_blocks<Arch>(random.seed, random.stream, first_block, blocks, out, random.rounds);
    return;
  }
  std::uint32_t words[4 * (256 / 4 + 8)];
  philox_blocks<Arch>(random.seed, random.stream, first_block, blocks, words, random.rounds);
  spread_random<Arch>(words, skip, bits, count, out);
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
