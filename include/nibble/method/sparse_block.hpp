// SPDX-License-Identifier: Apache-2.0
//
// What the N:M rules do to one block of binary32 bits. Decisions are comparisons of integers, so that no build changes one.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/binary32.hpp>

namespace nibble {
inline namespace v0 {
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
  // Down to 25 bits.
  for (int step = 32; step > 0; step /= 2) {
    if (quotient >> (24 + step) == 0) continue;
    sticky = sticky || (quotient & ((std::uint64_t{1} << step) - 1)) != 0;
    quotient >>= step;
    exponent += step;
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

/// Keeps the n largest of a block of binary32 bits; returns the mask of kept positions.
template <std::size_t M>
NIBBLE_FUNCTION std::uint32_t keep_largest(std::size_t n, const std::uint32_t* bits, std::uint32_t* out) noexcept {
  std::size_t order[M] = {};
  order_of_magnitudes<M>(bits, order);
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < n; ++i) mask |= std::uint32_t{1} << order[i];
  for (std::size_t i = 0; i < M; ++i) out[i] = (mask >> i & 1) != 0 ? bits[i] : 0U;
  return mask;
}

/// What minimum variance does to a block: the k largest stay; the tail's magnitudes are fixed-point numbers times 2^scale,
/// the largest of 24 + spare bits; what lies below is cut off, and an element that is cut off whole has p = 0.
template <std::size_t M>
struct variance_split {
  std::size_t order[M] = {};
  std::size_t kept = 0;
  int scale = 0;
  std::uint64_t rest = 0;  ///< R
};

template <std::size_t M>
NIBBLE_FUNCTION variance_split<M> split_block(std::size_t n, const std::uint32_t* bits, int spare) noexcept {
  variance_split<M> s;
  order_of_magnitudes<M>(bits, s.order);
  for (; s.kept < n; ++s.kept) {
    const std::uint32_t largest = bits[s.order[s.kept]] & 0x7fff'ffffU;
    const std::uint32_t field = largest >> 23;
    s.scale = (field == 0 ? -149 : static_cast<int>(field) - 150) - spare;
    s.rest = 0;
    for (std::size_t j = s.kept; j < M; ++j) s.rest += fixed_magnitude(bits[s.order[j]] & 0x7fff'ffffU, s.scale);
    if ((n - s.kept) * fixed_magnitude(largest, s.scale) < s.rest) break;
  }
  return s;
}

/// One block by minimum variance under the uniform u / 2^64, on magnitudes of 24 + spare bits (spare is at most 32); returns
/// the mask of kept positions (exactly n unless fewer elements are nonzero).
template <std::size_t M>
NIBBLE_FUNCTION std::uint32_t minimum_variance_block(std::size_t n, const std::uint32_t* bits, std::uint64_t u, int spare,
                                                     std::uint32_t* out) noexcept {
  for (std::size_t i = 0; i < M; ++i) {
    if ((bits[i] & 0x7fff'ffffU) >= 0x7f80'0000U) return keep_largest<M>(n, bits, out);
  }
  const variance_split<M> s = split_block<M>(n, bits, spare);
  bool certain[M] = {};
  for (std::size_t i = 0; i < s.kept; ++i) certain[s.order[i]] = true;
  const std::uint64_t picks = n - s.kept;
  const std::uint32_t value = picks == 0 ? 0U : quotient_as_float(s.rest, picks, s.scale).bits();
  const std::uint64_t offset = upper_product(u, s.rest);
  std::uint64_t sum = 0;
  std::uint64_t taken = 0;
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < M; ++i) {
    const std::uint32_t size = bits[i] & 0x7fff'ffffU;
    out[i] = 0;
    if (certain[i]) {
      out[i] = size != 0 ? bits[i] : 0U;
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

/// One 2:4 block by two draws without replacement, the second in proportion among what the first leaves; u and v are
/// uniforms times 2^32. An element stays with probability p_i = t_i (1 + sum over j != i of a_j / (S - a_j)), t_i = a_i /
/// S, as a_i / p_i. Magnitudes are scaled by a power of two and raised by epsilon first.
NIBBLE_FUNCTION std::uint32_t sequential_block(const std::uint32_t* bits, std::uint32_t u, std::uint32_t v,
                                               binary32 epsilon, std::uint32_t* out) noexcept {
  binary32 a[4];
  std::uint32_t nonzero = 0;
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    if ((bits[i] & 0x7fff'ffffU) >= 0x7f80'0000U) return keep_largest<4>(2, bits, out);
    a[i] = binary32::from_bits(bits[i]).absolute() + epsilon;
    nonzero += a[i].is_zero() ? 0U : 1U;
    largest = a[i].bits() > largest ? a[i].bits() : largest;
    out[i] = bits[i];
  }
  if (nonzero <= 2) {
    std::uint32_t mask = 0;
    for (std::size_t i = 0; i < 4; ++i) mask |= (bits[i] & 0x7fff'ffffU) != 0 ? std::uint32_t{1} << i : 0U;
    return mask;
  }
  const int field = static_cast<int>(largest >> 23);
  std::uint64_t size[4];
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i) sum += size[i] = fixed_magnitude(a[i].bits(), (field == 0 ? 1 : field) - 182);
  const auto draw = [&](std::uint32_t uniform, std::uint64_t range, std::size_t without) NIBBLE_INLINE_LAMBDA {
    const std::uint64_t offset = upper_product(std::uint64_t{uniform} << 32, range);
    std::uint64_t reached = 0;
    std::size_t i = 0;
    for (; i < 3; ++i) {
      reached += i == without ? 0U : size[i];
      if (reached > offset) break;
    }
    return i;
  };
  const std::size_t first = draw(u, sum, 4);
  const std::size_t second = draw(v, sum - size[first], first);
  // S and the quotients do not overflow where the largest is below 2^100, nor lose bits where it is above 2^-100.
  const int shift = field > 227 ? -60 : field < 27 ? 60 : 0;
  const binary32 there = binary32::from_bits(static_cast<std::uint32_t>(127 + shift) << 23);
  const binary32 back = binary32::from_bits(static_cast<std::uint32_t>(127 - shift) << 23);
  for (binary32& x : a) x = x * there;
  const binary32 total = (a[0] + a[1]) + (a[2] + a[3]);
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != first && i != second) {
      out[i] = 0;
      continue;
    }
    binary32 odds(1.0F);
    for (std::size_t j = 0; j < 4; ++j) {
      if (j == i) continue;
      binary32 others;
      for (std::size_t k = 0; k < 4; ++k) others = k == j ? others : others + a[k];
      odds = odds + a[j] / others;
    }
    binary32 value = total / odds;
    if (!epsilon.is_zero()) value = value * (binary32::from_bits(bits[i]).absolute() * there / a[i]);
    out[i] = (value * back).bits() | (bits[i] & 0x8000'0000U);
  }
  return std::uint32_t{1} << first | std::uint32_t{1} << second;
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
