// SPDX-License-Identifier: Apache-2.0
//
// Rounding modes: the enumeration, and one tag type for each so that a call names its rounding.
#pragma once

#include <concepts>
#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {

/// How a real number between two neighbours of a format is decided. "Even" means an even code (IEEE P3109 4.7.4,
/// which for formats without mantissa bits is the parity of the exponent field).
enum class rounding_mode : std::uint8_t {
  nearest_even,         ///< the nearer neighbour; a tie goes to the even code (IEEE 754, OCP MX, CUDA)
  nearest_away,         ///< the nearer neighbour; a tie goes to the larger magnitude (microxcaling's "nearest")
  nearest_toward_zero,  ///< the nearer neighbour; a tie goes to the smaller magnitude (ggml's E2M1)
  toward_zero,          ///< the smaller magnitude
  upward,               ///< toward +infinity
  downward,             ///< toward -infinity
  to_odd,               ///< an inexact number goes to the neighbour with the odd code
  stochastic,           ///< up with the probability of the fraction, by caller-supplied random bits
};

/// How N random bits R decide at fraction f of the step, by IEEE P3109 4.7.4; every variant keeps exact values.
enum class stochastic_variant : std::uint8_t {
  a,  ///< up if floor(f 2^N) + R >= 2^N: what cvt.rs does (PTX ISA 9.0); bias at most 2^-N downward
  b,  ///< up if floor(f 2^(N+1)) + 2R + 1 >= 2^(N+1): bias at most 2^-(N+1)
  c,  ///< up if nearest-even(f 2^N) + R >= 2^N: bias at most 2^-(N+1), zero on average
};

/// What a rounding decides with: the mode and, for stochastic rounding, random bits.
struct rounding_choice {
  rounding_mode mode = rounding_mode::nearest_even;
  stochastic_variant variant = stochastic_variant::a;
  int random_bits = 32;             ///< 1 to 32
  std::uint32_t random_word = 0;    ///< the low `random_bits` bits are used
};

// NOLINTBEGIN: one tag a mode, which rounding_mode describes.
/// The tag of rounding_mode::nearest_even.
struct nearest_even {
  NIBBLE_FUNCTION rounding_choice choice() const noexcept { return {rounding_mode::nearest_even}; }
};
/// The tag of rounding_mode::nearest_away.
struct nearest_away {
  NIBBLE_FUNCTION rounding_choice choice() const noexcept { return {rounding_mode::nearest_away}; }
};
/// The tag of rounding_mode::nearest_toward_zero.
struct nearest_toward_zero {
  NIBBLE_FUNCTION rounding_choice choice() const noexcept { return {rounding_mode::nearest_toward_zero}; }
};
/// The tag of rounding_mode::toward_zero.
struct toward_zero {
  NIBBLE_FUNCTION rounding_choice choice() const noexcept { return {rounding_mode::toward_zero}; }
};
/// The tag of rounding_mode::upward.
struct upward {
  NIBBLE_FUNCTION rounding_choice choice() const noexcept { return {rounding_mode::upward}; }
};
/// The tag of rounding_mode::downward.
struct downward {
  NIBBLE_FUNCTION rounding_choice choice() const noexcept { return {rounding_mode::downward}; }
};
/// The tag of rounding_mode::to_odd.
struct to_odd {
  NIBBLE_FUNCTION rounding_choice choice() const noexcept { return {rounding_mode::to_odd}; }
};
// NOLINTEND

/// Stochastic rounding by the caller's own `Bits` random bits: the low bits of `word`.
template <int Bits, stochastic_variant Variant = stochastic_variant::a>
struct stochastic_bits {
  static_assert(Bits >= 1 && Bits <= 32, "stochastic_bits<N>: N is 1 to 32");
  std::uint32_t word = 0;
  NIBBLE_FUNCTION rounding_choice choice() const noexcept {
    return {rounding_mode::stochastic, Variant, Bits, word};
  }
};

/// A rounding argument of the codecs: one of the tags above, or rounding_choice itself.
template <class T>
concept rounding = requires(const T& r) {
  { r.choice() } -> std::same_as<rounding_choice>;
} || std::same_as<T, rounding_choice>;

/// The choice that a rounding argument stands for.
template <rounding Rounding>
NIBBLE_FUNCTION rounding_choice choice_of(const Rounding& r) noexcept {
  if constexpr (std::same_as<Rounding, rounding_choice>) {
    return r;
  } else {
    return r.choice();
  }
}

}  // namespace v0
}  // namespace nibble
