// SPDX-License-Identifier: Apache-2.0
//
// Eight codes to the binary32 bits of their values in the registers of one thread, and eight numbers to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/cuda/chunk.cuh>
#include <nibble/format/decode.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

template <bool Nibbles>
__device__ packed_chunk load_packed_chunk(const std::uint8_t* codes, std::size_t chunk) noexcept {
  if constexpr (Nibbles) {
    return {__ldcs(reinterpret_cast<const unsigned*>(codes) + chunk), 0U};
  } else {
    const uint2 v = __ldcs(reinterpret_cast<const uint2*>(codes) + chunk);
    return {v.x, v.y};
  }
}

/// Byte `Byte` of the binary32 patterns of E2M1's magnitudes: codes 0 to 3, and 4 to 7.
template <int Byte, std::uint32_t First>
inline constexpr std::uint32_t e2m1_bytes = [] {
  std::uint32_t word = 0;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::uint32_t bits = decode_lanes<std::uint32_t>(formats::e2m1, First + i);
    word |= ((bits >> (8 * Byte)) & 0xffU) << (8 * i);
  }
  return word;
}();

/// The values of four E2M1 nibbles. The two upper bytes of a value are all of it, and byte permutation looks them up.
inline __device__ void unpack_e2m1(std::uint32_t nibbles, std::uint32_t (&bits)[4]) noexcept {
  const std::uint32_t selector = nibbles & 0x7777U;
  const std::uint32_t top = __byte_perm(e2m1_bytes<3, 0>, e2m1_bytes<3, 4>, selector);
  const std::uint32_t next = __byte_perm(e2m1_bytes<2, 0>, e2m1_bytes<2, 4>, selector);
  const std::uint32_t pairs[2] = {__byte_perm(next, top, 0x5140U), __byte_perm(next, top, 0x7362U)};
#pragma unroll
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint32_t magnitude = i % 2 == 0 ? pairs[i / 2] << 16 : pairs[i / 2] & 0xffff'0000U;
    bits[i] = magnitude | ((nibbles << (28 - 4 * i)) & 0x8000'0000U);
  }
}

/// `bits`, or the quiet NaN with the sign of `sign` where they are a NaN.
inline __device__ std::uint32_t decoded_nan(std::uint32_t bits, std::uint32_t sign) noexcept {
  return (bits & 0x7fff'ffffU) > 0x7f80'0000U ? 0x7fc0'0000U | (sign & 0x8000'0000U) : bits;
}

/// The values of four codes: nibbles in the lower half of `codes`, or bytes. With KeepsNan a NaN is the one of decode,
/// with the sign of its code; else any.
template <float_format F, bool Nibbles, bool KeepsNan>
__device__ void unpack_four(std::uint32_t codes, std::uint32_t (&bits)[4]) noexcept {
  if constexpr (Nibbles && F == formats::e2m1) {
    unpack_e2m1(codes, bits);
  } else if constexpr (has_fp8_conversions && !Nibbles && (F == formats::e4m3 || F == formats::e5m2)) {
#pragma unroll
    for (unsigned i = 0; i < 2; ++i) {
      const std::uint32_t pair = codes >> (16 * i);
      const std::uint32_t halves = F == formats::e4m3 ? from_e4m3_pair(pair) : from_e5m2_pair(pair);
      bits[2 * i] = half_to_bits(static_cast<std::uint16_t>(halves));
      bits[2 * i + 1] = half_to_bits(static_cast<std::uint16_t>(halves >> 16));
      if constexpr (KeepsNan) {
        bits[2 * i] = decoded_nan(bits[2 * i], pair << 24);
        bits[2 * i + 1] = decoded_nan(bits[2 * i + 1], pair << 16);
      }
    }
  } else {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      bits[i] = decode_lanes<std::uint32_t>(F, (codes >> (Nibbles ? 4 * i : 8 * i)) & F.code_mask());
    }
  }
}

/// The four codes of the lower or upper half of a chunk, as unpack_four takes them.
template <bool Nibbles>
__device__ std::uint32_t half_of(const packed_chunk& packed, bool upper) noexcept {
  if constexpr (Nibbles) return packed.low >> (upper ? 16 : 0);
  return upper ? packed.high : packed.low;
}

/// The values of the codes of a chunk.
template <float_format F, bool Nibbles, bool KeepsNan>
__device__ void unpack_chunk(const packed_chunk& packed, std::uint32_t (&bits)[chunk_elements]) noexcept {
#pragma unroll
  for (unsigned half = 0; half < 2; ++half) {
    std::uint32_t four[4];
    unpack_four<F, Nibbles, KeepsNan>(half_of<Nibbles>(packed, half != 0), four);
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) bits[4 * half + i] = four[i];
  }
}

/// Eight numbers to memory aligned to 16 bytes, rounded to nearest even where T is narrower; NaN is then 0x7fff.
template <class T>
__device__ void store_chunk(T* out, const std::uint32_t (&bits)[chunk_elements]) noexcept {
  auto* vectors = reinterpret_cast<uint4*>(out);
  if constexpr (std::is_same_v<T, float>) {
    __stcs(vectors, make_uint4(bits[0], bits[1], bits[2], bits[3]));
    __stcs(vectors + 1, make_uint4(bits[4], bits[5], bits[6], bits[7]));
  } else {
    std::uint32_t w[4];
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      w[i] = std::is_same_v<T, bf16> ? to_bf16_pair(bits[2 * i], bits[2 * i + 1])
                                     : to_half_pair(bits[2 * i], bits[2 * i + 1]);
    }
    __stcs(vectors, make_uint4(w[0], w[1], w[2], w[3]));
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
