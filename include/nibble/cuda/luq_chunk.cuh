// SPDX-License-Identifier: Apache-2.0
//
// The LUQ codes of eight elements in the registers of one thread, for the unbiased rounding, which is the default.
#pragma once

#include <cstdint>

#include <nibble/cuda/chunk.cuh>
#include <nibble/cuda/e2m1_chunk.cuh>
#include <nibble/cuda/random_chunk.cuh>
#include <nibble/cuda/real.cuh>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// The alphas that luq_quotient takes: normal numbers whose power of two has an inverse.
NIBBLE_FUNCTION bool is_usual_alpha(std::uint32_t alpha) noexcept {
  return alpha >= 0x0080'0000U && alpha < 253U << 23;
}

/// luq_code for the default underflow and inside and a usual alpha, on exponent fields: the same integers.
inline __device__ std::uint32_t luq_magnitude(std::uint32_t alpha, std::uint32_t levels, std::uint32_t magnitude,
                                              std::uint32_t word) noexcept {
  const std::uint32_t unit = 0x0080'0000U;
  const std::uint32_t significand = (alpha & (unit - 1)) | unit;
  const std::uint32_t field = magnitude < unit ? 1U : magnitude >> 23;
  const std::uint32_t own = magnitude - ((field - 1) << 23);  // of a subnormal, which is below alpha, as it is
  const int k = static_cast<int>(magnitude - alpha) >> 23;
  const std::uint32_t down = (alpha >> 23) - field;  // where that is not negative
  const std::uint32_t excess = own - significand + (own < significand ? own : 0U);
  const std::uint64_t rest = k < 0 ? shifted_right(std::uint64_t{own} << 32, down) : std::uint64_t{excess} << 32;
  const std::uint64_t sum = std::uint64_t{word} * significand + rest;
  const int code = (k < 0 ? 0 : k + 1) + (static_cast<std::uint32_t>(sum >> 32) >= significand ? 1 : 0);
  return code < static_cast<int>(levels) ? static_cast<std::uint32_t>(code) : levels;
}

/// Codes with fractions, to which random words are added. Zero, alpha and the powers above it, linear between
/// neighbours, are binary32's own encoding where alpha is its least normal number: bits 23 and up of x / alpha * 2^-126
/// are the code of the lower neighbour, the others the share of the step that lies above it.
class luq_quotient {
 public:
  /// `alpha` as bits.
  __device__ explicit luq_quotient(std::uint32_t alpha) noexcept
      : power_((253U - (alpha >> 23)) << 23), divisor_((alpha & 0x007f'ffffU) | 252U << 23) {
    constexpr std::uint32_t one = 127U << 23;
    const std::uint32_t scaled = divisor_ - (126U << 23);  // in [0.5, 1)
    const std::uint32_t inverse = reciprocal_bits(scaled);
    const std::uint32_t rest = multiply_subtract_bits(inverse, scaled, one);  // exact
    const bool is_above = static_cast<int>(rest) < 0;
    below_ = inverse - (is_above ? 1U : 0U) - (126U << 23);
    above_ = inverse + (is_above || rest == 0 ? 0U : 1U) - (126U << 23);
  }

  /// The code of |x| with the 23 bits of its fraction, or less by less than four of the last of these. Not limited; for
  /// Inf and NaN it may be NaN.
  [[nodiscard]] __device__ std::uint32_t below(std::uint32_t x) const noexcept {
    const std::uint32_t scaled = multiply_magnitude(x, power_);  // exact, where it is not below all that counts
    return multiply_bits_down(scaled, below_);
  }
  /// The code of |x| with the 23 bits of its fraction, cut off, or the next such number where less than 2^-43 of a step
  /// is missing to it. The first 16 bits of the fraction are right: a quotient of two significands is 2^-41 or more
  /// below a number of 16 bits, or not at all. Not limited; for Inf and NaN it may be NaN.
  [[nodiscard]] __device__ std::uint32_t operator()(std::uint32_t x) const noexcept {
    const std::uint32_t scaled = multiply_magnitude(x, power_);
    // The rest, exact or rounded upward, makes it the code or a little more.
    const std::uint32_t quotient = multiply_bits_down(scaled, below_);
    const std::uint32_t rest = multiply_subtract_bits_up(quotient, divisor_, scaled);
    return multiply_add_bits_down(rest, above_, quotient);
  }

 private:
  std::uint32_t power_;          ///< 2^-e / 2, alpha = a 2^e
  std::uint32_t divisor_;        ///< a / 2 * 2^126
  std::uint32_t below_, above_;  ///< 2^-126 / (a / 2), or a neighbour of it
};

/// The eight codes of a chunk, without signs.
template <int Bits>
__device__ std::uint32_t luq_magnitudes(std::uint32_t alpha, const luq_quotient& quotient, std::uint32_t levels,
                                        const std::uint32_t (&bits)[chunk_elements],
                                        const random_eight<Bits>& random) noexcept {
  std::uint32_t sums[chunk_elements];
#pragma unroll
  for (unsigned i = 0; i < chunk_elements; ++i) {
    const std::uint32_t fixed = Bits == 32 ? quotient.below(bits[i]) : quotient(bits[i]);
    sums[i] = random.template add_fraction<23>(i, fixed);
  }
  if constexpr (Bits == 32) {
    // What is missing, the lower half of the word and less than four last bits of the fraction, decides where these
    // might carry; that is rare.
    std::uint32_t most = 0;
#pragma unroll
    for (unsigned i = 0; i < chunk_elements; i += 2) most = __vimax3_u32(most, sums[i] << 9, sums[i + 1] << 9);
    if (most >= 0U - ((1U << 16) + (4U << 9))) {
      return pack_each(bits, random, [&](std::uint32_t x, std::uint32_t word) {
        return luq_magnitude(alpha, levels, x & 0x7fff'ffffU, word);
      });
    }
  }
  return pack_fixed<23, fixed_bounds::upper>(sums, fixed_limit<23>(levels)) & 0x7777'7777U;
}

/// The words of Chunks chunks from logical element 8 * unit on; two chunks of 8 or 32 bits begin at an even one.
template <int Rounds, int Bits, unsigned Chunks>
__device__ void luq_draw(const random_stream& stream, std::uint64_t unit,
                         random_eight<Bits> (&random)[Chunks]) noexcept {
  if constexpr (Chunks == 2) {
    draw_sixteen<Rounds>(stream, block_of<Bits>(unit * 8), random);
  } else {
    constexpr unsigned count = Bits == 32 ? 2 : 1;
    philox_block blocks[count];
    stream.draw_rounds<Rounds>(Bits == 8 ? unit / 2 : unit * count, blocks);
#pragma unroll
    for (unsigned i = 0; i < Bits / 4; ++i) {
      random[0].words[i] = blocks[i / 4].words[i % 4];
      if (Bits == 8 && unit % 2 != 0) random[0].words[i] = blocks[0].words[i + 2];
    }
  }
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
