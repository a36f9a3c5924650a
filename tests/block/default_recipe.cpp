// SPDX-License-Identifier: Apache-2.0
//
// The default recipe on hostile data: the promises for finite numbers, and what a NaN or an Inf does to its block and
// to nothing else. The exhaustive test block_guarantees goes on where this one stops.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "guarantees.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::quantize;

constexpr std::uint32_t specials[] = {0x7F800000U, 0xFF800000U, 0x7FC00000U, 0xFFC00000U, 0x7F800001U, 0xFFFFFFFFU};

/// Puts one special number into one block of a tensor: that block decodes to NaN (its scale is NaN; the largest one
/// where the scale format has no NaN), and all others are what they are with a zero in its place.
template <block_format F>
void check_specials(differences& found, const std::string& name) {
  constexpr std::size_t rows = 35;
  constexpr std::size_t cols = 170;
  oracle::generator g(8);
  for (const std::uint32_t special : specials) {
    oracle::matrix x = oracle::make_tensor(oracle::tensor_mode::gaussian, rows, cols, special % 97);
    const std::size_t place = g.below(rows * cols);
    x.bits[place] = 0;
    const source without(x);
    x.bits[place] = special;
    const source with(x);
    const auto wanted = quantize<F>(without.view());
    const auto q = quantize<F>(with.view());
    const auto wanted_values = nibble::dequantize(wanted);
    const auto values = nibble::dequantize(q);
    const std::size_t height = F.rows_per_block(rows);
    const std::size_t width = F.block_cols(cols);
    const double spoilt_scale = static_cast<double>(q.view().scale(place / cols, place % cols));
    bool nan = F.scale.has_nan() || spoilt_scale == F.scale.max_value();
    bool same = true;
    for (std::size_t i = 0; i < rows * cols; ++i) {
      const bool touched = i / cols / height == place / cols / height && i % cols / width == place % cols / width;
      if (touched) {
        nan = nan && (!F.scale.has_nan() || values[i] != values[i]);
      } else {
        same = same && oracle::float_bits(values[i]) == oracle::float_bits(wanted_values[i]) &&
               q.view().code(i / cols, i % cols) == wanted.view().code(i / cols, i % cols);
      }
    }
    found.expect(nan, name + ": the block is not NaN");
    found.expect(same, name + ": another block changed");
    found.expect(q.tensor_scale() == wanted.tensor_scale(), name + ": the tensor scale changed");
  }
}

}  // namespace

TEST_CASE("default recipe: finite data, named formats") {
  differences found;
  check_guarantees<nibble::nvfp4>(found, "nvfp4", 20000);
  check_guarantees<nibble::nvfp4_2d>(found, "nvfp4_2d", 2000);
  check_guarantees<nibble::mxfp4>(found, "mxfp4", 20000);
  check_guarantees<nibble::mxfp6_e2m3>(found, "mxfp6_e2m3", 10000);
  check_guarantees<nibble::mxfp6_e3m2>(found, "mxfp6_e3m2", 10000);
  check_guarantees<nibble::mxfp8_e4m3>(found, "mxfp8_e4m3", 20000);
  check_guarantees<nibble::mxfp8_e5m2>(found, "mxfp8_e5m2", 10000);
  check_guarantees<nibble::mxint8>(found, "mxint8", 10000);
  check_guarantees<nibble::fp8_per_tensor>(found, "fp8_per_tensor", 2000);
  check_guarantees<nibble::fp8_per_row>(found, "fp8_per_row", 10000);
  check_guarantees<nibble::fp8_128x128>(found, "fp8_128x128", 100);
  check_guarantees<nibble::ggml_nvfp4>(found, "ggml_nvfp4", 1000);
  NIBBLE_CHECK_EQUAL(found, 3000);
}

TEST_CASE("default recipe: finite data, other scale formats and block sizes") {
  differences found;
  check_guarantees<sweep_format(plain_scale(1), 8)>(found, "E1M6, 8", 5000);
  check_guarantees<sweep_format(plain_scale(2), 16)>(found, "E2M5, 16", 5000);
  check_guarantees<sweep_format(plain_scale(3), 64)>(found, "E3M4, 64", 5000);
  check_guarantees<sweep_format(nibble::formats::e4m3, 32)>(found, "E4M3, 32", 5000);
  check_guarantees<sweep_format(plain_scale(5), 32)>(found, "E5M2, 32", 5000);
  check_guarantees<sweep_format(plain_scale(6), 128)>(found, "E6M1, 128", 5000);
  check_guarantees<sweep_format(nibble::formats::e8m0, 128)>(found, "E8M0, 128", 5000);
  NIBBLE_CHECK_EQUAL(found, 7 * 5000 / 40);
}

TEST_CASE("default recipe: finite data, scales that reach the ends of float32") {
  using namespace nibble::formats;
  constexpr nibble::float_format e8m2{.exponent_bits = 8, .mantissa_bits = 2, .bias = 128};
  constexpr nibble::float_format subnormal{.exponent_bits = 3, .mantissa_bits = 7, .bias = 125};
  differences found;
  check_guarantees<block_format{.element = e2m1, .scale = bf16, .block_size = 32}>(found, "E2M1, bfloat16", 10000);
  check_guarantees<block_format{.element = e3m0, .scale = bf16, .block_size = 32}>(found, "E3M0, bfloat16", 10000);
  check_guarantees<block_format{.element = e4m3, .scale = bf16, .block_size = 64}>(found, "E4M3, bfloat16", 10000);
  check_guarantees<block_format{.element = e3m2, .scale = e8m2, .block_size = 16}>(found, "E3M2, E8M2", 10000);
  check_guarantees<block_format{.element = e5m2, .scale = subnormal, .block_size = 16}>(found, "E5M2, E3M7", 10000);
  NIBBLE_CHECK_EQUAL(found, 5 * 10000 / 40);
}

TEST_CASE("default recipe: a NaN or an Inf spoils its block alone") {
  differences found;
  check_specials<nibble::nvfp4>(found, "nvfp4");
  check_specials<nibble::nvfp4_2d>(found, "nvfp4_2d");
  check_specials<nibble::mxfp4>(found, "mxfp4");
  check_specials<nibble::mxfp6_e3m2>(found, "mxfp6_e3m2");
  check_specials<nibble::mxfp8_e4m3>(found, "mxfp8_e4m3");
  check_specials<nibble::mxint8>(found, "mxint8");
  check_specials<nibble::fp8_per_row>(found, "fp8_per_row");
  check_specials<nibble::fp8_per_tensor>(found, "fp8_per_tensor");
  check_specials<nibble::fp8_128x128>(found, "fp8_128x128");
  check_specials<nibble::ggml_nvfp4>(found, "ggml_nvfp4");
  check_specials<sweep_format(plain_scale(3), 16)>(found, "E3M4");
  NIBBLE_CHECK_EQUAL(found, 11 * 6 * 3);
}
