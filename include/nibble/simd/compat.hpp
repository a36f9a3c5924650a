// SPDX-License-Identifier: Apache-2.0
//
// The one place that knows which xsimd is there: 8.1 and later spell a few operations differently. No other file names
// a version.
#pragma once

#include <cstdint>
#include <type_traits>

#include <xsimd/xsimd.hpp>

#include <nibble/base/config.hpp>

#if XSIMD_VERSION_MAJOR < 8
#error "nibble::simd needs xsimd 8.1 or newer"
#endif

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Vectors of one architecture.
template <class Arch>
using float_batch = xsimd::batch<float, Arch>;
template <class Arch>
using word_batch = xsimd::batch<std::uint32_t, Arch>;
template <class Arch>
using signed_batch = xsimd::batch<std::int32_t, Arch>;

/// Whether an architecture includes AVX2, so that its units may use the kernels of simd/avx2.
template <class Arch>
inline constexpr bool has_avx2 = std::is_base_of_v<xsimd::avx2, Arch> || std::is_base_of_v<xsimd::avx512bw, Arch>;

/// The same bits as a vector of another element type of the same width.
template <class To, class From, class Arch>
NIBBLE_ALWAYS_INLINE xsimd::batch<To, Arch> bits_as(const xsimd::batch<From, Arch>& x) noexcept {
  static_assert(sizeof(To) == sizeof(From), "bits_as keeps the number of lanes");
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::bitwise_cast<xsimd::batch<To, Arch>>(x);
#else
  return xsimd::bitwise_cast<To>(x);
#endif
}

/// Keeps a floating-point value from being merged with the operation that produced or uses it: contraction,
/// reassociation and reciprocal approximation stop at an opaque register.
template <class Arch>
NIBBLE_ALWAYS_INLINE float_batch<Arch> opaque(float_batch<Arch> x) noexcept {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
  typename float_batch<Arch>::register_type r = x;
  asm("" : "+v"(r));
  return float_batch<Arch>(r);
#elif defined(__GNUC__) && defined(__aarch64__)
  typename float_batch<Arch>::register_type r = x;
  asm("" : "+w"(r));
  return float_batch<Arch>(r);
#else
  return x;
#endif
}

}  // namespace detail
}  // namespace v0
}  // namespace nibble
