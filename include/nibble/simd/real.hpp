// SPDX-License-Identifier: Apache-2.0
//
// float32 vectors whose operations are exactly the IEEE ones, whatever -ffast-math allows elsewhere: the `Real` with
// which the recipe formulas of block/ run on SIMD hardware. Subnormals follow the control register; callers keep
// operands and results that matter out of that range.
#pragma once

#include <cstdint>

#include <nibble/simd/compat.hpp>
#include <nibble/simd/lanes.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// a / b, correctly rounded. GCC and Clang replace a vector division by a reciprocal estimate under -ffast-math, and so does
/// xsimd 8.1 on NEON always, so the instruction is named.
template <class Arch>
NIBBLE_ALWAYS_INLINE float_batch<Arch> exact_divide(float_batch<Arch> a, float_batch<Arch> b) noexcept {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
  typename float_batch<Arch>::register_type x = a;
  const typename float_batch<Arch>::register_type y = b;
#if defined(__AVX__)
  asm("vdivps %2, %1, %0" : "=v"(x) : "v"(x), "v"(y));
#else
  asm("divps %1, %0" : "+x"(x) : "x"(y));
#endif
  return float_batch<Arch>(x);
#elif defined(__GNUC__) && defined(__aarch64__)
  typename float_batch<Arch>::register_type x = a;
  const typename float_batch<Arch>::register_type y = b;
  asm("fdiv %0.4s, %1.4s, %2.4s" : "=w"(x) : "w"(x), "w"(y));
  return float_batch<Arch>(x);
#else
  return opaque<Arch>(opaque<Arch>(a) / opaque<Arch>(b));
#endif
}

/// A vector of float32 with operators that cannot be contracted or reassociated.
template <class Arch>
struct simd_real {
  float_batch<Arch> value;

  simd_real() = default;
  NIBBLE_ALWAYS_INLINE explicit simd_real(float_batch<Arch> v) noexcept : value(v) {}
  NIBBLE_ALWAYS_INLINE explicit simd_real(float v) noexcept : value(v) {}

  friend NIBBLE_ALWAYS_INLINE simd_real operator+(simd_real a, simd_real b) noexcept {
    return simd_real(opaque<Arch>(a.value + b.value));
  }
  friend NIBBLE_ALWAYS_INLINE simd_real operator*(simd_real a, simd_real b) noexcept {
    return simd_real(opaque<Arch>(a.value * b.value));
  }
  friend NIBBLE_ALWAYS_INLINE simd_real operator/(simd_real a, simd_real b) noexcept {
    return simd_real(exact_divide<Arch>(a.value, b.value));
  }
  /// The smaller of two non-negative numbers, by their bits.
  friend NIBBLE_ALWAYS_INLINE simd_real minimum(simd_real a, simd_real b) noexcept {
    return simd_real(bits_as<float>(xsimd::min(bits_as<std::int32_t>(a.value), bits_as<std::int32_t>(b.value))));
  }
  friend NIBBLE_ALWAYS_INLINE simd_real maximum(simd_real a, simd_real b) noexcept {
    return simd_real(bits_as<float>(xsimd::max(bits_as<std::int32_t>(a.value), bits_as<std::int32_t>(b.value))));
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
