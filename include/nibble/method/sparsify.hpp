// SPDX-License-Identifier: Apache-2.0
//
// N:M sparsity: of every M consecutive elements at most N stay. By magnitude (least error, biased), or unbiased with the
// least variance that any unbiased N:M rule can have. Decisions are comparisons of integers, so that no build changes one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/base/binary32.hpp>
#include <nibble/block/options.hpp>

namespace nibble {
inline namespace v0 {

/// Keeps the N largest magnitudes; of equal ones the lower index. NaN counts as larger than Inf.
struct magnitude {};

/// Unbiased N:M of minimum variance: the k largest stay, element j of the others stays with probability
/// p_j = (N - k) |a_j| / R as sign(a_j) R / (N - k), where R is the sum of their magnitudes. Which ones is decided by
/// one 64-bit uniform a block (systematic sampling): the words of logical elements b * M (upper half) and b * M + 1 of
/// block b. first_element is a multiple of M. A block with NaN or Inf is pruned by magnitude.
struct minimum_variance {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t first_element = 0;
  int rounds = 10;
};

namespace detail::inline NIBBLE_UNIT {

/// floor(a * b / 2^64).
NIBBLE_FUNCTION std::uint64_t upper_product(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t low = 0xffff'ffffU;
  const std::uint64_t cross = (a >> 32) * (b & low) + ((a & low) * (b & low) >> 32);
  const std::uint64_t other = (a & low) * (b >> 32) + (cross & low);
  return (a >> 32) * (b >> 32) + (cross >> 32) + (other >> 32);
}

/// numerator / denominator * 2^exponent to nearest even (a subnormal result is rounded twice), Inf beyond float32.
/// numerator < 2^60.
NIBBLE_FUNCTION binary32 quotient_as_float(std::uint64_t numerator, std::uint64_t denominator, int exponent) noexcept {
  if (numerator == 0) return binary32(0.0F);
  while (numerator < (std::uint64_t{1} << 59)) {
    numerator <<= 1;
    --exponent;
  }
  std::uint64_t quotient = numerator / denominator;
  bool sticky = quotient * denominator != numerator;
  while (quotient >= (std::uint64_t{1} << 25)) {
    sticky = sticky || (quotient & 1) != 0;
    quotient >>= 1;
    ++exponent;
  }
  const bool up = (quotient & 1) != 0 && (sticky || (quotient & 2) != 0);
  quotient = (quotient >> 1) + (up ? 1U : 0U);
  ++exponent;
  binary32 result(static_cast<float>(static_cast<std::uint32_t>(quotient)));
  for (; exponent > 100; exponent -= 100) result = result * binary32(0x1p100F);
  for (; exponent < -100; exponent += 100) result = result * binary32(0x1p-100F);
  return result * binary32::from_bits(static_cast<std::uint32_t>(exponent + 127) << 23);
}

/// A magnitude as an integer times 2^scale, truncated.
NIBBLE_FUNCTION std::uint64_t fixed_magnitude(std::uint32_t magnitude, int scale) noexcept {
  const std::uint32_t field = magnitude >> 23;
  const std::uint64_t significand = field == 0 ? magnitude : (magnitude & 0x007f'ffffU) | 0x0080'0000U;
  const int shift = (field == 0 ? -149 : static_cast<int>(field) - 150) - scale;
  if (shift >= 0) return significand << shift;
  return shift > -64 ? significand >> -shift : 0U;
}

/// The indexes of a block by falling magnitude, ties by rising index.
template <std::size_t M>
NIBBLE_FUNCTION void order_of_magnitudes(const std::uint32_t* bits, std::size_t (&order)[M]) noexcept {
  for (std::size_t i = 0; i < M; ++i) {
    std::size_t place = i;
    for (; place > 0 && (bits[order[place - 1]] & 0x7fff'ffffU) < (bits[i] & 0x7fff'ffffU); --place) {
      order[place] = order[place - 1];
    }
    order[place] = i;
  }
}

/// Keeps the N largest of a block of binary32 bits; returns the mask of kept positions.
template <std::size_t N, std::size_t M>
NIBBLE_FUNCTION std::uint32_t keep_largest(const std::uint32_t* bits, std::uint32_t* out) noexcept {
  std::size_t order[M] = {};
  order_of_magnitudes<M>(bits, order);
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < N; ++i) mask |= std::uint32_t{1} << order[i];
  for (std::size_t i = 0; i < M; ++i) out[i] = (mask >> i & 1) != 0 ? bits[i] : 0U;
  return mask;
}

/// What minimum variance does to a block: the k largest stay; the tail's magnitudes are fixed-point numbers times 2^scale,
/// the largest below 2^56; bits further down are cut off (p below 2^-54 may become 0).
template <std::size_t M>
struct variance_split {
  std::size_t order[M] = {};
  std::size_t kept = 0;
  int scale = 0;
  std::uint64_t rest = 0;  ///< R
};

template <std::size_t N, std::size_t M>
NIBBLE_FUNCTION variance_split<M> split_block(const std::uint32_t* bits) noexcept {
  variance_split<M> s;
  order_of_magnitudes<M>(bits, s.order);
  for (; s.kept < N; ++s.kept) {
    const std::uint32_t largest = bits[s.order[s.kept]] & 0x7fff'ffffU;
    const std::uint32_t field = largest >> 23;
    s.scale = (field == 0 ? -149 : static_cast<int>(field) - 150) - 32;
    s.rest = 0;
    for (std::size_t j = s.kept; j < M; ++j) s.rest += fixed_magnitude(bits[s.order[j]] & 0x7fff'ffffU, s.scale);
    if ((N - s.kept) * fixed_magnitude(largest, s.scale) < s.rest) break;
  }
  return s;
}

/// One block by minimum variance under the uniform u / 2^64; returns the mask of kept positions (exactly N unless fewer
/// elements are nonzero).
template <std::size_t N, std::size_t M>
NIBBLE_FUNCTION std::uint32_t minimum_variance_block(const std::uint32_t* bits, std::uint64_t u,
                                                     std::uint32_t* out) noexcept {
  for (std::size_t i = 0; i < M; ++i) {
    if ((bits[i] & 0x7fff'ffffU) >= 0x7f80'0000U) return keep_largest<N, M>(bits, out);
  }
  const variance_split<M> s = split_block<N, M>(bits);
  bool certain[M] = {};
  for (std::size_t i = 0; i < s.kept; ++i) certain[s.order[i]] = true;
  const std::uint64_t picks = N - s.kept;
  const std::uint32_t value = picks == 0 ? 0U : quotient_as_float(s.rest, picks, s.scale).bits();
  const std::uint64_t offset = upper_product(u, s.rest);
  std::uint64_t sum = 0;
  std::uint64_t taken = 0;
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < M; ++i) {
    const std::uint32_t size = bits[i] & 0x7fff'ffffU;
    out[i] = 0;
    if (certain[i]) {
      out[i] = bits[i];
      mask |= size != 0 ? std::uint32_t{1} << i : 0U;
    } else if (taken < picks) {
      // The pick number t falls on the first i whose cumulative p exceeds t + u.
      sum += fixed_magnitude(size, s.scale);
      if (sum * picks > taken * s.rest + offset) {
        out[i] = (bits[i] & 0x8000'0000U) | value;
        mask |= std::uint32_t{1} << i;
        ++taken;
      }
    }
  }
  return mask;
}

template <std::size_t N, std::size_t M>
void check_sparsify(std::span<const float> x, std::span<float> out) {
  static_assert(N >= 1 && N <= M && M >= 2 && M <= 16, "sparsify<N, M>: 1 <= N <= M and 2 <= M <= 16");
  if (x.size() % M != 0) {
    throw_argument("x has " + std::to_string(x.size()) + " elements; it must have a multiple of " + std::to_string(M));
  }
  if (out.size() != x.size()) {
    throw_argument("out has " + std::to_string(out.size()) + " elements; it must have " + std::to_string(x.size()));
  }
}

}  // namespace detail

/// Prunes every M consecutive elements of x to the N largest magnitudes. `out` may be `x`.
template <std::size_t N, std::size_t M>
void sparsify(std::span<const float> x, std::span<float> out, magnitude /*method*/) {
  detail::check_sparsify<N, M>(x, out);
  for (std::size_t b = 0; b < x.size(); b += M) {
    std::uint32_t bits[M];
    std::uint32_t kept[M];
    for (std::size_t i = 0; i < M; ++i) bits[i] = to_bits(x[b + i]);
    detail::keep_largest<N, M>(bits, kept);
    for (std::size_t i = 0; i < M; ++i) out[b + i] = bit_cast<float>(kept[i]);
  }
}

/// Prunes every M consecutive elements of x unbiasedly with the least variance. `out` may be `x`. A kept value R / (N - k)
/// beyond float32 is Inf. A tensor in pieces of whole blocks gives the bits of the whole.
template <std::size_t N, std::size_t M>
void sparsify(std::span<const float> x, std::span<float> out, const minimum_variance& method) {
  detail::check_sparsify<N, M>(x, out);
  if (method.first_element % M != 0) {
    detail::throw_argument("method.first_element is " + std::to_string(method.first_element) +
                           "; it must be a multiple of " + std::to_string(M));
  }
  if (method.rounds != 7 && method.rounds != 10) {
    detail::throw_argument("method.rounds is " + std::to_string(method.rounds) + "; it must be 7 or 10");
  }
  const element_rounding rounding(stochastic{.seed = method.seed, .stream = method.stream,
                                             .first_element = method.first_element, .rounds = method.rounds});
  detail::random_source random(rounding, 32);
  for (std::size_t b = 0; b < x.size(); b += M) {
    std::uint32_t bits[M];
    std::uint32_t kept[M];
    std::uint32_t words[2];
    random.fill(b, 1, 2, words);
    for (std::size_t i = 0; i < M; ++i) bits[i] = to_bits(x[b + i]);
    detail::minimum_variance_block<N, M>(bits, std::uint64_t{words[0]} << 32 | words[1], kept);
    for (std::size_t i = 0; i < M; ++i) out[b + i] = bit_cast<float>(kept[i]);
  }
}

/// The S-STE soft threshold of 2:4: t is the second smallest magnitude, sign(a) (|a| - t) on the two largest, 0 elsewhere.
inline void soft_threshold(std::span<const float> x, std::span<float> out) {
  detail::check_sparsify<2, 4>(x, out);
  for (std::size_t b = 0; b < x.size(); b += 4) {
    std::uint32_t bits[4];
    std::size_t order[4] = {};
    for (std::size_t i = 0; i < 4; ++i) bits[i] = to_bits(x[b + i]);
    detail::order_of_magnitudes<4>(bits, order);
    const binary32 threshold = binary32::from_bits(bits[order[2]]).absolute();
    for (std::size_t i = 0; i < 4; ++i) out[b + i] = 0.0F;
    for (std::size_t i = 0; i < 2; ++i) {
      const auto a = binary32::from_bits(bits[order[i]]);
      const binary32 less = a.absolute() - threshold;
      out[b + order[i]] = static_cast<float>(a.is_negative() ? -less : less);
    }
  }
}

/// The metadata of one 2:4 block for sparse tensor cores: two 2-bit indexes, the lower one in bits 0 and 1, from a mask of
/// at most two positions. Missing ones are filled with the lowest free positions, whose values are zero.
[[nodiscard]] NIBBLE_FUNCTION std::uint32_t metadata_2_4(std::uint32_t mask) noexcept {
  mask &= 15U;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < 4; ++i) count += mask >> i & 1U;
  for (std::uint32_t i = 0; i < 4 && count < 2; ++i) {
    if ((mask >> i & 1U) == 0) {
      mask |= 1U << i;
      ++count;
    }
  }
  std::uint32_t result = 0;
  std::uint32_t place = 0;
  for (std::uint32_t i = 0; i < 4 && place < 2; ++i) {
    if ((mask >> i & 1U) != 0) result |= i << (2 * place++);
  }
  return result;
}

/// Compresses a 2:4 tensor: two values a block and 16-bit metadata words, four blocks a word, the first lowest.
/// Throws std::invalid_argument if a block holds more than two nonzeros or the sizes do not fit (x a multiple of 16).
inline void compress_2_4(std::span<const float> x, std::span<float> values, std::span<std::uint16_t> metadata) {
  if (x.size() % 16 != 0 || values.size() != x.size() / 2 || metadata.size() != x.size() / 16) {
    detail::throw_argument("x, values, metadata have " + std::to_string(x.size()) + ", " + std::to_string(values.size()) +
                           ", " + std::to_string(metadata.size()) + " elements; they must have 16 n, 8 n and n");
  }
  const auto mask_of = [&](std::size_t block) {
    std::uint32_t mask = 0;
    for (std::size_t i = 0; i < 4; ++i) mask |= ((to_bits(x[4 * block + i]) & 0x7fff'ffffU) != 0 ? 1U : 0U) << i;
    return mask;
  };
  for (std::size_t b = 0; b < x.size() / 4; ++b) {
    const std::uint32_t m = mask_of(b);
    if ((m & (m - 1) & ((m & (m - 1)) - 1)) != 0 && m != 0) {
      detail::throw_argument("x: block " + std::to_string(b) + " holds more than two nonzeros");
    }
  }
  for (std::size_t b = 0; b < x.size() / 4; ++b) {
    const std::uint32_t code = metadata_2_4(mask_of(b));
    if (b % 4 == 0) metadata[b / 4] = 0;
    metadata[b / 4] = static_cast<std::uint16_t>(metadata[b / 4] | code << (b % 4 * 4));
    values[2 * b] = x[4 * b + (code & 3)];
    values[2 * b + 1] = x[4 * b + (code >> 2)];
  }
}

/// The way back; positions without a value are +0. Throws std::invalid_argument if the sizes do not fit.
inline void decompress_2_4(std::span<const float> values, std::span<const std::uint16_t> metadata, std::span<float> x) {
  if (x.size() % 16 != 0 || values.size() != x.size() / 2 || metadata.size() != x.size() / 16) {
    detail::throw_argument("x, values, metadata have " + std::to_string(x.size()) + ", " + std::to_string(values.size()) +
                           ", " + std::to_string(metadata.size()) + " elements; they must have 16 n, 8 n and n");
  }
  for (std::size_t b = 0; b < x.size() / 4; ++b) {
    const std::uint32_t code = static_cast<std::uint32_t>(metadata[b / 4]) >> (b % 4 * 4) & 15U;
    for (std::size_t i = 0; i < 4; ++i) x[4 * b + i] = 0.0F;
    x[4 * b + (code & 3)] = values[2 * b];
    x[4 * b + (code >> 2)] = values[2 * b + 1];
  }
}

}  // namespace v0
}  // namespace nibble
