// SPDX-License-Identifier: Apache-2.0

// The oracle against the host side of the CUDA toolkit's cuda_fp4.h, cuda_fp6.h and cuda_fp8.h, where they are found:
// all bfloat16 numbers, all midpoints with their neighbours, and random float and double numbers. Under fast-math the
// headers themselves lose NaN and subnormals, so that the comparison is left out.
#include <doctest/doctest.h>

#include <oracle/encode.hpp>
#include <oracle/formats.hpp>
#include <oracle/tensors.hpp>

#if __has_include(<cuda_fp4.h>) && __has_include(<cuda_fp6.h>) && __has_include(<cuda_fp8.h>) && !defined(__FAST_MATH__)
#include <cuda_fp4.h>
#include <cuda_fp6.h>
#include <cuda_fp8.h>

namespace {

using oracle::overflow;
using oracle::policy;
using oracle::rounding;

constexpr auto even = rounding::nearest_even;
constexpr auto zero = rounding::toward_zero;
constexpr auto up = rounding::upward;
constexpr auto saturate = overflow::saturate;
constexpr auto special = overflow::special;

std::vector<std::uint32_t> float_inputs() {
  std::vector<std::uint32_t> inputs;
  oracle::generator g(7);
  for (std::uint32_t i = 0; i < 0x10000; ++i) inputs.push_back(i << 16);
  for (int i = 0; i < 100000; ++i) inputs.push_back(static_cast<std::uint32_t>(g.next()));
  for (const auto& f : {oracle::e2m1, oracle::e2m3, oracle::e3m2, oracle::e4m3, oracle::e5m2}) {
    for (std::uint32_t code = 0; code <= oracle::max_code(f); ++code) {
      const auto middle = (oracle::magnitude_value(f, code) + oracle::magnitude_value(f, code + 1)) / 2;
      const std::uint32_t bits = oracle::bits_of_float(static_cast<double>(middle));
      for (const std::uint32_t b : {bits - 1, bits, bits + 1}) {
        inputs.push_back(b);
        inputs.push_back(b | 0x80000000U);
      }
    }
  }
  return inputs;
}

/// Random doubles: whole range, near one, with few bits, NaN and infinities.
std::vector<double> double_inputs() {
  std::vector<double> inputs = {oracle::infinity(), -oracle::infinity(), 0.0, -0.0, 1.0625 + 0x1p-40};
  oracle::generator g(8);
  for (int i = 0; i < 100000; ++i) {
    std::uint64_t bits = g.next();
    if (i % 2 != 0) bits = (bits & 0x800FFFFFFFFFFFFFU) | (std::uint64_t{1003 + g.below(40)} << 52);
    if (i % 4 == 3) bits = (bits & ~((std::uint64_t{1} << 44) - 1)) + g.below(3);
    if (i % 50 == 0) bits |= 0x7FF0000000000000U;
    inputs.push_back(oracle::bits_double(bits));
  }
  return inputs;
}

/// Differences between a conversion of the headers and the oracle over all float inputs.
template <class Theirs>
int float_differences(const oracle::format& f, rounding mode, overflow rule, Theirs theirs) {
  int wrong = 0;
  for (const std::uint32_t bits : float_inputs()) {
    if (theirs(oracle::bits_float(bits)) != oracle::encode(f, oracle::float_value(bits), mode, rule)) ++wrong;
  }
  return wrong;
}

template <class Theirs>
int double_differences(const oracle::format& f, rounding mode, overflow rule, Theirs theirs) {
  int wrong = 0;
  for (const double x : double_inputs()) {
    if (theirs(x) != oracle::encode(f, x, mode, rule, policy::cuda, true)) ++wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("oracle: float to FP4 and FP6 of the CUDA headers") {
  const auto fp4 = [](cudaRoundMode mode) {
    return [=](float x) { return __nv_cvt_float_to_fp4(x, __NV_E2M1, mode); };
  };
  const auto fp6 = [](__nv_fp6_interpretation_t f, cudaRoundMode mode) {
    return [=](float x) { return __nv_cvt_float_to_fp6(x, f, mode); };
  };
  CHECK(float_differences(oracle::e2m1, even, saturate, fp4(cudaRoundNearest)) == 0);
  CHECK(float_differences(oracle::e2m1, zero, saturate, fp4(cudaRoundZero)) == 0);
  CHECK(float_differences(oracle::e2m3, even, saturate, fp6(__NV_E2M3, cudaRoundNearest)) == 0);
  CHECK(float_differences(oracle::e3m2, zero, saturate, fp6(__NV_E3M2, cudaRoundZero)) == 0);
}

TEST_CASE("oracle: float to FP8 and E8M0 of the CUDA headers") {
  const auto fp8 = [](__nv_saturation_t s, __nv_fp8_interpretation_t f) {
    return [=](float x) { return __nv_cvt_float_to_fp8(x, s, f); };
  };
  const auto e8m0 = [](__nv_saturation_t s, cudaRoundMode mode) {
    return [=](float x) { return __nv_cvt_float_to_e8m0(x, s, mode); };
  };
  CHECK(float_differences(oracle::e4m3, even, saturate, fp8(__NV_SATFINITE, __NV_E4M3)) == 0);
  CHECK(float_differences(oracle::e4m3, even, special, fp8(__NV_NOSAT, __NV_E4M3)) == 0);
  CHECK(float_differences(oracle::e5m2, even, saturate, fp8(__NV_SATFINITE, __NV_E5M2)) == 0);
  CHECK(float_differences(oracle::e5m2, even, special, fp8(__NV_NOSAT, __NV_E5M2)) == 0);
  CHECK(float_differences(oracle::e8m0, up, saturate, e8m0(__NV_SATFINITE, cudaRoundPosInf)) == 0);
  CHECK(float_differences(oracle::e8m0, up, special, e8m0(__NV_NOSAT, cudaRoundPosInf)) == 0);
  CHECK(float_differences(oracle::e8m0, zero, special, e8m0(__NV_NOSAT, cudaRoundZero)) == 0);
}

TEST_CASE("oracle: double to the small formats of the CUDA headers") {
  const auto fp4 = [](double x) { return __nv_cvt_double_to_fp4(x, __NV_E2M1, cudaRoundNearest); };
  const auto e4m3 = [](double x) { return __nv_cvt_double_to_fp8(x, __NV_SATFINITE, __NV_E4M3); };
  const auto e5m2 = [](double x) { return __nv_cvt_double_to_fp8(x, __NV_NOSAT, __NV_E5M2); };
  const auto e8m0 = [](double x) { return __nv_cvt_double_to_e8m0(x, __NV_SATFINITE, cudaRoundPosInf); };
  CHECK(double_differences(oracle::e2m1, even, saturate, fp4) == 0);
  CHECK(double_differences(oracle::e4m3, even, saturate, e4m3) == 0);
  CHECK(double_differences(oracle::e5m2, even, special, e5m2) == 0);
  CHECK(double_differences(oracle::e8m0, up, saturate, e8m0) == 0);
}

#else

TEST_CASE("oracle: the CUDA headers") {
  MESSAGE("cuda_fp4.h, cuda_fp6.h or cuda_fp8.h was not found, or this is a fast-math build");
}

#endif
