// SPDX-License-Identifier: Apache-2.0
//
// The random words of eight elements in the registers of one thread.
#pragma once

#include <cstdint>

#include <nibble/base/philox.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// a * b, the low word first.
inline __device__ uint2 wide_product(std::uint32_t a, std::uint32_t b) noexcept {
  uint2 result;
  asm("{ .reg .u64 p;\n  mul.wide.u32 p, %2, %3;\n  mov.b64 {%0, %1}, p; }"
      : "=r"(result.x), "=r"(result.y)
      : "r"(a), "r"(b));
  return result;
}

/// a + b, the low word first.
inline __device__ uint2 wide_sum(uint2 a, std::uint64_t b) noexcept {
  uint2 result;
  asm("{ add.cc.u32 %0, %2, %4;\n  addc.u32 %1, %3, %5; }"
      : "=r"(result.x), "=r"(result.y)
      : "r"(a.x), "r"(a.y), "r"(static_cast<std::uint32_t>(b)), "r"(static_cast<std::uint32_t>(b >> 32)));
  return result;
}

/// random_block of one seed and stream for 7 or 10 rounds, with the keys of the rounds at hand: as a kernel's argument
/// they are operands that cost no instruction.
struct random_stream {
  std::uint32_t keys[10][2] = {};
  std::uint32_t stream[2] = {};
  int rounds = 10;

  random_stream() = default;
  NIBBLE_FUNCTION random_stream(std::uint64_t seed, std::uint64_t stream_index, int wanted) noexcept
      : stream{static_cast<std::uint32_t>(stream_index), static_cast<std::uint32_t>(stream_index >> 32)},
        rounds(wanted) {
    std::uint32_t low = static_cast<std::uint32_t>(seed);
    std::uint32_t high = static_cast<std::uint32_t>(seed >> 32);
    for (auto& key : keys) {
      key[0] = low;
      key[1] = high;
      low += philox_constants::step_low;
      high += philox_constants::step_high;
    }
  }

  /// The blocks index + 0, 1, ... index + Count - 1, whose index is a multiple of Count. The last three rounds are
  /// skipped by a branch that all threads take alike.
  template <unsigned Count>
  __device__ void draw(std::uint64_t index, philox_block (&blocks)[Count]) const noexcept {
    draw_rounds<7>(index, blocks);
    if (rounds == 7) return;
#pragma unroll
    for (int round = 7; round < 10; ++round) step(blocks, round);
  }
  /// The same by so many rounds.
  template <int Rounds, unsigned Count>
  __device__ void draw_rounds(std::uint64_t index, philox_block (&blocks)[Count]) const noexcept {
    // Without a carry the blocks share the upper word of the index, and with it half of the first two rounds; their
    // other products of the first one differ by multiples of the constant.
    constexpr std::uint64_t multiplier = philox_constants::multiplier_0;
    const auto upper = static_cast<std::uint32_t>(index >> 32);
    const uint2 first = wide_product(philox_constants::multiplier_0, static_cast<std::uint32_t>(index));
    const uint2 shared = wide_product(philox_constants::multiplier_1, stream[0]);
#pragma unroll
    for (unsigned i = 0; i < Count; ++i) {
      const uint2 own = i == 0 ? first : wide_sum(first, multiplier * i);
      blocks[i] = philox_block{{shared.y ^ upper ^ keys[0][0], shared.x, own.y ^ stream[1] ^ keys[0][1], own.x}};
    }
#pragma unroll
    for (int round = 1; round < Rounds; ++round) step(blocks, round);
  }
  [[nodiscard]] __device__ philox_block block(std::uint64_t index) const noexcept {
    philox_block blocks[1];
    draw(index, blocks);
    return blocks[0];
  }

 private:
  template <unsigned Count>
  __device__ void step(philox_block (&blocks)[Count], int round) const noexcept {
#pragma unroll
    for (philox_block& b : blocks) {
      // A round of philox4x32; asm keeps each product one instruction.
      const uint2 product_0 = wide_product(philox_constants::multiplier_0, b.words[0]);
      const uint2 product_1 = wide_product(philox_constants::multiplier_1, b.words[2]);
      b = philox_block{{product_1.y ^ b.words[1] ^ keys[round][0], product_1.x,
                        product_0.y ^ b.words[3] ^ keys[round][1], product_0.x}};
    }
  }
};

/// The random words of eight elements from logical index `first`, a multiple of 8, on.
template <int Bits>
struct random_eight {
  std::uint32_t words[Bits / 4];

  random_eight() = default;
  __device__ random_eight(const random_stream& stream, std::uint64_t first) noexcept {
    if constexpr (Bits == 8) {
      const philox_block block = stream.block(first / 16);
      const bool second = (first & 8U) != 0;
      words[0] = second ? block.words[2] : block.words[0];
      words[1] = second ? block.words[3] : block.words[1];
    } else {
      philox_block blocks[Bits / 16];
      stream.draw(first / (128 / Bits), blocks);
#pragma unroll
      for (unsigned i = 0; i < Bits / 4; ++i) words[i] = blocks[i / 4].words[i % 4];
    }
  }
  /// The word of element i.
  [[nodiscard]] __device__ std::uint32_t of(unsigned i) const noexcept {
    if constexpr (Bits == 32) return words[i];
    constexpr unsigned per_word = 32 / Bits;
    return (words[i / per_word] >> (i % per_word * Bits)) & ((1U << Bits % 32) - 1U);
  }
  /// sum + the upper 16 bits of the word of element i, or all of them, in bits Bit - 1 and below.
  template <unsigned Bit = 22>
  [[nodiscard]] __device__ std::uint32_t add_fraction(unsigned i, std::uint32_t sum) const noexcept {
    constexpr std::uint32_t unit = 1U << (Bit - 16);
    // A dot product takes the pipe of multiplications, which has room.
    if constexpr (Bits == 32) return __dp2a_lo(words[i], unit << 8, sum);
    if constexpr (Bits == 16) return __dp2a_lo(words[i / 2], unit << (i % 2 * 8), sum);
    // Bytes i % 2 and i % 2 + 2 as the upper ones of two halves.
    const std::uint32_t two = __byte_perm(words[i / 4], 0U, i % 2 == 0 ? 0x2404U : 0x3414U);
    return __dp2a_lo(two, unit << (i % 4 / 2 * 8), sum);
  }
};
template <>
struct random_eight<0> {
  random_eight() = default;
  __device__ random_eight(const random_stream&, std::uint64_t) noexcept {}
  [[nodiscard]] __device__ std::uint32_t of(unsigned) const noexcept { return 0; }
};

/// The block of Philox with the word of an element; 0 without words.
template <int Bits>
__device__ std::uint64_t block_of(std::uint64_t element) noexcept {
  return Bits == 0 ? 0 : element / (128 / (Bits == 0 ? 1 : Bits));
}

/// The random words of sixteen elements from block_of the first one on, which is a multiple of 16, with 16 bits of 8.
/// Rounds is 0 for those of the stream.
template <int Rounds = 0, int Bits>
__device__ void draw_sixteen(const random_stream& stream, std::uint64_t index,
                             random_eight<Bits> (&random)[2]) noexcept {
  if constexpr (Bits != 0) {
    constexpr unsigned count = Bits == 32 ? 4 : 1;  // blocks drawn together
    constexpr unsigned words = Bits / 2;
#pragma unroll
    for (unsigned first = 0; first < words; first += 4 * count) {
      philox_block blocks[count];
      if constexpr (Rounds == 0) {
        stream.draw(index + first / 4, blocks);
      } else {
        stream.draw_rounds<Rounds>(index + first / 4, blocks);
      }
#pragma unroll
      for (unsigned i = first; i < first + 4 * count; ++i) {
        random[i / (words / 2)].words[i % (words / 2)] = blocks[(i - first) / 4].words[i % 4];
      }
    }
  }
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
