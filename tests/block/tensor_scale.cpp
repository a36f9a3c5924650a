// SPDX-License-Identifier: Apache-2.0
//
// The tensor scale under nibble's own rules, for every amax around every power of two: what it promises to the decoder
// and to the encoder.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include <oracle/tensors.hpp>

#include "guarantees.hpp"

namespace {

using namespace block_test;
using nibble::binary32;
using nibble::block_format;
using nibble::recipe;

std::vector<std::uint32_t> amaxes() {
  std::vector<std::uint32_t> list{1, 0x7F7FFFFFU};
  for (std::uint32_t field = 0; field < 255; ++field) {
    for (const std::uint32_t fraction : {0x0U, 0x1U, 0x280000U, 0x27FFFFU, 0x400000U, 0x7FFFFFU}) {
      if ((field << 23 | fraction) != 0) list.push_back(field << 23 | fraction);
    }
  }
  return list;
}

double value_of(binary32 x) { return oracle::float_value(x.bits()); }

/// Guarded: the largest product of element, scale and tensor scale is finite, and the smallest product of a scale with
/// the tensor scale is a normal number with a finite reciprocal.
void check_guarded(differences& found, const block_format& f, const char* name) {
  const double smallest = f.scale.min_positive();
  const double largest = f.element.max_value() * f.scale.max_value();
  for (const std::uint32_t amax : amaxes()) {
    const auto t = nibble::make_tensor_scaling(f, recipe{}, binary32::from_bits(amax));
    const double decode = value_of(t.decode);
    const double encode = value_of(t.encode);
    found.expect(decode > 0 && !oracle::is_infinite(oracle::f32::mul(largest, decode)), name);
    found.expect(smallest * decode >= 0x1p-126 && 1 / (smallest * decode) < 0x1p127, name);
    found.expect(encode >= 0x1p-126 && encode < 0x1p127, name);
    // Where no guard is needed the formula is Q / amax.
    const double plain = oracle::f32::div(largest, oracle::float_value(amax));
    const bool scales_fit = f.scale.max_value() < plain * 0x1p127;
    if (plain <= 0x1p100 * std::min(1.0, smallest) && plain >= 0x1p-120 && scales_fit)
      found.expect(encode == plain, name);
    found.expect(std::abs(encode * decode - 1) < 0x1p-22, name);
  }
}

/// Powers of two: the smallest with amax <= Q * T, but for a lower limit that the encoder needs.
void check_power_of_two(differences& found, const block_format& f, const char* name) {
  const double largest = f.element.max_value() * f.scale.max_value();
  double least = 0;
  for (const std::uint32_t amax : amaxes()) {
    const auto t = nibble::make_tensor_scaling(f, recipe::unbiased, binary32::from_bits(amax));
    const double decode = value_of(t.decode);
    if (least == 0) least = decode;  // the first amax is the smallest float32
    found.expect(std::ldexp(1.0, std::ilogb(decode)) == decode, name);
    found.expect(oracle::float_value(amax) <= largest * decode, name);
    found.expect(decode == least || oracle::float_value(amax) > largest * decode / 2, name);
    found.expect(value_of(t.encode) * decode == 1.0, name);
  }
  found.expect(least * f.scale.min_positive() >= 0x1p-126, name);
}

template <class Check>
void for_formats(Check check) {
  check(nibble::nvfp4, "nvfp4");
  check(sweep_format(plain_scale(1), 16), "E1M6");
  check(sweep_format(plain_scale(2), 16), "E2M5");
  check(sweep_format(plain_scale(3), 16), "E3M4");
  check(sweep_format(plain_scale(5), 16), "E5M2");
  check(sweep_format(plain_scale(6), 16), "E6M1");
}

}  // namespace

TEST_CASE("tensor scale: guarded against overflow and subnormal products") {
  differences found;
  for_formats([&](const block_format& f, const char* name) { check_guarded(found, f, name); });
  NIBBLE_CHECK_EQUAL(found, 6 * 4 * 1500);
}

TEST_CASE("tensor scale: tensors beyond the range of a format far below 1") {
  differences found;
  constexpr nibble::float_format element{.exponent_bits = 1, .mantissa_bits = 2, .bias = 66};
  constexpr nibble::float_format scale{.exponent_bits = 5, .mantissa_bits = 5, .bias = 18};
  check_guarded(found, {.element = element, .scale = scale, .block_size = 16, .tensor_scale = true}, "far below 1");
  NIBBLE_CHECK_EQUAL(found, 4 * 1500);
}

TEST_CASE("tensor scale: a scale times it is finite where elements are below 1") {
  constexpr block_format f{.element = {.exponent_bits = 2, .mantissa_bits = 2, .bias = 5},
                           .scale = nibble::formats::e4m3,
                           .block_size = 16,
                           .tensor_scale = true};
  differences found;
  for (const std::uint32_t amax : amaxes()) {
    const auto t = nibble::make_tensor_scaling(f, recipe{}, binary32::from_bits(amax));
    found.expect(!oracle::is_infinite(oracle::f32::mul(448.0, value_of(t.decode))), "a scale");
    found.expect(std::abs(value_of(t.encode) * value_of(t.decode) - 1) < 0x1p-22, "the reciprocal");
  }
  NIBBLE_CHECK_EQUAL(found, 2 * 1500);
  // The largest element is 7/16: numbers up to 7/16 of the largest float32 are kept, and larger ones become that.
  const std::vector<float> x = {0x1.fffffep127F, -0x1p126F, 0x1p125F, 0.0F};
  const std::vector<float> values = nibble::dequantize(nibble::quantize<f>(nibble::matrix_view{x.data(), 1, x.size()}));
  CHECK(values[0] > 0x1.bffffp126F);
  CHECK(values[0] < 0x1.c0001p126F);
  CHECK(std::abs(double{values[1]} + 0x1p126) < 0x1p124);
  CHECK(std::abs(double{values[2]} - 0x1p125) < 0x1p123);
}

TEST_CASE("tensor scale: powers of two") {
  differences found;
  for_formats([&](const block_format& f, const char* name) { check_power_of_two(found, f, name); });
  NIBBLE_CHECK_EQUAL(found, 6 * 4 * 1500);
}

TEST_CASE("tensor scale: zero tensors and formats without one") {
  const auto bits = [](const recipe& r, float amax, const block_format& f = nibble::nvfp4) {
    return nibble::make_tensor_scaling(f, r, binary32(amax)).decode.bits();
  };
  CHECK(bits({}, 0.0F) == 0x3F800000U);
  CHECK(bits(recipe::transformer_engine_kernel, 0.0F) == 0x3F800000U);
  CHECK(bits(recipe::transformer_engine, 0.0F) == 0x00200000U);  // 1 / largest float = 2^-128
  CHECK(bits(recipe::torchao_tensor_scale, 0.0F) == 0);
  CHECK(bits(recipe::unbiased, 0.0F) == 0x06800000U);  // 2^-114
  CHECK(bits({}, 5.0F, nibble::mxfp4) == 0x3F800000U);
  CHECK(bits(recipe::torchao, 5.0F) == 0x3F800000U);
  CHECK(bits({}, 2688.0F) == 0x3F800000U);
}
