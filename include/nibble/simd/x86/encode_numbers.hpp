// SPDX-License-Identifier: Apache-2.0
//
// Codes of runs of numbers, without scales: eight vectors at a time by the rounding of round.hpp or stochastic.hpp, from
// float, bfloat16 and binary16. NaN, and whatever else does not follow the addition, is rare: a group that holds one is
// mended afterwards.
#pragma once

#include <nibble/simd/x86/e2m1.hpp>
#include <nibble/simd/x86/e2m1_bytes.hpp>

#if defined(__AVX2__)

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/block/codec.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT::x86 {

/// Whether load_sources serves a type.
template <class T>
consteval bool loads_as_vectors() noexcept {
  if constexpr (std::same_as<T, float>) {
    return true;
  } else if constexpr (minifloat_type<T>) {
#if defined(__F16C__)
    if constexpr (T::format == formats::f16) return true;
#endif
    return T::format == formats::bf16;
  } else {
    return false;
  }
}

#if defined(__F16C__)
/// binary16 numbers as binary32. The conversion keeps subnormals whatever the control register says, and makes NaN quiet
/// with its payload.
template <class V>
NIBBLE_ALWAYS_INLINE typename V::word load_binary16(const void* x) noexcept {
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  if constexpr (V::lanes == 16) {
    const __m256i halves = _mm256_loadu_si256(static_cast<const __m256i*>(x));
    return V::as_word(_mm512_maskz_cvtph_ps(V::every, halves));
  }
#endif
  if constexpr (V::lanes == 8) return V::as_word(_mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(x))));
}
#endif

/// source_bits of the next vector of numbers.
template <class V, class T>
NIBBLE_ALWAYS_INLINE typename V::word load_sources(const T* x) noexcept {
  if constexpr (std::same_as<T, float>) {
    return V::load(x);
  } else if constexpr (T::format == formats::bf16) {
    return V::template left<16>(V::load_halves(x));
  } else {
#if defined(__F16C__)
    return load_binary16<V>(x);
#endif
  }
}

/// What the special codes of a call mean to the kernels.
struct code_limits {
  bool applies = false;
  std::uint32_t last = 0;      ///< magnitude bits beyond these are for mend_numbers
  std::uint32_t limit[2] = {};  ///< what rounded magnitudes saturate at, by sign: the largest code, or the one behind it
  negative_zero_rule zero = negative_zero_rule::keep;
};

/// The limits of a call; `s` and `p` belong together. `adds` says that the rounding adds a power of two unscaled, which
/// must then be a number.
template <float_format F>
NIBBLE_FUNCTION code_limits limits_of(const special_codes& s, const special_policy& p, bool adds) noexcept {
  code_limits limits{.applies = true, .zero = p.negative_zero};
  bool infinity = F.max_exponent() <= 127;  // beyond, the place of Inf is a number's
  for (int negative = 0; negative < 2; ++negative) {
    const std::uint32_t sign = negative != 0 && !F.twos_complement ? F.sign_mask() : 0U;
    const std::uint32_t overflow = s.overflow[negative];
    if (overflow == saturated_code(F, negative != 0)) {
      limits.limit[negative] = F.max_code();
    } else if (overflow == ((F.max_code() + 1U) | sign) && F.max_code() < 0x7fffU) {  // 0x8000 would not be packed
      limits.limit[negative] = F.max_code() + 1U;
    } else {
      limits.applies = false;
    }
    infinity = infinity && s.infinity[negative] == overflow;
  }
  constexpr auto largest_power = static_cast<std::uint32_t>(254 - (23 - F.mantissa_bits));
  limits.last = infinity ? 0x7f80'0000U : 0x7f7f'ffffU;
  if (adds) limits.last = largest_power << 23 | 0x007f'ffffU;
  return limits;
}

/// Codes of those numbers of a group that the kernels do not serve: no rounding, but the special codes count. Finite ones
/// all overflow.
template <float_format F, class T>
[[gnu::noinline, gnu::cold]] void mend_numbers(const T* x, std::size_t count, const packed_layout& layout,
                                               std::uint8_t* bytes, const special_codes& s, std::uint32_t last) noexcept {
  constexpr std::uint32_t infinity = 0x7f80'0000U;
  const auto code_of = [&](std::uint32_t bits) { return encode_lanes<rounding_mode::nearest_even>(F, s, bits, 0U, 0); };
  const std::uint32_t overflowed[2] = {code_of(infinity - 1U), code_of(0x8000'0000U | (infinity - 1U))};
  const std::uint32_t infinite[2] = {code_of(infinity), code_of(0x8000'0000U | infinity)};
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits = source_bits(x[i]);
    const std::uint32_t magnitude = bits & 0x7fff'ffffU;
    if (magnitude <= last) continue;
    const std::uint32_t sign = bits >> 31;
    std::uint32_t code = magnitude < infinity ? overflowed[sign] : infinite[sign];
    if (magnitude > infinity) code = code_of(bits);
    store_code(layout, bytes, i, code);
  }
}

/// Deterministic rounding of four vectors to codes, one a byte in the order of packing.
template <float_format F, class V, rounding_mode Mode>
struct rounded_codes {
  using word = typename V::word;
  using rounding = rounder<F, V, false>;
  code_limits limits;

  template <class Source>
  NIBBLE_ALWAYS_INLINE word operator()(const word (&x)[4], std::size_t /*element*/, const Source& again) const noexcept {
    using enum rounding_mode;
    word s[4];
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA { s[i] = rounding::template sum<Mode>(x[i]); });
    const word sign = rounding::signs(x[0], x[1], x[2], x[3]);
    word limit = V::all_bytes(static_cast<int>(limits.limit[0]));
    if constexpr (Mode == upward || Mode == downward) {
      // One of the two signs may overflow where the other saturates.
      const auto difference = static_cast<int>(limits.limit[0]) - static_cast<int>(limits.limit[1]);
      limit = V::subtract_bytes(limit, V::both(V::negative_bytes(sign), V::all_bytes(difference)));
    }
    const word bytes = V::smallest_bytes(rounding::joined_bytes(s[0], s[1], s[2], s[3]), limit);
    return rounding::signed_codes(bytes, sign, again, limits.zero);
  }
};

/// E2M1 by nearest even, saturating at Inf, too.
template <class V>
struct nearest_e2m1_codes {
  using word = typename V::word;
  static constexpr bool by_turns = true;
  code_limits limits;

  template <class Source>
  NIBBLE_ALWAYS_INLINE word operator()(const word (&x)[4], std::size_t /*element*/, const Source& again) const noexcept {
#if defined(__AVX512VBMI__)
    if constexpr (std::is_same_v<V, avx512_vector>) {
      if (limits.zero != negative_zero_rule::drop_exact) [[likely]] {
        const auto rounding = e2m1_by_bytes<true>::of(limits.zero == negative_zero_rule::drop);
        return rounding.codes([&](auto i) NIBBLE_INLINE_LAMBDA { return V::as_real(x[i]); });
      }
    }
#endif
    return nearest_e2m1<V, 127>::codes(x, again, limits.zero);
  }
  /// Nonzero where some number is NaN.
  static NIBBLE_ALWAYS_INLINE word unserved(const word (&x)[4]) noexcept {
    return V::either(V::unordered(V::as_real(x[0]), V::as_real(x[1])), V::unordered(V::as_real(x[2]), V::as_real(x[3])));
  }
};

/// Stochastic rounding, variant A, by the bit string of the elements.
template <float_format F, class V, int Bits>
struct drawn_codes {
  using word = typename V::word;
  using rounding = stochastic_rounder<F, V, Bits>;
  code_limits limits;
  const std::uint8_t* random;

  template <class Source>
  NIBBLE_ALWAYS_INLINE word operator()(const word (&x)[4], std::size_t element, const Source& again) const noexcept {
    word p[4];
    unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
      constexpr auto unit = static_cast<std::uint32_t>(127 + rounding::prescale) << 23;
      p[i] = V::as_word(V::multiply(V::as_real(x[i]), V::as_real(V::all(unit))));
    });
    const word limited = V::smallest_bytes(rounding::bytes(p, random + element * (Bits / 8)),
                                           V::all_bytes(static_cast<int>(limits.limit[0])));
    const word signs = rounder<F, V, false>::signs(x[0], x[1], x[2], x[3]);
    return rounder<F, V, false>::signed_codes(limited, signs, again, limits.zero);
  }
};

/// Codes of `groups` groups of eight vectors by a rounding from above, which is a copy that no store can change.
template <float_format F, class V, bool Nibbles, class Rounding, class T>
void encode_numbers(const T* x, std::size_t groups, destination to, const Rounding rounding,
                    const special_codes& s) noexcept {
  using word = typename V::word;
  constexpr bool sees_unserved = requires(const word(&v)[4]) { Rounding::unserved(v); };
  constexpr bool by_turns = requires { Rounding::by_turns; };
  constexpr std::size_t group = 8 * V::lanes;
  for (std::size_t g = 0; g < groups; ++g, x += group) {
    to.ahead = fetch<8 * V::lanes * sizeof(T)>(to.ahead);
    word unserved = V::all(0U);  // or the largest magnitude
    word half[2];
    unrolled<2>([&](auto h) NIBBLE_INLINE_LAMBDA {
      word v[4];
      unrolled<4>([&](auto i) NIBBLE_INLINE_LAMBDA {
        v[i] = load_sources<V>(x + (4 * h + i) * V::lanes);
        if constexpr (!sees_unserved) unserved = V::largest(unserved, rounder<F, V>::magnitude(v[i]));
      });
      if constexpr (sees_unserved) unserved = V::either(unserved, Rounding::unserved(v));
      const auto again = [&](std::size_t i) NIBBLE_INLINE_LAMBDA { return load_sources<V>(anew(x + (4 * h + i) * V::lanes)); };
      half[h] = rounding(v, g * group + 4 * h * V::lanes, again);
    });
    store_group<V, Nibbles, by_turns>(to.bytes, to.streamed, half[0], half[1]);
    if constexpr (!sees_unserved) unserved = V::greater(unserved, V::all(rounding.limits.last));
    if (V::any(unserved)) [[unlikely]] {
      mend_numbers<F>(x, group, Nibbles ? layouts::nibbles_low_first : layouts::bytes, to.bytes, s, rounding.limits.last);
    }
    to.bytes += (Nibbles ? 1 : 2) * V::bytes;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble

#endif  // defined(__AVX2__)
