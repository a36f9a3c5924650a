// SPDX-License-Identifier: Apache-2.0
//
// Conversions to TF32: hand table, and the oracle on deciding inputs for every form.
#include <doctest/doctest.h>

#include <emulate/support.hpp>

#include <cstdint>

#include <nibble/emulate/ptx_cvt_tf32.hpp>

namespace {

using namespace nibble::emulate::ptx;
using namespace emulate_test;

/// E8M10, which the oracle knows as any other format.
constexpr oracle::format tf32{8, 10, 127, oracle::specials::infinity_and_nan};

struct form {
  const char* name;
  oracle::rounding mode;
  oracle::overflow rule;
  bool relu;
  std::uint32_t (*convert)(float);
};
const form forms[] = {
    {"rna", oracle::rounding::nearest_away, oracle::overflow::special, false, cvt_rna_tf32_f32},
    {"rna satfinite", oracle::rounding::nearest_away, oracle::overflow::saturate, false, cvt_rna_satfinite_tf32_f32},
    {"rn", oracle::rounding::nearest_even, oracle::overflow::special, false, cvt_rn_tf32_f32},
    {"rn satfinite", oracle::rounding::nearest_even, oracle::overflow::saturate, false, cvt_rn_satfinite_tf32_f32},
    {"rn relu", oracle::rounding::nearest_even, oracle::overflow::special, true, cvt_rn_relu_tf32_f32},
    {"rn relu satfinite", oracle::rounding::nearest_even, oracle::overflow::saturate, true,
     cvt_rn_relu_satfinite_tf32_f32},
    {"rz", oracle::rounding::toward_zero, oracle::overflow::special, false, cvt_rz_tf32_f32},
    {"rz satfinite", oracle::rounding::toward_zero, oracle::overflow::saturate, false, cvt_rz_satfinite_tf32_f32},
    {"rz relu", oracle::rounding::toward_zero, oracle::overflow::special, true, cvt_rz_relu_tf32_f32},
    {"rz relu satfinite", oracle::rounding::toward_zero, oracle::overflow::saturate, true,
     cvt_rz_relu_satfinite_tf32_f32}};

TEST_CASE("ptx cvt tf32: hand table") {
  CHECK(cvt_rna_tf32_f32(oracle::bits_float(0x3f80'1000U)) == 0x3f80'2000U);
  CHECK(cvt_rn_tf32_f32(oracle::bits_float(0x3f80'1000U)) == 0x3f80'0000U);
  CHECK(cvt_rn_tf32_f32(oracle::bits_float(0x3f80'3000U)) == 0x3f80'4000U);
  CHECK(cvt_rz_tf32_f32(oracle::bits_float(0xbf80'1fffU)) == 0xbf80'0000U);
  CHECK(cvt_rn_relu_tf32_f32(-1.0F) == 0U);
  // NaN as an H200 converts it: with .rna it is cut, and can become Inf.
  CHECK(cvt_rn_tf32_f32(oracle::bits_float(0xffc0'0000U)) == 0x7fff'e000U);
  CHECK(cvt_rz_relu_tf32_f32(oracle::bits_float(0xff80'0001U)) == 0x7fff'e000U);
  CHECK(cvt_rna_tf32_f32(oracle::bits_float(0xffff'ffffU)) == 0xffff'e000U);
  CHECK(cvt_rna_tf32_f32(oracle::bits_float(0x7f80'0001U)) == 0x7f80'0000U);
  CHECK(cvt_rna_satfinite_tf32_f32(oracle::bits_float(0xffff'ffffU)) == 0xffff'c000U);
  CHECK(cvt_rna_satfinite_tf32_f32(oracle::bits_float(0x7fc0'0000U)) == 0x7fbf'e000U);
  CHECK(cvt_rna_tf32_f32(oracle::bits_float(0x7f7f'ffffU)) == 0x7f80'0000U);
  CHECK(cvt_rna_satfinite_tf32_f32(oracle::bits_float(0x7f7f'ffffU)) == 0x7f7f'e000U);
  CHECK(cvt_rz_tf32_f32(oracle::bits_float(0x7f7f'ffffU)) == 0x7f7f'e000U);
}

TEST_CASE("ptx cvt tf32: every form against the oracle") {
  for (const form& f : forms) {
    CAPTURE(f.name);
    std::size_t wrong = 0;
    for (const float x : deciding_inputs(tf32)) {
      const std::uint32_t magnitude = oracle::float_bits(x) & 0x7fff'ffffU;
      const bool stays = magnitude < 0x7f80'0000U && f.mode == oracle::rounding::toward_zero;
      const std::uint32_t code = expected(tf32, x, f.relu, stays ? oracle::overflow::saturate : f.rule, f.mode);
      const bool away = f.mode == oracle::rounding::nearest_away;
      const std::uint32_t step = f.rule == oracle::overflow::saturate ? 0x2000U : 0U;
      const std::uint32_t nan = away ? oracle::float_bits(x) / 0x2000U * 0x2000U - step : 0x7fff'e000U;
      wrong += f.convert(x) != (magnitude > 0x7f80'0000U ? nan : code << 13) ? 1U : 0U;
    }
    CHECK(wrong == 0);
  }
}

}  // namespace
