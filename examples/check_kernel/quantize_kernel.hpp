// SPDX-License-Identifier: Apache-2.0
//
// An NVFP4 quantizer as one might write it for a GPU, with a mistake in it: one thread codes one block of 16 elements. The
// body is a plain function for host and device, so that the program shows the same diagnosis without a GPU.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#define KERNEL_FUNCTION __host__ __device__ inline
#else
#define KERNEL_FUNCTION inline
#endif

namespace example {

/// Where the kernel reads and writes. `cols` is a multiple of 16.
struct task {
  const float* x;
  std::size_t rows, cols;
  float encode;  ///< 2688 / amax of the tensor
  std::uint8_t* codes;   ///< two a byte, the even column in the low half
  std::uint8_t* scales;  ///< [rows][cols / 16]
};

/// E4M3, rounded to nearest even, for 0 <= v <= 448.
KERNEL_FUNCTION std::uint8_t to_e4m3(float v) {
  if (v < 0x1p-6F) return static_cast<std::uint8_t>(rintf(v * 512.0F));
  int exponent = 0;
  const float fraction = frexpf(v, &exponent);  // in [0.5, 1)
  const int eighths = static_cast<int>(rintf(fraction * 16.0F));
  const int code = ((exponent + 6) << 3) + eighths - 8;
  return static_cast<std::uint8_t>(code < 0x7e ? code : 0x7e);
}
KERNEL_FUNCTION float from_e4m3(std::uint8_t code) {
  const int field = code >> 3, rest = code & 7;
  return field == 0 ? ldexpf(static_cast<float>(rest), -9) : ldexpf(static_cast<float>(8 + rest), field - 10);
}

/// E2M1. The mistake: a number halfway between two goes away from zero, where the hardware takes the even one.
KERNEL_FUNCTION std::uint8_t to_e2m1(float v) {
  const float middle[] = {0.25F, 0.75F, 1.25F, 1.75F, 2.5F, 3.5F, 5.0F};
  const float magnitude = fabsf(v);
  unsigned code = 0;
  for (const float m : middle) code += magnitude >= m ? 1U : 0U;
  return static_cast<std::uint8_t>(code | (std::signbit(v) ? 8U : 0U));
}

/// Block `index` of the matrix.
KERNEL_FUNCTION void quantize_block(const task& t, std::size_t index) {
  const std::size_t across = t.cols / 16;
  const std::size_t row = index / across, col = index % across * 16;
  const float* x = t.x + row * t.cols + col;
  float amax = 0;
  for (int i = 0; i < 16; ++i) amax = fmaxf(amax, fabsf(x[i]));
  const std::uint8_t scale = to_e4m3(amax * (t.encode * (1.0F / 6.0F)));
  t.scales[index] = scale;
  const float inverse = fminf(1.0F / (from_e4m3(scale) * (1.0F / t.encode)), 3.402823466e+38F);
  for (int i = 0; i < 16; i += 2) {
    const unsigned byte = to_e2m1(x[i] * inverse) | static_cast<unsigned>(to_e2m1(x[i + 1] * inverse)) << 4;
    t.codes[(row * t.cols + col + static_cast<std::size_t>(i)) / 2] = static_cast<std::uint8_t>(byte);
  }
}

/// Runs the kernel on the GPU, x and results in host memory. False where there is none.
bool run_on_device(const task& t);

}  // namespace example
