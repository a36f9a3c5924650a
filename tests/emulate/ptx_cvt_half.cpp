// SPDX-License-Identifier: Apache-2.0
//
// Conversions from float32 to binary16 and bfloat16: hand table, and the oracle on deciding inputs for every form.
#include <doctest/doctest.h>

#include <emulate/support.hpp>

#include <cstdint>

#include <nibble/emulate/ptx_cvt_half.hpp>

namespace {

using namespace nibble::emulate::ptx;
using namespace emulate_test;

struct form {
  const char* name;
  oracle::format format;
  oracle::rounding mode;
  oracle::overflow rule;
  bool relu;
  std::uint16_t (*one)(float);
  std::uint32_t (*two)(float, float);
};
#define NIBBLE_TEST_FORMS(R, MODE, FORMAT)                                                                            \
  {#R " " #FORMAT, oracle::FORMAT, oracle::rounding::MODE, oracle::overflow::special, false, cvt_##R##_##FORMAT##_f32, \
   cvt_##R##_##FORMAT##x2_f32},                                                                                       \
  {#R " satfinite " #FORMAT, oracle::FORMAT, oracle::rounding::MODE, oracle::overflow::saturate, false,               \
   cvt_##R##_satfinite_##FORMAT##_f32, cvt_##R##_satfinite_##FORMAT##x2_f32},                                         \
  {#R " relu " #FORMAT, oracle::FORMAT, oracle::rounding::MODE, oracle::overflow::special, true,                      \
   cvt_##R##_relu_##FORMAT##_f32, cvt_##R##_relu_##FORMAT##x2_f32},                                                   \
  {#R " relu satfinite " #FORMAT, oracle::FORMAT, oracle::rounding::MODE, oracle::overflow::saturate, true,           \
   cvt_##R##_relu_satfinite_##FORMAT##_f32, cvt_##R##_relu_satfinite_##FORMAT##x2_f32}
const form forms[] = {NIBBLE_TEST_FORMS(rn, nearest_even, f16), NIBBLE_TEST_FORMS(rz, toward_zero, f16),
                      NIBBLE_TEST_FORMS(rn, nearest_even, bf16), NIBBLE_TEST_FORMS(rz, toward_zero, bf16)};

/// Toward zero a finite number stays finite without .satfinite, too (IEEE 754 section 7.4).
std::uint32_t expected_element(const form& f, float x) {
  const bool finite = (oracle::float_bits(x) & 0x7fff'ffffU) < 0x7f80'0000U;
  const bool stays = finite && f.mode == oracle::rounding::toward_zero;
  return expected(f.format, x, f.relu, stays ? oracle::overflow::saturate : f.rule, f.mode);
}

TEST_CASE("ptx cvt half: hand table") {
  const float nan = oracle::bits_float(0xff80'0001U);
  CHECK(cvt_rn_f16_f32(65519.0F) == 0x7bff);
  CHECK(cvt_rn_f16_f32(65520.0F) == 0x7c00);
  CHECK(cvt_rn_satfinite_f16_f32(65520.0F) == 0x7bff);
  CHECK(cvt_rz_f16_f32(1e30F) == 0x7bff);
  CHECK(cvt_rn_f16_f32(nan) == 0x7fff);
  CHECK(cvt_rn_relu_f16_f32(nan) == 0x7fff);
  CHECK(cvt_rn_relu_f16_f32(-0.0F) == 0x0000);
  CHECK(cvt_rn_f16_f32(-0x1p-26F) == 0x8000);
  CHECK(cvt_rn_bf16_f32(1.00390625F) == 0x3f80);
  CHECK(cvt_rn_bf16x2_f32(1.0F, -2.0F) == 0x3f80'c000U);
  CHECK(cvt_rn_f16x2_f32(1.0F, -2.0F) == 0x3c00'c000U);
  CHECK(cvt_rn_bf16_f32(oracle::bits_float(0x7f7f'ffffU)) == 0x7f80);
}

TEST_CASE("ptx cvt half: every form against the oracle") {
  for (const form& f : forms) {
    CAPTURE(f.name);
    const auto element = [&](float x) { return expected_element(f, x); };
    const std::vector<float> inputs = deciding_inputs(f.format);
    std::size_t wrong = 0;
    for (const float x : inputs) wrong += f.one(x) != element(x) ? 1U : 0U;
    CHECK(wrong == 0);
    CHECK(wrong_pairs(inputs, 16, f.two, element, element) == 0);
  }
}

}  // namespace
