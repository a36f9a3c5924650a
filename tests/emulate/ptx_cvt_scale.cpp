// SPDX-License-Identifier: Apache-2.0
//
// Conversions with a UE8M0 side: hand table, the oracle on deciding inputs, all bfloat16 numbers, all codes back.
#include <doctest/doctest.h>

#include <emulate/support.hpp>

#include <cstdint>

#include <nibble/emulate/ptx_cvt_scale.hpp>

namespace {

using namespace nibble::emulate::ptx;
using namespace emulate_test;

struct form {
  const char* name;
  oracle::rounding mode;
  oracle::overflow rule;
  std::uint16_t (*from_f32)(float, float);
  std::uint16_t (*from_bf16)(std::uint32_t);
};
const form forms[] = {
    {"rz", oracle::rounding::toward_zero, oracle::overflow::special, cvt_rz_ue8m0x2_f32, cvt_rz_ue8m0x2_bf16x2},
    {"rz satfinite", oracle::rounding::toward_zero, oracle::overflow::saturate, cvt_rz_satfinite_ue8m0x2_f32,
     cvt_rz_satfinite_ue8m0x2_bf16x2},
    {"rp", oracle::rounding::upward, oracle::overflow::special, cvt_rp_ue8m0x2_f32, cvt_rp_ue8m0x2_bf16x2},
    {"rp satfinite", oracle::rounding::upward, oracle::overflow::saturate, cvt_rp_satfinite_ue8m0x2_f32,
     cvt_rp_satfinite_ue8m0x2_bf16x2}};

TEST_CASE("ptx cvt scale: hand table") {
  const float infinity = oracle::bits_float(0x7f80'0000U);
  const float nan = oracle::bits_float(0x7fc0'0000U);
  const float largest = oracle::bits_float(0x7f7f'ffffU);
  CHECK(cvt_rz_ue8m0x2_f32(1.5F, 1.0F) == 0x7f7f);
  CHECK(cvt_rp_ue8m0x2_f32(1.5F, 1.0F) == 0x807f);
  CHECK(cvt_rp_ue8m0x2_f32(-1.5F, 0.0F) == 0x8000);
  CHECK(cvt_rp_satfinite_ue8m0x2_f32(infinity, nan) == 0xfeff);
  CHECK(cvt_rp_ue8m0x2_f32(infinity, nan) == 0xffff);
  CHECK(cvt_rz_ue8m0x2_f32(largest, 0x1p-127F) == 0xfe00);
  CHECK(cvt_rp_ue8m0x2_f32(largest, oracle::bits_float(0x0040'0001U)) == 0xff01);
  CHECK(cvt_rp_satfinite_ue8m0x2_f32(largest, -0x1p-149F) == 0xfe00);
}

TEST_CASE("ptx cvt scale: every form against the oracle") {
  for (const form& f : forms) {
    CAPTURE(f.name);
    const auto element = [&](float x) {
      const bool finite = (oracle::float_bits(x) & 0x7fff'ffffU) < 0x7f80'0000U;
      const bool stays = finite && f.mode == oracle::rounding::toward_zero;
      return expected(oracle::e8m0, x, false, stays ? oracle::overflow::saturate : f.rule, f.mode);
    };
    CHECK(wrong_pairs(deciding_inputs(oracle::e8m0), 8, f.from_f32, element, element) == 0);
    std::size_t wrong = 0;
    for (std::uint32_t code = 0; code < 0x1'0000U; ++code) {
      const std::uint32_t other = code * 40503U & 0xffffU;
      const std::uint32_t both = element(decoded(oracle::bf16, code)) << 8 | element(decoded(oracle::bf16, other));
      wrong += f.from_bf16(code << 16 | other) != both ? 1U : 0U;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("ptx cvt scale: all scales as bfloat16") {
  CHECK(cvt_rn_bf16x2_ue8m0x2(0x00ff) == 0x0040'7fffU);
  for (std::uint32_t code = 0; code < 255; ++code) {
    // 2^(code - 127): the exponent field itself, but for the one subnormal.
    const std::uint32_t bits = code == 0 ? 0x0040U : code << 7;
    CHECK(cvt_rn_bf16x2_ue8m0x2(static_cast<std::uint16_t>(code << 8 | code)) == (bits << 16 | bits));
  }
}

}  // namespace
