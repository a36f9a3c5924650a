// SPDX-License-Identifier: Apache-2.0
//
// Vectors of binary32 bits from elements of any type, as element_bits gives them one by one.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include <nibble/block/matrix_view.hpp>
#include <nibble/simd/convert.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Whether a conversion between float and double might be other than it is in scalar code, told by `upper`, the magnitude
/// bits of the number down to the last one of its exponent field, at least: Inf and NaN, from `infinity` on, and what is a
/// subnormal float, below `normal`, but zero.
template <class Arch>
NIBBLE_ALWAYS_INLINE bool is_any_rare(word_batch<Arch> upper, std::uint32_t normal, std::uint32_t infinity) noexcept {
  using integers = signed_batch<Arch>;
  const integers magnitude = bits_as<std::int32_t>(upper);
  const integers low(static_cast<std::int32_t>(normal));
  const integers high(static_cast<std::int32_t>(infinity - 1U));
  return xsimd::any((magnitude > high) | ((low > magnitude) & (magnitude > integers(0))));
}

/// element_bits of the next vector of elements, one by one.
template <class Arch, class T>
NIBBLE_OUTLINED word_batch<Arch> each_widened(const T* x) noexcept {
  constexpr std::size_t width = word_batch<Arch>::size;
  std::uint32_t lanes[width];
  for (std::size_t i = 0; i < width; ++i) lanes[i] = element_bits(x[i]);
  return word_batch<Arch>::load_unaligned(lanes);
}

/// As narrowed_doubles, where hardware gave `bits`, of which some are zeros, subnormal numbers, Inf or NaN.
template <class Arch>
NIBBLE_OUTLINED word_batch<Arch> narrowed_others(const double* x, word_batch<Arch> bits) noexcept {
  using words = word_batch<Arch>;
  alignas(64) std::uint32_t upper[words::size];
  for (std::size_t i = 0; i < words::size; ++i) {
    upper[i] = static_cast<std::uint32_t>(to_bits(x[i]) >> 32) & 0x7fff'ffffU;
  }
  const bool rare = is_any_rare<Arch>(words::load_aligned(upper), 0x3810'0000U, 0x7ff0'0000U);
  return rare ? each_widened<Arch>(x) : bits;
}

/// element_bits of the next vector of doubles. Loops of conversions are what compilers know the instructions of.
template <class Arch>
NIBBLE_ALWAYS_INLINE word_batch<Arch> narrowed_doubles(const double* x) noexcept {
  using words = word_batch<Arch>;
  alignas(64) float numbers[words::size];
  for (std::size_t i = 0; i < words::size; ++i) numbers[i] = static_cast<float>(x[i]);
  const words bits = bits_as<std::uint32_t>(float_batch<Arch>::load_aligned(numbers));
  // Twice the magnitude of a normal number is from 2^24 to before the last 2^24.
  const words above = bits + bits - words(1U << 24);
  const words most(0U - (2U << 24) - 1U);
  if (!xsimd::all(xsimd::max(above, most) == most)) [[unlikely]] return narrowed_others<Arch>(x, bits);
  return bits;
}

/// element_bits of the next vector of elements.
template <class Arch, class T>
NIBBLE_ALWAYS_INLINE word_batch<Arch> widened(const T* x) noexcept {
  if constexpr (sizeof(source_bits(*x)) == 4) {
    return source_lanes<Arch>(x);
  } else if constexpr (std::same_as<T, double>) {
    return narrowed_doubles<Arch>(x);
  } else {
    return each_widened<Arch>(x);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
