// SPDX-License-Identifier: Apache-2.0
//
// The random Hadamard transform of 16 to 128 lanes: y = (x * signs) H / sqrt(lanes), H in Sylvester's order. Operations
// are IEEE float32 in one fixed order, so that every build gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/base/binary32.hpp>
#include <nibble/base/philox.hpp>
#include <nibble/block/matrix_view.hpp>

namespace nibble {
inline namespace v0 {

/// Which lanes are negated before the transform: bit i % 64 of word i / 64 for lane i.
struct hadamard_signs {
  std::uint64_t words[2] = {0, 0};
  /// The sign vector of the NVFP4 recipe, 1 1 1 -1 1 -1 -1 -1 -1 -1 -1 1 -1 1 -1 -1, repeated every 16 lanes.
  static constexpr hadamard_signs published() noexcept { return {{0xd7e8'd7e8'd7e8'd7e8U, 0xd7e8'd7e8'd7e8'd7e8U}}; }
  /// The 128 bits of Philox block 0 of (seed, stream), word 0 lowest.
  static constexpr hadamard_signs seeded(std::uint64_t seed, std::uint64_t stream = 0) noexcept {
    const philox_block b = random_block(seed, stream, 0);
    return {{b.words[0] | std::uint64_t{b.words[1]} << 32, b.words[2] | std::uint64_t{b.words[3]} << 32}};
  }
};

/// Transforms every `lanes` consecutive elements of x in place. Stages run from distance 1 to lanes / 2, each giving
/// (a + b, a - b); then one product with fp32(1 / sqrt(lanes)). Orthonormal: two tensors transformed alike keep their dot
/// products. NaN and Inf spread over their tile. Throws std::invalid_argument unless lanes is 16, 32, 64 or 128 and
/// divides x.size().
inline void hadamard(std::span<float> x, std::size_t lanes, const hadamard_signs& signs = hadamard_signs::published()) {
  if (lanes != 16 && lanes != 32 && lanes != 64 && lanes != 128) {
    detail::throw_argument("lanes is " + std::to_string(lanes) + "; it must be 16, 32, 64 or 128");
  }
  if (x.size() % lanes != 0) {
    detail::throw_argument("x has " + std::to_string(x.size()) + " elements; it must have a multiple of " + std::to_string(lanes));
  }
  const binary32 norm(lanes == 16 ? 0.25F : lanes == 32 ? 0x1.6a09e6p-3F : lanes == 64 ? 0.125F : 0x1.6a09e6p-4F);
  for (std::size_t tile = 0; tile < x.size(); tile += lanes) {
    binary32 y[128];
    for (std::size_t i = 0; i < lanes; ++i) {
      const binary32 value(x[tile + i]);
      y[i] = (signs.words[i / 64] >> (i % 64) & 1U) != 0 ? -value : value;
    }
    for (std::size_t distance = 1; distance < lanes; distance *= 2) {
      for (std::size_t i = 0; i < lanes; ++i) {
        if ((i & distance) != 0) continue;
        const binary32 a = y[i];
        const binary32 b = y[i + distance];
        y[i] = a + b;
        y[i + distance] = a - b;
      }
    }
    for (std::size_t i = 0; i < lanes; ++i) x[tile + i] = static_cast<float>(y[i] * norm);
  }
}

}  // namespace v0
}  // namespace nibble
