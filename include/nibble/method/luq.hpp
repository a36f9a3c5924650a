// SPDX-License-Identifier: Apache-2.0
//
// LUQ, logarithmic unbiased quantization of gradients (Chmiel et al., "Accurate neural training with 4-bit matrix
// multiplications at standard formats"): the grid {0, alpha * 2^k, k < levels}, stochastic underflow below alpha and
// stochastic rounding between powers. Every decision is an exact integer comparison, so that no build changes a code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/base/binary32.hpp>
#include <nibble/base/executor.hpp>
#include <nibble/method/luq_options.hpp>

namespace nibble {
inline namespace v0 {

namespace detail::inline NIBBLE_UNIT {

/// A positive number significand * 2^exponent with 24 significant bits.
struct luq_number {
  std::uint64_t significand = 0;
  int exponent = 0;
};

NIBBLE_FUNCTION luq_number luq_split(std::uint32_t magnitude) noexcept {
  if (magnitude >= 0x0080'0000U)
    return {(magnitude & 0x007f'ffffU) | 0x0080'0000U, static_cast<int>(magnitude >> 23) - 150};
  luq_number x{magnitude, -149};
  while (x.significand < 0x0080'0000U) {
    x.significand <<= 1;
    --x.exponent;
  }
  return x;
}

/// floor(2^32 * log2(x / 2^32)) for x in [2^32, 2^33), by repeated squaring of truncated 32-bit fractions.
NIBBLE_FUNCTION std::uint64_t luq_log2(std::uint64_t x) noexcept {
  x >>= 1;  // [2^31, 2^32)
  std::uint64_t result = 0;
  for (int bit = 0; bit < 32; ++bit) {
    const std::uint64_t square = (x * x) >> 31;
    const bool carry = square >= (std::uint64_t{1} << 32);
    x = carry ? square >> 1 : square;
    result = result << 1 | (carry ? 1U : 0U);
  }
  return result;
}

/// alpha as binary32 bits, for a maximum above zero.
NIBBLE_FUNCTION std::uint32_t luq_alpha(std::uint32_t maximum, int levels, bool power_of_two) noexcept {
  const luq_number m = luq_split(maximum);
  const int exponent = m.exponent - (levels - 1) + 23;  // of the leading bit
  const bool exact_power = m.significand == 0x0080'0000U;
  if (!power_of_two && exponent >= -126) {
    return (static_cast<std::uint32_t>(exponent + 127) << 23) |
           static_cast<std::uint32_t>(m.significand & 0x007f'ffffU);
  }
  const int up = exponent + (exact_power ? 0 : 1);
  if (up < -149) return 1U;
  return up < -126 ? std::uint32_t{1} << (up + 149) : static_cast<std::uint32_t>(up + 127) << 23;
}

/// The random word of element `element` as luq_code takes it. A short word w of N bits stands for w 2^(32 - N): with
/// it floor(2^32 p) + word reaches 2^32 exactly where floor(2^N p) + w reaches 2^N, the rule of stochastic rounding
/// (variant a).
constexpr std::uint32_t luq_word(random_source& random, int bits, std::uint64_t element) noexcept {
  std::uint32_t word = 0;
  random.fill(element, 1, 1, &word);
  return word << (32 - bits);
}

/// The code of a finite magnitude: 0 for zero, 1 + k for alpha * 2^k. `word` is a 32-bit random word.
NIBBLE_FUNCTION int luq_code(const luq_options& o, const luq_number& alpha, std::uint32_t magnitude,
                             std::uint32_t word) noexcept {
  const luq_number x = luq_split(magnitude == 0 ? 1U : magnitude);
  const bool less = x.significand < alpha.significand;
  const int k = x.exponent - alpha.exponent - (less ? 1 : 0);
  const bool below = k < 0;
  const int down = alpha.exponent - x.exponent;
  const std::uint64_t whole = x.significand << (less ? 1 : 0);
  const std::uint64_t excess = whole - alpha.significand;
  const std::uint64_t up_for_certain = alpha.significand << 32;
  // What lies above the lower neighbour, so that its quotient by alpha's significand is 2^32 times the probability of
  // up.
  std::uint64_t rest = below ? (down < 64 ? (x.significand << 32) >> (down & 63) : 0U) : excess << 32;
  if (below && o.underflow == luq_underflow::zero) rest = 0;
  if (!below && o.inside != luq_inside::stochastic) {
    if (o.inside == luq_inside::nearest) rest = 2 * excess >= alpha.significand ? up_for_certain : 0U;
    if (o.inside == luq_inside::nearest_logarithm) {
      rest = whole * whole >= 2 * alpha.significand * alpha.significand ? up_for_certain : 0U;
    }
    if (o.inside == luq_inside::log_domain) {
      rest = luq_log2((std::uint64_t{1} << 32) + rest / alpha.significand) * alpha.significand;
    }
  }
  // floor(rest / alpha) + word reaches 2^32, told without the quotient.
  const int up = (word * alpha.significand + rest) >> 32 >= alpha.significand ? 1 : 0;
  const int code = (below ? 0 : 1 + k) + up;
  return magnitude == 0 ? 0 : k >= o.levels - 1 ? o.levels : code;
}

/// alpha * sum / samples in float32, sum and samples at most 2^24.
NIBBLE_FUNCTION float luq_mean(std::uint32_t alpha, std::uint32_t sum, int samples, bool negative) noexcept {
  const binary32 value = binary32::from_bits(alpha) * binary32(static_cast<float>(sum)) /
                         binary32(static_cast<float>(samples));
  return static_cast<float>(sum != 0 && negative ? -value : value);
}

inline void check_luq_random(const stochastic& random) {
  if (random.bits != 8 && random.bits != 16 && random.bits != 32) {
    throw_argument({"options.random.bits is ", random.bits, "; it must be 8, 16 or 32"});
  }
  if (random.variant != stochastic_variant::a) throw_argument({"options.random.variant must be a"});
  check_random_words(random.rounds, random.first_element, "options.random");
}

inline void check_luq_options(const luq_options& o, int most_levels) {
  if (o.levels < 1 || o.levels > most_levels) {
    throw_argument("options.levels is " + std::to_string(o.levels) + "; it must be 1 to " +
                   std::to_string(most_levels));
  }
  check_enumerator(o.maximum, luq_maximum::signed_value, "options.maximum");
  check_enumerator(o.underflow, luq_underflow::zero, "options.underflow");
  check_enumerator(o.inside, luq_inside::log_domain, "options.inside");
  if (o.known_maximum) check_number(*o.known_maximum, 0.0F, "options.known_maximum");
  if (o.samples < 1 || o.samples > 256) {
    throw_argument("options.samples is " + std::to_string(o.samples) + "; it must be 1 to 256");
  }
  check_luq_random(o.random);
}

inline void check_luq(std::span<const float> x, const luq_options& o, int most_levels) {
  check_luq_options(o, most_levels);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!binary32(x[i]).is_finite())
      throw_argument("x[" + std::to_string(i) + "] is not finite; LUQ has no code for it");
  }
}

/// The binary32 bits of alpha for x, 0 where nothing is above zero.
inline std::uint32_t luq_alpha_of(std::span<const float> x, const luq_options& o) {
  std::uint32_t maximum = o.known_maximum ? to_bits(*o.known_maximum) & 0x7fff'ffffU : 0U;
  for (std::size_t i = 0; i < (o.known_maximum ? 0U : x.size()); ++i) {
    const std::uint32_t bits = to_bits(x[i]);
    if (o.maximum == luq_maximum::signed_value && bits >> 31 != 0) continue;
    const std::uint32_t magnitude = bits & 0x7fff'ffffU;
    maximum = magnitude > maximum ? magnitude : maximum;
  }
  return maximum == 0 ? 0U : luq_alpha(maximum, o.levels, o.power_of_two_alpha);
}

inline void check_luq_packed(std::span<const float> x, std::span<std::uint8_t> packed) {
  if (packed.size() == (x.size() + 1) / 2) return;
  throw_argument("packed has " + std::to_string(packed.size()) + " bytes; it must have " +
                 std::to_string((x.size() + 1) / 2));
}

/// The packed codes of x, whose first element has the logical index `first`. Everything has been checked.
inline void luq_pack(std::span<const float> x, std::span<std::uint8_t> packed, const luq_options& options,
                     std::uint32_t alpha, std::uint64_t first) noexcept {
  const element_rounding rounding(options.random);
  random_source random(rounding, options.random.bits);
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = 0;
  for (std::size_t i = 0; alpha != 0 && i < x.size(); ++i) {
    const std::uint32_t word = luq_word(random, options.random.bits, first + i);
    const std::uint32_t bits = to_bits(x[i]);
    const int code = luq_code(options, luq_split(alpha), bits & 0x7fff'ffffU, word);
    const int whole = code == 0 ? 0 : code | (bits >> 31 != 0 ? 8 : 0);
    packed[i / 2] = static_cast<std::uint8_t>(packed[i / 2] | whole << (i % 2 * 4));
  }
}

/// Calls pack(x, packed, first) for slices of 2^15 elements, as tasks of an executor.
template <class Executor, class Pack>
void luq_in_slices(std::span<const float> x, std::span<std::uint8_t> packed, Executor& run, const Pack& pack) {
  constexpr std::size_t slice = std::size_t{1} << 15;
  run((x.size() + slice - 1) / slice, [&](std::size_t i) {
    const std::size_t first = i * slice;
    const std::size_t count = x.size() - first < slice ? x.size() - first : slice;
    pack(x.subspan(first, count), packed.subspan(first / 2, (count + 1) / 2), first);
  });
}

}  // namespace detail

/// The alpha that luq takes for `x`: 0 where the maximum is 0. Throws as luq does.
[[nodiscard]] inline float luq_alpha(std::span<const float> x, const luq_options& options = {}) {
  detail::check_luq(x, options, 16);
  return bit_cast<float>(detail::luq_alpha_of(x, options));
}

/// LUQ codes, two a byte, even element low: bit 3 the sign, bits 0 to 2 zero or 1 + k for alpha * 2^k. Zeros have no
/// sign. Returns alpha. Element i draws the word of logical element options.random.first_element + i, as quantize with
/// stochastic rounding does, of options.random.bits, 8, 16 or 32: a tensor in pieces gives the same codes if each piece
/// is given the tensor's maximum (known_maximum) and its own first_element. Throws std::invalid_argument for NaN or Inf
/// in x, for more than 7 levels, and if packed is not (x.size() + 1) / 2 bytes.
inline float luq(std::span<const float> x, std::span<std::uint8_t> packed, const luq_options& options = {}) {
  detail::check_luq(x, options, 7);
  detail::check_luq_packed(x, packed);
  const std::uint32_t alpha = detail::luq_alpha_of(x, options);
  detail::luq_pack(x, packed, options, alpha, 0);
  return bit_cast<float>(alpha);
}
/// As above with the codes spread over an executor, the same for any number of threads; the maximum is found before.
template <executor Executor>
float luq(std::span<const float> x, std::span<std::uint8_t> packed, const luq_options& options, Executor&& run) {
  detail::check_luq(x, options, 7);
  detail::check_luq_packed(x, packed);
  const std::uint32_t alpha = detail::luq_alpha_of(x, options);
  detail::luq_in_slices(x, packed, run,
                        [&](std::span<const float> part, std::span<std::uint8_t> bytes, std::size_t first) {
                          detail::luq_pack(part, bytes, options, alpha, first);
                        });
  return bit_cast<float>(alpha);
}

/// The value of one LUQ code; Inf where alpha was rounded up and alpha * 2^k is beyond float32.
[[nodiscard]] NIBBLE_FUNCTION float luq_decode(int code, float alpha) noexcept {
  if ((code & 7) == 0) return 0.0F;
  const binary32 power = binary32::from_bits(static_cast<std::uint32_t>((code & 7) - 1 + 127) << 23);
  const binary32 value = binary32(alpha) * power;
  return static_cast<float>((code & 8) != 0 ? -value : value);
}

/// The values of packed LUQ codes. Throws std::invalid_argument if packed is not (out.size() + 1) / 2 bytes.
inline void luq_decode(std::span<const std::uint8_t> packed, float alpha, std::span<float> out) {
  if (packed.size() != (out.size() + 1) / 2) {
    detail::throw_argument("packed has " + std::to_string(packed.size()) + " bytes; it must have " +
                           std::to_string((out.size() + 1) / 2));
  }
  float values[16];
  for (int code = 0; code < 16; ++code) values[code] = luq_decode(code, alpha);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = values[packed[i / 2] >> (i % 2 * 4) & 15];
}

/// The values of LUQ, averaged over options.samples independent quantizations (SMP): alpha * (sum of signed powers) /
/// samples, a float32 product and a float32 quotient. Any number of levels up to 16. `out` may be `x`.
/// Throws std::invalid_argument as luq does, and if out has another size than x.
inline float luq_values(std::span<const float> x, std::span<float> out, const luq_options& options = {}) {
  detail::check_luq(x, options, 16);
  if (out.size() != x.size()) {
    detail::throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " +
                           std::to_string(x.size()));
  }
  const std::uint32_t alpha = detail::luq_alpha_of(x, options);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint32_t bits = to_bits(x[i]);
    std::uint32_t sum = 0;
    for (int s = 0; alpha != 0 && s < options.samples; ++s) {
      stochastic sample = options.random;
      sample.stream += static_cast<std::uint64_t>(s);
      const element_rounding rounding(sample);
      detail::random_source random(rounding, sample.bits);
      const std::uint32_t word = detail::luq_word(random, sample.bits, i);
      const int code = detail::luq_code(options, detail::luq_split(alpha), bits & 0x7fff'ffffU, word);
      sum += code == 0 ? 0U : std::uint32_t{1} << (code - 1);
    }
    out[i] = detail::luq_mean(alpha, sum, options.samples, bits >> 31 != 0);
  }
  return bit_cast<float>(alpha);
}

/// The exact variance of stochastic LUQ of x for one sample, as a real number in double: |x| (alpha - |x|) below alpha,
/// (|x| - lo)(2 lo - |x|) above, 0 beyond the grid. alpha > 0.
[[nodiscard]] inline double luq_variance(float x, float alpha, int levels = 7) noexcept {
  const double magnitude = x < 0 ? -double{x} : double{x};
  double low = alpha;
  if (magnitude < low) return magnitude * (low - magnitude);
  for (int k = 1; k < levels; ++k, low *= 2) {
    if (magnitude < 2 * low) return (magnitude - low) * (2 * low - magnitude);
  }
  return 0.0;
}

}  // namespace v0
}  // namespace nibble
