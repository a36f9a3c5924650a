// SPDX-License-Identifier: Apache-2.0
//
// The device half of the capture program: issues wgmma and mma.sync on tiles of operands. Build for sm_90a.
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include <nibble/emulate/tensor_core.hpp>

#include "capture.hpp"
#include "device.cuh"

namespace capture {
namespace {

// ---- warpgroup instructions: A and B in shared memory without swizzle, core matrices of 8 rows x 16 bytes ----

__device__ std::uint64_t descriptor(const void* shared, std::uint32_t leading, std::uint32_t stride) {
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  return (address & 0x3'ffffU) >> 4 | static_cast<std::uint64_t>(leading >> 4) << 16 |
         static_cast<std::uint64_t>(stride >> 4) << 32;
}

#define NIBBLE_WGMMA_F32(NAME, TEXT, TAIL)                                                                           \
  struct NAME {                                                                                                      \
    static constexpr int registers = 4;                                                                              \
    static __device__ void run(std::uint32_t (&d)[4], std::uint64_t a, std::uint64_t b) {                            \
      asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0;\n wgmma.mma_async.sync.aligned." TEXT                        \
                   " {%0, %1, %2, %3}, %4, %5, p, 1, 1" TAIL ";}"                                                    \
                   : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]) : "l"(a), "l"(b));                               \
    }                                                                                                                \
  };
#define NIBBLE_WGMMA_F16(NAME, TEXT, TAIL)                                                                           \
  struct NAME {                                                                                                      \
    static constexpr int registers = 2;                                                                              \
    static __device__ void run(std::uint32_t (&d)[4], std::uint64_t a, std::uint64_t b) {                            \
      asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0;\n wgmma.mma_async.sync.aligned." TEXT                        \
                   " {%0, %1}, %2, %3, p, 1, 1" TAIL ";}"                                                            \
                   : "+r"(d[0]), "+r"(d[1]) : "l"(a), "l"(b));                                                       \
    }                                                                                                                \
  };
NIBBLE_WGMMA_F32(wgmma_0, "m64n8k32.f32.e4m3.e4m3", "")
NIBBLE_WGMMA_F32(wgmma_1, "m64n8k32.f32.e4m3.e5m2", "")
NIBBLE_WGMMA_F32(wgmma_2, "m64n8k32.f32.e5m2.e4m3", "")
NIBBLE_WGMMA_F32(wgmma_3, "m64n8k32.f32.e5m2.e5m2", "")
NIBBLE_WGMMA_F16(wgmma_4, "m64n8k32.f16.e4m3.e4m3", "")
NIBBLE_WGMMA_F16(wgmma_5, "m64n8k32.f16.e4m3.e5m2", "")
NIBBLE_WGMMA_F16(wgmma_6, "m64n8k32.f16.e5m2.e4m3", "")
NIBBLE_WGMMA_F16(wgmma_7, "m64n8k32.f16.e5m2.e5m2", "")
NIBBLE_WGMMA_F32(wgmma_8, "m64n8k16.f32.f16.f16", ", 0, 0")
NIBBLE_WGMMA_F16(wgmma_9, "m64n8k16.f16.f16.f16", ", 0, 0")
NIBBLE_WGMMA_F32(wgmma_10, "m64n8k16.f32.bf16.bf16", ", 0, 0")
NIBBLE_WGMMA_F32(wgmma_11, "m64n8k8.f32.tf32.tf32", "")

// ---- warp instructions ----

#define NIBBLE_MMA_F32(NAME, TEXT)                                                                                   \
  struct NAME {                                                                                                      \
    static constexpr int registers = 4;                                                                              \
    static __device__ void run(std::uint32_t (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {    \
      asm volatile("mma.sync.aligned." TEXT " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"       \
                   : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                                                  \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                              \
    }                                                                                                                \
  };
#define NIBBLE_MMA_F16(NAME, TEXT)                                                                                   \
  struct NAME {                                                                                                      \
    static constexpr int registers = 2;                                                                              \
    static __device__ void run(std::uint32_t (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {    \
      asm volatile("mma.sync.aligned." TEXT " {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, {%0, %1};"                       \
                   : "+r"(d[0]), "+r"(d[1])                                                                          \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                              \
    }                                                                                                                \
  };
#define NIBBLE_FLOAT_REGISTERS(NAME, TEXT)                                                                           \
  struct NAME {                                                                                                      \
    static constexpr int registers = 4;                                                                              \
    static __device__ void run(std::uint32_t (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {    \
      float f[4];                                                                                                    \
      for (int i = 0; i < 4; ++i) f[i] = __uint_as_float(d[i]);                                                      \
      asm volatile("mma.sync.aligned." TEXT " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"       \
                   : "+f"(f[0]), "+f"(f[1]), "+f"(f[2]), "+f"(f[3])                                                  \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                              \
      for (int i = 0; i < 4; ++i) d[i] = __float_as_uint(f[i]);                                                      \
    }                                                                                                                \
  };
NIBBLE_FLOAT_REGISTERS(mma_12, "m16n8k32.row.col.f32.e4m3.e4m3.f32")
NIBBLE_FLOAT_REGISTERS(mma_13, "m16n8k32.row.col.f32.e4m3.e5m2.f32")
NIBBLE_FLOAT_REGISTERS(mma_14, "m16n8k32.row.col.f32.e5m2.e4m3.f32")
NIBBLE_FLOAT_REGISTERS(mma_15, "m16n8k32.row.col.f32.e5m2.e5m2.f32")
NIBBLE_MMA_F16(mma_16, "m16n8k32.row.col.f16.e4m3.e4m3.f16")
NIBBLE_MMA_F16(mma_17, "m16n8k32.row.col.f16.e4m3.e5m2.f16")
NIBBLE_MMA_F16(mma_18, "m16n8k32.row.col.f16.e5m2.e4m3.f16")
NIBBLE_MMA_F16(mma_19, "m16n8k32.row.col.f16.e5m2.e5m2.f16")
NIBBLE_FLOAT_REGISTERS(mma_20, "m16n8k16.row.col.f32.f16.f16.f32")
NIBBLE_MMA_F16(mma_21, "m16n8k16.row.col.f16.f16.f16.f16")
NIBBLE_FLOAT_REGISTERS(mma_22, "m16n8k16.row.col.f32.bf16.bf16.f32")
NIBBLE_FLOAT_REGISTERS(mma_23, "m16n8k8.row.col.f32.tf32.tf32.f32")

/// The accumulator fragment of one warp's 16 x 8 part: registers hold one f32 or two f16.
template <int Registers, class Word>
__device__ void each_element(Word* part, std::uint32_t (&d)[4], bool store) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (!store) d[0] = d[1] = d[2] = d[3] = 0;
  for (int i = 0; i < 4; ++i) {
    Word& element = part[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2];
    if (Registers == 4) {
      if (store) element = d[i]; else d[i] = element;
    } else {
      if (store) element = d[i / 2] >> (i % 2 * 16) & 0xffffU; else d[i / 2] |= element << (i % 2 * 16);
    }
  }
}

template <class Op>
__global__ void warpgroup_kernel(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t* d, bool swapped) {
  __shared__ alignas(128) std::uint8_t shared[64 * row_bytes + 8 * row_bytes];
  const std::size_t tile = blockIdx.x;
  // Core matrix (row / 8, byte / 16) starts at 256 * (row / 8) + 128 * (byte / 16); its rows follow each other.
  for (int i = static_cast<int>(threadIdx.x); i < 72 * row_bytes; i += 128) {
    const int row = i / row_bytes;
    const int byte = i % row_bytes;
    const int at = row / 8 * 256 + byte / 16 * 128 + row % 8 * 16 + byte % 16;
    shared[at] = row < 64 ? a[tile * 64 * row_bytes + i] : b[tile * 8 * row_bytes + i - 64 * row_bytes];
  }
  std::uint32_t registers[4];
  std::uint32_t* part = d + tile * 512 + threadIdx.x / 32 * 128;
  each_element<Op::registers>(part, registers, false);
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  const std::uint32_t leading = swapped ? 256 : 128;
  const std::uint32_t stride = swapped ? 128 : 256;
  const std::uint64_t a_descriptor = descriptor(shared, leading, stride);
  const std::uint64_t b_descriptor = descriptor(shared + 64 * row_bytes, leading, stride);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
  Op::run(registers, a_descriptor, b_descriptor);
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  asm volatile("wgmma.wait_group.sync.aligned 0;" : "+r"(registers[0]), "+r"(registers[1]), "+r"(registers[2]), "+r"(registers[3]) :: "memory");
  each_element<Op::registers>(part, registers, true);
}

template <class Op>
__global__ void warp_kernel(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t* d, std::size_t count) {
  const std::size_t tile = blockIdx.x * std::size_t{4} + threadIdx.x / 32;
  if (tile >= count) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const auto word = [&](const std::uint8_t* rows, int row, int byte) {
    return *reinterpret_cast<const std::uint32_t*>(rows + row * row_bytes + byte);
  };
  const std::uint8_t* rows = a + tile * 16 * row_bytes;
  const std::uint8_t* columns = b + tile * 8 * row_bytes;
  const int byte = lane % 4 * 4;
  const std::uint32_t x[4] = {word(rows, lane / 4, byte), word(rows, lane / 4 + 8, byte),
                              word(rows, lane / 4, byte + 16), word(rows, lane / 4 + 8, byte + 16)};
  const std::uint32_t y[2] = {word(columns, lane / 4, byte), word(columns, lane / 4, byte + 16)};
  std::uint32_t registers[4];
  each_element<Op::registers>(d + tile * 128, registers, false);
  Op::run(registers, x, y);
  each_element<Op::registers>(d + tile * 128, registers, true);
}

template <class Op>
void launch_wgmma(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t* d, std::size_t count, bool swapped) {
  warpgroup_kernel<Op><<<static_cast<unsigned>(count), 128>>>(a, b, d, swapped);
}
template <class Op>
void launch_mma(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t* d, std::size_t count, bool) {
  warp_kernel<Op><<<static_cast<unsigned>((count + 3) / 4), 128>>>(a, b, d, count);
}

using launcher = void (*)(const std::uint8_t*, const std::uint8_t*, std::uint32_t*, std::size_t, bool);
constexpr launcher launchers[] = {
    launch_wgmma<wgmma_0>, launch_wgmma<wgmma_1>, launch_wgmma<wgmma_2>,  launch_wgmma<wgmma_3>,
    launch_wgmma<wgmma_4>, launch_wgmma<wgmma_5>, launch_wgmma<wgmma_6>,  launch_wgmma<wgmma_7>,
    launch_wgmma<wgmma_8>, launch_wgmma<wgmma_9>, launch_wgmma<wgmma_10>, launch_wgmma<wgmma_11>,
    launch_mma<mma_12>,    launch_mma<mma_13>,    launch_mma<mma_14>,     launch_mma<mma_15>,
    launch_mma<mma_16>,    launch_mma<mma_17>,    launch_mma<mma_18>,     launch_mma<mma_19>,
    launch_mma<mma_20>,    launch_mma<mma_21>,    launch_mma<mma_22>,     launch_mma<mma_23>};
static_assert(sizeof(launchers) / sizeof(launchers[0]) == instruction_count);

}  // namespace

bool run_tiles(int instruction, tiles& t, bool swapped_strides) {
  std::uint8_t* a = nullptr;
  std::uint8_t* b = nullptr;
  std::uint32_t* d = nullptr;
  const std::size_t words = t.c.size() * sizeof(std::uint32_t);
  bool good = ok(cudaMalloc(&a, t.a.size()), "cudaMalloc") && ok(cudaMalloc(&b, t.b.size()), "cudaMalloc") &&
              ok(cudaMalloc(&d, words), "cudaMalloc") &&
              ok(cudaMemcpy(a, t.a.data(), t.a.size(), cudaMemcpyHostToDevice), "copy of A") &&
              ok(cudaMemcpy(b, t.b.data(), t.b.size(), cudaMemcpyHostToDevice), "copy of B") &&
              ok(cudaMemcpy(d, t.c.data(), words, cudaMemcpyHostToDevice), "copy of C");
  if (good) {
    launchers[instruction](a, b, d, t.count, swapped_strides);
    good = ok(cudaGetLastError(), "launch") && ok(cudaDeviceSynchronize(), "kernel") &&
           ok(cudaMemcpy(t.d.data(), d, words, cudaMemcpyDeviceToHost), "copy of D");
  }
  cudaFree(a);
  cudaFree(b);
  cudaFree(d);
  return good;
}

}  // namespace capture

/// capture FILE DIFFERENCES [DOTS]: writes samples to FILE and mismatches to DIFFERENCES; DOTS dot products an instruction
/// (10^7 and a bit).
int main(int argc, char** argv) {
  using namespace capture;
  std::FILE* file = argc > 2 ? std::fopen(argv[1], "w") : nullptr;
  std::FILE* differences = argc > 2 ? std::fopen(argv[2], "w") : nullptr;
  if (file == nullptr || differences == nullptr) {
    std::printf("usage: capture FILE DIFFERENCES [DOTS]\n");
    return 2;
  }
  const std::size_t dots = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10'240'000U;
  cudaDeviceProp properties{};
  if (!ok(cudaGetDeviceProperties(&properties, 0), "device")) return 2;
  std::printf("%s, sm_%d%d\n", properties.name, properties.major, properties.minor);
  std::fprintf(file, "# %s, sm_%d%d\n", properties.name, properties.major, properties.minor);
  int wrong = 0;
  bool swapped = false;
  if (!layout_is_right(0, false)) {
    swapped = layout_is_right(0, true);
    std::printf("shared-memory layout: default strides fail the integer check; swapped strides %s\n", swapped ? "pass" : "fail, too");
  }
  for (int i = 0; i < instruction_count; ++i) {
    const bool comparable = layout_is_right(i, swapped);
    if (!comparable) std::printf("%s: LAYOUT IS WRONG, not compared\n", instructions[i].name);
    wrong += !comparable || check_instruction(i, dots, swapped, file, differences) != 0 ? 1 : 0;
  }
  const int wrong_conversions = run_conversions(file);
  std::printf("conversions: %d of 50 differ, each on all inputs\n", wrong_conversions);
  wrong += wrong_conversions;
  if (check_gemms != nullptr) check_gemms(differences);
  std::fclose(file);
  std::fclose(differences);
  std::printf("%d instructions differ from the emulation\n", wrong);
  return wrong == 0 ? 0 : 1;
}
