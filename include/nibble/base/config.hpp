// SPDX-License-Identifier: Apache-2.0
//
// The few macros of the library: where a function may run and that it must be inlined.
#pragma once

#include <nibble/base/version.hpp>

/// Marks a function that host and device code may call. Empty outside a CUDA compiler.
#if defined(__CUDACC__)
#define NIBBLE_HD __host__ __device__
#else
#define NIBBLE_HD
#endif

/// Forces inlining. Codec functions carry it so that one program may hold translation units built for different
/// instruction sets: an out-of-line copy would be merged by the linker, and the wrong one could win. Lambdas inside
/// them carry NIBBLE_INLINE_LAMBDA after their parameter list for the same reason.
#if defined(_MSC_VER) && !defined(__clang__)
#define NIBBLE_ALWAYS_INLINE __forceinline
#define NIBBLE_INLINE_LAMBDA
#else
#define NIBBLE_ALWAYS_INLINE inline __attribute__((always_inline))
#define NIBBLE_INLINE_LAMBDA __attribute__((always_inline))
#endif

/// The usual prefix of a codec function.
#define NIBBLE_FUNCTION NIBBLE_HD NIBBLE_ALWAYS_INLINE constexpr

/// The prefix of a function that is called rather than copied into its callers on the host. It lives in NIBBLE_UNIT.
#if defined(__CUDACC__) || (defined(_MSC_VER) && !defined(__clang__))
#define NIBBLE_OUTLINED NIBBLE_HD constexpr
#else
#define NIBBLE_OUTLINED __attribute__((noinline)) constexpr
#endif

/// The inline namespace of everything in `detail`, named after the instruction set that a translation unit is compiled for.
/// Units for different instruction sets then share none of these functions, inlined or not: a linker keeps one copy of a
/// shared one, and that may be the copy which the machine cannot run. Types that users name are outside, and the same.
#if defined(__CUDACC__)
#define NIBBLE_UNIT unit_cuda
#elif defined(__AVX512VBMI__) && defined(__AVX512BW__)
#define NIBBLE_UNIT unit_avx512vbmi
#elif defined(__AVX512BW__)
#define NIBBLE_UNIT unit_avx512bw
#elif defined(__AVX512F__)
#define NIBBLE_UNIT unit_avx512f
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define NIBBLE_UNIT unit_avx2_fma_f16c
#elif defined(__AVX2__)
#define NIBBLE_UNIT unit_avx2
#elif defined(__AVX__)
#define NIBBLE_UNIT unit_avx
#elif defined(__SSE4_1__)
#define NIBBLE_UNIT unit_sse4_1
#elif defined(__SSSE3__)
#define NIBBLE_UNIT unit_ssse3
#else
#define NIBBLE_UNIT unit_base
#endif

/// Declares a constant of class type that host and device code may name: device code cannot name a host variable, and a
/// device variable with external linkage would need relocatable device code.
#if defined(__CUDA_ARCH__)
#define NIBBLE_CONSTANT __device__ constexpr
#else
#define NIBBLE_CONSTANT inline constexpr
#endif
