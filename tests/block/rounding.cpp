// SPDX-License-Identifier: Apache-2.0
//
// A rounding named in the call replaces the recipe's: every mode against the oracle's encode of the exactly scaled
// element, for every MX element format; and exact scaling of NVFP4 under the unbiased recipe.
#include <doctest/doctest.h>

#include <string>

#include <oracle/encode.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::recipe;
using nibble::rounding_mode;
using oracle::matrix;
using oracle::tensor_mode;

struct mode_pair {
  rounding_mode library;
  oracle::rounding oracle;
};
constexpr mode_pair rounding_modes[] = {{rounding_mode::nearest_even, oracle::rounding::nearest_even},
                                        {rounding_mode::nearest_away, oracle::rounding::nearest_away},
                                        {rounding_mode::nearest_toward_zero, oracle::rounding::nearest_toward_zero},
                                        {rounding_mode::toward_zero, oracle::rounding::toward_zero},
                                        {rounding_mode::upward, oracle::rounding::upward},
                                        {rounding_mode::downward, oracle::rounding::downward},
                                        {rounding_mode::to_odd, oracle::rounding::to_odd}};

/// The real number x / (scale * tensor scale), rounded once. The quotient is a double rounded to nearest, moved off any
/// tie or exact value that it did not have: numerator and denominator have at most 24 and 28 bits, so a quotient that
/// is not on the grid of the comparison lies further from it than a double's error.
template <block_format F>
void check_exact(const std::string& name, const recipe& r, const oracle::format& element) {
  differences found;
  for (const tensor_mode mode : oracle::all_tensor_modes) {
    if (mode == tensor_mode::specials) continue;
    const matrix x = oracle::make_tensor(mode, 9, 75, 4, static_cast<std::size_t>(F.block_size), element);
    const source s(x);
    for (const mode_pair& m : rounding_modes) {
      const auto q = nibble::quantize<F>(s.view(), {.rounding = m.library, .recipe = r});
      const auto view = q.view();
      std::vector<std::uint8_t> wanted;
      for (std::size_t i = 0; i < x.bits.size(); ++i) {
        const double scale = static_cast<double>(view.scale(i / 75, i % 75)) * static_cast<double>(q.tensor_scale());
        const double y = scale == 0.0 ? 0.0 : oracle::magnitude(oracle::float_value(x.bits[i])) / scale;
        const double with_sign = oracle::with_sign(y, oracle::is_negative(oracle::float_value(x.bits[i])));
        wanted.push_back(static_cast<std::uint8_t>(oracle::encode(element, with_sign, m.oracle)));
      }
      found.compare(name + " rounding " + std::to_string(static_cast<int>(m.library)) + " mode " +
                        std::to_string(static_cast<int>(mode)),
                    codes_of(q), wanted);
    }
  }
  NIBBLE_CHECK_EQUAL(found, 9 * 7);
}

}  // namespace

TEST_CASE("rounding: every mode on exactly scaled elements of MX") {
  check_exact<nibble::mxfp4>("mxfp4", {}, oracle::e2m1);
  check_exact<nibble::mxfp6_e2m3>("mxfp6_e2m3", {}, oracle::e2m3);
  check_exact<nibble::mxfp6_e3m2>("mxfp6_e3m2", {}, oracle::e3m2);
  check_exact<nibble::mxfp8_e4m3>("mxfp8_e4m3", {}, oracle::e4m3);
  check_exact<nibble::mxfp8_e5m2>("mxfp8_e5m2", {}, oracle::e5m2);
  check_exact<nibble::mxint8>("mxint8", {}, oracle::mxint8);
}

TEST_CASE("rounding: every mode on exactly scaled elements of NVFP4 and FP8") {
  check_exact<nibble::nvfp4>("nvfp4", recipe::unbiased, oracle::e2m1);
  check_exact<nibble::nvfp4_2d>("nvfp4_2d", recipe::unbiased, oracle::e2m1);
  check_exact<nibble::fp8_128x128>("fp8_128x128", recipe::unbiased, oracle::e4m3);
}

TEST_CASE("rounding: tags name the same modes") {
  const source s(oracle::make_tensor(tensor_mode::ties, 4, 64, 1));
  const auto by_mode = [&](rounding_mode m) { return nibble::quantize<nibble::mxfp4>(s.view(), {.rounding = m}); };
  const auto by_tag = [&](auto tag) { return nibble::quantize<nibble::mxfp4>(s.view(), {.rounding = tag}); };
  CHECK(by_tag(nibble::nearest_even{}) == by_mode(rounding_mode::nearest_even));
  CHECK(by_tag(nibble::nearest_away{}) == by_mode(rounding_mode::nearest_away));
  CHECK(by_tag(nibble::nearest_toward_zero{}) == by_mode(rounding_mode::nearest_toward_zero));
  CHECK(by_tag(nibble::toward_zero{}) == by_mode(rounding_mode::toward_zero));
  CHECK(by_tag(nibble::upward{}) == by_mode(rounding_mode::upward));
  CHECK(by_tag(nibble::downward{}) == by_mode(rounding_mode::downward));
  CHECK(by_tag(nibble::to_odd{}) == by_mode(rounding_mode::to_odd));
  CHECK_FALSE(by_mode(rounding_mode::nearest_even) == by_mode(rounding_mode::nearest_away));
}
