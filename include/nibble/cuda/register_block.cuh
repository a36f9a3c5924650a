// SPDX-License-Identifier: Apache-2.0
//
// Blocks in the registers of one thread, for kernels of users: quantize_block and dequantize_block give what quantize
// and dequantize give for that block, so that they can be the last step of another kernel. Single numbers take encode,
// decode and random_block of nibble.hpp, which are device functions too.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/cuda/block_kernel.cuh>
#include <nibble/cuda/decode_chunk.cuh>

namespace nibble {
inline namespace v0 {

/// A quantized block: its codes as memory holds them, the first in the low bits of words[0], and the code of its scale.
template <block_format F>
struct register_block {
  static_assert(detail::has_block_lanes<F>,
                "register_block<F>: F has blocks of one row and 8, 16, 32 or 64 columns, packed as bytes or as nibbles "
                "with the low one first, and scales of one byte, which has a NaN; if these are powers of two, then of "
                "normal numbers or 2^-127, and elements from 2^-40 to below 2^41");
  static constexpr int words_count = F.block_size * F.packing.slot_bits / 32;
  std::uint32_t words[words_count];
  std::uint8_t scale;
};

namespace detail::inline NIBBLE_UNIT {

template <class Rounding, block_format F>
__device__ register_block<F> make_register_block(const float (&x)[F.block_size], const tensor_scaling& scaling,
                                                 const stochastic& s, std::uint64_t element) noexcept {
  constexpr unsigned chunks = static_cast<unsigned>(F.block_size) / chunk_elements;
  constexpr bool nibbles = F.packing.slot_bits == 4;
  constexpr special_codes special = make_special_codes(
      F.element, Rounding::random_bits == 0 ? rounding_mode::nearest_even : rounding_mode::stochastic,
      overflow::saturate, recipe{}.policy, false);
  std::uint32_t largest = 0;
#pragma unroll
  for (const float value : x) largest = larger_magnitude(largest, to_bits(value));
  const block_multiplier m = make_block_multiplier<F>(scaling, largest);
  const random_stream stream(s.seed, s.stream, s.rounds);
  register_block<F> result;
  result.scale = static_cast<std::uint8_t>(m.code);
#pragma unroll
  for (unsigned c = 0; c < chunks; ++c) {
    std::uint32_t bits[chunk_elements];
#pragma unroll
    for (unsigned i = 0; i < chunk_elements; ++i) bits[i] = to_bits(x[c * chunk_elements + i]);
    const random_eight<Rounding::random_bits> random(stream, s.first_element + element + c * chunk_elements);
    packed_chunk codes = pack_products<Rounding, F.element, nibbles>(bits, m.operand, special, random);
    if (m.operand > 0x7f80'0000U) codes = repeated_code<nibbles>(special.nan[0]);
    result.words[nibbles ? c : 2 * c] = codes.low;
    if constexpr (!nibbles) result.words[2 * c + 1] = codes.high;
  }
  return result;
}

}  // namespace detail::inline NIBBLE_UNIT

/// The block of `x` under the default recipe, to nearest even. `scaling` is make_tensor_scaling(F, recipe{}, amax); a
/// default one for formats without tensor scale.
template <block_format F>
__device__ register_block<F> quantize_block(const float (&x)[F.block_size], const tensor_scaling& scaling) noexcept {
  return detail::make_register_block<detail::round_to_nearest, F>(x, scaling, stochastic{}, 0);
}
/// The same with stochastic rounding of variant a: element i draws the word of logical element s.first_element +
/// element
/// + i; their sum is a multiple of 8.
template <block_format F>
__device__ register_block<F> quantize_block(const float (&x)[F.block_size], const tensor_scaling& scaling,
                                            const stochastic& s, std::uint64_t element) noexcept {
  if (s.bits == 8) return detail::make_register_block<detail::round_stochastically<8>, F>(x, scaling, s, element);
  if (s.bits == 16) return detail::make_register_block<detail::round_stochastically<16>, F>(x, scaling, s, element);
  return detail::make_register_block<detail::round_stochastically<32>, F>(x, scaling, s, element);
}

/// The values of a block; `tensor_scale` counts only for formats that have one.
template <block_format F>
__device__ void dequantize_block(const register_block<F>& q, float tensor_scale, float (&x)[F.block_size]) noexcept {
  constexpr bool nibbles = F.packing.slot_bits == 4;
  const binary32 scale(decode<F.scale>(q.scale));
#pragma unroll
  for (unsigned four = 0; four < static_cast<unsigned>(F.block_size) / 4; ++four) {
    const std::uint32_t codes = nibbles ? q.words[four / 2] >> (16 * (four % 2)) : q.words[four];
    std::uint32_t bits[4];
    detail::unpack_four<F.element, nibbles, false>(codes, bits);
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      binary32 value = binary32::from_bits(bits[i]) * scale;
      if constexpr (F.tensor_scale) value = value * binary32(tensor_scale);
      x[4 * four + i] = static_cast<float>(value);
    }
  }
}

}  // namespace v0
}  // namespace nibble
