// SPDX-License-Identifier: Apache-2.0
//
// Named units: facts that were measured on devices or follow from the published model, worked by hand; exact small
// integers; specials; and random dot products against the rule in exact binary64 sums.
#include <doctest/doctest.h>

#include <oracle/formats.hpp>

#include <cstdint>
#include <random>
#include <vector>

#include <nibble/emulate/tensor_core.hpp>

namespace {

using namespace nibble::emulate;
namespace formats = nibble::formats;

constexpr std::uint32_t one = 0x3f80'0000U;

/// a * b + c with the rest of the operands zero.
std::uint32_t fp8(const tensor_unit& u, std::vector<std::uint8_t> a, std::vector<std::uint8_t> b, std::uint32_t c) {
  a.resize(64);
  b.resize(64);
  return multiply_accumulate(u, formats::e4m3, formats::e4m3, a.data(), b.data(), c);
}
std::uint32_t f16(const tensor_unit& u, std::vector<std::uint16_t> a, std::vector<std::uint16_t> b, std::uint32_t c) {
  a.resize(64);
  b.resize(64);
  return multiply_accumulate(u, formats::f16, formats::f16, a.data(), b.data(), c);
}

TEST_CASE("tensor core: fraction bits that a unit keeps") {
  // e4m3: 0x38 is 1, 0x01 is 2^-9, 0x08 2^-6. Hopper's wgmma keeps 13 fraction bits of the largest exponent.
  CHECK(fp8(units::hopper_wgmma_fp8, {0x38, 0x08}, {0x38, 0x08}, 0U) == one + 0x800U);  // 1 + 2^-12
  CHECK(fp8(units::hopper_wgmma_fp8, {0x38, 0x01}, {0x38, 0x01}, 0U) == one);           // 2^-18 is lost
  // A subnormal keeps the exponent -6: 2^-9 * 1 is 2^-3 * 2^-6, aligned by -6.
  CHECK(fp8(units::hopper_wgmma_fp8, {0x01}, {0x01}, 0U) == 0x3680'0000U);  // 2^-18
  // Its own alignment: with exponent -12, 13 fraction bits reach 2^-25, so that 2^-18 stays whole.
  CHECK(fp8(units::hopper_wgmma_fp8, {0x01, 0x08}, {0x01, 0x08}, 0U) == 0x3982'0000U);  // 2^-12 + 2^-18
  // The accumulator loses its low bits, too: 10 of 23 at each instruction.
  CHECK(fp8(units::hopper_wgmma_fp8, {}, {}, 0x3f80'07ffU) == 0x3f80'0400U);
  // Blackwell and the lowering of mma.sync keep 25.
  CHECK(fp8(units::blackwell_f8f6f4, {0x38, 0x01}, {0x38, 0x01}, 0U) == one + 0x20U);
  CHECK(fp8(units::hopper_mma_fp8, {0x38, 0x01}, {0x38, 0x01}, 0U) == one + 0x20U);
  // The lowering adds the accumulator with one IEEE rounding.
  CHECK(fp8(units::hopper_mma_fp8, {0x38}, {0x38}, 0x3300'0001U) == one);
  CHECK(fp8(units::hopper_mma_fp8, {0x38}, {0x38}, 0x3380'0001U) == one + 1U);
  // f16 units truncate: 1 + 2^-24 is 1, 1 - 2^-25 is the number below 1.
  CHECK(f16(units::hopper_f16, {0x3c00, 0x0c00}, {0x3c00, 0x0c00}, 0U) == one);  // 2^-12 * 2^-12
  CHECK(f16(units::hopper_f16, {0x3c00, 0x0c00}, {0x3c00, 0x8c00}, 0U) == one - 1U);
  CHECK(f16(units::hopper_f16, {0x3c00, 0x0800}, {0x3c00, 0x8c00}, 0U) == one - 1U);  // 2^-25 with 25 bits
  CHECK(f16(units::ampere_f16, {0x3c00, 0x0800}, {0x3c00, 0x8c00}, 0U) == one);       // and with 24
}

TEST_CASE("tensor core: groups of products") {
  // 2^8 - 2^8 in one group cancels before anything is lost; across two groups the 2^-12 that comes with 2^8 is gone.
  std::vector<std::uint8_t> a(32, 0);
  std::vector<std::uint8_t> b(32, 0);
  a[0] = 0x78;  // 2^8
  b[0] = 0x38;
  a[1] = 0x08;
  b[1] = 0x08;
  a[31] = 0xf8;
  b[31] = 0x38;
  CHECK(fp8(units::hopper_wgmma_fp8, a, b, 0U) == 0U);
  CHECK(fp8(units::ada_mma_fp8, a, b, 0U) == 0U);
  CHECK(fp8(units::blackwell_f8f6f4, a, b, 0U) == 0x3980'0000U);
  // Hopper's lowering: k mod 4 in {0, 1} first. Index 0 and 1 share a group, 2 and 3 another.
  const sum_grouping pairs = units::hopper_mma_fp8.grouping;
  CHECK(pairs == sum_grouping::pairs);
  tensor_unit narrow = units::hopper_mma_fp8;
  narrow.rule.fraction_bits = 13;
  CHECK(fp8(narrow, {0x78, 0x08}, {0x38, 0x08}, 0U) == 0x4380'0000U);
  CHECK(fp8(narrow, {0x78, 0, 0xf8, 0x08}, {0x38, 0, 0x38, 0x08}, 0U) == 0U);
  // The order of the groups: 2^-12 is kept first and pushed out by 2^8 - 2^8 after it.
  CHECK(fp8(narrow, {0x08, 0, 0x78, 0xf8}, {0x08, 0, 0x38, 0x38}, 0U) == 0U);
  CHECK(fp8(narrow, {0x78, 0xf8, 0x08, 0}, {0x38, 0x38, 0x08, 0}, 0U) == 0x3980'0000U);
  // -2^8 + 2^-12 is summed after 2^8 was kept as the accumulator; with 25 bits it stays.
  CHECK(fp8(units::hopper_mma_fp8, {0x78, 0, 0xf8, 0x08}, {0x38, 0, 0x38, 0x08}, 0U) == 0x3980'0000U);
}

TEST_CASE("tensor core: NaN, Inf, zeros") {
  const std::uint8_t nan = 0x7f;
  CHECK(fp8(units::hopper_wgmma_fp8, {nan}, {0}, one) == 0x7fff'ffffU);
  CHECK(fp8(units::hopper_wgmma_fp8, {}, {}, 0xffc0'0001U) == 0x7fff'ffffU);
  CHECK(fp8(units::hopper_wgmma_fp8, {0x38}, {0x38}, 0xff80'0000U) == 0xff80'0000U);
  CHECK(f16(units::hopper_f16, {0x7c00}, {0x3c00}, one) == 0x7f80'0000U);
  CHECK(f16(units::hopper_f16, {0x7c00}, {0xbc00}, one) == 0xff80'0000U);
  CHECK(f16(units::hopper_f16, {0x7c00}, {0x8000}, one) == 0x7fff'ffffU);
  CHECK(f16(units::hopper_f16, {0x7c00, 0x7c00}, {0x3c00, 0xbc00}, one) == 0x7fff'ffffU);
  CHECK(f16(units::hopper_f16, {0x7c00}, {0x3c00}, 0xff80'0000U) == 0x7fff'ffffU);
  CHECK(f16(units::hopper_f16_f16, {0x7c00, 0x7e00}, {0x3c00, 0}, 0U) == 0x7fffU);
  CHECK(f16(units::hopper_f16_f16, {0x7bff}, {0x7bff}, 0U) == 0x7c00U);
  // -0 in, +0 out.
  CHECK(fp8(units::hopper_wgmma_fp8, {0x80}, {0x38}, 0x8000'0000U) == 0U);
  CHECK(fp8(units::hopper_mma_fp8, {0x80}, {0x38}, 0x8000'0000U) == 0U);
}

TEST_CASE("tensor core: zeros and underflow on Hopper, as an H200 gives them") {
  // Sixteen times 2^-76 * 2^-76 beside C = 0: the zero takes no part, and 2^-148 is there. A model in which it counts as
  // 2^-126 keeps nothing below 2^-151.
  std::vector<std::uint16_t> a(16, 0x1980);
  const auto bf16 = [&](const tensor_unit& u, std::uint32_t c) {
    return multiply_accumulate(u, formats::bf16, formats::bf16, a.data(), a.data(), c);
  };
  CHECK(bf16(units::hopper_f16, 0U) == 2U);
  tensor_unit published = units::hopper_f16;
  published.rule.zeros = zero_exponent::lowest;
  CHECK(bf16(published, 0U) == 0U);
  // Nor do zero operands: 0 * 2^76.
  std::vector<std::uint16_t> b = a;
  a[0] = 0;
  b[0] = 0x6580;
  CHECK(multiply_accumulate(units::hopper_f16, formats::bf16, formats::bf16, a.data(), b.data(), 0U) == 1U);
  // A negative sum that ends as zero is +0, in f16, too.
  std::vector<std::uint16_t> x(16, 0);
  std::vector<std::uint16_t> y(16, 0);
  x[0] = 0x0080;
  y[0] = 0x8080;
  CHECK(multiply_accumulate(units::hopper_f16, formats::bf16, formats::bf16, x.data(), y.data(), 0U) == 0U);
  x[0] = 0x0001;
  y[0] = 0xb000;  // 2^-24 * -2^-3
  CHECK(multiply_accumulate(units::hopper_f16_f16, formats::f16, formats::f16, x.data(), y.data(), 0U) == 0U);
  tensor_unit signed_zero = units::hopper_f16_f16;
  signed_zero.rule.keeps_sign_of_underflow = true;
  CHECK(multiply_accumulate(signed_zero, formats::f16, formats::f16, x.data(), y.data(), 0U) == 0x8000U);
}

struct named {
  const char* name;
  tensor_unit unit;
  nibble::float_format a, b;
};

TEST_CASE("tensor core: small integers are exact in every unit") {
  const named all[] = {
      {"wgmma fp8", units::hopper_wgmma_fp8, formats::e4m3, formats::e5m2},
      {"wgmma f16", units::hopper_f16, formats::f16, formats::f16},
      {"wgmma bf16", units::hopper_f16, formats::bf16, formats::bf16},
      {"tf32", units::hopper_tf32, tf32, tf32},
      {"mma fp8", units::hopper_mma_fp8, formats::e5m2, formats::e4m3},
      {"ada", units::ada_mma_fp8, formats::e4m3, formats::e4m3},
      {"ampere", units::ampere_f16, formats::f16, formats::f16},
      {"ampere tf32", units::ampere_tf32, tf32, tf32},
      {"turing", units::turing_f16, formats::f16, formats::f16},
      {"volta", units::volta_f16, formats::f16, formats::f16},
      {"blackwell", units::blackwell_f8f6f4, formats::e2m1, formats::e3m2},
      {"blackwell f16", units::blackwell_f16, formats::bf16, formats::bf16},
      {"blackwell tf32", units::blackwell_tf32, tf32, tf32}};
  std::mt19937 random(5);
  for (const named& n : all) {
    CAPTURE(n.name);
    for (int round = 0; round < 200; ++round) {
      std::uint32_t a[64] = {};
      std::uint32_t b[64] = {};
      int sum = static_cast<int>(random() % 9) - 4;
      const float c = static_cast<float>(sum);
      for (int k = 0; k < n.unit.k; ++k) {
        const int x = static_cast<int>(random() % 5) - 2;
        const int y = static_cast<int>(random() % 5) - 2;
        sum += x * y;
        const auto code = [](const nibble::float_format& f, int v) {
          const std::uint32_t bits = nibble::to_bits(static_cast<float>(v));
          if (f == tf32) return bits;
          return nibble::detail::encode_bits(f, bits, nibble::rounding_choice{}, nibble::overflow::saturate,
                                             nibble::policy::cuda);
        };
        a[k] = code(n.a, x);
        b[k] = code(n.b, y);
      }
      const std::uint32_t got = multiply_accumulate(n.unit, n.a, n.b, a, b, nibble::to_bits(c));
      CHECK(got == nibble::to_bits(sum == 0 ? 0.0F : static_cast<float>(sum)));
    }
  }
}

/// The published rule with sums of at most 53 bits in binary64: products cut by floor on magnitudes.
std::uint32_t rule_in_doubles(const oracle::format& fa, const oracle::format& fb, const std::uint8_t* a,
                              const std::uint8_t* b, int k, float c, int fraction_bits, int output_bits) {
  const auto parts = [](const oracle::format& f, std::uint32_t code, double& s, int& e) {
    const std::uint32_t magnitude = code & (f.sign_code() - 1U);
    const auto field = static_cast<int>(magnitude >> f.mantissa_bits);
    e = magnitude == 0 ? -126 : (field == 0 ? 1 : field) - f.bias;
    s = magnitude == 0 ? 0.0 : std::ldexp(static_cast<double>(magnitude_value(f, magnitude)), -e);
    if ((code & f.sign_code()) != 0) s = -s;
  };
  std::vector<double> s;
  std::vector<int> e;
  for (int i = 0; i < k; ++i) {
    double sa = 0;
    double sb = 0;
    int ea = 0;
    int eb = 0;
    parts(fa, a[i], sa, ea);
    parts(fb, b[i], sb, eb);
    s.push_back(sa * sb);
    e.push_back(ea + eb);
  }
  int ec = 0;
  const double sc = 2 * std::frexp(static_cast<double>(c), &ec);
  s.push_back(sc);
  e.push_back(c == 0.0F ? -126 : ec - 1);
  int largest = e[0];
  for (const int x : e) largest = x > largest ? x : largest;
  double sum = 0;
  for (std::size_t i = 0; i < s.size(); ++i) sum += std::trunc(std::ldexp(s[i], fraction_bits + e[i] - largest));
  if (sum == 0) return 0U;
  int top = 0;
  const double fraction = std::frexp(sum, &top);
  const double cut = std::trunc(std::ldexp(fraction, output_bits + 1));
  return nibble::to_bits(static_cast<float>(std::ldexp(cut, top - output_bits - 1 + largest - fraction_bits)));
}

TEST_CASE("tensor core: random FP8 dot products against the rule in exact doubles") {
  std::mt19937 random(9);
  const oracle::format oracle_formats[] = {oracle::e4m3, oracle::e5m2};
  const nibble::float_format own_formats[] = {formats::e4m3, formats::e5m2};
  std::size_t wrong = 0;
  for (int round = 0; round < 40'000; ++round) {
    const int pair = round % 4;
    std::uint8_t operands[2][32];
    for (int side = 0; side < 2; ++side) {
      const oracle::format& f = oracle_formats[side == 0 ? pair / 2 : pair % 2];
      const std::uint32_t range = round % 3 == 0 ? 12U : max_code(f) + 1U;
      for (std::uint8_t& x : operands[side]) x = static_cast<std::uint8_t>(random() % range | (random() & 0x80U));
    }
    const float wide = std::ldexp(static_cast<float>(random()) - 2147483648.0F, static_cast<int>(random() % 40) - 55);
    const float c = round % 5 == 0 ? 0.0F : wide;
    for (const bool hopper : {true, false}) {
      const tensor_unit& u = hopper ? units::hopper_wgmma_fp8 : units::blackwell_f8f6f4;
      const std::uint32_t got = multiply_accumulate(u, own_formats[pair / 2], own_formats[pair % 2], operands[0],
                                                    operands[1], nibble::to_bits(c));
      wrong += got != rule_in_doubles(oracle_formats[pair / 2], oracle_formats[pair % 2], operands[0], operands[1], 32, c,
                                      hopper ? 13 : 25, hopper ? 13 : 23)
                   ? 1U
                   : 0U;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace
