// SPDX-License-Identifier: Apache-2.0
//
// Wrong arguments: std::invalid_argument that names the argument, what it was and what is allowed, and nothing written.
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support.hpp"

namespace {

using nibble::block_view;
using nibble::matrix_view;
using nibble::quantize_options;
using nibble::recipe;

constexpr std::size_t rows = 3;
constexpr std::size_t cols = 40;
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// A matrix and storage for its NVFP4 form, full of guard values.
struct scene {
  std::vector<float> values = std::vector<float>(rows * cols, 1.5F);
  std::vector<std::uint8_t> codes = std::vector<std::uint8_t>(rows * 20, 0xA5);
  std::vector<std::uint8_t> scales = std::vector<std::uint8_t>(rows * 3, 0xA5);
  float tensor_scale = -7.0F;
  nibble::quantize_counts counts{};

  matrix_view<float> x{values.data(), rows, cols};
  block_view<nibble::nvfp4> q{codes.data(), scales.data(), &tensor_scale, rows, cols};
  quantize_options options{.counts = &counts};

  [[nodiscard]] bool is_untouched() const {
    return codes == std::vector<std::uint8_t>(rows * 20, 0xA5) && scales == std::vector<std::uint8_t>(rows * 3, 0xA5) &&
           tensor_scale == -7.0F && counts.elements == 0;
  }
};

/// Checks that quantize after `spoil` throws a message that contains all `parts`, and writes nothing.
void check_message(const std::function<void(scene&)>& spoil, const std::vector<std::string>& parts) {
  scene s;
  spoil(s);
  std::string message = "(nothing was thrown)";
  try {
    nibble::quantize(s.x, s.q, s.options);
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  CAPTURE(message);
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(message.find(part) != std::string::npos);
  }
  CHECK(s.is_untouched());
}

/// A field of the recipe that holds `value`, which is no enumerator.
template <class Enum>
void check_field(Enum recipe::*field, const std::string& name, int last) {
  check_message([&](scene& s) { s.options.recipe.*field = static_cast<Enum>(99); },
                {"options.recipe." + name, "is 99", "0 to " + std::to_string(last)});
}
template <class Enum>
void check_policy_field(Enum nibble::special_policy::*field, const std::string& name, int last) {
  check_message([&](scene& s) { s.options.recipe.policy.*field = static_cast<Enum>(99); },
                {"options.recipe.policy." + name, "is 99", "0 to " + std::to_string(last)});
}

}  // namespace

TEST_CASE("errors: the scene itself is right") {
  scene s;
  nibble::quantize(s.x, s.q, s.options);
  CHECK_FALSE(s.is_untouched());
  CHECK(s.counts.elements == rows * cols);
}

TEST_CASE("errors: the matrix") {
  check_message([](scene& s) { s.x.data = nullptr; }, {"x.data is null", "120 elements"});
  const std::size_t huge = std::numeric_limits<std::size_t>::max() / 2;
  check_message([&](scene& s) { s.x.rows = huge; }, {"x: " + std::to_string(huge) + " rows of 40 columns"});
  CHECK_THROWS_AS((void)nibble::amax(matrix_view<float>{nullptr, 2, 2}), std::invalid_argument);
}

TEST_CASE("errors: the storage") {
  check_message([](scene& s) { s.q.codes = nullptr; }, {"q.codes is null"});
  check_message([](scene& s) { s.q.scales = nullptr; }, {"q.scales is null"});
  check_message([](scene& s) { s.q.tensor_scale = nullptr; }, {"q.tensor_scale is null"});
  check_message([](scene& s) { s.q.code_stride = 19; }, {"q.code_stride is 19", "40 codes takes 20"});
  check_message([](scene& s) { s.q.scale_stride = 2; }, {"q.scale_stride is 2", "40 elements has 3"});
  check_message([](scene& s) { s.q.rows = 2; }, {"q is 2 x 40", "must be 3 x 40"});
  check_message([](scene& s) { s.q.cols = 39; }, {"q is 3 x 39", "must be 3 x 40"});
  check_message([](scene& s) { s.options.orientation = nibble::orientation::column_wise; },
                {"q is 3 x 40", "must be 40 x 3"});
}

TEST_CASE("errors: the options") {
  check_message([](scene& s) { s.options.orientation = static_cast<nibble::orientation>(7); },
                {"options.orientation", "7"});
  check_message([](scene& s) { s.options.tensor_amax = -1.0F; }, {"options.tensor_amax is -1", "magnitude"});
  check_message([](scene& s) { s.options.tensor_amax = not_a_number; }, {"options.tensor_amax is", "nan", "magnitude"});
  check_message([](scene& s) { s.options.tensor_amax = infinity; }, {"options.tensor_amax is inf", "counts Inf"});
  check_message(
      [](scene& s) {
        s.options.tensor_amax = not_a_number;
        s.options.recipe = recipe::transformer_engine_kernel;
      },
      {"options.tensor_amax is", "nan", "propagates NaN"});
  check_message([](scene& s) { s.options.rounding = static_cast<nibble::rounding_mode>(99); },
                {"options.rounding is 99", "0 to 7"});
  for (const int bits : {0, 1, 12, 31, 33, -8}) {
    check_message([&](scene& s) { s.options.rounding = nibble::stochastic{.bits = bits}; },
                  {"options.rounding", "bits is " + std::to_string(bits), "8, 16 or 32"});
  }
  check_message(
      [](scene& s) {
        s.options.rounding = nibble::stochastic{.variant = static_cast<nibble::stochastic_variant>(3)};
      },
      {"options.rounding: variant is 3", "0 to 2"});
}

TEST_CASE("errors: random words that do not exist or whose index would wrap") {
  check_message([](scene& s) { s.options.rounding = nibble::stochastic{.rounds = 8}; },
                {"stochastic.rounds is 8", "7 or 10"});
  const std::uint64_t far = std::uint64_t{1} << 63;
  check_message([&](scene& s) { s.options.rounding = nibble::stochastic{.first_element = far}; },
                {"stochastic.first_element is 9223372036854775808", "below 2^63"});
  scene s;
  s.options.rounding = nibble::stochastic{.first_element = far - 1};
  CHECK_NOTHROW(nibble::quantize(s.x, s.q, s.options));
}

TEST_CASE("errors: too few random words") {
  static const std::vector<std::uint32_t> words(119);
  const auto with = [](std::size_t count, int bits) {
    return [=](scene& s) {
      s.options.rounding = nibble::stochastic_words{.words = std::span(words).first(count), .bits = bits};
    };
  };
  check_message(with(119, 32), {"stochastic_words.words holds 119", "120 elements of 32 bits need 120", "stochastic{}"});
  check_message(with(59, 16), {"stochastic_words.words holds 59", "120 elements of 16 bits need 60"});
  check_message(with(29, 8), {"stochastic_words.words holds 29", "120 elements of 8 bits need 30"});
  check_message(with(0, 8), {"stochastic_words.words holds 0"});
  check_message([](scene& s) { s.options.rounding = nibble::rounding_mode::stochastic; }, {"words holds 0"});
  check_message([](scene& s) { s.options.rounding = nibble::stochastic_bits<32>{5}; }, {"words holds 0"});
  scene s;
  with(30, 8)(s);
  CHECK_NOTHROW(nibble::quantize(s.x, s.q, s.options));
}

TEST_CASE("errors: scales that leave nothing to a tensor scale") {
  constexpr nibble::block_format f{
      .element = nibble::formats::e2m1, .scale = nibble::formats::bf16, .block_size = 16, .tensor_scale = true};
  const std::vector<float> x(32, 1.0F);
  const nibble::matrix_view view{x.data(), 2, 16};
  CHECK_THROWS_AS((void)nibble::quantize<f>(view), std::invalid_argument);
  CHECK_THROWS_AS((void)nibble::quantize<f>(view, {.recipe = recipe::transformer_engine}), std::invalid_argument);
  recipe limited;
  limited.tensor_scale_max = 448.0F;
  const float value = nibble::dequantize(nibble::quantize<f>(view, {.recipe = limited}))[0];
  CHECK(value > 0.99F);
  CHECK(value < 1.01F);
}

TEST_CASE("errors: recipes") {
  check_message([](scene& s) { s.options.recipe.tensor_scale_max = 1e38F; },
                {"options.recipe.tensor_scale_max is 9.99999968e+37;", "largest element, 6,", "finite float32"});
  check_message([](scene& s) { s.options.recipe.scale_floor = -1e-9F; },
                {"options.recipe.scale_floor is -9.99999972e-10;", "at least 0"});
  check_message([](scene& s) { s.options.recipe = recipe::floor; }, {"options.recipe", "scale", "unspecified"});
  check_message([](scene& s) { s.options.recipe.searches_in_float = true; },
                {"options.recipe.searches_in_float", "options.recipe.tensor", "one"});
  scene s;
  CHECK_THROWS_WITH_AS(
      (void)nibble::quantize<nibble::mxfp4>(s.x, {.recipe = recipe::compressed_tensors}),
      "nibble: options.recipe says nothing about power-of-two scales (its `exponent` is unspecified)",
      std::invalid_argument);
  constexpr nibble::block_format long_scales{
      .element = nibble::formats::e2m1, .scale = nibble::formats::f16, .block_size = 16, .tensor_scale = true};
  recipe exact;
  exact.element = nibble::element_rule::exact;
  CHECK_THROWS_WITH_AS((void)nibble::quantize<long_scales>(s.x, {.recipe = exact}),
                       "nibble: options.recipe.element is exact; beside scales of more than 8 significant bits "
                       "options.recipe.tensor must be one or power_of_two_up",
                       std::invalid_argument);
  CHECK_NOTHROW((void)nibble::quantize<long_scales>(s.x, {.recipe = recipe::unbiased}));
  check_field(&recipe::amax, "amax", 2);
  check_field(&recipe::tensor, "tensor", 5);
  check_field(&recipe::scale, "scale", 5);
  check_field(&recipe::scale_rounding, "scale_rounding", 6);
  check_field(&recipe::exponent, "exponent", 7);
  check_field(&recipe::element, "element", 4);
  check_field(&recipe::zero_scale, "zero_scale", 2);
  check_field(&recipe::rounding, "rounding", 6);
  check_field(&recipe::choice, "choice", 2);
  check_policy_field(&nibble::special_policy::nan_code, "nan_code", 2);
  check_policy_field(&nibble::special_policy::nan_sign, "nan_sign", 1);
  check_policy_field(&nibble::special_policy::absent_nan, "absent_nan", 3);
  check_policy_field(&nibble::special_policy::infinity, "infinity", 3);
  check_policy_field(&nibble::special_policy::negative_zero, "negative_zero", 2);
  check_policy_field(&nibble::special_policy::negative_in_unsigned, "negative_in_unsigned", 3);
  // Random words come with the call, never from a recipe.
  check_message([](scene& t) { t.options.recipe.rounding = nibble::rounding_mode::stochastic; },
                {"options.recipe.rounding is 7", "0 to 6"});
  for (const float wrong : {not_a_number, infinity, -1.0F}) {
    check_message([&](scene& t) { t.options.recipe.scale_floor = wrong; }, {"options.recipe.scale_floor", "at least 0"});
    check_message([&](scene& t) { t.options.recipe.scale_replacement = wrong; },
                  {"options.recipe.scale_replacement", "at least 0"});
    check_message([&](scene& t) { t.options.recipe.tensor_scale_max = wrong; },
                  {"options.recipe.tensor_scale_max", "at least 0"});
  }
}

TEST_CASE("errors: dequantize") {
  scene s;
  nibble::quantize(s.x, s.q);
  std::vector<float> out(rows * cols, -1.0F);
  CHECK_THROWS_WITH_AS(nibble::dequantize(s.q, static_cast<float*>(nullptr)), "nibble: out is null",
                       std::invalid_argument);
  auto q = s.q;
  q.code_stride = 19;
  CHECK_THROWS_AS(nibble::dequantize(q, out.data()), std::invalid_argument);
  q = s.q;
  q.scales = nullptr;
  CHECK_THROWS_WITH_AS(nibble::dequantize(q, out.data()), "nibble: q.scales is null", std::invalid_argument);
  CHECK(out == std::vector<float>(rows * cols, -1.0F));
}
