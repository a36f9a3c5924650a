// SPDX-License-Identifier: Apache-2.0
//
// Stochastically rounding conversions: which random bits a lane sees, by one-hot words; the count of words that round up,
// over all words of a lane, against the closed form; specials and -0.
#include <doctest/doctest.h>

#include <emulate/support.hpp>
#include <oracle/stochastic.hpp>

#include <cstdint>

#include <nibble/emulate/ptx_cvt_rs.hpp>

namespace {

using namespace nibble::emulate::ptx;
using namespace emulate_test;

struct form {
  const char* name;
  oracle::format format;
  int width;
  bool relu;
  std::uint32_t (*convert)(float, float, float, float, std::uint32_t);
};
#define NIBBLE_TEST_FORM(FORMAT, WIDTH)                                                                      \
  {#FORMAT, oracle::FORMAT, WIDTH, false,                                                                    \
   [](float a, float b, float e, float f, std::uint32_t w) -> std::uint32_t {                                \
     return cvt_rs_satfinite_##FORMAT##x4_f32(a, b, e, f, w);                                                \
   }},                                                                                                       \
  {#FORMAT " relu", oracle::FORMAT, WIDTH, true,                                                             \
   [](float a, float b, float e, float f, std::uint32_t w) -> std::uint32_t {                                \
     return cvt_rs_relu_satfinite_##FORMAT##x4_f32(a, b, e, f, w);                                           \
   }}
const form forms[] = {NIBBLE_TEST_FORM(e4m3, 8), NIBBLE_TEST_FORM(e5m2, 8), NIBBLE_TEST_FORM(e2m3, 8),
                      NIBBLE_TEST_FORM(e3m2, 8), NIBBLE_TEST_FORM(e2m1, 4)};

/// Element `lane` (0 the lowest) of a result in which the other lanes are zero.
std::uint32_t lane_of(const form& f, int lane, float x, std::uint32_t word) {
  const float a = lane == 3 ? x : 0.0F;
  const float b = lane == 2 ? x : 0.0F;
  const float e = lane == 1 ? x : 0.0F;
  const float d = lane == 0 ? x : 0.0F;
  const std::uint32_t slot = (1U << f.width) - 1U;
  const std::uint32_t packed = f.convert(a, b, e, d, word);
  CHECK((packed & ~(slot << (lane * f.width))) == 0U);
  return packed >> (lane * f.width) & slot;
}

/// Bit i of the word that is bit j of a lane's sixteen random bits, as probed on a device: the table of the probe on a
/// B200 written out by hand. Index [lane][j].
constexpr int fp8_bits[4][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
    {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
    {31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16}};
constexpr int fp4_bits[4][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23},
    {23, 22, 21, 20, 19, 18, 17, 16, 7, 6, 5, 4, 3, 2, 1, 0},
    {8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31},
    {31, 30, 29, 28, 27, 26, 25, 24, 15, 14, 13, 12, 11, 10, 9, 8}};

TEST_CASE("ptx cvt rs: one-hot words name the random bit of each lane") {
  for (const form& f : forms) {
    if (f.relu) continue;
    CAPTURE(f.name);
    const auto& bits = f.width == 4 ? fp4_bits : fp8_bits;
    const auto one = static_cast<std::uint32_t>(f.format.bias << f.format.mantissa_bits);
    const double step = std::ldexp(1.0, -f.format.mantissa_bits);
    for (int lane = 0; lane < 4; ++lane) {
      for (int j = 0; j < 16; ++j) {
        // One and the fraction 1 - 2^(j - 16) of a step: exactly the word with bit j alone carries.
        const auto x = static_cast<float>(1.0 + step * (1.0 - std::ldexp(1.0, j - 16)));
        for (int i = 0; i < 32; ++i) {
          std::uint32_t sum = 0;
          for (int k = 0; k < 16; ++k) sum += bits[lane][k] == i ? 1U << k : 0U;
          const std::uint32_t code = one + (sum >= 1U << j ? 1U : 0U);
          if (lane_of(f, lane, x, 1U << i) != code) {
            CAPTURE(lane);
            CAPTURE(j);
            CHECK(i == -1);
          }
        }
      }
    }
  }
}

TEST_CASE("ptx cvt rs: all random bits of a lane against the closed form") {
  for (const form& f : forms) {
    CAPTURE(f.name);
    const std::vector<float> inputs = deciding_inputs(f.format);
    for (std::size_t i = 0; i < inputs.size(); i += 97) {
      const float x = inputs[i];
      const std::uint32_t magnitude = oracle::float_bits(x) & 0x7fff'ffffU;
      if (magnitude >= 0x7f80'0000U) continue;
      const bool negative = oracle::float_bits(x) >> 31 != 0;
      const double size = magnitude < 0x0080'0000U ? 0.0 : oracle::float_value(magnitude);
      const oracle::stochastic_odds odds = oracle::odds(f.format, size, 16, oracle::stochastic_variant::a);
      std::size_t wrong = 0;
      for (std::uint32_t random = 0; random < 0x1'0000U; ++random) {
        std::uint32_t code = odds.lower + (oracle::stochastic_up(odds, random) ? 1U : 0U);
        if (code > max_code(f.format)) code = max_code(f.format);
        if (negative) code = f.relu ? 0U : code | f.format.sign_code();
        // Lane 0 of an x4 of FP8 sees the low half as it is; of E2M1, bytes 2 and 0.
        const std::uint32_t word = f.width == 8 ? random : (random & 0xff00U) << 8 | (random & 0xffU);
        const std::uint32_t slot = (1U << f.width) - 1U;
        if ((f.convert(0.0F, 0.0F, 0.0F, x, word) & slot) != code) ++wrong;
      }
      CAPTURE(x);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("ptx cvt rs: specials, operand order, ReLU") {
  const float nan = oracle::bits_float(0xffc0'0000U);
  const float infinity = oracle::bits_float(0x7f80'0000U);
  CHECK(cvt_rs_satfinite_e2m1x4_f32(1.0F, 2.0F, -3.0F, 6.0F, ~0U) == 0x24d7);
  CHECK(cvt_rs_satfinite_e4m3x4_f32(nan, -infinity, 449.0F, -0.0F, ~0U) == 0x7ffe'7e80U);
  CHECK(cvt_rs_satfinite_e5m2x4_f32(nan, infinity, 1.0F, -0x1p-127F, ~0U) == 0x7f7b'3c80U);
  CHECK(cvt_rs_satfinite_e2m1x4_f32(nan, -infinity, 0.0F, -0.0F, 0U) == 0x7f08);
  CHECK(cvt_rs_relu_satfinite_e2m1x4_f32(nan, -infinity, 1.0F, -0.0F, 0U) == 0x7020);
  CHECK(cvt_rs_satfinite_e3m2x4_f32(28.0F, 29.0F, -30.0F, 0x1p-127F, ~0U) == 0x1f1f'3f00U);
}

TEST_CASE("ptx cvt rs: pairs of 16-bit numbers") {
  // bfloat16: the sum of pattern and random bits, cut; finite inputs that stay finite, but for float32 subnormals.
  std::mt19937 random(3);
  std::size_t wrong = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto a = static_cast<std::uint32_t>(random() & 0xbfff'ffffU);
    const auto b = static_cast<std::uint32_t>(random() & 0xbfff'ffffU);
    const auto word = static_cast<std::uint32_t>(random());
    if ((a & 0x7f80'0000U) == 0 || (b & 0x7f80'0000U) == 0) continue;
    const std::uint32_t both = ((a + (word >> 16)) & 0xffff'0000U) | (b + (word & 0xffffU)) >> 16;
    wrong += cvt_rs_bf16x2_f32(oracle::bits_float(a), oracle::bits_float(b), word) != both ? 1U : 0U;
  }
  CHECK(wrong == 0);
  // binary16 takes thirteen bits: all of them at one input, in both halves.
  const float x = oracle::bits_float(0x3f80'0abcU);
  std::uint32_t ups = 0;
  for (std::uint32_t r = 0; r < 0x1'0000U; ++r) {
    const std::uint32_t both = cvt_rs_f16x2_f32(x, -x, r << 16 | (r ^ 0x1fffU));
    const bool up = (r & 0x1fffU) + 0xabcU >= 0x2000U;
    const bool down_up = ((r ^ 0x1fffU) & 0x1fffU) + 0xabcU >= 0x2000U;
    wrong += both != ((0x3c00U + (up ? 1U : 0U)) << 16 | (0xbc00U + (down_up ? 1U : 0U))) ? 1U : 0U;
    ups += up ? 1U : 0U;
  }
  CHECK(wrong == 0);
  CHECK(ups == 8 * 0xabcU);
  CHECK(cvt_rs_f16x2_f32(65535.0F, -1e30F, ~0U) == 0x7c00'fc00U);
  CHECK(cvt_rs_satfinite_f16x2_f32(65535.0F, -1e30F, ~0U) == 0x7bff'fbffU);
  CHECK(cvt_rs_relu_bf16x2_f32(-1.0F, 1.0F, 0U) == 0x0000'3f80U);
  CHECK(cvt_rs_relu_satfinite_f16x2_f32(-1.0F, 1e30F, 0U) == 0x0000'7bffU);
}

}  // namespace
