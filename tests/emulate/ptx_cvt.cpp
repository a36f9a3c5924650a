// SPDX-License-Identifier: Apache-2.0
//
// Conversions with an FP8, FP6 or FP4 side: hand tables, the oracle on every deciding input, all codes the other way, and
// the CUDA toolkit's host headers where they are found.
#include <doctest/doctest.h>

#include <emulate/support.hpp>

#include <cstdint>

#include <nibble/emulate/ptx_cvt.hpp>

#if __has_include(<cuda_fp4.h>) && __has_include(<cuda_fp6.h>) && __has_include(<cuda_fp8.h>)
#include <cuda_fp4.h>
#include <cuda_fp6.h>
#include <cuda_fp8.h>
#define NIBBLE_TEST_CUDA_HEADERS 1
#endif

namespace {

using namespace nibble::emulate::ptx;
using namespace emulate_test;

struct narrowing {
  const char* name;
  oracle::format format;
  int width;
  bool relu;
  std::uint32_t (*convert)(float, float);
};
#define NIBBLE_TEST_PAIR(FORMAT, WIDTH)                                                                       \
  {#FORMAT, oracle::FORMAT, WIDTH, false,                                                                     \
   [](float a, float b) -> std::uint32_t { return cvt_rn_satfinite_##FORMAT##x2_f32(a, b); }},                \
  {#FORMAT " relu", oracle::FORMAT, WIDTH, true,                                                              \
   [](float a, float b) -> std::uint32_t { return cvt_rn_satfinite_relu_##FORMAT##x2_f32(a, b); }}
const narrowing narrowings[] = {NIBBLE_TEST_PAIR(e4m3, 8), NIBBLE_TEST_PAIR(e5m2, 8), NIBBLE_TEST_PAIR(e2m3, 8),
                                NIBBLE_TEST_PAIR(e3m2, 8), NIBBLE_TEST_PAIR(e2m1, 4)};

TEST_CASE("ptx cvt: hand table of packed results") {
  const float nan = oracle::bits_float(0x7fc0'0000U);
  const float minus_nan = oracle::bits_float(0xffc0'0000U);
  const float infinity = oracle::bits_float(0x7f80'0000U);
  // The first operand is the upper element.
  CHECK(cvt_rn_satfinite_e2m1x2_f32(1.0F, -6.0F) == 0x2f);
  CHECK(cvt_rn_satfinite_e2m1x2_f32(-0.0F, 0.25F) == 0x80);
  CHECK(cvt_rn_satfinite_e2m1x2_f32(nan, minus_nan) == 0x77);
  CHECK(cvt_rn_satfinite_e2m1x2_f32(infinity, -infinity) == 0x7f);
  CHECK(cvt_rn_satfinite_e2m1x2_f32(2.5F, 3.5F) == 0x46);
  CHECK(cvt_rn_satfinite_relu_e2m1x2_f32(-1.0F, 0.75F) == 0x02);
  CHECK(cvt_rn_satfinite_relu_e2m1x2_f32(minus_nan, -infinity) == 0x70);
  CHECK(cvt_rn_satfinite_e4m3x2_f32(1.0F, -2.0F) == 0x38c0);
  CHECK(cvt_rn_satfinite_e4m3x2_f32(minus_nan, 500.0F) == 0x7f7e);
  CHECK(cvt_rn_satfinite_e4m3x2_f32(-infinity, -0x1p-140F) == 0xfe80);
  CHECK(cvt_rn_satfinite_e5m2x2_f32(nan, infinity) == 0x7f7b);
  CHECK(cvt_rn_satfinite_e5m2x2_f32(61440.0F, -57344.0F) == 0x7bfb);
  CHECK(cvt_rn_satfinite_e2m3x2_f32(7.5F, minus_nan) == 0x1f1f);
  CHECK(cvt_rn_satfinite_e3m2x2_f32(-28.0F, 0x1p-5F) == 0x3f00);
  CHECK(cvt_rn_satfinite_relu_e3m2x2_f32(-0.0F, 1.0F) == 0x000c);
}

TEST_CASE("ptx cvt: narrow pairs from float32 against the oracle") {
  for (const narrowing& n : narrowings) {
    CAPTURE(n.name);
    const auto element = [&](float x) { return expected(n.format, x, n.relu); };
    CHECK(wrong_pairs(deciding_inputs(n.format), n.width, n.convert, element, element) == 0);
  }
}

TEST_CASE("ptx cvt: FP8 pairs from all binary16 numbers") {
  std::size_t wrong = 0;
  for (std::uint32_t code = 0; code < 0x1'0000U; ++code) {
    const std::uint32_t other = code * 40503U & 0xffffU;
    const float a = decoded(oracle::f16, code);
    const float b = decoded(oracle::f16, other);
    const std::uint32_t pair = code << 16 | other;
    const auto both = [&](const oracle::format& f, bool relu) { return expected(f, a, relu) << 8 | expected(f, b, relu); };
    wrong += cvt_rn_satfinite_e4m3x2_f16x2(pair) != both(oracle::e4m3, false) ? 1U : 0U;
    wrong += cvt_rn_satfinite_relu_e4m3x2_f16x2(pair) != both(oracle::e4m3, true) ? 1U : 0U;
    wrong += cvt_rn_satfinite_e5m2x2_f16x2(pair) != both(oracle::e5m2, false) ? 1U : 0U;
    wrong += cvt_rn_satfinite_relu_e5m2x2_f16x2(pair) != both(oracle::e5m2, true) ? 1U : 0U;
  }
  CHECK(wrong == 0);
}

/// Every pair of codes widened; `bits` of the element count, the rest of its slot is ignored.
template <class Widen>
std::size_t wrong_widenings(const oracle::format& f, int width, bool relu, Widen&& widen) {
  std::size_t wrong = 0;
  const std::uint32_t slot = (1U << width) - 1U;
  for (std::uint32_t pair = 0; pair < 1U << (2 * width); ++pair) {
    const std::uint32_t mask = (1U << f.bits()) - 1U;
    const float upper = decoded(f, pair >> width & mask);
    const float lower = decoded(f, pair & slot & mask);
    const auto half = [&](float x) { return expected(oracle::f16, x, relu, oracle::overflow::special); };
    if (widen(pair) != (half(upper) << 16 | half(lower))) ++wrong;
  }
  return wrong;
}

TEST_CASE("ptx cvt: narrow pairs widened to binary16, all pairs of codes") {
  CHECK(cvt_rn_f16x2_e4m3x2(0xff01) == 0x7fff'1800U);
  CHECK(cvt_rn_f16x2_e5m2x2(0xfcfd) == 0xfc00'7fffU);
  CHECK(cvt_rn_relu_f16x2_e5m2x2(0xfcfd) == 0x0000'7fffU);
  CHECK(cvt_rn_f16x2_e2m1x2(0x18) == 0x3800'8000U);
#define NIBBLE_TEST_WIDEN(FORMAT, WIDTH, TYPE)                                                                         \
  CHECK(wrong_widenings(oracle::FORMAT, WIDTH, false,                                                                  \
                        [](std::uint32_t a) { return cvt_rn_f16x2_##FORMAT##x2(static_cast<TYPE>(a)); }) == 0);        \
  CHECK(wrong_widenings(oracle::FORMAT, WIDTH, true,                                                                   \
                        [](std::uint32_t a) { return cvt_rn_relu_f16x2_##FORMAT##x2(static_cast<TYPE>(a)); }) == 0)
  NIBBLE_TEST_WIDEN(e4m3, 8, std::uint16_t);
  NIBBLE_TEST_WIDEN(e5m2, 8, std::uint16_t);
  NIBBLE_TEST_WIDEN(e2m3, 8, std::uint16_t);
  NIBBLE_TEST_WIDEN(e3m2, 8, std::uint16_t);
  NIBBLE_TEST_WIDEN(e2m1, 4, std::uint8_t);
}

#if defined(NIBBLE_TEST_CUDA_HEADERS)
TEST_CASE("ptx cvt: the CUDA toolkit's host conversions") {
  std::size_t wrong = 0;
  for (std::uint32_t i = 0; i < 2'000'000U; ++i) {
    const float a = oracle::bits_float(i * 0x9e37'79b1U);
    const float b = oracle::bits_float((i * 0x85eb'ca77U) ^ 0x1234'5678U);
    // The toolkit's pairs have the first member below.
    const float2 pair{b, a};
    wrong += cvt_rn_satfinite_e2m1x2_f32(a, b) != __nv_cvt_float2_to_fp4x2(pair, __NV_E2M1, cudaRoundNearest) ? 1U : 0U;
    wrong += cvt_rn_satfinite_e2m3x2_f32(a, b) != __nv_cvt_float2_to_fp6x2(pair, __NV_E2M3, cudaRoundNearest) ? 1U : 0U;
    wrong += cvt_rn_satfinite_e3m2x2_f32(a, b) != __nv_cvt_float2_to_fp6x2(pair, __NV_E3M2, cudaRoundNearest) ? 1U : 0U;
    wrong += cvt_rn_satfinite_e4m3x2_f32(a, b) != __nv_cvt_float2_to_fp8x2(pair, __NV_SATFINITE, __NV_E4M3) ? 1U : 0U;
    wrong += cvt_rn_satfinite_e5m2x2_f32(a, b) != __nv_cvt_float2_to_fp8x2(pair, __NV_SATFINITE, __NV_E5M2) ? 1U : 0U;
  }
  CHECK(wrong == 0);
}
#endif

}  // namespace
