// SPDX-License-Identifier: Apache-2.0
//
// amax under its three rules, for every source type, strided views and empty matrices.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <oracle/blocks.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::amax_rule;
using nibble::matrix_view;

/// The largest magnitude by definition.
double largest(const std::vector<double>& values, amax_rule rule) {
  if (rule != amax_rule::finite) return oracle::amax_of(values, rule == amax_rule::propagate);
  std::vector<double> finite;
  for (const double x : values) {
    if (!oracle::is_infinite(x)) finite.push_back(x);
  }
  return oracle::amax_of(finite, false);
}

template <class T>
void check(differences& found, const std::vector<T>& x, const std::vector<double>& values, const char* name) {
  for (const amax_rule rule : {amax_rule::finite, amax_rule::propagate, amax_rule::ignore_nan}) {
    const std::uint32_t wanted = oracle::bits_of_float(largest(values, rule));
    for (const std::size_t cols : {std::size_t{1}, std::size_t{24}, x.size()}) {
      const float got = nibble::amax(matrix_view{x.data(), x.size() / cols, cols}, rule);
      found.expect(comparable_bits(got) == comparable_bits(oracle::bits_float(wanted)), name);
    }
  }
}

}  // namespace

TEST_CASE("amax: rules and sources") {
  differences found;
  for (const auto mode : oracle::all_tensor_modes) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const auto bits = oracle::make_tensor(mode, 4, 48, seed).bits;
      std::vector<double> values;
      std::vector<double> halves;
      std::vector<nibble::f16> narrow;
      for (const std::uint32_t b : bits) {
        values.push_back(oracle::float_value(b));
        const auto code = oracle::encode(oracle::f16, values.back(), oracle::rounding::nearest_even,
                                         oracle::overflow::special);
        narrow.push_back(nibble::f16::from_bits(code));
        halves.push_back(oracle::decode(oracle::f16, code));
      }
      check(found, floats_of(bits), values, "float");
      check(found, values, values, "double");
      check(found, narrow, halves, "f16");
    }
  }
  NIBBLE_CHECK_EQUAL(found, 10 * 6 * 27);
}

TEST_CASE("amax: strides and empty matrices") {
  static constexpr float known[] = {1.0F, -8.0F, 2.0F};
  static_assert(nibble::amax(matrix_view{known, 1, 3}) == 8.0F);
  static_assert(nibble::amax(matrix_view<double>{}) == 0.0F);
  const float x[] = {1.0F, -8.0F, 2.0F, 4.0F, -3.0F, 16.0F};
  CHECK(nibble::amax(matrix_view{x, 2, 2, 3}) == 8.0F);
  CHECK(nibble::amax(matrix_view{x + 4, 1, 3, 0, -2}) == 3.0F);
  CHECK(nibble::amax(matrix_view{x + 2, 5, 7, 0, 0}) == 2.0F);
  CHECK(oracle::float_bits(nibble::amax(matrix_view<float>{})) == 0);
  CHECK(oracle::float_bits(nibble::amax(matrix_view<float>{nullptr, 0, 9}, amax_rule::propagate)) == 0);
  const float zero = -0.0F;
  CHECK(oracle::float_bits(nibble::amax(matrix_view{&zero, 1, 1})) == 0);
}
