// SPDX-License-Identifier: Apache-2.0
//
// Rounding of scaled elements by one float addition: in the sum with a power of two far above, the last bit weighs one
// step of the format. Saturating, the sign of zero kept; equal to format/encode.hpp wherever rounds_by_addition holds.
#pragma once

#include <cstdint>

#include <nibble/block/tensor_scale.hpp>
#include <nibble/cuda/real.cuh>
#include <nibble/format/encode.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Formats in which an even code is an even multiple of the step, that have -0 and lie well inside binary32.
NIBBLE_FUNCTION bool rounds_by_addition(const float_format& f) noexcept {
  return f.mantissa_bits >= 1 && f.mantissa_bits <= 5 && f.exponent_bits >= 1 && f.has_zero && f.has_negative_zero() &&
         f.min_exponent() >= -60 && f.max_exponent() <= 60;
}

/// The magnitude of a scaled element between the powers of two of its binade.
template <float_format F>
struct element_binade {
  static constexpr std::uint32_t lowest = static_cast<std::uint32_t>(F.min_exponent() + 127) << 23;
  static constexpr std::uint32_t largest = exact_binary32(F.max_value()).bits();
  std::uint32_t magnitude;
  std::uint32_t power;  ///< of two, not above the magnitude unless the magnitude is subnormal

  __device__ explicit element_binade(std::uint32_t bits) noexcept : magnitude(smaller_magnitude(bits, largest)) {
    const std::uint32_t own = magnitude & 0x7f80'0000U;
    power = own > lowest ? own : lowest;
  }
  /// The power of two whose last bit weighs 2^-Bits steps.
  template <int Bits>
  [[nodiscard]] __device__ std::uint32_t anchor() const noexcept {
    return power + (static_cast<std::uint32_t>(23 - F.mantissa_bits - Bits) << 23);
  }
  /// The code of `steps` steps in this binade.
  [[nodiscard]] __device__ std::uint32_t code(std::uint32_t steps) const noexcept {
    return steps + (power >> (23 - F.mantissa_bits)) - (lowest >> (23 - F.mantissa_bits));
  }
};

template <float_format F>
__device__ std::uint32_t with_sign(std::uint32_t magnitude_code, std::uint32_t bits) noexcept {
  return magnitude_code | ((bits >> (32 - F.bits())) & F.sign_mask());
}

/// To nearest, ties to even. Any format: those that do not round by addition take the expression of format/encode.hpp.
struct round_to_nearest {
  static constexpr int random_bits = 0;

  template <float_format F>
  __device__ static std::uint32_t code(std::uint32_t bits, const special_codes& special, std::uint32_t) noexcept {
    if constexpr (rounds_by_addition(F)) {
      const element_binade<F> b(bits);
      const std::uint32_t anchor = b.template anchor<0>();
      return with_sign<F>(b.code(add_bits(b.magnitude, anchor) - anchor), bits);
    } else {
      return encode_lanes<rounding_mode::nearest_even>(F, special, bits, 0U, 32);
    }
  }
};

/// As above for numbers that no block has scaled: NaN is one of the special codes.
struct round_number_to_nearest {
  static constexpr int random_bits = 0;

  template <float_format F>
  __device__ static std::uint32_t code(std::uint32_t bits, const special_codes& special, std::uint32_t) noexcept {
    const std::uint32_t code = round_to_nearest::code<F>(bits, special, 0U);
    if (!rounds_by_addition(F)) return code;
    const std::uint32_t nan = (bits & 0x8000'0000U) != 0 ? special.nan[1] : special.nan[0];
    return (bits & 0x7fff'ffffU) > 0x7f80'0000U ? nan : code;
  }
};

/// A number in another direction, by the expression of format/encode.hpp.
template <rounding_mode Mode>
struct round_number {
  static constexpr int random_bits = 0;

  template <float_format F>
  __device__ static std::uint32_t code(std::uint32_t bits, const special_codes& special, std::uint32_t) noexcept {
    return encode_lanes<Mode>(F, special, bits, 0U, 32);
  }
};

/// Stochastic with Bits random bits, IEEE P3109's variant A.
template <int Bits>
struct round_stochastically {
  static constexpr int random_bits = Bits;

  template <float_format F>
  __device__ static std::uint32_t code(std::uint32_t bits, const special_codes& special, std::uint32_t word) noexcept {
    if constexpr (!rounds_by_addition(F)) {
      return encode_lanes<rounding_mode::stochastic>(F, special, bits, word, Bits);
    } else if constexpr (Bits + F.mantissa_bits <= 21) {
      const element_binade<F> b(bits);
      const std::uint32_t anchor = b.template anchor<Bits>();
      const std::uint32_t fixed = add_bits_down(b.magnitude, anchor) - anchor;
      return with_sign<F>(b.code((fixed + word) >> Bits), bits);
    } else {
      // The bits that do not fit beside the code are cut off the remainder by a second addition.
      constexpr int upper = 22 - F.mantissa_bits;
      constexpr int lower = Bits - upper;
      const element_binade<F> b(bits);
      const std::uint32_t anchor = b.template anchor<upper>();
      const std::uint32_t sum = add_bits_down(b.magnitude, anchor);
      const std::uint32_t fixed = sum - anchor;
      const std::uint32_t rest = subtract_bits(b.magnitude, subtract_bits(sum, anchor));
      const std::uint32_t second = anchor - (static_cast<std::uint32_t>(lower) << 23);
      const std::uint32_t low = add_bits_down(rest, second) - second;
      const std::uint32_t fraction = ((fixed << lower) | low) << (32 - Bits);
      const std::uint32_t up = fraction + (word << (32 - Bits)) < fraction ? 1U : 0U;
      return with_sign<F>(b.code((fixed >> upper) + up), bits);
    }
  }
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
