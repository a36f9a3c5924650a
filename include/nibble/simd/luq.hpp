// SPDX-License-Identifier: Apache-2.0
//
// LUQ with simd{}: the codes, alpha and errors of the scalar function, at the speed of the random words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <nibble/method/luq.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/philox.hpp>
#include <nibble/simd/x86/luq.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)
constexpr std::uint32_t counted_larger(std::uint32_t a, std::uint32_t b) noexcept { return a < b ? b : a; }

/// luq by vectors of V, for options that vectors have. Sizes have been checked. Falls back where alpha is subnormal.
template <class V, class Arch>
float luq_by_vectors(std::span<const float> x, std::span<std::uint8_t> packed, const luq_options& options) {
  constexpr std::size_t step = 8 * V::lanes;
  const std::size_t whole = x.size() / V::lanes * V::lanes;
  std::uint32_t magnitude = x86::largest_magnitude<V>(x.data(), whole, false);
  for (const float v : x.subspan(whole)) magnitude = counted_larger(magnitude, to_bits(v) & 0x7fff'ffffU);
  if (magnitude >= ieee_layout<std::uint32_t>::infinity) check_luq(x, options, 7);  // throws, naming the element
  luq_options known = options;
  if (!known.known_maximum) {
    std::uint32_t maximum = magnitude;
    if (options.maximum == luq_maximum::signed_value) {
      maximum = x86::largest_magnitude<V>(x.data(), whole, true);
      for (const float v : x.subspan(whole))
        maximum = to_bits(v) >> 31 != 0 ? maximum : counted_larger(maximum, to_bits(v));
    }
    known.known_maximum = bit_cast<float>(maximum);
  }
  const std::uint32_t alpha = luq_alpha_of({}, known);
  std::size_t done = 0;
  if (alpha >= 0x0080'0000U) {
    const x86::luq_encoder<V> encode(alpha, options.levels);
    std::uint32_t words[256];
    for (std::size_t count = 0; done + step <= x.size(); done += count) {
      count = (x.size() - done) / step * step;
      count = count < 256 ? count : 256;
      draw_consecutive<Arch>(options.random, options.random.first_element + done, 32, count, words);
      x86::luq_pack(encode, x.data() + done, words, count, packed.data() + done / 2);
    }
  }
  known.random.first_element += done;
  luq(x.subspan(done), packed.subspan(done / 2), known);
  return bit_cast<float>(alpha);
}
#endif

}  // namespace detail

/// As luq(x, packed, options), bit for bit. Vectors take the unbiased rounding, which is the default; the other modes,
/// and machines without AVX2, take the scalar code.
template <class Arch>
float luq(basic_simd<Arch> /*backend*/, std::span<const float> x, std::span<std::uint8_t> packed,
          const luq_options& options = {}) {
#if defined(__AVX2__)
  if constexpr (detail::has_avx2<Arch>) {
    const bool unbiased = options.underflow == luq_underflow::stochastic && options.inside == luq_inside::stochastic;
    if (unbiased && packed.size() == (x.size() + 1) / 2) {
      detail::check_luq({}, options, 7);
      return detail::luq_by_vectors<detail::x86::vector_of<Arch>, Arch>(x, packed, options);
    }
  }
#endif
  return luq(x, packed, options);
}

}  // namespace v0
}  // namespace nibble
