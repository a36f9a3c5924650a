// SPDX-License-Identifier: Apache-2.0
//
// What the published conversions do with NaN, Inf, -0, overflow and negative scales, value by value: CUDA 13.0 headers,
// PTX ISA 9.0 cvt, ml_dtypes float8.h and mxfloat.h, oneDNN float8.cpp and float4.cpp, CUTLASS exmy_base.h and
// float8.h, Transformer Engine's reference_nvfp4.py, ggml-quants.c.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/format/p3109.hpp>

namespace {

using namespace nibble;
using namespace nibble::formats;

constexpr float infinite = std::numeric_limits<float>::infinity();
constexpr float largest = std::numeric_limits<float>::max();
const float nan_plus = bit_cast<float>(0x7fc00000U);
const float nan_minus = bit_cast<float>(0xffc00000U);

constexpr rounding_choice even{rounding_mode::nearest_even};
constexpr rounding_choice away{rounding_mode::nearest_away};
constexpr rounding_choice zero{rounding_mode::toward_zero};
constexpr rounding_choice up{rounding_mode::upward};
constexpr auto saturate = overflow::saturate;
constexpr auto special = overflow::special;

struct row {
  float_format format;
  float x;
  rounding_choice rounding;
  nibble::overflow overflow;
  std::uint32_t code;
};

int wrong(const special_policy& p, std::span<const row> rows) {
  int count = 0;
  for (const row& r : rows) {
    const std::uint32_t code = encode(r.format, r.x, r.rounding, r.overflow, p);
    if (code == r.code) continue;
    std::printf("row %d: 0x%x instead of 0x%x\n", static_cast<int>(&r - rows.data()), code, r.code);
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("policy::cuda from float32: NaN is positive, Inf follows the saturation") {
  const row rows[] = {
      {e2m1, nan_plus, even, saturate, 0x7},   {e2m1, nan_minus, even, saturate, 0x7},
      {e2m1, infinite, even, saturate, 0x7},   {e2m1, -infinite, even, saturate, 0xf},
      {e2m1, -0.0f, even, saturate, 0x8},      {e2m1, -0.1f, even, saturate, 0x8},
      {e2m3, nan_minus, even, saturate, 0x1f}, {e3m2, nan_minus, even, saturate, 0x1f},
      {e2m3, -infinite, even, saturate, 0x3f}, {e3m2, -infinite, even, saturate, 0x3f},
      {e2m3, -0.0f, even, saturate, 0x20},     {e3m2, -1e-30f, even, saturate, 0x20},
      {e4m3, nan_plus, even, saturate, 0x7f},  {e4m3, nan_minus, even, saturate, 0x7f},
      {e4m3, nan_minus, even, special, 0x7f},  {e4m3, 500.0f, even, saturate, 0x7e},
      {e4m3, 500.0f, even, special, 0x7f},     {e4m3, -500.0f, even, special, 0xff},
      {e4m3, infinite, even, saturate, 0x7e},  {e4m3, infinite, even, special, 0x7f},
      {e4m3, -infinite, even, saturate, 0xfe}, {e4m3, -infinite, even, special, 0xff},
      {e4m3, 464.0f, even, special, 0x7e},     {e4m3, 464.00003f, even, special, 0x7f},
      {e5m2, nan_plus, even, saturate, 0x7f},  {e5m2, nan_minus, even, special, 0x7f},
      {e5m2, infinite, even, saturate, 0x7b},  {e5m2, infinite, even, special, 0x7c},
      {e5m2, -infinite, even, special, 0xfc},  {e5m2, 61440.0f, even, special, 0x7c},
      {e5m2, 61439.996f, even, special, 0x7b}, {e5m2, 61440.0f, even, saturate, 0x7b},
  };
  CHECK(wrong(policy::cuda, rows) == 0);
}

TEST_CASE("policy::cuda, E8M0: the sign is dropped, 0 is the smallest scale") {
  const row rows[] = {
      {e8m0, 0.0f, zero, saturate, 0x00},      {e8m0, -0.0f, up, special, 0x00},
      {e8m0, -1.0f, zero, saturate, 0x7f},     {e8m0, 1.5f, zero, saturate, 0x7f},
      {e8m0, 1.5f, up, saturate, 0x80},        {e8m0, 3.0f, up, saturate, 0x81},
      {e8m0, 0x1p-127f, up, saturate, 0x00},   {e8m0, 0x1.8p-127f, zero, saturate, 0x00},
      {e8m0, 0x1.8p-127f, up, saturate, 0x01}, {e8m0, 0x1p-149f, up, saturate, 0x00},
      {e8m0, infinite, up, saturate, 0xfe},    {e8m0, infinite, zero, special, 0xff},
      {e8m0, -infinite, zero, saturate, 0xfe}, {e8m0, nan_plus, zero, saturate, 0xff},
      {e8m0, nan_minus, up, special, 0xff},    {e8m0, largest, up, saturate, 0xfe},
      {e8m0, largest, up, special, 0xff},      {e8m0, largest, zero, special, 0xfe},
  };
  CHECK(wrong(policy::cuda, rows) == 0);
  // A finite double beyond float32 stays finite toward zero (cuda_fp8.hpp goes through a float with a sticky bit).
  CHECK(encode<e8m0>(1e300, toward_zero{}, special, policy::cuda) == 0xfe);
  CHECK(encode<e8m0>(std::numeric_limits<double>::infinity(), toward_zero{}, special, policy::cuda) == 0xff);
}

TEST_CASE("policy::cuda from double keeps the NaN's sign in FP8, and E5M2's top payload bits") {
  const auto nan = [](std::uint64_t payload) { return bit_cast<double>(0x7ff0000000000000U | payload); };
  CHECK(encode<e4m3>(nan(1)) == 0x7f);
  CHECK(encode<e4m3>(-nan(1)) == 0xff);
  CHECK(encode<e5m2>(nan(1)) == 0x7e);
  CHECK(encode<e5m2>(-nan(1)) == 0xfe);
  CHECK(encode<e5m2>(nan(std::uint64_t{1} << 51)) == 0x7e);
  CHECK(encode<e5m2>(nan(std::uint64_t{1} << 50)) == 0x7f);
  CHECK(encode<e5m2>(-nan(std::uint64_t{3} << 50)) == 0xff);
  CHECK(encode<e2m1>(-nan(1)) == 0x7);
  CHECK(encode<e2m3>(-nan(1)) == 0x1f);
  CHECK(encode<e8m0>(-nan(1), toward_zero{}) == 0xff);
}

TEST_CASE("policy::ml_dtypes") {
  const row rows[] = {
      {e2m1, nan_plus, even, special, 0x8},
      {e2m1, nan_minus, even, special, 0x0},
      {e2m1, infinite, even, special, 0x7},
      {e2m1, -infinite, even, special, 0xf},
      {e2m1, -0.0f, even, special, 0x8},
      {e2m3, nan_plus, even, special, 0x20},
      {e3m2, nan_minus, even, special, 0x00},
      {e4m3, nan_plus, even, special, 0x7f},
      {e4m3, nan_minus, even, special, 0xff},
      {e4m3, 500.0f, even, special, 0x7f},
      {e4m3, infinite, even, special, 0x7f},
      {e4m3, -infinite, even, saturate, 0xff},
      {e5m2, nan_plus, even, special, 0x7e},
      {e5m2, nan_minus, even, special, 0xfe},
      {e5m2, infinite, even, special, 0x7c},
      {e5m2, infinite, even, saturate, 0x7c},
      {e5m2, 61440.0f, even, special, 0x7c},
      {e3m4, nan_plus, even, special, 0x78},
      {e3m4, 15.75f, even, special, 0x70},
      {e4m3ieee, nan_minus, even, special, 0xfc},
      {e4m3ieee, -infinite, even, special, 0xf8},
      {e4m3ieee, 248.0f, even, special, 0x78},
      {e4m3fnuz, nan_minus, even, special, 0x80},
      {e4m3fnuz, infinite, even, special, 0x80},
      {e4m3fnuz, 300.0f, even, special, 0x80},
      {e4m3fnuz, -0.0f, even, special, 0x00},
      {e5m2fnuz, -1e-30f, even, special, 0x00},
      {e4m3b11fnuz, -infinite, even, special, 0x80},
      {e8m0, 0.0f, away, special, 0xff},
      {e8m0, -0.0f, away, special, 0xff},
      {e8m0, -1.0f, away, special, 0xff},
      {e8m0, infinite, away, special, 0xff},
      {e8m0, largest, away, special, 0xff},
      {e8m0, nan_plus, away, special, 0xff},
      {e8m0, 1.5f, away, special, 0x80},
      {e8m0, 3.0f, away, special, 0x81},
      {e8m0, 0x1p-127f, away, special, 0x00},
      {e8m0, 0x1p-149f, away, special, 0x00},
      {e8m0, 0x1.000004p-127f, away, special, 0x01},
      {e8m0, 0x1.7p-127f, away, special, 0x01},
      {e8m0, 0x1p-126f, away, special, 0x01},
      {e8m0, 0x1.4p-126f, away, special, 0x01},
  };
  CHECK(wrong(policy::ml_dtypes, rows) == 0);
}

TEST_CASE("policy::onednn") {
  const row rows[] = {
      {e2m1, nan_plus, even, saturate, 0x7},
      {e2m1, nan_minus, even, saturate, 0xf},
      {e2m1, infinite, even, saturate, 0x7},
      {e2m1, -infinite, even, saturate, 0xf},
      {e2m1, -0.0f, even, saturate, 0x8},
      {e4m3, nan_plus, even, special, 0x7f},
      {e4m3, nan_minus, even, special, 0xff},
      {e4m3, 500.0f, even, special, 0x7f},
      {e4m3, -infinite, even, special, 0xff},
      {e5m2, infinite, even, special, 0x7c},
      {e5m2, nan_plus, even, special, 0x7e},
      {e5m2, bit_cast<float>(0x7fa00000U), even, special, 0x7f},
      {e5m2, bit_cast<float>(0xff800001U), even, special, 0xfe},
      {e8m0, 0.0f, zero, special, 0x00},
      {e8m0, -1.0f, zero, special, 0x7f},
      {e8m0, infinite, zero, special, 0xff},
      {e8m0, nan_minus, zero, special, 0xff},
      {e8m0, 1.5f, zero, special, 0x7f},
      {e8m0, 0x1.8p-127f, zero, special, 0x00},
      {e8m0, largest, zero, special, 0xfe},
  };
  CHECK(wrong(policy::onednn, rows) == 0);
}

TEST_CASE("policy::cutlass") {
  const row rows[] = {
      {e2m1, nan_plus, even, saturate, 0x7},    {e2m1, nan_minus, even, saturate, 0xf},
      {e2m1, -infinite, even, saturate, 0xf},   {e2m1, -0.0f, even, saturate, 0x8},
      {e2m3, nan_minus, even, saturate, 0x3f},  {e4m3, nan_minus, even, saturate, 0x7f},
      {e4m3, 500.0f, even, saturate, 0x7e},     {e4m3, infinite, even, saturate, 0x7e},
      {e5m2, nan_minus, even, saturate, 0x7f},  {e5m2, infinite, even, saturate, 0x7b},
      {e8m0, 0.0f, up, saturate, 0x00},         {e8m0, -1.0f, up, saturate, 0x7f},
      {e8m0, infinite, up, saturate, 0xff},     {e8m0, nan_plus, up, saturate, 0xff},
      {e8m0, 1.5f, up, saturate, 0x80},         {ue4m3, -3.0f, even, saturate, 0x44},
      {ue4m3, -infinite, even, saturate, 0x7e}, {ue4m3, nan_minus, even, saturate, 0x7f},
  };
  CHECK(wrong(policy::cutlass, rows) == 0);
}

TEST_CASE("the references that lose the sign of zero") {
  const row transformer_engine[] = {
      {e2m1, nan_plus, even, saturate, 0x0}, {e2m1, nan_minus, even, saturate, 0x0},
      {e2m1, -0.0f, even, saturate, 0x0},    {e2m1, -1e-20f, even, saturate, 0x8},
      {e2m1, -0.25f, even, saturate, 0x8},   {e2m1, -infinite, even, saturate, 0xf},
  };
  CHECK(wrong(policy::transformer_engine_reference, transformer_engine) == 0);
  const rounding_choice ties_down{rounding_mode::nearest_toward_zero};
  const row ggml[] = {
      {e2m1, nan_plus, ties_down, saturate, 0x0}, {e2m1, -0.0f, ties_down, saturate, 0x0},
      {e2m1, -0.25f, ties_down, saturate, 0x0},   {e2m1, -0.26f, ties_down, saturate, 0x9},
      {e2m1, 5.0f, ties_down, saturate, 0x6},     {e2m1, -3.5f, ties_down, saturate, 0xd},
      {e2m1, infinite, ties_down, saturate, 0x0}, {e2m1, -infinite, ties_down, saturate, 0x0},
      {e2m1, -100.0f, ties_down, saturate, 0xf},
  };
  CHECK(wrong(policy::ggml, ggml) == 0);
  const row by_sign[] = {
      {e2m1, -0.0f, away, saturate, 0x0},   {e2m1, -0.2f, away, saturate, 0x0},    {e2m1, -0.25f, away, saturate, 0x9},
      {e2m3, -0.01f, away, saturate, 0x00}, {e2m1, nan_plus, even, saturate, 0x7}, {e4m3, -1e-9f, even, saturate, 0x00},
  };
  CHECK(wrong(policy::unsigned_zero, by_sign) == 0);
}

TEST_CASE("policy::p3109: one NaN, no -0, negative numbers lie below an unsigned range") {
  const row rows[] = {
      {binary8p4se, nan_minus, even, saturate, 0x80}, {binary8p4se, -0.0f, even, saturate, 0x00},
      {binary8p4se, -1e-9f, even, saturate, 0x00},    {binary8p4se, infinite, even, saturate, 0x7e},
      {binary8p4se, infinite, even, special, 0x7f},   {binary8p4se, -infinite, even, special, 0xff},
      {binary4p2sf, nan_plus, even, saturate, 0x8},   {binary4p2sf, infinite, even, special, 0x8},
      {binary8p1uf, nan_minus, even, saturate, 0xff}, {binary8p1uf, -1.0f, even, saturate, 0x00},
      {binary8p1uf, -1.0f, even, special, 0xff},      {binary8p1uf, -1.0f, zero, special, 0x00},
      {binary8p1uf, 0.0f, even, saturate, 0x00},      {binary8p1uf, -0.0f, even, special, 0x00},
      {binary8p1uf, 1.0f, even, saturate, 0x80},      {binary8p1uf, infinite, even, saturate, 0xfe},
  };
  CHECK(wrong(policy::p3109, rows) == 0);
}

TEST_CASE("policies are values") {
  static_assert(policy::cuda == special_policy{.nan_from_double_keeps_payload = true});
  static_assert(policy::cuda != policy::cutlass && policy::ml_dtypes != policy::onednn);
  CHECK(policy::p3109 != policy::ggml);
}
