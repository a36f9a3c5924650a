// SPDX-License-Identifier: Apache-2.0
//
// The float instructions of the fast kernels, as PTX that no compiler flag changes: without .ftz they keep subnormals,
// and they are never contracted. Operands and results are bit patterns.
#pragma once

#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

inline __device__ std::uint32_t multiply_bits(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("mul.rn.f32 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
inline __device__ std::uint32_t add_bits(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("add.rn.f32 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// Toward zero.
inline __device__ std::uint32_t add_bits_down(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("add.rz.f32 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// Away from zero for positive numbers.
inline __device__ std::uint32_t add_bits_up(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("add.rp.f32 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
inline __device__ std::uint32_t subtract_bits(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("sub.rn.f32 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// |a| * b.
inline __device__ std::uint32_t multiply_magnitude(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 m;\n  abs.f32 m, %1;\n  mul.rn.f32 %0, m, %2; }" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// a + |b|.
inline __device__ std::uint32_t add_magnitude(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 m;\n  abs.f32 m, %2;\n  add.rn.f32 %0, %1, m; }" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// |a| + |b|.
inline __device__ std::uint32_t add_magnitudes(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 x, y;\n  abs.f32 x, %1;\n  abs.f32 y, %2;\n  add.rn.f32 %0, x, y; }"
      : "=r"(result)
      : "r"(a), "r"(b));
  return result;
}
/// a * b + c, rounded once.
inline __device__ std::uint32_t multiply_add_bits(std::uint32_t a, std::uint32_t b, std::uint32_t c) noexcept {
  std::uint32_t result;
  asm("fma.rn.f32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}
/// a * b + c, rounded once and limited to 0 and 1; 0 for NaN.
inline __device__ std::uint32_t saturated_multiply_add(std::uint32_t a, std::uint32_t b, std::uint32_t c) noexcept {
  std::uint32_t result;
  asm("fma.rn.sat.f32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}
/// c - a * b, rounded once.
inline __device__ std::uint32_t multiply_subtract_bits(std::uint32_t a, std::uint32_t b, std::uint32_t c) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 m;\n  neg.f32 m, %1;\n  fma.rn.f32 %0, m, %2, %3; }" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}
/// c - a * b, rounded once, upward.
inline __device__ std::uint32_t multiply_subtract_bits_up(std::uint32_t a, std::uint32_t b, std::uint32_t c) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 m;\n  neg.f32 m, %1;\n  fma.rp.f32 %0, m, %2, %3; }" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}
inline __device__ std::uint32_t multiply_add_bits_down(std::uint32_t a, std::uint32_t b, std::uint32_t c) noexcept {
  std::uint32_t result;
  asm("fma.rz.f32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}
/// 1 / a.
inline __device__ std::uint32_t reciprocal_bits(std::uint32_t a) noexcept {
  std::uint32_t result;
  asm("rcp.rn.f32 %0, %1;" : "=r"(result) : "r"(a));
  return result;
}
/// The same out of line, for what is rare.
inline __noinline__ __device__ std::uint32_t rare_reciprocal(std::uint32_t a) noexcept { return reciprocal_bits(a); }
/// a * b toward zero.
inline __device__ std::uint32_t multiply_bits_down(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("mul.rz.f32 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// |a| * b toward zero, limited to 1; 0 for NaN.
inline __device__ std::uint32_t saturated_magnitude_down(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 m;\n  abs.f32 m, %1;\n  mul.rz.sat.f32 %0, m, %2; }" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// The larger magnitude; NaN wins.
inline __device__ std::uint32_t larger_magnitude(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 x, y;\n  abs.f32 x, %1;\n  abs.f32 y, %2;\n  max.NaN.f32 %0, x, y; }"
      : "=r"(result)
      : "r"(a), "r"(b));
  return result;
}
/// The same of two pairs of bfloat16, or of binary16, each by itself; the signs mean nothing.
template <bool Bfloat>
__device__ std::uint32_t larger_magnitudes(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 860
  if constexpr (Bfloat) {
    asm("max.NaN.xorsign.abs.bf16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  } else {
    asm("max.NaN.xorsign.abs.f16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  }
#else
  a &= 0x7fff'7fffU;
  b &= 0x7fff'7fffU;
  if constexpr (Bfloat) {
    asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  } else {
    asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(result) : "r"(a), "r"(b));
  }
#endif
  return result;
}
/// The smaller magnitude; of one number and NaN the number's.
inline __device__ std::uint32_t smaller_magnitude(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 x, y;\n  abs.f32 x, %1;\n  abs.f32 y, %2;\n  min.f32 %0, x, y; }" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
/// The lower or the upper of two bfloat16 as a float: exact, if that one is finite. A multiply-add by {0, 1} and {0,
/// -0}, as its pipe has more room than that of shifts and masks; `zeros` is 0x80000000, of which compilers make
/// instructions where they know it.
template <bool Upper>
__device__ std::uint32_t widen_finite_bf16(std::uint32_t pair, std::uint32_t zeros) noexcept {
  std::uint32_t result;
  if constexpr (Upper) {
    asm("{ .reg .b16 l, h;\n  .reg .b32 both;\n  mov.b32 {l, h}, %1;\n  mov.b32 both, {h, h};\n"
        "  fma.rn.bf16x2 %0, both, %2, %3; }"
        : "=r"(result)
        : "r"(pair), "r"(0x3f80'0000U), "r"(zeros));
  } else {
    asm("{ .reg .b16 l, h;\n  .reg .b32 both;\n  mov.b32 {l, h}, %1;\n  mov.b32 both, {l, l};\n"
        "  fma.rn.bf16x2 %0, both, %2, %3; }"
        : "=r"(result)
        : "r"(pair), "r"(0x3f80'0000U), "r"(zeros));
  }
  return result;
}
/// An exact widening; a NaN is some NaN.
inline __device__ std::uint32_t half_to_bits(std::uint16_t h) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 f;\n  cvt.f32.f16 f, %1;\n  mov.b32 %0, f; }" : "=r"(result) : "h"(h));
  return result;
}
/// Two numbers rounded to nearest even, `low` in the low half; NaN is 0x7fff.
inline __device__ std::uint32_t to_bf16_pair(std::uint32_t low, std::uint32_t high) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rn.bf16x2.f32 %0, a, b; }"
      : "=r"(result)
      : "r"(high), "r"(low));
  return result;
}
inline __device__ std::uint32_t to_half_pair(std::uint32_t low, std::uint32_t high) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rn.f16x2.f32 %0, a, b; }"
      : "=r"(result)
      : "r"(high), "r"(low));
  return result;
}

// Doubles are worth using where a multiprocessor adds 32 or 64 of them a cycle, not 2 (CUDA C++ Programming Guide,
// "Throughput of Native Arithmetic Instructions"). NIBBLE_CUDA_FAST_DOUBLES 0 turns them off; a program defines it
// alike in all units, or not at all.
#if !defined(NIBBLE_CUDA_FAST_DOUBLES) && defined(__CUDA_ARCH__)
#define NIBBLE_CUDA_FAST_DOUBLES (__CUDA_ARCH__ == 800 || __CUDA_ARCH__ == 900 || __CUDA_ARCH__ == 1000)
#endif
#if defined(__CUDA_ARCH__)
inline constexpr bool has_fast_doubles = NIBBLE_CUDA_FAST_DOUBLES != 0;
#else
inline constexpr bool has_fast_doubles = false;
#endif

/// Exact.
inline __device__ double to_double(std::uint32_t a) noexcept {
  double result;
  asm("{ .reg .f32 f;\n  mov.b32 f, %1;\n  cvt.f64.f32 %0, f; }" : "=d"(result) : "r"(a));
  return result;
}
/// To nearest even.
inline __device__ std::uint32_t rounded_bits(double a) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 f;\n  cvt.rn.f32.f64 f, %1;\n  mov.b32 %0, f; }" : "=r"(result) : "d"(a));
  return result;
}
/// a as a float, to nearest even.
inline __device__ std::uint32_t number_bits(std::uint32_t a) noexcept {
  std::uint32_t result;
  asm("{ .reg .f32 f;\n  cvt.rn.f32.u32 f, %1;\n  mov.b32 %0, f; }" : "=r"(result) : "r"(a));
  return result;
}

/// value >> count, 0 from 64 on.
inline __device__ std::uint64_t shifted_right(std::uint64_t value, std::uint32_t count) noexcept {
  std::uint64_t result;
  asm("shr.u64 %0, %1, %2;" : "=l"(result) : "l"(value), "r"(count));
  return result;
}

// FP8 conversions of the hardware. They are compiled for targets that have them; has_fp8_conversions says so.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
#define NIBBLE_CUDA_HAS_FP8 1
#else
#define NIBBLE_CUDA_HAS_FP8 0
#endif
inline constexpr bool has_fp8_conversions = NIBBLE_CUDA_HAS_FP8 != 0;

/// Codes of two numbers, nearest even and saturating, NaN 0x7f; `low` in the low byte.
inline __device__ std::uint32_t to_e4m3_pair(std::uint32_t low, std::uint32_t high) noexcept {
  std::uint16_t result = 0;
#if NIBBLE_CUDA_HAS_FP8
  asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rn.satfinite.e4m3x2.f32 %0, a, b; }"
      : "=h"(result)
      : "r"(high), "r"(low));
#endif
  return result;
}
inline __device__ std::uint32_t to_e5m2_pair(std::uint32_t low, std::uint32_t high) noexcept {
  std::uint16_t result = 0;
#if NIBBLE_CUDA_HAS_FP8
  asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rn.satfinite.e5m2x2.f32 %0, a, b; }"
      : "=h"(result)
      : "r"(high), "r"(low));
#endif
  return result;
}
/// Two codes as binary16, exact; NaN is 0x7fff.
inline __device__ std::uint32_t from_e4m3_pair(std::uint32_t codes) noexcept {
  std::uint32_t result = 0;
#if NIBBLE_CUDA_HAS_FP8
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(result) : "h"(static_cast<std::uint16_t>(codes)));
#endif
  return result;
}
inline __device__ std::uint32_t from_e5m2_pair(std::uint32_t codes) noexcept {
  std::uint32_t result = 0;
#if NIBBLE_CUDA_HAS_FP8
  asm("cvt.rn.f16x2.e5m2x2 %0, %1;" : "=r"(result) : "h"(static_cast<std::uint16_t>(codes)));
#endif
  return result;
}

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
