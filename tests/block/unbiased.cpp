// SPDX-License-Identifier: Apache-2.0
//
// recipe::unbiased: no element lies beyond the largest number, and the exact expectation over all random words is the
// element but for the step of the last random bit. The same with scales to nearest fails exactly where it must.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include <oracle/stochastic.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::float_format;
using nibble::matrix_view;
using nibble::quantize;
using nibble::quantize_counts;
using nibble::recipe;
using oracle::matrix;
using oracle::tensor_mode;

/// FP4 with scales of one sign bit, E exponent and 7 - E mantissa bits.
constexpr block_format sweep(int exponent_bits, int block_size) {
  return {.element = nibble::formats::e2m1,
          .scale = {.exponent_bits = exponent_bits,
                    .mantissa_bits = 7 - exponent_bits,
                    .bias = (1 << (exponent_bits - 1)) - 1},
          .block_size = block_size,
          .tensor_scale = true,
          .packing = nibble::layouts::nibbles_low_first};
}

constexpr tensor_mode modes[] = {tensor_mode::gaussian,   tensor_mode::ties, tensor_mode::scale_ties,
                                 tensor_mode::below_powers, tensor_mode::subnormals, tensor_mode::tiny,
                                 tensor_mode::huge,       tensor_mode::zeros, tensor_mode::wide};

/// A finite tensor below 2^126.
matrix bounded_tensor(tensor_mode mode, std::size_t rows, std::size_t cols, std::uint64_t seed, std::size_t block) {
  matrix x = oracle::make_tensor(mode, rows, cols, seed, block);
  for (std::uint32_t& bits : x.bits) {
    if ((bits & 0x7FFFFFFFU) >= 0x7E800000U) bits -= 0x01000000U;
  }
  return x;
}

/// |x| <= largest element * scale * tensor scale, in exact numbers, and nothing is counted as clipped.
template <block_format F>
void check_range(differences& found, const std::string& name) {
  const double largest = F.element.max_value();
  for (const tensor_mode mode : modes) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      constexpr std::size_t cols = 150;
      const matrix x = bounded_tensor(mode, 19, cols, seed, F.block_size > 0 ? F.block_size : 32);
      const source s(x);
      quantize_counts counts;
      const auto q = quantize<F>(
          s.view(), {.rounding = nibble::stochastic{.seed = seed}, .recipe = recipe::unbiased, .counts = &counts});
      bool inside = true;
      for (std::size_t i = 0; i < x.bits.size(); ++i) {
        const double unit = static_cast<double>(q.view().scale(i / cols, i % cols)) * static_cast<double>(q.tensor_scale());
        inside = inside && oracle::magnitude(oracle::float_value(x.bits[i])) <= largest * unit;
      }
      found.expect(inside, name + " mode " + std::to_string(static_cast<int>(mode)));
      found.expect(counts.clipped == 0, name + " clipped");
    }
  }
}

/// Mean over all words of `bits` bits, as the sum of the magnitudes' decoded codes; every element gets the same word.
template <block_format F>
std::vector<double> sums_over_words(const matrix& x, const recipe& r, int bits, const oracle::format& element,
                                    nibble::block_tensor<F>& last) {
  const source s(x);
  std::vector<double> sums(x.bits.size());
  const std::size_t elements = x.bits.size();
  const std::uint32_t copies = bits == 8 ? 0x01010101U : 0x00010001U;
  for (std::uint32_t word = 0; word >> bits == 0; ++word) {
    const std::vector<std::uint32_t> words(elements, word * copies);
    last = quantize<F>(s.view(), {.rounding = nibble::stochastic_words{words, bits}, .recipe = r});
    for (std::size_t i = 0; i < elements; ++i) {
      sums[i] += oracle::decode(element, last.view().code(i / x.columns, i % x.columns));
    }
  }
  return sums;
}

/// E[Q(x)] against x, exactly: what remains is less than the gap of the neighbours times 2^-bits, toward zero. Where
/// `clips` elements beyond the largest number are expected, and have that number as their expectation.
template <block_format F>
std::size_t check_expectation(differences& found, const matrix& x, const recipe& r, int bits,
                              const oracle::format& element, const std::string& name) {
  nibble::block_tensor<F> q;
  const auto sums = sums_over_words<F>(x, r, bits, element, q);
  const double words = std::ldexp(1.0, bits);
  const auto largest = static_cast<double>(oracle::max_value(element));
  std::size_t clipped = 0;
  bool right = true;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double value = oracle::float_value(x.bits[i]);
    const auto scale = static_cast<double>(q.view().scale(i / x.columns, i % x.columns));
    const double y = oracle::magnitude(value) / (scale * static_cast<double>(q.tensor_scale()));
    const double sum = oracle::is_negative(value) ? -sums[i] : sums[i];
    if (value == 0.0) {
      right = right && sum == 0.0;
      continue;
    }
    if (y > largest) {
      ++clipped;
      right = right && sum == largest * words;
      continue;
    }
    const auto n = oracle::find_neighbours(element, static_cast<long double>(y));
    const auto gap = static_cast<double>(n.exact ? 0.0L : n.upper_value - n.lower_value);
    const oracle::stochastic_odds o = oracle::odds(element, y, bits, oracle::stochastic_variant::a);
    const auto below = static_cast<double>(n.lower_value) * static_cast<double>(o.words - o.up);
    const auto above = o.up == 0 ? 0.0 : static_cast<double>(n.upper_value) * static_cast<double>(o.up);
    right = right && sum == below + above && sum <= y * words && y * words - sum <= gap;
  }
  found.expect(right, name);
  return clipped;
}

template <block_format F>
void check_unbiased(differences& found, const oracle::format& element, const std::string& name) {
  for (const tensor_mode mode : modes) {
    const std::size_t block = F.block_size > 0 ? F.block_size : 32;
    const matrix x = bounded_tensor(mode, 2, 3 * block, 5, block);
    const std::string where = name + " mode " + std::to_string(static_cast<int>(mode));
    found.expect(check_expectation<F>(found, x, recipe::unbiased, 8, element, where) == 0, where + " clips");
  }
  const matrix x = bounded_tensor(tensor_mode::gaussian, 1, 16, 6, 16);
  found.expect(check_expectation<F>(found, x, recipe::unbiased, 16, element, name + " 16 bits") == 0, name + " clips");
}

/// The largest number under the scale of one element, for 2^127 and the thousand float32 below it.
template <nibble::block_format F>
void check_largest(differences& found, const char* name) {
  for (std::uint32_t below = 0; below <= 1000; ++below) {
    const float x = oracle::bits_float(0x7f00'0000U - below);
    const auto q = nibble::quantize<F>(nibble::matrix_view{&x, 1, 1}, {.recipe = recipe::unbiased});
    const double largest = F.element.max_value() * double{q.view().scale(0, 0)} * double{q.tensor_scale()};
    found.expect(largest >= double{x} && largest <= double{std::numeric_limits<float>::max()}, name);
  }
}

}  // namespace

TEST_CASE("unbiased: no element is beyond the largest number") {
  differences found;
  check_range<nibble::nvfp4>(found, "nvfp4");
  check_range<nibble::nvfp4_2d>(found, "nvfp4_2d");
  check_range<nibble::mxfp4>(found, "mxfp4");
  check_range<nibble::mxfp6_e2m3>(found, "mxfp6_e2m3");
  check_range<nibble::mxfp6_e3m2>(found, "mxfp6_e3m2");
  check_range<nibble::mxfp8_e4m3>(found, "mxfp8_e4m3");
  check_range<nibble::mxfp8_e5m2>(found, "mxfp8_e5m2");
  check_range<nibble::mxint8>(found, "mxint8");
  check_range<nibble::fp8_per_tensor>(found, "fp8_per_tensor");
  check_range<nibble::fp8_per_row>(found, "fp8_per_row");
  check_range<nibble::fp8_128x128>(found, "fp8_128x128");
  check_range<sweep(1, 8)>(found, "E1M6");
  check_range<sweep(3, 32)>(found, "E3M4");
  check_range<sweep(5, 64)>(found, "E5M2");
  check_range<sweep(6, 128)>(found, "E6M1");
  NIBBLE_CHECK_EQUAL(found, 15 * 9 * 8 * 2);
}

TEST_CASE("unbiased: up to 2^127 nothing that an element may become is beyond float32") {
  differences found;
  check_largest<nibble::nvfp4>(found, "nvfp4");
  check_largest<nibble::nvfp4_2d>(found, "nvfp4_2d");
  check_largest<nibble::mxfp4>(found, "mxfp4");
  check_largest<nibble::mxfp6_e2m3>(found, "mxfp6_e2m3");
  check_largest<nibble::mxfp6_e3m2>(found, "mxfp6_e3m2");
  check_largest<nibble::mxfp8_e4m3>(found, "mxfp8_e4m3");
  check_largest<nibble::mxfp8_e5m2>(found, "mxfp8_e5m2");
  check_largest<nibble::mxint8>(found, "mxint8");
  check_largest<nibble::fp8_per_row>(found, "fp8_per_row");
  NIBBLE_CHECK_EQUAL(found, 9 * 1001);
  const float most = std::numeric_limits<float>::max();
  CHECK(nibble::dequantize(nibble::quantize<nibble::mxfp4>(nibble::matrix_view{&most, 1, 1}, {.recipe = recipe::unbiased}))[0] ==
        std::numeric_limits<float>::infinity());
}

TEST_CASE("unbiased: the expectation over all random words is the element") {
  differences found;
  check_unbiased<nibble::nvfp4>(found, oracle::e2m1, "nvfp4");
  check_unbiased<nibble::mxfp4>(found, oracle::e2m1, "mxfp4");
  check_unbiased<nibble::mxfp6_e3m2>(found, oracle::e3m2, "mxfp6_e3m2");
  check_unbiased<nibble::mxfp8_e4m3>(found, oracle::e4m3, "mxfp8_e4m3");
  check_unbiased<nibble::mxint8>(found, oracle::mxint8, "mxint8");
  check_unbiased<nibble::fp8_per_row>(found, oracle::e4m3, "fp8_per_row");
  NIBBLE_CHECK_EQUAL(found, 6 * 20);
}

TEST_CASE("unbiased: scales to nearest clip, and there alone the expectation is wrong") {
  recipe nearest = recipe::unbiased;
  nearest.scale_rounding = nibble::rounding_mode::nearest_even;
  differences found;
  std::size_t clipped = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const matrix x = oracle::make_tensor(tensor_mode::gaussian, 4, 64, seed);
    clipped += check_expectation<nibble::nvfp4>(found, x, nearest, 8, oracle::e2m1, "nearest");
  }
  NIBBLE_CHECK_EQUAL(found, 4);
  // About half of the 64 blocks have a maximum beyond 6.
  CHECK(clipped > 16);
  CHECK(clipped < 48);
}
