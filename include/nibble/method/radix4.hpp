// SPDX-License-Identifier: Apache-2.0
//
// Two-phase radix-4 quantization of gradients (Sun et al., "Ultra-low precision 4-bit training of deep neural
// networks", 2020): the same tensor is rounded twice, to even powers of two for one matrix product of the backward pass
// and to odd powers for the other. The union of both grids is that of LUQ. Every decision is an exact integer
// comparison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <nibble/method/luq.hpp>

namespace nibble {
inline namespace v0 {

/// Which half of the powers of two.
enum class radix4_phase : std::uint8_t {
  even,  ///< maximum * 4^-j
  odd,   ///< 2 * maximum * 4^-j
};
/// Where magnitudes below the smallest power become zero.
enum class radix4_underflow : std::uint8_t {
  by_formula,  ///< below 5/8 of it, where 4^floor(log4(1.6 x)) passes from one power to the next
  nearest,     ///< below 1/2 of it
};

/// Options of radix4.
struct radix4_options {
  int levels = 7;  ///< nonzero magnitudes, 2 to 7
  radix4_phase phase = radix4_phase::even;
  radix4_underflow underflow = radix4_underflow::by_formula;
  std::optional<float> known_maximum{};  ///< where it is known; larger magnitudes saturate
};

namespace detail::inline NIBBLE_UNIT {

/// The code of a finite magnitude: 0 for zero, 1 + k for alpha * 4^k.
NIBBLE_FUNCTION int radix4_code(const radix4_options& o, const luq_number& alpha, std::uint32_t magnitude) noexcept {
  if (magnitude == 0) return 0;
  const luq_number x = luq_split(magnitude);
  const bool less = x.significand < alpha.significand;
  const int power = x.exponent - alpha.exponent - (less ? 1 : 0);  // 2^power <= x / alpha < 2^(power + 1)
  const std::uint64_t significand = x.significand << (less ? 1 : 0);
  const bool odd = (power & 1) != 0;
  const int k = (power - (odd ? 1 : 0)) / 2;
  // Halfway between 4^k and 4^(k+1) is 2.5 * 4^k.
  const bool up =
      odd && (4 * significand >= 5 * alpha.significand || (k == -1 && o.underflow == radix4_underflow::nearest));
  const int code = 1 + k + (up ? 1 : 0);
  return code < 1 ? 0 : code > o.levels ? o.levels : code;
}

inline void check_radix4(std::span<const float> x, const radix4_options& o) {
  if (o.levels < 2 || o.levels > 7) {
    throw_argument("options.levels is " + std::to_string(o.levels) + "; it must be 2 to 7");
  }
  check_enumerator(o.phase, radix4_phase::odd, "options.phase");
  check_enumerator(o.underflow, radix4_underflow::nearest, "options.underflow");
  check_luq(x, {.known_maximum = o.known_maximum}, 7);
}

}  // namespace detail

/// Codes of x, two a byte, even element low: bit 3 the sign, bits 0 to 2 zero or 1 + k for alpha * 4^k. Zeros have no
/// sign. Returns alpha = maximum / 4^(levels - 1), twice that in the odd phase; 0 where nothing is above zero. It is
/// rounded up to a power of two where it is no normal float32. Nearest in linear distance, a tie going up. Throws
/// std::invalid_argument for NaN or Inf in x, wrong options, and if packed is not (x.size() + 1) / 2 bytes.
inline float radix4(std::span<const float> x, std::span<std::uint8_t> packed, const radix4_options& options = {}) {
  detail::check_radix4(x, options);
  if (packed.size() != (x.size() + 1) / 2) {
    detail::throw_argument("packed has " + std::to_string(packed.size()) + " bytes; it must have " +
                           std::to_string((x.size() + 1) / 2));
  }
  // The alpha of a grid of powers of two with as many binades.
  const int binades = 2 * options.levels - (options.phase == radix4_phase::odd ? 2 : 1);
  const std::uint32_t alpha = detail::luq_alpha_of(x, {.levels = binades, .known_maximum = options.known_maximum});
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = 0;
  for (std::size_t i = 0; alpha != 0 && i < x.size(); ++i) {
    const std::uint32_t bits = to_bits(x[i]);
    const int code = detail::radix4_code(options, detail::luq_split(alpha), bits & 0x7fff'ffffU);
    const int whole = code == 0 ? 0 : code | (bits >> 31 != 0 ? 8 : 0);
    packed[i / 2] = static_cast<std::uint8_t>(packed[i / 2] | whole << (i % 2 * 4));
  }
  return bit_cast<float>(alpha);
}

/// The value of one code; Inf where the odd phase reaches beyond float32.
[[nodiscard]] NIBBLE_FUNCTION float radix4_decode(int code, float alpha) noexcept {
  if ((code & 7) == 0) return 0.0F;
  const binary32 power = binary32::from_bits(static_cast<std::uint32_t>(2 * ((code & 7) - 1) + 127) << 23);
  const binary32 value = binary32(alpha) * power;
  return static_cast<float>((code & 8) != 0 ? -value : value);
}

}  // namespace v0
}  // namespace nibble
