// SPDX-License-Identifier: Apache-2.0
//
// Every conversion instruction of sm_90 on all its inputs against its emulation, on the device.
#include <cuda_runtime.h>

#include <nibble/emulate/ptx_cvt.hpp>
#include <nibble/emulate/ptx_cvt_half.hpp>
#include <nibble/emulate/ptx_cvt_tf32.hpp>

#include "capture.hpp"
#include "device.cuh"

namespace capture {
namespace {

// ---- conversions ----

__device__ float as_float(std::uint32_t x) { return __uint_as_float(x); }
/// The second operand that goes with a first one: a bijection, so that both see every pattern.
__host__ __device__ std::uint32_t partner(std::uint32_t x) { return (x ^ 0x8000'0001U) * 0x9e37'79b1U; }

// Two binary32 operands, 32- or 16-bit result; one binary32 operand; one register.
#define NIBBLE_CVT(NAME, TEXT, RESULT, CONSTRAINT, OPERANDS, INPUTS, CALL)                                           \
  struct cvt_##NAME {                                                                                                \
    static constexpr const char* name = "cvt." TEXT;                                                                 \
    static __device__ std::uint32_t device(std::uint32_t x) {                                                        \
      RESULT d;                                                                                                      \
      asm("cvt." TEXT " %0, " OPERANDS ";" : CONSTRAINT(d) : INPUTS);                                                \
      return d;                                                                                                      \
    }                                                                                                                \
    static __device__ std::uint32_t emulated(std::uint32_t x) { return nibble::emulate::ptx::cvt_##NAME CALL; }      \
  };
#define NIBBLE_COMMA ,
#define NIBBLE_TWO_INPUTS "f"(as_float(x)) NIBBLE_COMMA "f"(as_float(partner(x)))
#define NIBBLE_CVT_2(NAME, TEXT)                                                                                     \
  NIBBLE_CVT(NAME, TEXT, std::uint32_t, "=r", "%1, %2", NIBBLE_TWO_INPUTS, (as_float(x), as_float(partner(x))))
#define NIBBLE_CVT_2_SHORT(NAME, TEXT)                                                                               \
  NIBBLE_CVT(NAME, TEXT, std::uint16_t, "=h", "%1, %2", NIBBLE_TWO_INPUTS, (as_float(x), as_float(partner(x))))
#define NIBBLE_CVT_1(NAME, TEXT) NIBBLE_CVT(NAME, TEXT, std::uint32_t, "=r", "%1", "f"(as_float(x)), (as_float(x)))
#define NIBBLE_CVT_1_SHORT(NAME, TEXT)                                                                               \
  NIBBLE_CVT(NAME, TEXT, std::uint16_t, "=h", "%1", "f"(as_float(x)), (as_float(x)))
#define NIBBLE_CVT_NARROW(NAME, TEXT) NIBBLE_CVT(NAME, TEXT, std::uint16_t, "=h", "%1", "r"(x), (x))
#define NIBBLE_CVT_WIDEN(NAME, TEXT)                                                                                 \
  NIBBLE_CVT(NAME, TEXT, std::uint32_t, "=r", "%1", "h"(static_cast<std::uint16_t>(x)), (static_cast<std::uint16_t>(x)))

NIBBLE_CVT_2_SHORT(rn_satfinite_e4m3x2_f32, "rn.satfinite.e4m3x2.f32")
NIBBLE_CVT_2_SHORT(rn_satfinite_relu_e4m3x2_f32, "rn.satfinite.relu.e4m3x2.f32")
NIBBLE_CVT_2_SHORT(rn_satfinite_e5m2x2_f32, "rn.satfinite.e5m2x2.f32")
NIBBLE_CVT_2_SHORT(rn_satfinite_relu_e5m2x2_f32, "rn.satfinite.relu.e5m2x2.f32")
NIBBLE_CVT_NARROW(rn_satfinite_e4m3x2_f16x2, "rn.satfinite.e4m3x2.f16x2")
NIBBLE_CVT_NARROW(rn_satfinite_relu_e4m3x2_f16x2, "rn.satfinite.relu.e4m3x2.f16x2")
NIBBLE_CVT_NARROW(rn_satfinite_e5m2x2_f16x2, "rn.satfinite.e5m2x2.f16x2")
NIBBLE_CVT_NARROW(rn_satfinite_relu_e5m2x2_f16x2, "rn.satfinite.relu.e5m2x2.f16x2")
NIBBLE_CVT_WIDEN(rn_f16x2_e4m3x2, "rn.f16x2.e4m3x2")
NIBBLE_CVT_WIDEN(rn_relu_f16x2_e4m3x2, "rn.relu.f16x2.e4m3x2")
NIBBLE_CVT_WIDEN(rn_f16x2_e5m2x2, "rn.f16x2.e5m2x2")
NIBBLE_CVT_WIDEN(rn_relu_f16x2_e5m2x2, "rn.relu.f16x2.e5m2x2")
#define NIBBLE_CVT_HALF(ROUNDING, TYPE)                                                                              \
  NIBBLE_CVT_1_SHORT(ROUNDING##_##TYPE##_f32, #ROUNDING "." #TYPE ".f32")                                            \
  NIBBLE_CVT_1_SHORT(ROUNDING##_satfinite_##TYPE##_f32, #ROUNDING ".satfinite." #TYPE ".f32")                        \
  NIBBLE_CVT_1_SHORT(ROUNDING##_relu_##TYPE##_f32, #ROUNDING ".relu." #TYPE ".f32")                                  \
  NIBBLE_CVT_1_SHORT(ROUNDING##_relu_satfinite_##TYPE##_f32, #ROUNDING ".relu.satfinite." #TYPE ".f32")              \
  NIBBLE_CVT_2(ROUNDING##_##TYPE##x2_f32, #ROUNDING "." #TYPE "x2.f32")                                              \
  NIBBLE_CVT_2(ROUNDING##_satfinite_##TYPE##x2_f32, #ROUNDING ".satfinite." #TYPE "x2.f32")                          \
  NIBBLE_CVT_2(ROUNDING##_relu_##TYPE##x2_f32, #ROUNDING ".relu." #TYPE "x2.f32")                                    \
  NIBBLE_CVT_2(ROUNDING##_relu_satfinite_##TYPE##x2_f32, #ROUNDING ".relu.satfinite." #TYPE "x2.f32")
NIBBLE_CVT_HALF(rn, f16)
NIBBLE_CVT_HALF(rz, f16)
NIBBLE_CVT_HALF(rn, bf16)
NIBBLE_CVT_HALF(rz, bf16)
NIBBLE_CVT_1(rna_tf32_f32, "rna.tf32.f32")
NIBBLE_CVT_1(rna_satfinite_tf32_f32, "rna.satfinite.tf32.f32")
NIBBLE_CVT_1(rn_tf32_f32, "rn.tf32.f32")
NIBBLE_CVT_1(rn_relu_tf32_f32, "rn.relu.tf32.f32")
NIBBLE_CVT_1(rz_tf32_f32, "rz.tf32.f32")
NIBBLE_CVT_1(rz_relu_tf32_f32, "rz.relu.tf32.f32")

struct cvt_result {
  unsigned long long mismatches;
  unsigned long long first;  // the smallest input that differs
  unsigned long long last;
};

template <class Op>
__global__ void all_inputs(std::uint64_t count, cvt_result* result) {
  const std::uint64_t step = std::uint64_t{gridDim.x} * blockDim.x;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    const auto x = static_cast<std::uint32_t>(i);
    if (Op::device(x) == Op::emulated(x)) continue;
    atomicAdd(&result->mismatches, 1ULL);
    atomicMin(&result->first, static_cast<unsigned long long>(i));
    atomicMax(&result->last, static_cast<unsigned long long>(i));
  }
}
template <class Op>
__global__ void some_inputs(const std::uint32_t* x, std::uint32_t* device, std::uint32_t* emulated, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) {
    device[i] = Op::device(x[i]);
    emulated[i] = Op::emulated(x[i]);
  }
}

/// Inputs of the capture file: specials, ends of ranges, and patterns of every exponent.
std::uint32_t sample(int i) {
  constexpr std::uint32_t fixed[] = {0U,          0x8000'0000U, 1U,           0x8000'0001U, 0x7f80'0000U, 0xff80'0000U,
                                     0x7fc0'0000U, 0xffc0'0000U, 0x7f80'0001U, 0xff80'0001U, 0x7f7f'ffffU, 0x477f'f000U,
                                     0x477f'efffU, 0x43e0'0000U, 0x43e8'0000U, 0x4768'0000U, 0x3f80'1000U, 0x3f80'3000U};
  constexpr int fixed_count = sizeof(fixed) / sizeof(fixed[0]);
  if (i < fixed_count) return fixed[i];
  const std::uint32_t mixed = static_cast<std::uint32_t>(i) * 0x9e37'79b1U;
  return i % 2 != 0 ? mixed : (mixed & 0x807f'f000U) | (100U + static_cast<std::uint32_t>(i) % 48U) << 23;
}

template <class Op>
int check_conversion(std::uint64_t count, std::FILE* file) {
  constexpr int samples = 96;
  cvt_result* result = nullptr;
  std::uint32_t* words = nullptr;
  if (!ok(cudaMallocManaged(&result, sizeof(cvt_result)), "cudaMallocManaged")) return 1;
  if (!ok(cudaMallocManaged(&words, (3 * samples + 6) * sizeof(std::uint32_t)), "cudaMallocManaged")) return 1;
  *result = {0, ~0ULL, 0};
  all_inputs<Op><<<132 * 16, 256>>>(count, result);
  bool good = ok(cudaGetLastError(), Op::name) && ok(cudaDeviceSynchronize(), Op::name);
  if (good) {
    std::uint32_t* x = words;
    for (int i = 0; i < samples; ++i) x[i] = static_cast<std::uint32_t>(sample(i) & (count - 1));
    x[samples] = static_cast<std::uint32_t>(result->first);
    x[samples + 1] = static_cast<std::uint32_t>(result->last);
    std::uint32_t* device = words + samples + 2;
    std::uint32_t* emulated = device + samples + 2;
    some_inputs<Op><<<1, 128>>>(x, device, emulated, samples + 2);
    good = ok(cudaDeviceSynchronize(), Op::name);
    if (result->mismatches != 0) {
      std::printf("%s: %llu inputs, %llu mismatches; input: device (emulated)", Op::name,
                  static_cast<unsigned long long>(count), result->mismatches);
    }
    int shown = 0;
    for (int i = samples + 1; good && result->mismatches != 0 && i >= 0 && shown < 8; --i) {
      if (device[i] == emulated[i]) continue;
      std::printf("%s %08x: %08x (%08x)", shown++ == 0 ? "" : ",", x[i], device[i], emulated[i]);
    }
    if (result->mismatches != 0) std::printf("\n");
    for (int i = 0; i < samples; ++i) std::fprintf(file, "%s %08x %08x %08x\n", Op::name, x[i], partner(x[i]), device[i]);
  }
  const int wrong = good && result->mismatches == 0 ? 0 : 1;
  cudaFree(result);
  cudaFree(words);
  std::fflush(stdout);
  return wrong;
}

template <class... Ops>
int check_conversions(std::uint64_t count, std::FILE* file) {
  return (0 + ... + check_conversion<Ops>(count, file));
}

#define NIBBLE_HALF_NAMES(ROUNDING, TYPE)                                                                             \
  cvt_##ROUNDING##_##TYPE##_f32, cvt_##ROUNDING##_satfinite_##TYPE##_f32, cvt_##ROUNDING##_relu_##TYPE##_f32,         \
      cvt_##ROUNDING##_relu_satfinite_##TYPE##_f32, cvt_##ROUNDING##_##TYPE##x2_f32,                                  \
      cvt_##ROUNDING##_satfinite_##TYPE##x2_f32, cvt_##ROUNDING##_relu_##TYPE##x2_f32,                                \
      cvt_##ROUNDING##_relu_satfinite_##TYPE##x2_f32

}  // namespace

int run_conversions(std::FILE* file) {
  constexpr std::uint64_t all = std::uint64_t{1} << 32;
  int wrong = check_conversions<cvt_rn_satfinite_e4m3x2_f32, cvt_rn_satfinite_relu_e4m3x2_f32,
                                cvt_rn_satfinite_e5m2x2_f32, cvt_rn_satfinite_relu_e5m2x2_f32,
                                cvt_rn_satfinite_e4m3x2_f16x2, cvt_rn_satfinite_relu_e4m3x2_f16x2,
                                cvt_rn_satfinite_e5m2x2_f16x2, cvt_rn_satfinite_relu_e5m2x2_f16x2>(all, file);
  wrong += check_conversions<cvt_rn_f16x2_e4m3x2, cvt_rn_relu_f16x2_e4m3x2, cvt_rn_f16x2_e5m2x2,
                             cvt_rn_relu_f16x2_e5m2x2>(std::uint64_t{1} << 16, file);
  wrong += check_conversions<NIBBLE_HALF_NAMES(rn, f16), NIBBLE_HALF_NAMES(rz, f16), NIBBLE_HALF_NAMES(rn, bf16),
                             NIBBLE_HALF_NAMES(rz, bf16)>(all, file);
  // .rn and .rz with .satfinite need sm_100.
  wrong += check_conversions<cvt_rna_tf32_f32, cvt_rna_satfinite_tf32_f32, cvt_rn_tf32_f32, cvt_rn_relu_tf32_f32,
                             cvt_rz_tf32_f32, cvt_rz_relu_tf32_f32>(all, file);
  return wrong;
}

}  // namespace capture
