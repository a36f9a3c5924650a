// SPDX-License-Identifier: Apache-2.0
//
// Sixteen consecutive elements in the registers of one thread: a block, or half of one with the other half in the
// neighbour, so that amax, scale and transform stay with one thread or two, and 16 elements of 8 random bits are one
// block of Philox. What a thread loads shares sectors, which the first level of cache keeps between its loads.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/cuda/block_multiplier.cuh>
#include <nibble/cuda/chunk.cuh>
#include <nibble/cuda/generic_quantize.cuh>
#include <nibble/cuda/hadamard.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Elements of a run.
inline constexpr unsigned run_elements = 16;

/// What every rounding of the fast kernels takes from a call.
template <block_format F, class Rounding>
__device__ constexpr special_codes run_special() noexcept {
  return make_special_codes(F.element,
                            Rounding::random_bits == 0 ? rounding_mode::nearest_even : rounding_mode::stochastic,
                            overflow::saturate, recipe{}.policy, false);
}

/// The larger of the two magnitudes of a pair of T of 16 bits, as binary32 bits; NaN wins.
template <class T>
__device__ std::uint32_t larger_of_pair(std::uint32_t pair) noexcept {
  constexpr bool bfloat = std::is_same_v<T, bf16>;
  const std::uint32_t both = larger_magnitudes<bfloat>(pair, pair << 16);
  return bfloat ? both & 0x7fff'0000U : half_to_bits(static_cast<std::uint16_t>(both >> 16 & 0x7fffU));
}

/// The largest magnitude of 16 elements; NaN wins.
inline __device__ std::uint32_t run_amax(const std::uint32_t (&bits)[2][chunk_elements]) noexcept {
  return larger_magnitude(chunk_amax(bits[0]), chunk_amax(bits[1]));
}

/// Whether codes come from pack_e2m1_below_15.
template <float_format F, bool Nibbles, class Rounding>
__device__ constexpr bool packs_below_15() noexcept {
  return std::is_same_v<Rounding, round_to_nearest> && Nibbles && F == formats::e2m1 &&
         find_narrow_conversion<Rounding, F, Nibbles>() == narrow_conversion::none;
}
/// Gives elements whose products reach 15 a product of about 7, which has the same code; a block with an infinity
/// or NaN has zeros and NaN's scale.
template <block_format F>
__device__ void limit_products(std::uint32_t (&bits)[2][chunk_elements], std::uint32_t (&signs)[2], std::uint32_t amax,
                               block_multiplier& multiplier) noexcept {
  std::uint32_t limit = multiply_bits(0x40e0'0000U, rare_reciprocal(multiplier.operand));  // 7 over it
  if (amax >= 0x7f80'0000U || multiplier.operand > 0x7f80'0000U) {
    multiplier = {F.scale.nan_code(), 0U};
    limit = signs[0] = signs[1] = 0;
  }
#pragma unroll
  for (unsigned i = 0; i < run_elements; ++i) bits[i / 8][i % 8] = smaller_magnitude(bits[i / 8][i % 8], limit);
}
/// The codes of 16 elements from make_run_multiplier. Random has the members of random_eight.
template <block_format F, class Rounding, class Random>
__device__ void pack_run(const std::uint32_t (&bits)[2][chunk_elements], const std::uint32_t (&signs)[2],
                         std::uint32_t operand, const Random (&random)[2], packed_chunk (&codes)[2]) noexcept {
  constexpr special_codes special = run_special<F, Rounding>();
  constexpr bool nibbles = F.packing.slot_bits == 4;
  if constexpr (packs_below_15<F.element, nibbles, Rounding>()) {
    static_assert(special.nan[0] == 0);
#pragma unroll
    for (unsigned k = 0; k < 2; ++k) codes[k] = {pack_e2m1_below_15(bits[k], signs[k], operand), 0U};
  } else {
#pragma unroll
    for (unsigned k = 0; k < 2; ++k) {
      codes[k] = pack_products<Rounding, F.element, nibbles>(bits[k], signs[k], operand, special, random[k]);
      if (operand > 0x7f80'0000U) codes[k] = repeated_code<nibbles>(special.nan[0]);
    }
  }
}

/// Makes `bits` the transform, and `amax` that of it; or the multiplier a quarter of itself where elements to E2M1 then
/// are the same: if both factors are normal numbers, and elements that would be subnormal far too small to count.
template <block_format F>
__device__ void finish_hadamard(std::uint32_t (&bits)[2][chunk_elements], std::uint32_t& amax,
                                std::uint32_t& operand) noexcept {
  static_assert(hadamard_factor == 125U << 23, "a quarter");
  // From 2^-100 to before 2^60.
  if (F.element == formats::e2m1 && operand - (27U << 23) < 160U << 23) [[likely]] {
    operand -= 2U << 23;
    return;
  }
  amax = multiply_bits(amax, hadamard_factor);
#pragma unroll
  for (unsigned i = 0; i < run_elements; ++i) bits[i / 8][i % 8] = multiply_bits(bits[i / 8][i % 8], hadamard_factor);
}

/// The scale of a block and the multiplier of its elements. `bits` are 16 of them with gather_signs, `amax` that of the
/// block; or the hadamard_sums of elements to be `transformed`.
template <block_format F, class Rounding>
__device__ block_multiplier make_run_multiplier(const tensor_scaling& scaling, bool transformed,
                                                std::uint32_t (&bits)[2][chunk_elements], std::uint32_t (&signs)[2],
                                                std::uint32_t amax) noexcept {
  constexpr bool limits = packs_below_15<F.element, F.packing.slot_bits == 4, Rounding>();
  const std::uint32_t scaled = transformed ? multiply_bits(amax, hadamard_factor) : amax;
  block_multiplier multiplier = make_block_multiplier<F, limits>(scaling, scaled);
  if (transformed) finish_hadamard<F>(bits, amax, multiplier.operand);
  if constexpr (limits) {
    // 15; NaN is above all numbers.
    if (multiply_bits(amax, multiplier.operand) >= 0x4170'0000U) [[unlikely]] {
      limit_products<F>(bits, signs, amax, multiplier);
    }
  }
  return multiplier;
}

/// Blocks of F from elements of T. The threads of a block are neighbours; all of them take part.
template <block_format F, class T, class Rounding>
struct element_run {
  static constexpr unsigned lanes = static_cast<unsigned>(F.block_size) / run_elements;
  static constexpr bool nibbles = F.packing.slot_bits == 4;
  static constexpr int drawn = Rounding::random_bits;

  raw_chunk<T> raw[2];
  std::uint32_t bits[2][chunk_elements];
  std::uint32_t signs[2];

  __device__ void load(const T* x) noexcept {
    raw[0].load(x);
    raw[1].load(x + chunk_elements);
  }
  /// The scale of the block, after a transform where that is wanted. `together` are the lanes that are here.
  __device__ block_multiplier prepare(bool transformed, const hadamard_call& hadamard, const tensor_scaling& scaling,
                                      unsigned together, std::uint32_t upper = 1U << 16) noexcept {
    std::uint32_t amax;
    raw[0].widen(bits[0], upper);
    raw[1].widen(bits[1], upper);
    if (transformed) {
      static_assert(run_elements == hadamard_lanes);
      amax = hadamard_sums(bits, hadamard);
#pragma unroll
      for (unsigned k = 0; k < 2; ++k) signs[k] = gather_signs(bits[k]);
    } else {
#pragma unroll
      for (unsigned k = 0; k < 2; ++k) signs[k] = raw[k].signs();
      if constexpr (sizeof(T) == 2) {
        amax = larger_of_pair<T>(larger_magnitudes<std::is_same_v<T, bf16>>(raw[0].amax_pair(), raw[1].amax_pair()));
      } else {
        amax = run_amax(bits);
      }
    }
    if constexpr (lanes == 2) amax = larger_magnitude(amax, __shfl_xor_sync(together, amax, 1));
    return make_run_multiplier<F, Rounding>(scaling, transformed, bits, signs, amax);
  }
  /// Its codes.
  __device__ void pack(std::uint32_t operand, const random_eight<drawn> (&random)[2],
                       packed_chunk (&codes)[2]) const noexcept {
    pack_run<F, Rounding>(bits, signs, operand, random, codes);
  }
};

/// Stores the codes of a run, aligned to 8 bytes.
template <bool Nibbles>
__device__ void store_run(std::uint8_t* place, const packed_chunk (&codes)[2]) noexcept {
  auto* vectors = reinterpret_cast<uint2*>(place);
  if constexpr (Nibbles) {
    __stcs(vectors, make_uint2(codes[0].low, codes[1].low));
  } else {
    __stcs(vectors, make_uint2(codes[0].low, codes[0].high));
    __stcs(vectors + 1, make_uint2(codes[1].low, codes[1].high));
  }
}

/// Whether random words can be drawn for whole runs.
inline bool draws_runs(const quantize_call& call) noexcept {
  return call.rounding.mode == rounding_mode::nearest_even || call.rounding.random_bits == 16 ||
         call.random.first_element % run_elements == 0;
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
