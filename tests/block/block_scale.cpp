// SPDX-License-Identifier: Apache-2.0
//
// ggml's encoder of unsigned E4M3 against the oracle, at and around every number and midpoint of the format and where
// adding half in float32 rounds.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <nibble/block/block_scale.hpp>
#include <nibble/block/quantize.hpp>
#include <oracle/blocks.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

TEST_CASE("block scale: ggml's UE4M3 encoder") {
  block_test::differences found;
  const auto check = [&](std::uint32_t bits) {
    const std::uint32_t got = nibble::detail::ggml_scale_code(nibble::binary32::from_bits(bits));
    found.expect(got == oracle::ggml_ue4m3(oracle::float_value(bits)), "UE4M3");
  };
  for (std::uint32_t code = 0; code < oracle::max_code(oracle::ue4m3); ++code) {
    const long double low = oracle::magnitude_value(oracle::ue4m3, code);
    const long double high = oracle::magnitude_value(oracle::ue4m3, code + 1);
    for (const long double x : {low, (low + high) / 2, high}) {
      const std::uint32_t bits = oracle::bits_of_float(static_cast<double>(x));
      for (std::uint32_t i = bits < 3 ? 0 : bits - 3; i <= bits + 3; ++i) check(i);
    }
  }
  for (const std::uint32_t bits : {0x80000000U, 0xBF800000U, 0x7F800000U, 0xFF800000U, 0x7FC00000U, 0x7F7FFFFFU}) {
    check(bits);
  }
  oracle::generator g(2);
  for (int i = 0; i < 200'000; ++i) check(0x3A000000U + g.below(0x0A000000U));
  NIBBLE_CHECK_EQUAL(found, 200'000 + 126 * 21);
}

// By hand: 2^-9 / 6 is below the smallest E4M3 number 2^-9, code 1; 2^-6 is code 8.
TEST_CASE("block scale: an exact quotient has a floor, too") {
  const std::vector<float> values(16, 0x1p-9F);
  nibble::recipe r = nibble::recipe::unbiased;
  r.tensor = nibble::tensor_scale_rule::one;
  const auto code_of = [&] {
    return nibble::quantize<nibble::nvfp4>(nibble::matrix_view{values.data(), 1, 16}, {.recipe = r}).scales()[0];
  };
  CHECK(int{code_of()} == 1);
  r.scale_floor = 0x1p-6F;
  CHECK(int{code_of()} == 8);
}

// By hand: 0.3 is nearest to 1.25 * 2^-2, code 0x2a.
TEST_CASE("block scale: what replaces a zero is rounded to the scale format") {
  const std::vector<float> values(16, 0.0F);
  nibble::recipe r;
  r.zero_scale = nibble::zero_scale_rule::replace;
  r.scale_replacement = 0.3F;
  const auto q = nibble::quantize<nibble::nvfp4>(nibble::matrix_view{values.data(), 1, 16}, {.recipe = r});
  CHECK(int{q.scales()[0]} == 0x2a);
}

// By hand: 6 / 6 is 1, code 0x38 of E4M3 and 0x3c of E5M2; 0x38 of E5M2 is 0.5.
TEST_CASE("block scale: ggml's encoder is for E4M3 alone") {
  constexpr nibble::block_format e5m2_scales{
      .element = nibble::formats::e2m1, .scale = nibble::formats::e5m2, .block_size = 16};
  const std::vector<float> values(16, 6.0F);
  const nibble::matrix_view x{values.data(), 1, 16};
  CHECK(int{nibble::quantize<nibble::ggml_nvfp4>(x, {.recipe = nibble::recipe::ggml}).scales()[0]} == 0x38);
  CHECK(int{nibble::quantize<e5m2_scales>(x, {.recipe = nibble::recipe::ggml}).scales()[0]} == 0x3c);
}
