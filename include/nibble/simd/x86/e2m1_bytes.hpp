// SPDX-License-Identifier: Apache-2.0
//
// E2M1 to nearest even where bytes can be looked up in 64 others (AVX-512 VBMI). As in x86/e2m1.hpp one multiply-add makes
// the bounds between codes the first number that rounds up. Another one, toward zero, adds 1.5 * 2^23 to 16 times that
// number less a trace: its last 16 bits are then the largest integer below, in two's complement, that of a negative one
// by one less, so that both signs are told by the four quarters of a unit below a bound and the four above.
#pragma once

#include <nibble/simd/x86/blocks.hpp>

#if defined(__AVX512VBMI__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

#include <array>

#include <nibble/format/policy.hpp>
#include <nibble/format/value_table.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// The codes of quarters of a unit from 0 on and, from 32 on, of those below zero; without the sign of zero if `drops`.
NIBBLE_FUNCTION std::array<std::uint8_t, 64> e2m1_codes_of_quarters(bool drops) noexcept {
  constexpr auto& values = value_table<formats::e2m1>;
  std::array<std::uint8_t, 64> codes{};
  for (int i = 0; i < 32; ++i) {
    int code = 0;
    // The bound between two codes is in their middle.
    for (std::size_t c = 1; c < 8; ++c) code += static_cast<float>(i) >= 2.0F * (values[c - 1] + values[c]) ? 1 : 0;
    codes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(code);
    codes[static_cast<std::size_t>(63 - i)] = static_cast<std::uint8_t>(code == 0 && drops ? 0 : code + 8);
  }
  return codes;
}

/// Numbers below 2^close_e2m1_reach need no limit.
inline constexpr int close_e2m1_reach = 11;

/// Codes of four vectors of numbers but NaN, one a byte by turns.
template <bool Limited>
struct e2m1_by_bytes {
  using V = avx512_vector;
  V::word table;

  /// `drops` takes the sign of zeros.
  static NIBBLE_ALWAYS_INLINE e2m1_by_bytes of(bool drops) noexcept {
    alignas(64) static constexpr auto keeping = e2m1_codes_of_quarters(false);
    alignas(64) static constexpr auto dropping = e2m1_codes_of_quarters(true);
    return {V::load(drops ? dropping.data() : keeping.data())};
  }
  /// y(i) are the numbers of vector i.
  template <class Numbers>
  NIBBLE_ALWAYS_INLINE V::word codes(const Numbers& y) const noexcept {
    V::word sum[4];
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      const V::real own = y(i);
      V::real moved = V::multiply_add(own, V::all_real(0x1.8p-25F), own);
      if constexpr (Limited) moved = V::opaque(_mm512_maskz_range_ps(V::every, moved, V::all_real(0x1p10F), 2));
      // The sum would not know the sign of a zero.
      const V::real signed_one = V::opaque(_mm512_maskz_range_ps(V::every, moved, V::all_real(0x1p-60F), 3));
      sum[i] = V::as_word(V::opaque(_mm512_fmadd_round_ps(signed_one, V::all_real(0x1.fffffep3F), V::all_real(0x1.8p23F),
                                                          _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)));
    });
    // Saturates at the quarter that 8 is above.
    const V::word bytes = V::pack_halves(V::lower_halves(sum[0], sum[1]), V::lower_halves(sum[2], sum[3]));
    return _mm512_maskz_permutexvar_epi8(V::every_byte, V::template right_halves<2>(bytes), table);
  }
};

/// As encode_nearest_e2m1 but for drop_exact.
template <std::size_t Size, bool Nibbles, bool Limited>
void encode_e2m1_by_bytes(const float* x, const std::uint32_t* multiplier, std::size_t groups, const destination& to,
                          bool drops) noexcept {
  using V = avx512_vector;
  const auto rounding = e2m1_by_bytes<Limited>::of(drops);
  encode_groups<V, Nibbles, false, true>(groups, to, [=](auto h, std::size_t g) NIBBLE_INLINE_LAMBDA {
    return rounding.codes([&](auto i) NIBBLE_INLINE_LAMBDA { return product_of<V, Size>(x, multiplier, g, 4 * h + i); });
  });
}

}  // namespace detail::inline NIBBLE_UNIT::x86
}  // namespace v0
}  // namespace nibble

#endif
