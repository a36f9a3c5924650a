// SPDX-License-Identifier: Apache-2.0
//
// LUQ with simd{}: the codes, alpha and errors of the scalar function, at the speed of the random words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <nibble/base/counts.hpp>
#include <nibble/method/luq.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/philox.hpp>
#include <nibble/simd/x86/luq.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)
/// Whether LUQ has vectors: those of 256 bits and more whose additions are fused.
template <class Arch>
consteval bool has_luq_vectors() noexcept {
  if constexpr (has_avx2<Arch>) {
    return x86::vector_of<Arch>::is_fused;
  } else {
    return false;
  }
}

constexpr std::uint32_t counted_larger(std::uint32_t a, std::uint32_t b) noexcept { return a < b ? b : a; }

/// The bits of alpha. Throws for NaN and Inf, naming the element.
template <class V>
std::uint32_t luq_alpha_by_vectors(std::span<const float> x, const luq_options& options) {
  const std::size_t whole = x.size() / V::lanes * V::lanes;
  std::uint32_t maximum = x86::largest_magnitude<V>(x.data(), whole, false);
  for (const float v : x.subspan(whole)) maximum = counted_larger(maximum, to_bits(v) & 0x7fff'ffffU);
  if (maximum >= ieee_layout<std::uint32_t>::infinity) check_luq(x, options, 7);
  if (options.maximum == luq_maximum::signed_value) {
    maximum = x86::largest_magnitude<V>(x.data(), whole, true);
    for (const float v : x.subspan(whole))
      maximum = to_bits(v) >> 31 != 0 ? maximum : counted_larger(maximum, to_bits(v));
  }
  luq_options known = options;
  if (!known.known_maximum) known.known_maximum = bit_cast<float>(maximum);
  return luq_alpha_of({}, known);
}

/// luq_pack by vectors, for the unbiased rounding by Bits random bits; a tiny alpha and the last elements take the
/// scalar code.
template <class V, class Arch, int Bits>
void luq_pack_by_vectors(std::span<const float> x, std::span<std::uint8_t> packed, const luq_options& options,
                         std::uint32_t alpha, std::uint64_t first) noexcept {
  constexpr std::size_t step = 8 * V::lanes;
  constexpr std::size_t most = 1024;  // elements whose words are drawn together
  constexpr std::uint64_t per_block = 128 / Bits;
  std::size_t done = 0;
  if (x86::is_vector_alpha(alpha)) {
    const x86::luq_encoder<V, Bits> encode(alpha, options.levels);
    philox_stream<Arch> random(options.random.seed, options.random.stream, options.random.rounds);
    std::uint32_t words[most * Bits / 32 + 4];
    for (std::size_t count = 0; done + step <= x.size(); done += count) {
      count = smaller((x.size() - done) / step * step, most);
      const std::uint64_t element = options.random.first_element + first + done;
      const std::uint64_t block = element / per_block;
      random.blocks(block, static_cast<std::size_t>((element + count - 1) / per_block - block + 1), words);
      const auto* own = reinterpret_cast<const std::uint8_t*>(words) + element % per_block * (Bits / 8);
      x86::luq_pack(encode, x.data() + done, own, count, packed.data() + done / 2);
    }
  }
  luq_pack(x.subspan(done), packed.subspan(done / 2), options, alpha, first + done);
}
#endif

}  // namespace detail

/// As luq(x, packed, options, run), bit for bit. Vectors take the unbiased rounding, which is the default; the other
/// modes, and machines without AVX2 and fused additions, take the scalar code.
template <class Arch, executor Executor>
float luq(basic_simd<Arch> /*backend*/, std::span<const float> x, std::span<std::uint8_t> packed,
          const luq_options& options, Executor&& run) {
#if defined(__AVX2__)
  if constexpr (detail::has_luq_vectors<Arch>()) {
    if (options.underflow == luq_underflow::stochastic && options.inside == luq_inside::stochastic) {
      using vector = detail::x86::vector_of<Arch>;
      detail::check_luq({}, options, 7);
      detail::check_luq_packed(x, packed);
      const std::uint32_t alpha = detail::luq_alpha_by_vectors<vector>(x, options);
      const auto pack = [&](std::span<const float> part, std::span<std::uint8_t> bytes, std::size_t first) {
        if (options.random.bits == 8) {
          detail::luq_pack_by_vectors<vector, Arch, 8>(part, bytes, options, alpha, first);
        } else if (options.random.bits == 16) {
          detail::luq_pack_by_vectors<vector, Arch, 16>(part, bytes, options, alpha, first);
        } else {
          detail::luq_pack_by_vectors<vector, Arch, 32>(part, bytes, options, alpha, first);
        }
      };
      detail::luq_in_slices(x, packed, run, pack);
      return bit_cast<float>(alpha);
    }
  }
#endif
  return luq(x, packed, options, run);
}
template <class Arch>
float luq(basic_simd<Arch> backend, std::span<const float> x, std::span<std::uint8_t> packed,
          const luq_options& options = {}) {
  return luq(backend, x, packed, options, serial{});
}

}  // namespace v0
}  // namespace nibble
