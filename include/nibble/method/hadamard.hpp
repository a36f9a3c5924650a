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
#include <nibble/block/dequantize.hpp>
#include <nibble/block/matrix_view.hpp>
#include <nibble/format/catalogue.hpp>
#include <nibble/number/minifloat.hpp>

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

namespace detail::inline NIBBLE_UNIT {

inline void check_hadamard(std::size_t size, std::size_t lanes) {
  if (lanes != 16 && lanes != 32 && lanes != 64 && lanes != 128) {
    throw_argument("lanes is " + std::to_string(lanes) + "; it must be 16, 32, 64 or 128");
  }
  if (size % lanes != 0) {
    throw_argument("x has " + std::to_string(size) + " elements; it must have a multiple of " + std::to_string(lanes));
  }
}

/// fp32(1 / sqrt(lanes)).
NIBBLE_FUNCTION binary32 hadamard_norm(std::size_t lanes) noexcept {
  return binary32(lanes == 16 ? 0.25F : lanes == 32 ? 0x1.6a09e6p-3F : lanes == 64 ? 0.125F : 0x1.6a09e6p-4F);
}

NIBBLE_FUNCTION bool is_negated(const hadamard_signs& signs, std::size_t lane) noexcept {
  return (signs.words[lane / 64] >> (lane % 64) & 1U) != 0;
}

/// y H, unscaled: stages from distance 1 to lanes / 2, each giving (a + b, a - b).
NIBBLE_HD constexpr void hadamard_butterflies(binary32* y, std::size_t lanes) noexcept {
  for (std::size_t distance = 1; distance < lanes; distance *= 2) {
    for (std::size_t i = 0; i < lanes; ++i) {
      if ((i & distance) != 0) continue;
      const binary32 a = y[i];
      const binary32 b = y[i + distance];
      y[i] = a + b;
      y[i + distance] = a - b;
    }
  }
}

/// The transform of one tile in place. Element is float or a minifloat, to which each result is rounded once, to
/// nearest even.
template <bool Inverse, class Element>
constexpr void hadamard_tile(Element* x, std::size_t lanes, const hadamard_signs& signs) noexcept {
  binary32 y[128];
  for (std::size_t i = 0; i < lanes; ++i) {
    const auto value = binary32::from_bits(element_bits(x[i]));
    y[i] = !Inverse && is_negated(signs, i) ? -value : value;
  }
  hadamard_butterflies(y, lanes);
  for (std::size_t i = 0; i < lanes; ++i) {
    const binary32 value = y[i] * hadamard_norm(lanes);
    store_value(x[i], Inverse && is_negated(signs, i) ? -value : value);
  }
}

}  // namespace detail

/// Transforms every `lanes` consecutive elements of x in place. Stages run from distance 1 to lanes / 2, each giving
/// (a + b, a - b); then one product with fp32(1 / sqrt(lanes)). Orthonormal: two tensors transformed alike keep their
/// dot products. NaN and Inf spread over their tile. Throws std::invalid_argument unless lanes is 16, 32, 64 or 128 and
/// divides x.size().
inline void hadamard(std::span<float> x, std::size_t lanes, const hadamard_signs& signs = hadamard_signs::published()) {
  detail::check_hadamard(x.size(), lanes);
  for (std::size_t tile = 0; tile < x.size(); tile += lanes) detail::hadamard_tile<false>(&x[tile], lanes, signs);
}
/// The same for bfloat16, as the NVFP4 training recipe transforms it: sums in float32, one rounding to bfloat16 at the
/// end. The entries of the matrix are exact bfloat16 for 16 and 64 lanes.
inline void hadamard(std::span<minifloat<formats::bf16>> x, std::size_t lanes,
                     const hadamard_signs& signs = hadamard_signs::published()) {
  detail::check_hadamard(x.size(), lanes);
  for (std::size_t tile = 0; tile < x.size(); tile += lanes) detail::hadamard_tile<false>(&x[tile], lanes, signs);
}

/// Undoes hadamard with the same signs, but for rounding: y = (x H / sqrt(lanes)) * signs. Throws as hadamard does.
inline void inverse_hadamard(std::span<float> x, std::size_t lanes,
                             const hadamard_signs& signs = hadamard_signs::published()) {
  detail::check_hadamard(x.size(), lanes);
  for (std::size_t tile = 0; tile < x.size(); tile += lanes) detail::hadamard_tile<true>(&x[tile], lanes, signs);
}
/// The same for bfloat16, with one rounding at the end.
inline void inverse_hadamard(std::span<minifloat<formats::bf16>> x, std::size_t lanes,
                             const hadamard_signs& signs = hadamard_signs::published()) {
  detail::check_hadamard(x.size(), lanes);
  for (std::size_t tile = 0; tile < x.size(); tile += lanes) detail::hadamard_tile<true>(&x[tile], lanes, signs);
}

}  // namespace v0
}  // namespace nibble
