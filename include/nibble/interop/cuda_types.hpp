// SPDX-License-Identifier: Apache-2.0
//
// The CUDA toolkit's narrow types and nibble's, bit for bit: to_cuda(x), from_cuda(x), on host and device. Each group
// is there where its header is found; host compilers need the headers alone.
#pragma once

#include <cstdint>

#include <nibble/base/bits.hpp>
#include <nibble/number/minifloat.hpp>

// Behind nvcc the toolkit's headers are no system headers, and warn of their own unused parameters.
#if defined(__CUDACC__) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#if __has_include(<cuda_fp16.h>)
#include <cuda_fp16.h>
#endif
#if __has_include(<cuda_bf16.h>)
#include <cuda_bf16.h>
#endif
#if __has_include(<cuda_fp8.h>)
#include <cuda_fp8.h>
#endif
#if __has_include(<cuda_fp6.h>)
#include <cuda_fp6.h>
#endif
#if __has_include(<cuda_fp4.h>)
#include <cuda_fp4.h>
#endif
#if defined(__CUDACC__) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// `type` is the toolkit's type for a minifloat, or the minifloat for one of the toolkit's.
template <class T>
struct cuda_counterpart;

#if __has_include(<cuda_fp16.h>)
template <>
struct cuda_counterpart<f16> {
  using type = __half;
};
template <>
struct cuda_counterpart<__half> {
  using type = f16;
};
#endif
#if __has_include(<cuda_bf16.h>)
template <>
struct cuda_counterpart<bf16> {
  using type = __nv_bfloat16;
};
template <>
struct cuda_counterpart<__nv_bfloat16> {
  using type = bf16;
};
#endif
#if __has_include(<cuda_fp8.h>)
template <>
struct cuda_counterpart<e4m3> {
  using type = __nv_fp8_e4m3;
};
template <>
struct cuda_counterpart<__nv_fp8_e4m3> {
  using type = e4m3;
};
template <>
struct cuda_counterpart<e5m2> {
  using type = __nv_fp8_e5m2;
};
template <>
struct cuda_counterpart<__nv_fp8_e5m2> {
  using type = e5m2;
};
#endif
// CUDA 12.8 brought E8M0 to cuda_fp8.h together with the headers of FP6 and FP4.
#if __has_include(<cuda_fp8.h>) && __has_include(<cuda_fp4.h>)
template <>
struct cuda_counterpart<e8m0> {
  using type = __nv_fp8_e8m0;
};
template <>
struct cuda_counterpart<__nv_fp8_e8m0> {
  using type = e8m0;
};
#endif
#if __has_include(<cuda_fp6.h>)
template <>
struct cuda_counterpart<e2m3> {
  using type = __nv_fp6_e2m3;
};
template <>
struct cuda_counterpart<__nv_fp6_e2m3> {
  using type = e2m3;
};
template <>
struct cuda_counterpart<e3m2> {
  using type = __nv_fp6_e3m2;
};
template <>
struct cuda_counterpart<__nv_fp6_e3m2> {
  using type = e3m2;
};
#endif
#if __has_include(<cuda_fp4.h>)
template <>
struct cuda_counterpart<e2m1> {
  using type = __nv_fp4_e2m1;
};
template <>
struct cuda_counterpart<__nv_fp4_e2m1> {
  using type = e2m1;
};
#endif

}  // namespace detail

/// Types of either side that have a counterpart on the other.
template <class T>
concept has_cuda_counterpart = requires { typename detail::cuda_counterpart<T>::type; };
template <has_cuda_counterpart T>
using cuda_counterpart = typename detail::cuda_counterpart<T>::type;

/// The toolkit's number with the same code. Types of 4 and 6 bits take a byte each, the code in its low bits.
template <minifloat_type T>
  requires has_cuda_counterpart<T>
[[nodiscard]] NIBBLE_FUNCTION cuda_counterpart<T> to_cuda(T x) noexcept {
  return bit_cast<cuda_counterpart<T>>(x.bits());
}

/// nibble's number with the same code; bits above the format's are ignored.
template <has_cuda_counterpart T>
  requires(!minifloat_type<T>)
[[nodiscard]] NIBBLE_FUNCTION cuda_counterpart<T> from_cuda(const T& x) noexcept {
  return cuda_counterpart<T>::from_bits(bit_cast<typename cuda_counterpart<T>::storage_type>(x));
}

#if __has_include(<cuda_fp4.h>)
/// Two numbers in a byte, the first in the low half, as __nv_fp4x2_e2m1 keeps them.
[[nodiscard]] NIBBLE_FUNCTION __nv_fp4x2_e2m1 to_cuda(e2m1 first, e2m1 second) noexcept {
  return bit_cast<__nv_fp4x2_e2m1>(static_cast<std::uint8_t>(first.bits() | second.bits() << 4));
}
/// The first (low) or second (high) number of a pair.
[[nodiscard]] NIBBLE_FUNCTION e2m1 first_of(const __nv_fp4x2_e2m1& pair) noexcept {
  return e2m1::from_bits(bit_cast<std::uint8_t>(pair));
}
[[nodiscard]] NIBBLE_FUNCTION e2m1 second_of(const __nv_fp4x2_e2m1& pair) noexcept {
  return e2m1::from_bits(bit_cast<std::uint8_t>(pair) >> 4U);
}
#endif

}  // namespace v0
}  // namespace nibble
