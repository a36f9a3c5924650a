// SPDX-License-Identifier: Apache-2.0
// Formats, codecs and storage scalars in device code, with no flag beyond -std=c++20.
#include <cstdint>

#include <nibble/nibble.hpp>

// A format that a user describes is usable on the device like the named ones.
inline constexpr nibble::float_format my_format{.exponent_bits = 3, .mantissa_bits = 2, .bias = 4};
using my_float = nibble::minifloat<my_format>;
static_assert(sizeof(my_float) == 1);

__global__ void encode_kernel(const float* in, std::uint8_t* out, int count, std::uint32_t word) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const auto e2m1 = nibble::encode<nibble::formats::e2m1>(in[i]);
  const auto e4m3 = nibble::encode<nibble::formats::e4m3>(double(in[i]), nibble::toward_zero{}, nibble::overflow::special);
  const auto e5m2 = nibble::encode<nibble::formats::e5m2>(in[i], nibble::stochastic_bits<8>{word});
  const auto e8m0 = nibble::encode<nibble::e8m0>(in[i], nibble::upward{}, nibble::overflow::saturate, nibble::policy::p3109);
  out[i] = static_cast<std::uint8_t>(e2m1 ^ e4m3 ^ e5m2 ^ e8m0);
}

__global__ void decode_kernel(const std::uint8_t* in, float* out, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const auto x = nibble::e4m3::from_bits(in[i]);
  const my_float y{x, nibble::nearest_away{}};
  out[i] = isnan(x) || x < nibble::e4m3{0.0f} ? float(-y) : nibble::decode<nibble::formats::e2m1>(in[i]);
}

__global__ void numbers_kernel(nibble::f16* numbers, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) numbers[i] = nextafter(numbers[i], nibble::f16{float(nibble::bf16{float(i)})});
}
