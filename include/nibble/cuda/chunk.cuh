// SPDX-License-Identifier: Apache-2.0
//
// Eight consecutive elements in the registers of one thread: loaded and widened, and their codes packed and stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/block/block_format.hpp>
#include <nibble/block/matrix_view.hpp>
#include <nibble/cuda/conversions.cuh>
#include <nibble/cuda/e2m1_chunk.cuh>
#include <nibble/cuda/random_chunk.cuh>
#include <nibble/cuda/real.cuh>
#include <nibble/cuda/round.cuh>
#include <nibble/number/minifloat.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Elements that one thread takes at a time.
inline constexpr std::size_t chunk_elements = 8;

/// Types whose chunks are whole vectors of 16 bytes.
template <class T>
inline constexpr bool is_chunk_type = std::is_same_v<T, float> || std::is_same_v<T, f16> || std::is_same_v<T, bf16>;

/// The binary32 bits of an element; a NaN is some NaN.
template <class T>
__device__ std::uint32_t raw_element_bits(const T& x) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return to_bits(x);
  } else if constexpr (std::is_same_v<T, bf16>) {
    return static_cast<std::uint32_t>(x.bits()) << 16;
  } else {
    return half_to_bits(x.bits());
  }
}

/// The largest magnitude of a chunk; NaN wins.
inline __device__ std::uint32_t chunk_amax(const std::uint32_t (&bits)[chunk_elements]) noexcept {
  std::uint32_t best = larger_magnitude(bits[0], bits[1]);
#pragma unroll
  for (unsigned i = 2; i < chunk_elements; ++i) best = larger_magnitude(best, bits[i]);
  return best;
}

/// A chunk as it is stored; zeros unless it is loaded.
template <class T>
struct raw_chunk {
  static constexpr unsigned count = chunk_elements * sizeof(T) / 16;
  uint4 vectors[count] = {};

  /// From memory aligned to 16 bytes.
  __device__ void load(const T* x) noexcept {
#pragma unroll
    for (unsigned i = 0; i < count; ++i) vectors[i] = __ldcs(reinterpret_cast<const uint4*>(x) + i);
  }
  /// The largest magnitudes of its even and of its odd elements as a pair of T of 16 bits; NaN wins.
  [[nodiscard]] __device__ std::uint32_t amax_pair() const noexcept {
    constexpr bool bfloat = std::is_same_v<T, bf16>;
    return larger_magnitudes<bfloat>(larger_magnitudes<bfloat>(vectors[0].x, vectors[0].y),
                                     larger_magnitudes<bfloat>(vectors[0].z, vectors[0].w));
  }
  /// Its sign bits as those of gather_signs.
  [[nodiscard]] __device__ std::uint32_t signs() const noexcept {
    if constexpr (std::is_same_v<T, float>) {
      std::uint32_t bits[chunk_elements];
      widen(bits);
      return gather_signs(bits);
    } else {
      const std::uint32_t low = select_bytes<0xfbd9U>(vectors[0].x, vectors[0].y);
      const std::uint32_t high = select_bytes<0xfbd9U>(vectors[0].z, vectors[0].w);
      return nibble_signs(select_bytes<0x5410U>(low, high), select_bytes<0x7632U>(low, high));
    }
  }
  /// The binary32 bits of its elements; a NaN is some NaN. `upper` is 2^16: of a kernel's argument compilers make
  /// products, of a constant shifts, which take the pipe of most else.
  __device__ void widen(std::uint32_t (&bits)[chunk_elements], std::uint32_t upper = 1U << 16) const noexcept {
#pragma unroll
    for (unsigned i = 0; i < count; ++i) {
      const std::uint32_t words[4] = {vectors[i].x, vectors[i].y, vectors[i].z, vectors[i].w};
#pragma unroll
      for (unsigned k = 0; k < 4; ++k) {
        if constexpr (std::is_same_v<T, float>) {
          bits[4 * i + k] = words[k];
        } else if constexpr (std::is_same_v<T, bf16>) {
          bits[2 * k] = words[k] * upper;
          bits[2 * k + 1] = words[k] & 0xffff'0000U;
        } else {
          bits[2 * k] = half_to_bits(static_cast<std::uint16_t>(words[k]));
          bits[2 * k + 1] = half_to_bits(static_cast<std::uint16_t>(words[k] >> 16));
        }
      }
    }
  }
  /// The same for finite elements, as widen_finite_bf16 has it.
  __device__ void widen_finite(std::uint32_t (&bits)[chunk_elements], std::uint32_t zeros) const noexcept {
    if constexpr (std::is_same_v<T, bf16>) {
      const std::uint32_t words[4] = {vectors[0].x, vectors[0].y, vectors[0].z, vectors[0].w};
#pragma unroll
      for (unsigned k = 0; k < 4; ++k) {
        bits[2 * k] = widen_finite_bf16<false>(words[k], zeros);
        bits[2 * k + 1] = widen_finite_bf16<true>(words[k], zeros);
      }
    } else {
      widen(bits);
    }
  }
  /// The same, a NaN as element_bits gives it: quiet, with its sign and payload.
  __device__ void widen_exactly(std::uint32_t (&bits)[chunk_elements]) const noexcept {
    widen(bits);
    if constexpr (!std::is_same_v<T, float>) {
      if (chunk_amax(bits) <= 0x7f80'0000U) return;
      const std::uint32_t words[4] = {vectors[0].x, vectors[0].y, vectors[0].z, vectors[0].w};
#pragma unroll
      for (unsigned i = 0; i < chunk_elements; ++i) {
        if ((bits[i] & 0x7fff'ffffU) <= 0x7f80'0000U) continue;
        bits[i] = element_bits(T::from_bits(static_cast<std::uint16_t>(words[i / 2] >> (16 * (i % 2)))));
      }
    }
  }
};

/// Whether the hardware's FP8 conversion is this rounding of this format.
template <class Rounding, float_format F>
__device__ constexpr bool converts_in_hardware() noexcept {
  const bool nearest = std::is_same_v<Rounding, round_to_nearest> || std::is_same_v<Rounding, round_number_to_nearest>;
  return has_fp8_conversions && nearest && (F == formats::e4m3 || F == formats::e5m2);
}

/// Which instruction of conversions.cuh is this rounding of this format, packed like this.
enum class narrow_conversion : std::uint8_t { none, nearest, stochastic, scales_toward_zero, scales_upward };
template <class Rounding, float_format F, bool Nibbles>
__device__ constexpr narrow_conversion find_narrow_conversion() noexcept {
  const bool nearest = std::is_same_v<Rounding, round_to_nearest> || std::is_same_v<Rounding, round_number_to_nearest>;
  const bool draws =
      std::is_same_v<Rounding, round_stochastically<8>> || std::is_same_v<Rounding, round_stochastically<16>>;
  if (Nibbles != (F.bits() == 4)) return narrow_conversion::none;
  if (has_stochastic_conversions && draws && is_stochastic_conversion(F)) return narrow_conversion::stochastic;
  if (!has_fp4_conversions) return narrow_conversion::none;
  if (nearest && is_narrow_conversion(F)) return narrow_conversion::nearest;
  if (F == formats::e8m0 && std::is_same_v<Rounding, round_number<rounding_mode::toward_zero>>) {
    return narrow_conversion::scales_toward_zero;
  }
  return F == formats::e8m0 && std::is_same_v<Rounding, round_number<rounding_mode::upward>>
             ? narrow_conversion::scales_upward
             : narrow_conversion::none;
}

/// Rounds and packs a chunk; Nibbles says whether two codes share a byte.
template <class Rounding, float_format F, bool Nibbles, class Random>
__device__ packed_chunk pack_chunk(const std::uint32_t (&bits)[chunk_elements], const special_codes& special,
                                   const Random& random) noexcept {
  packed_chunk result;
  constexpr narrow_conversion narrow = find_narrow_conversion<Rounding, F, Nibbles>();
  if constexpr (narrow == narrow_conversion::nearest) {
    result = convert_to_nearest<F, device_conversions>(bits);
  } else if constexpr (narrow == narrow_conversion::stochastic) {
    result = convert_stochastically<F, Rounding::random_bits, device_conversions>(bits, random);
  } else if constexpr (narrow != narrow_conversion::none) {
    result = convert_to_scales<narrow == narrow_conversion::scales_upward, device_conversions>(bits);
  } else if constexpr (converts_in_hardware<Rounding, F>()) {
    std::uint32_t pairs[4];
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      pairs[i] =
          F == formats::e4m3 ? to_e4m3_pair(bits[2 * i], bits[2 * i + 1]) : to_e5m2_pair(bits[2 * i], bits[2 * i + 1]);
    }
    result = {pairs[0] | pairs[1] << 16, pairs[2] | pairs[3] << 16};
  } else {
#pragma unroll
    for (unsigned i = 0; i < chunk_elements; ++i) {
      const unsigned k = static_cast<unsigned>(chunk_elements) - 1 - i;
      const std::uint32_t code = Rounding::template code<F>(bits[k], special, random.of(k));
      if constexpr (Nibbles) {
        result.low = (result.low << 4) + code;
      } else {
        std::uint32_t& half = k < 4 ? result.low : result.high;
        half = (half << 8) + code;
      }
    }
  }
  return result;
}

/// Rounds and packs the products of a chunk with a positive multiplier. `signs` are gather_signs(bits).
template <class Rounding, float_format F, bool Nibbles, class Random>
__device__ packed_chunk pack_products(const std::uint32_t (&bits)[chunk_elements], std::uint32_t signs,
                                      std::uint32_t multiplier, const special_codes& special,
                                      const Random& random) noexcept {
  constexpr bool narrow = find_narrow_conversion<Rounding, F, Nibbles>() != narrow_conversion::none;
  if constexpr (Nibbles && F == formats::e2m1 && !narrow) {
    return {pack_e2m1<Rounding>(bits, signs, multiplier, special, random), 0U};
  } else {
    std::uint32_t products[chunk_elements];
#pragma unroll
    for (unsigned i = 0; i < chunk_elements; ++i) products[i] = multiply_bits(bits[i], multiplier);
    return pack_chunk<Rounding, F, Nibbles>(products, special, random);
  }
}
template <class Rounding, float_format F, bool Nibbles, class Random>
__device__ packed_chunk pack_products(const std::uint32_t (&bits)[chunk_elements], std::uint32_t multiplier,
                                      const special_codes& special, const Random& random) noexcept {
  return pack_products<Rounding, F, Nibbles>(bits, gather_signs(bits), multiplier, special, random);
}

/// Stores a chunk of codes, aligned to its size.
template <bool Nibbles>
__device__ void store_packed_chunk(std::uint8_t* codes, std::size_t chunk, const packed_chunk& c) noexcept {
  if constexpr (Nibbles) {
    __stcs(reinterpret_cast<unsigned*>(codes) + chunk, c.low);
  } else {
    __stcs(reinterpret_cast<uint2*>(codes) + chunk, make_uint2(c.low, c.high));
  }
}

/// The same code eight times.
template <bool Nibbles>
__device__ packed_chunk repeated_code(std::uint32_t code) noexcept {
  const std::uint32_t word = code * (Nibbles ? 0x1111'1111U : 0x0101'0101U);
  return {word, word};
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
