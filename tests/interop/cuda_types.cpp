// SPDX-License-Identifier: Apache-2.0
//
// The CUDA toolkit's types and nibble's have the same codes and the same values.
#include <doctest/doctest.h>

#include <type_traits>

#include <nibble/interop/cuda_types.hpp>
#include <oracle/formats.hpp>

namespace {

/// Every code there and back, and its value by the toolkit's own conversion to float.
template <class Number, class Cuda>
int differences(const oracle::format& f) {
  static_assert(std::is_same_v<nibble::cuda_counterpart<Number>, Cuda>);
  static_assert(std::is_same_v<nibble::cuda_counterpart<Cuda>, Number>);
  static_assert(sizeof(Number) == sizeof(Cuda));
  int wrong = 0;
  for (std::uint32_t code = 0; code < std::uint32_t{1} << f.bits(); ++code) {
    const Cuda x = nibble::to_cuda(Number::from_bits(code));
    if (nibble::from_cuda(x).bits() != code) ++wrong;
    const double theirs = static_cast<double>(static_cast<float>(x));
    const double expected = oracle::decode(f, code);
    const bool nan = oracle::is_nan(expected);
    if (nan ? !oracle::is_nan(theirs) : oracle::double_bits(theirs) != oracle::double_bits(expected)) ++wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("types without counterpart are told apart") {
  CHECK_FALSE(nibble::has_cuda_counterpart<nibble::e4m3fnuz>);
  CHECK_FALSE(nibble::has_cuda_counterpart<float>);
}

#if __has_include(<cuda_fp16.h>) && __has_include(<cuda_bf16.h>)
TEST_CASE("16 bits") {
  CHECK(differences<nibble::f16, __half>(oracle::f16) == 0);
  CHECK(differences<nibble::bf16, __nv_bfloat16>(oracle::bf16) == 0);
}
#endif

#if __has_include(<cuda_fp8.h>)
TEST_CASE("8 bits") {
  CHECK(differences<nibble::e4m3, __nv_fp8_e4m3>(oracle::e4m3) == 0);
  CHECK(differences<nibble::e5m2, __nv_fp8_e5m2>(oracle::e5m2) == 0);
}
#endif

#if __has_include(<cuda_fp6.h>) && __has_include(<cuda_fp4.h>)
TEST_CASE("scales, 6 and 4 bits") {
  CHECK(differences<nibble::e8m0, __nv_fp8_e8m0>(oracle::e8m0) == 0);
  CHECK(differences<nibble::e2m3, __nv_fp6_e2m3>(oracle::e2m3) == 0);
  CHECK(differences<nibble::e3m2, __nv_fp6_e3m2>(oracle::e3m2) == 0);
  CHECK(differences<nibble::e2m1, __nv_fp4_e2m1>(oracle::e2m1) == 0);
}

TEST_CASE("pairs of 4 bits keep the first number in the low half") {
  const __nv_fp4x2_e2m1 theirs(make_float2(1.0F, 6.0F));
  CHECK(nibble::first_of(theirs) == nibble::e2m1{1.0F});
  CHECK(nibble::second_of(theirs) == nibble::e2m1{6.0F});
  int wrong = 0;
  for (std::uint32_t code = 0; code < 256; ++code) {
    const auto pair = nibble::to_cuda(nibble::e2m1::from_bits(code), nibble::e2m1::from_bits(code >> 4));
    if (nibble::first_of(pair).bits() != code % 16 || nibble::second_of(pair).bits() != code / 16) ++wrong;
    const float2 values = static_cast<float2>(pair);
    if (static_cast<double>(values.x) != oracle::decode(oracle::e2m1, code % 16)) ++wrong;
    if (static_cast<double>(values.y) != oracle::decode(oracle::e2m1, code / 16)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("vectors hold the first number in the lowest bits") {
  using nibble::from_cuda;
  using nibble::to_cuda;
  for (std::uint32_t code = 0; code < 256; ++code) {
    const auto a = nibble::e5m2::from_bits(code);
    const auto b = nibble::e5m2::from_bits(code ^ 0x5aU);
    const auto four = to_cuda<__nv_fp8x4_e5m2>(a, b, b, a);
    CHECK(nibble::bit_cast<std::uint32_t>(four) == (code | (code ^ 0x5aU) * 0x0001'0100U | code << 24));
    CHECK(from_cuda(four, 1).bits() == b.bits());
    CHECK(from_cuda(four, 3).bits() == a.bits());
    const auto c = nibble::e2m1::from_bits(code & 15U);
    const auto d = nibble::e2m1::from_bits(code >> 4);
    CHECK(nibble::bit_cast<std::uint8_t>(to_cuda<__nv_fp4x2_e2m1>(c, d)) == code);
    const auto nibbles = to_cuda<__nv_fp4x4_e2m1>(c, d, d, c);
    CHECK(nibble::bit_cast<std::uint16_t>(nibbles) == ((code & 15U) | (code >> 4) * 0x110U | (code & 15U) << 12));
    CHECK(from_cuda(nibbles, 2).bits() == d.bits());
    const auto e = nibble::e2m3::from_bits(code & 63U);
    const auto six = to_cuda<__nv_fp6x2_e2m3>(e, nibble::e2m3::from_bits(9));
    CHECK(nibble::bit_cast<std::uint16_t>(six) == ((code & 63U) | 0x900U));
    CHECK(from_cuda(to_cuda<__nv_fp8x2_e8m0>(nibble::e8m0::from_bits(1), nibble::e8m0::from_bits(code)), 1).bits() == code);
  }
}
#endif
