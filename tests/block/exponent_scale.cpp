// SPDX-License-Identifier: Apache-2.0
//
// Power-of-two scales: every rule at and around every power of two, and exact_ceil against a search through all scales
// in exact arithmetic.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <nibble/format/p3109.hpp>
#include <oracle/mx.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::recipe;
using oracle::mx_rule;

/// One element, and a scale that has a zero.
constexpr block_format with_zero_scale{
    .element = nibble::formats::e2m1, .scale = nibble::formats::p3109(8, 1, false, false), .block_size = 32};
constexpr block_format of_e3m0{.element = nibble::formats::e3m0, .scale = nibble::formats::e8m0, .block_size = 32};

template <block_format F>
std::uint32_t scale_code(const recipe& r, std::uint32_t amax) {
  const float x = oracle::bits_float(amax);
  nibble::block_tensor<F> q(1, 1);
  quantize(nibble::matrix_view{&x, 1, 1}, q.view(), {.recipe = r});
  return q.scales()[0];
}

/// All powers of two, their neighbours up to `reach` floats away, and floats next to `significand` times them.
std::vector<std::uint32_t> around_powers(std::uint32_t reach, double significand) {
  std::vector<std::uint32_t> list{0};
  for (int k = -149; k <= 127; ++k) {
    const std::uint32_t power = oracle::bits_of_float(std::ldexp(1.0, k));
    for (std::uint32_t i = 0; i <= reach; ++i) {
      if (power > i) list.push_back(power - i);
      if (power + i < 0x7F800000U) list.push_back(power + i);
    }
    if (k < -120 || std::ldexp(significand, k) >= 0x1.fffffcp127) continue;
    const std::uint32_t edge = oracle::bits_of_float(oracle::round_to_float(std::ldexp(significand, k)));
    for (std::uint32_t i = edge - 2; i <= edge + 2; ++i) list.push_back(i);
  }
  oracle::generator g(4);
  for (int i = 0; i < 2000; ++i) list.push_back(g.below(0x7F800000U));
  return list;
}

/// The smallest scale with amax <= largest element * scale, by trying all; the largest where there is none.
std::uint32_t search(const nibble::block_format& f, double amax) {
  if (amax == 0.0) return 0;
  const long double largest = static_cast<long double>(f.element.max_value());
  for (std::uint32_t code = 0; code < f.scale.max_code(); ++code) {
    if (static_cast<long double>(amax) <= largest * static_cast<long double>(f.scale.magnitude_value(code))) return code;
  }
  return f.scale.max_code();
}

template <block_format F>
void check_exact_ceil(differences& found, const std::string& name) {
  for (const std::uint32_t amax : around_powers(2, F.element.max_value())) {
    found.expect(scale_code<F>(recipe::unbiased, amax) == search(F, oracle::float_value(amax)), name.c_str());
  }
}

template <block_format F>
void check_rule(differences& found, const recipe& r, mx_rule rule, const oracle::format& element, const char* name) {
  const auto largest = static_cast<double>(oracle::max_value(element));
  for (const std::uint32_t amax : around_powers(rule == mx_rule::microxcaling ? 120 : 3, largest)) {
    const int wanted = oracle::mx_detail::scale_of(rule, element, oracle::float_value(amax));
    found.expect(scale_code<F>(r, amax) == static_cast<std::uint32_t>(wanted), name);
  }
}

template <block_format F>
void check_rules(differences& found, const oracle::format& element) {
  check_rule<F>(found, recipe::floor, mx_rule::floor, element, "floor");
  check_rule<F>(found, recipe::ceil, mx_rule::ceil, element, "ceil");
  check_rule<F>(found, recipe::even, mx_rule::even, element, "even");
  check_rule<F>(found, recipe::rceil, mx_rule::rceil, element, "rceil");
  check_rule<F>(found, recipe::microxcaling, mx_rule::microxcaling, element, "microxcaling");
  check_rule<F>(found, recipe::transformer_engine_kernel, mx_rule::transformer_engine, element, "transformer engine");
}

}  // namespace

TEST_CASE("exponent scales: exact_ceil is the smallest scale that keeps the block in range") {
  differences found;
  check_exact_ceil<nibble::mxfp4>(found, "e2m1");
  check_exact_ceil<nibble::mxfp6_e2m3>(found, "e2m3");
  check_exact_ceil<nibble::mxfp6_e3m2>(found, "e3m2");
  check_exact_ceil<nibble::mxfp8_e4m3>(found, "e4m3");
  check_exact_ceil<nibble::mxfp8_e5m2>(found, "e5m2");
  check_exact_ceil<nibble::mxint8>(found, "mxint8");
  check_exact_ceil<of_e3m0>(found, "e3m0");
  check_exact_ceil<with_zero_scale>(found, "scale with zero");
  NIBBLE_CHECK_EQUAL(found, 8 * 4000);
}

TEST_CASE("exponent scales: published rules around every power of two") {
  differences found;
  check_rules<nibble::mxfp4>(found, oracle::e2m1);
  check_rules<nibble::mxfp6_e2m3>(found, oracle::e2m3);
  check_rules<nibble::mxfp6_e3m2>(found, oracle::e3m2);
  check_rules<nibble::mxfp8_e4m3>(found, oracle::e4m3);
  check_rules<nibble::mxfp8_e5m2>(found, oracle::e5m2);
  check_rule<nibble::mxint8>(found, recipe::microxcaling, mx_rule::microxcaling, oracle::mxint8, "mxint8");
  check_rule<nibble::ggml_mxfp4>(found, recipe::ggml, mx_rule::ggml, oracle::e2m1, "ggml");
  NIBBLE_CHECK_EQUAL(found, 32 * 3000);
}

TEST_CASE("exponent scales: a scale format with a zero keeps it for blocks of zeros") {
  const float tiny[] = {0x1p-149F, 0.0F};
  auto q = nibble::quantize<with_zero_scale>(nibble::matrix_view{tiny, 1, 1});
  CHECK(q.scales()[0] == 1);
  q = nibble::quantize<with_zero_scale>(nibble::matrix_view{tiny + 1, 1, 1});
  CHECK(q.scales()[0] == 0);
  CHECK(q.value(0, 0) == 0.0F);
}

// By hand: an amax of 2^k in E2M1, whose emax is 2, has the exponent k - 2, so the code k + 1 of a scale with bias 3.
TEST_CASE("exponent scales: what wraps stays a code of its format") {
  constexpr nibble::float_format two_bits{.exponent_bits = 2, .mantissa_bits = 0, .bias = 3};
  constexpr block_format f{.element = nibble::formats::e2m1, .scale = two_bits, .block_size = 32};
  for (int k = -100; k <= 100; ++k) {
    const std::uint32_t wrapped = static_cast<std::uint32_t>(k + 1) % 4U;
    // Code 0 is the zero, which is for blocks of zeros.
    CHECK(scale_code<f>(recipe::ggml, oracle::bits_of_float(std::ldexp(1.0, k))) == (wrapped == 0 ? 1U : wrapped));
  }
}
