// SPDX-License-Identifier: Apache-2.0
//
// quantize_counts against a recount in the oracle's arithmetic.
#include <doctest/doctest.h>

#include <string>

#include <oracle/recipe.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::quantize_counts;
using nibble::recipe;
using oracle::matrix;
using oracle::tensor_mode;

/// Counts by definition. `scaled(magnitude, scale, tensor scale)` is what the recipe rounds.
template <block_format F, class Scaled>
quantize_counts recount(const nibble::block_tensor<F>& q, const matrix& x, const oracle::format& element,
                        Scaled scaled) {
  quantize_counts n;
  const auto view = q.view();
  for (std::size_t i = 0; i < x.bits.size(); ++i) {
    const std::size_t r = i / x.columns;
    const std::size_t c = i % x.columns;
    const double size = oracle::magnitude(oracle::float_value(x.bits[i]));
    const auto scale = static_cast<double>(view.scale(r, c));
    ++n.elements;
    if (oracle::is_nan(size) || oracle::is_infinite(size)) {
      ++n.nonfinite;
    } else if (!oracle::is_nan(scale)) {
      const double y = scaled(size, scale, static_cast<double>(q.tensor_scale()));
      if (y > static_cast<double>(oracle::max_value(element))) ++n.clipped;
      if (size != 0.0 && oracle::decode(element, view.code(r, c)) == 0.0) ++n.zeroed;
    }
  }
  return n;
}

bool equal(const quantize_counts& a, const quantize_counts& b) {
  return a.elements == b.elements && a.clipped == b.clipped && a.zeroed == b.zeroed && a.nonfinite == b.nonfinite;
}

void add(quantize_counts& sum, const quantize_counts& n) {
  sum.elements += n.elements;
  sum.clipped += n.clipped;
  sum.zeroed += n.zeroed;
  sum.nonfinite += n.nonfinite;
}

/// Every call adds to one set of counts; the totals of all modes show that each field was at work.
template <block_format F, class Scaled>
void check_counts(const std::string& name, const recipe& r, const oracle::format& element, bool clips, Scaled scaled) {
  quantize_counts counted;
  quantize_counts wanted;
  differences found;
  for (const tensor_mode mode : oracle::all_tensor_modes) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const matrix x = oracle::make_tensor(mode, 11, 75, seed, 32, element);
      const source s(x);
      const auto q = nibble::quantize<F>(s.view(), {.recipe = r, .counts = &counted});
      add(wanted, recount(q, x, element, scaled));
      found.expect(equal(counted, wanted), name + " mode " + std::to_string(static_cast<int>(mode)));
      found.expect(q == nibble::quantize<F>(s.view(), {.recipe = r}), name + ": counting changes the result");
    }
  }
  NIBBLE_CHECK_EQUAL(found, 10 * 4 * 2);
  CAPTURE(name);
  CHECK(wanted.elements == 40 * 11 * 75);
  CHECK(wanted.zeroed > 0);
  CHECK(wanted.nonfinite > 0);
  CHECK((wanted.clipped > 0) == clips);
}

double exact(double x, double scale, double tensor_scale) { return x / (scale * tensor_scale); }

/// Transformer Engine and nibble's NVFP4: x * min(1 / (D * T), largest float), nothing for a zero scale.
double by_reciprocal(double x, double scale, double tensor_scale) {
  if (scale == 0.0) return 0.0;
  const double multiplier = oracle::f32::div(1.0, oracle::f32::mul(scale, tensor_scale));
  return oracle::f32::mul(x, oracle::f32::at_most(multiplier, oracle::f32::max));
}

/// The power of two of a scale code, also where the code means NaN elsewhere.
double by_saturating_reciprocal(double x, double scale, double tensor_scale) {
  const double multiplier = oracle::f32::div(1.0, oracle::f32::mul(scale, tensor_scale));
  return oracle::f32::mul(x, oracle::f32::at_most(multiplier, oracle::f32::max));
}

}  // namespace

TEST_CASE("quantize_counts: elements, clipped, zeroed and nonfinite") {
  check_counts<nibble::mxfp4>("mxfp4", {}, oracle::e2m1, true, exact);
  check_counts<nibble::mxfp8_e4m3>("mxfp8_e4m3 ceil", recipe::ceil, oracle::e4m3, false, exact);
  check_counts<nibble::mxint8>("mxint8", {}, oracle::mxint8, true, exact);
  check_counts<nibble::nvfp4>("nvfp4", {}, oracle::e2m1, true, by_reciprocal);
  check_counts<nibble::nvfp4_2d>("nvfp4_2d", {}, oracle::e2m1, true, by_reciprocal);
  check_counts<nibble::nvfp4>("nvfp4 cpp", recipe::transformer_engine_cpp, oracle::e2m1, true, by_reciprocal);
  check_counts<nibble::nvfp4>("nvfp4 kernel", recipe::transformer_engine_kernel, oracle::e2m1, true,
                              by_saturating_reciprocal);
  check_counts<nibble::nvfp4>("nvfp4 unbiased", recipe::unbiased, oracle::e2m1, false, [](double x, double d, double t) {
    return d == 0.0 ? 0.0 : exact(x, d, t);
  });
}

TEST_CASE("quantize_counts: four over six counts the chosen codes alone") {
  const matrix x = oracle::make_tensor(tensor_mode::gaussian, 16, 64, 1);
  const source s(x);
  quantize_counts counts;
  const auto q = nibble::quantize<nibble::nvfp4>(
      s.view(), {.recipe = recipe::transformer_engine_four_over_six, .counts = &counts});
  CHECK(equal(counts, recount(q, x, oracle::e2m1, by_saturating_reciprocal)));
}
