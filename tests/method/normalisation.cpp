// SPDX-License-Identifier: Apache-2.0
//
// Scales of smooth SwiGLU by channel and by token, and the identity that they keep; L2 norms with epsilon in both
// places.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/normalisation.hpp>

namespace {

using namespace nibble;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> scales_of(const matrix_view<float>& x, const smooth_swiglu_options& o) {
  std::vector<float> scales(o.axis == smooth_axis::per_token ? x.rows : x.cols, -1.0F);
  smooth_swiglu_scales(x, scales, o);
  return scales;
}

TEST_CASE("smooth swiglu: a scale for each channel, or for each token") {
  const float x[] = {1,  -2,   3,  //
                     -4, 0.5F, 2.5F};
  const matrix_view<float> view(x, 2, 3);
  CHECK(scales_of(view, smooth_swiglu_as::paper) == std::vector<float>{4, 2, 3});
  CHECK(scales_of(view, smooth_swiglu_as::authors_code) == std::vector<float>{3, 4});
  CHECK(scales_of(view.transposed(), smooth_swiglu_as::paper) == std::vector<float>{3, 4});
  const smooth_swiglu_options up{.scale = smooth_scale::power_of_two_up};
  CHECK(scales_of(view, up) == std::vector<float>{4, 2, 4});
  const f16 half[] = {f16{-6.0F}, f16{1.0F}};
  float scales[2] = {};
  smooth_swiglu_scales(matrix_view<f16>(half, 1, 2), scales, {});
  CHECK(scales[0] == 6);
  CHECK(scales[1] == 1);
}

TEST_CASE("smooth swiglu: zeros, nothing, NaN and Inf, the ends of powers of two") {
  const float x[] = {0, nan, -infinity, 1, -0.0F, infinity, 2, -3};
  const auto scales = scales_of(matrix_view<float>(x, 2, 4), {});
  CHECK(scales[0] == 1);
  CHECK(to_bits(scales[1]) == 0x7fc0'0000U);
  CHECK(scales[2] == infinity);
  CHECK(scales[3] == 3);
  CHECK(scales_of(matrix_view<float>(nullptr, 0, 2), {}) == std::vector<float>{1, 1});
  CHECK(scales_of(matrix_view<float>(nullptr, 0, 2), smooth_swiglu_as::authors_code).empty());
  for (const auto& [v, wanted] : {std::pair{1.0F, 1.0F},
                                  {1.0000001F, 2.0F},
                                  {-1.9999999F, 2.0F},
                                  {2.0F, 2.0F},
                                  {0x1p-126F, 0x1p-126F},
                                  {0x1.8p-127F, 0x1p-126F},
                                  {0x1p-149F, 0x1p-149F},
                                  {0x1.8p-148F, 0x1p-147F},
                                  {0x1.000002p126F, 0x1p127F},
                                  {0x1p127F, 0x1p127F},
                                  {0x1.fffffep127F, 0x1p127F},
                                  {infinity, infinity},
                                  {-0.0F, 1.0F}}) {
    CHECK(scales_of(matrix_view<float>(&v, 1, 1), {.scale = smooth_scale::power_of_two_up})[0] == wanted);
  }
}

TEST_CASE("smooth swiglu: powers of two change nothing, and what is left is no larger than the gate") {
  constexpr std::size_t rows = 16, cols = 24;
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  std::vector<float> gate(rows * cols), linear(rows * cols), h(rows * cols);
  for (std::size_t i = 0; i < linear.size(); ++i) {
    gate[i] = normal(generator);
    linear[i] = normal(generator) * std::exp(3 * normal(generator));
  }
  const matrix_view<float> gates(gate.data(), rows, cols), linears(linear.data(), rows, cols);
  for (const smooth_axis axis : {smooth_axis::per_channel, smooth_axis::per_token}) {
    for (const smooth_scale rule : {smooth_scale::amax, smooth_scale::power_of_two_up}) {
      const auto scales = scales_of(linears, {.axis = axis, .scale = rule});
      smooth_swiglu(gates, linears, scales, h, axis);
      int wrong = 0;
      for (std::size_t i = 0; i < h.size(); ++i) {
        const float scale = scales[axis == smooth_axis::per_token ? i / cols : i % cols];
        const float scaled = linear[i] / scale;
        wrong += h[i] == gate[i] * scaled ? 0 : 1;
        wrong += std::abs(h[i]) <= std::abs(gate[i]) ? 0 : 1;
        if (rule == smooth_scale::power_of_two_up) wrong += h[i] * scale == gate[i] * linear[i] ? 0 : 1;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("smooth swiglu: wrong arguments") {
  const float x[6] = {};
  float scales[3] = {7, 7, 7}, out[6];
  const matrix_view<float> view(x, 2, 3);
  const auto bad_axis = static_cast<smooth_axis>(2);
  CHECK_THROWS_WITH(smooth_swiglu_scales(view, std::span(scales).first(2), {}),
                    "nibble: scales has 2 elements; it must have 3");
  CHECK_THROWS_AS(smooth_swiglu_scales(view, scales, smooth_swiglu_as::authors_code), std::invalid_argument);
  CHECK_THROWS_AS(smooth_swiglu_scales(view, scales, {.axis = bad_axis}), std::invalid_argument);
  CHECK_THROWS_AS(smooth_swiglu_scales(view, scales, {.scale = static_cast<smooth_scale>(2)}), std::invalid_argument);
  CHECK_THROWS_AS(smooth_swiglu_scales(matrix_view<float>(nullptr, 2, 3), scales, {}), std::invalid_argument);
  CHECK(scales[0] == 7);
  CHECK_THROWS_AS(smooth_swiglu(view.transposed(), view, scales, out, smooth_axis::per_channel), std::invalid_argument);
  CHECK_THROWS_AS(smooth_swiglu(view, view, scales, out, smooth_axis::per_token), std::invalid_argument);
  CHECK_THROWS_AS(smooth_swiglu(view, view, scales, std::span(out).first(5), smooth_axis::per_channel),
                  std::invalid_argument);
  CHECK_THROWS_AS(smooth_swiglu(view, view, scales, out, bad_axis), std::invalid_argument);
}

TEST_CASE("l2 norm: three readings, which part where the norm is small") {
  const float x[] = {3, -4, 0, 3e-3F, -4e-3F, -0.0F, 3e-7F, -4e-7F, 0};
  float out[9];
  const auto element = [&](const l2_options& o, std::size_t i) {
    l2_normalise(matrix_view<float>(x, 3, 3), out, o);
    return double{out[i]};
  };
  for (const std::size_t row : {0U, 3U, 6U}) {
    CHECK(element(ngpt::paper, row) == doctest::Approx(0.6).epsilon(1e-7));
    CHECK(element(ngpt::paper, row + 1) == doctest::Approx(-0.8).epsilon(1e-7));
  }
  CHECK(element(ngpt::eager, 0) == doctest::Approx(3 / (5 + 1e-6)).epsilon(1e-7));
  CHECK(element(ngpt::fused, 0) == doctest::Approx(3 / std::sqrt(25 + 1e-6)).epsilon(1e-7));
  CHECK(element(ngpt::eager, 3) == doctest::Approx(3e-3 / (5e-3 + 1e-6)).epsilon(1e-7));
  CHECK(element(ngpt::fused, 3) == doctest::Approx(3e-3 / std::sqrt(25e-6 + 1e-6)).epsilon(1e-7));
  CHECK(element(ngpt::eager, 6) == doctest::Approx(0.2).epsilon(1e-6));   // 3e-7 / (5e-7 + 1e-6)
  CHECK(element(ngpt::fused, 6) == doctest::Approx(3e-4).epsilon(1e-6));  // 3e-7 / sqrt(25e-14 + 1e-6), nearly
  CHECK(to_bits(out[5]) == 0x8000'0000U);
}

TEST_CASE("l2 norm: unit length over the whole range, in place") {
  std::mt19937 generator(9);
  std::normal_distribution<float> normal;
  for (const float factor : {1e-30F, 1.0F, 1e30F}) {
    std::vector<float> x(100);
    for (float& v : x) v = normal(generator) * factor;
    l2_normalise(x, x, ngpt::paper);
    double squares = 0;
    for (const float v : x) squares += double{v} * double{v};
    CHECK(squares == doctest::Approx(1).epsilon(1e-6));
  }
}

TEST_CASE("l2 norm: zeros, nothing, NaN, Inf, wrong arguments") {
  for (const l2_options& o : {ngpt::paper, ngpt::eager, ngpt::fused}) {
    const float x[] = {0, -0.0F, 0, 1, nan, infinity, -2, -infinity, infinity};
    float out[9];
    l2_normalise(matrix_view<float>(x, 3, 3), out, o);
    for (const int i : {0, 2}) CHECK(to_bits(out[i]) == 0);
    for (const int i : {1, 6}) CHECK(to_bits(out[i]) == 0x8000'0000U);
    for (const int i : {3, 4, 5, 7, 8}) CHECK(to_bits(out[i]) == 0x7fc0'0000U);
    l2_normalise(std::span<const float>(), std::span<float>(), o);
  }
  const float x[] = {1, 2};
  float out[2];
  for (const double epsilon : {-1e-6, double{nan}, double{infinity}}) {
    CHECK_THROWS_AS(l2_normalise(x, out, {.epsilon = epsilon}), std::invalid_argument);
  }
  CHECK_THROWS_AS(l2_normalise(x, out, {.place = static_cast<l2_epsilon>(2)}), std::invalid_argument);
  CHECK_THROWS_AS(l2_normalise(x, std::span(out).first(1), {}), std::invalid_argument);
  CHECK_THROWS_AS(l2_normalise(matrix_view<float>(nullptr, 1, 2), out, {}), std::invalid_argument);
}

}  // namespace
