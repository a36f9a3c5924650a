// SPDX-License-Identifier: Apache-2.0
//
// The conversion instructions of sm_100 and later: FP4, FP6 and UE8M0, and stochastic ones. A target has them only under
// its own name or its family's: sm_100a or sm_100f, sm_120a or sm_120f, not sm_100; cvt.rs only sm_100a and sm_103a (PTX ISA
// 9.0, 9.7.9.21 and 22). Everything else, and every input for which an instruction is not known to give the recipe's code,
// takes the software path, which is always compiled. The paths are proved against the instructions of emulate/, over every
// input that they are given; they have not been run on such a device, and the macros turn them off:
//   NIBBLE_CUDA_FP4_CONVERSIONS         0 or 1: cvt.rn.satfinite to E2M1, E2M3, E3M2, and cvt.rz, cvt.rp to UE8M0
//   NIBBLE_CUDA_STOCHASTIC_CONVERSIONS  0 or 1: cvt.rs.satfinite to E2M1, E4M3, E5M2 (E2M3 and E3M2: bits not probed)
// A program defines them alike in all units, or not at all. real.cuh has the FP8 instructions of sm_89 and later.
#pragma once

#include <cstdint>

#include <nibble/cuda/conversions.hpp>

#if !defined(NIBBLE_CUDA_FP4_CONVERSIONS)
#define NIBBLE_CUDA_FP4_CONVERSIONS 1
#endif
#if !defined(NIBBLE_CUDA_STOCHASTIC_CONVERSIONS)
#define NIBBLE_CUDA_STOCHASTIC_CONVERSIONS 1
#endif

#if NIBBLE_CUDA_FP4_CONVERSIONS && defined(__CUDA_ARCH_FAMILY_SPECIFIC__)
#define NIBBLE_CUDA_HAS_FP4 (__CUDA_ARCH__ >= 1000)
#else
#define NIBBLE_CUDA_HAS_FP4 0
#endif
#if NIBBLE_CUDA_STOCHASTIC_CONVERSIONS && defined(__CUDA_ARCH_SPECIFIC__)
#define NIBBLE_CUDA_HAS_RS (__CUDA_ARCH__ == 1000 || __CUDA_ARCH__ == 1030)
#else
#define NIBBLE_CUDA_HAS_RS 0
#endif

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

inline constexpr bool has_fp4_conversions = NIBBLE_CUDA_HAS_FP4 != 0;
inline constexpr bool has_stochastic_conversions = NIBBLE_CUDA_HAS_RS != 0;

/// The instructions, for conversions.hpp; only where has_fp4_conversions or has_stochastic_conversions says so. Host code
/// may name them.
struct device_conversions {
  template <float_format F>
  NIBBLE_HD static std::uint32_t nearest(std::uint32_t a, std::uint32_t b) noexcept {
    static_cast<void>(a), static_cast<void>(b);
    std::uint32_t result = 0;
#if NIBBLE_CUDA_HAS_FP4
    if constexpr (F == formats::e2m1) {
      asm("{ .reg .f32 a, b;\n  .reg .b8 c;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n"
          "  cvt.rn.satfinite.e2m1x2.f32 c, a, b;\n  cvt.u32.u8 %0, c; }"
          : "=r"(result)
          : "r"(a), "r"(b));
    } else if constexpr (F == formats::e2m3) {
      std::uint16_t pair;
      asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rn.satfinite.e2m3x2.f32 %0, a, b; }"
          : "=h"(pair)
          : "r"(a), "r"(b));
      result = pair;
    } else {
      static_assert(F == formats::e3m2);
      std::uint16_t pair;
      asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rn.satfinite.e3m2x2.f32 %0, a, b; }"
          : "=h"(pair)
          : "r"(a), "r"(b));
      result = pair;
    }
#endif
    return result;
  }

  template <bool Upward>
  NIBBLE_HD static std::uint32_t scale(std::uint32_t a, std::uint32_t b) noexcept {
    static_cast<void>(a), static_cast<void>(b);
    std::uint16_t result = 0;
#if NIBBLE_CUDA_HAS_FP4
    if constexpr (Upward) {
      asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rp.satfinite.ue8m0x2.f32 %0, a, b; }"
          : "=h"(result)
          : "r"(a), "r"(b));
    } else {
      asm("{ .reg .f32 a, b;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  cvt.rz.satfinite.ue8m0x2.f32 %0, a, b; }"
          : "=h"(result)
          : "r"(a), "r"(b));
    }
#endif
    return result;
  }

  template <float_format F>
  NIBBLE_HD static std::uint32_t stochastic(std::uint32_t a, std::uint32_t b, std::uint32_t e, std::uint32_t f,
                                             std::uint32_t random) noexcept {
    static_cast<void>(a), static_cast<void>(b), static_cast<void>(e), static_cast<void>(f), static_cast<void>(random);
    std::uint32_t result = 0;
#if NIBBLE_CUDA_HAS_RS
    if constexpr (F == formats::e2m1) {
      std::uint16_t four;
      asm("{ .reg .f32 a, b, e, f;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  mov.b32 e, %3;\n  mov.b32 f, %4;\n"
          "  cvt.rs.satfinite.e2m1x4.f32 %0, {a, b, e, f}, %5; }"
          : "=h"(four)
          : "r"(a), "r"(b), "r"(e), "r"(f), "r"(random));
      result = four;
    } else if constexpr (F == formats::e4m3) {
      asm("{ .reg .f32 a, b, e, f;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  mov.b32 e, %3;\n  mov.b32 f, %4;\n"
          "  cvt.rs.satfinite.e4m3x4.f32 %0, {a, b, e, f}, %5; }"
          : "=r"(result)
          : "r"(a), "r"(b), "r"(e), "r"(f), "r"(random));
    } else {
      static_assert(F == formats::e5m2);
      asm("{ .reg .f32 a, b, e, f;\n  mov.b32 a, %1;\n  mov.b32 b, %2;\n  mov.b32 e, %3;\n  mov.b32 f, %4;\n"
          "  cvt.rs.satfinite.e5m2x4.f32 %0, {a, b, e, f}, %5; }"
          : "=r"(result)
          : "r"(a), "r"(b), "r"(e), "r"(f), "r"(random));
    }
#endif
    return result;
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace nibble
