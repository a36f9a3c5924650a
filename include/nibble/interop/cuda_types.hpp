// SPDX-License-Identifier: Apache-2.0
//
// The CUDA toolkit's narrow types and nibble's, bit for bit: to_cuda(x), from_cuda(x), on host and device. Each group
// is there where its header is found; host compilers need the headers alone.
#pragma once

#include <cstdint>
#include <type_traits>

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

namespace detail::inline NIBBLE_UNIT {

/// What one of the toolkit's vectors of two or four numbers holds.
template <class V>
struct cuda_vector_of;
template <class T, int Count, class Word>
struct cuda_vector_description {
  using element = T;
  using word = Word;
  static constexpr int count = Count;
  static constexpr int slot_bits = static_cast<int>(sizeof(Word)) * 8 / Count;
};

#if __has_include(<cuda_fp8.h>)
template <>
struct cuda_vector_of<__nv_fp8x2_e4m3> : cuda_vector_description<e4m3, 2, std::uint16_t> {};
template <>
struct cuda_vector_of<__nv_fp8x4_e4m3> : cuda_vector_description<e4m3, 4, std::uint32_t> {};
template <>
struct cuda_vector_of<__nv_fp8x2_e5m2> : cuda_vector_description<e5m2, 2, std::uint16_t> {};
template <>
struct cuda_vector_of<__nv_fp8x4_e5m2> : cuda_vector_description<e5m2, 4, std::uint32_t> {};
#endif
#if __has_include(<cuda_fp8.h>) && __has_include(<cuda_fp4.h>)
template <>
struct cuda_vector_of<__nv_fp8x2_e8m0> : cuda_vector_description<e8m0, 2, std::uint16_t> {};
template <>
struct cuda_vector_of<__nv_fp8x4_e8m0> : cuda_vector_description<e8m0, 4, std::uint32_t> {};
#endif
#if __has_include(<cuda_fp6.h>)
template <>
struct cuda_vector_of<__nv_fp6x2_e2m3> : cuda_vector_description<e2m3, 2, std::uint16_t> {};
template <>
struct cuda_vector_of<__nv_fp6x4_e2m3> : cuda_vector_description<e2m3, 4, std::uint32_t> {};
template <>
struct cuda_vector_of<__nv_fp6x2_e3m2> : cuda_vector_description<e3m2, 2, std::uint16_t> {};
template <>
struct cuda_vector_of<__nv_fp6x4_e3m2> : cuda_vector_description<e3m2, 4, std::uint32_t> {};
#endif
#if __has_include(<cuda_fp4.h>)
template <>
struct cuda_vector_of<__nv_fp4x2_e2m1> : cuda_vector_description<e2m1, 2, std::uint8_t> {};
template <>
struct cuda_vector_of<__nv_fp4x4_e2m1> : cuda_vector_description<e2m1, 4, std::uint16_t> {};
#endif

}  // namespace detail

/// The toolkit's vectors of two and four narrow numbers, such as __nv_fp8x4_e4m3 and __nv_fp4x2_e2m1.
template <class V>
concept cuda_vector = requires { typename detail::cuda_vector_of<V>::element; };

/// to_cuda<V>(a, b) and to_cuda<V>(a, b, c, d): the vector of these numbers, the first in the lowest bits. FP6 numbers take
/// a byte each.
template <cuda_vector V, minifloat_type... T>
[[nodiscard]] NIBBLE_FUNCTION V to_cuda(T... numbers) noexcept {
  using traits = detail::cuda_vector_of<V>;
  static_assert(sizeof...(T) == traits::count && (std::is_same_v<T, typename traits::element> && ...),
                "to_cuda<V>: pass as many numbers as V holds, of its type");
  std::uint32_t word = 0;
  int shift = 0;
  ((word |= static_cast<std::uint32_t>(numbers.bits()) << shift, shift += traits::slot_bits), ...);
  return bit_cast<V>(static_cast<typename traits::word>(word));
}

/// Number i of a vector.
template <cuda_vector V>
[[nodiscard]] NIBBLE_FUNCTION typename detail::cuda_vector_of<V>::element from_cuda(const V& vector, int i) noexcept {
  using traits = detail::cuda_vector_of<V>;
  const std::uint32_t word = bit_cast<typename traits::word>(vector);
  return traits::element::from_bits(word >> (i * traits::slot_bits));
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
