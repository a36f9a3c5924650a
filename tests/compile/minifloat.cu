// SPDX-License-Identifier: Apache-2.0
// Kernels that use storage scalars, codecs, presets, packed codes and the toolkit's types, with no flag beyond
// -std=c++20.
#include <cstdint>

#include <nibble/format/p3109.hpp>
#include <nibble/interop/cuda_types.hpp>
#include <nibble/interop/mdspan.hpp>
#include <nibble/number/limits.hpp>
#include <nibble/number/minifloat.hpp>
#include <nibble/packed/layout.hpp>

template <class T>
__global__ void convert(const float* in, const double* wide, typename T::storage_type* codes, T* numbers, float* back,
                        std::uint32_t word) {
  const unsigned i = threadIdx.x;
  codes[i] =
      nibble::encode<T>(in[i], nibble::stochastic_bits<8>{word}, nibble::overflow::special, nibble::policy::ml_dtypes);
  const T x{in[i]};
  const T y{wide[i], nibble::nearest_away{}};
  const T z{static_cast<long long>(wide[i])};
  numbers[i] = x < y || x == z ? abs(x) : nextafter(y, z);
  back[i] = isnan(x) ? float(std::numeric_limits<T>::max()) : nibble::decode<T>(codes[i]);
}
template __global__ void convert<nibble::e2m1>(const float*, const double*, std::uint8_t*, nibble::e2m1*, float*,
                                               std::uint32_t);
template __global__ void convert<nibble::e4m3fnuz>(const float*, const double*, std::uint8_t*, nibble::e4m3fnuz*,
                                                   float*, std::uint32_t);
template __global__ void convert<nibble::e8m0>(const float*, const double*, std::uint8_t*, nibble::e8m0*, float*,
                                               std::uint32_t);
template __global__ void convert<nibble::f16>(const float*, const double*, std::uint16_t*, nibble::f16*, float*,
                                              std::uint32_t);

// A format, a rounding and a policy that are known at run time only, named by the library's constants.
__global__ void convert_by_value(const nibble::bf16* in, std::uint32_t* codes, int mode) {
  const unsigned i = threadIdx.x;
  const nibble::rounding_choice rounding{static_cast<nibble::rounding_mode>(mode)};
  codes[i] = nibble::encode(nibble::formats::e5m2, in[i], rounding, nibble::overflow::saturate, nibble::policy::onednn);
  codes[i] += nibble::encode(nibble::formats::binary8p4se, float(in[i]));
}

__global__ void repack(const std::uint8_t* in, std::uint8_t* out) {
  const unsigned i = threadIdx.x;
  const std::uint32_t code = nibble::load_code(nibble::layouts::ggml_mxfp4, in, i);
  nibble::store_code(nibble::layouts::dense6, out, i, code);
  const nibble::packed_accessor<nibble::formats::e2m1> accessor;
  accessor.access({out, 0}, i) = -nibble::e2m1{accessor.access({out, 1}, i)};
}

__global__ void exchange(const __nv_fp8_e4m3* in, __nv_fp4x2_e2m1* out) {
  const unsigned i = threadIdx.x;
  const nibble::e4m3 x = nibble::from_cuda(in[i]);
  out[i] = nibble::to_cuda(nibble::e2m1{x}, nibble::second_of(out[i]));
}
