// SPDX-License-Identifier: Apache-2.0
//
// SAWB: clip values of normal and Laplace data, codes against the nearest level, the grids of both codes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/method/sawb.hpp>

namespace {

using namespace nibble;

/// Two or four numbers with the mean square 1 and the mean magnitude of a law.
std::vector<float> with_moments(double mean_magnitude) {
  const double d = std::sqrt(1 - mean_magnitude * mean_magnitude);
  const auto a = static_cast<float>(mean_magnitude - d);
  const auto b = static_cast<float>(mean_magnitude + d);
  return {a, -b, -a, b};
}

TEST_CASE("sawb: clip values for unit deviation") {
  const auto gaussian = with_moments(std::sqrt(2 / 3.14159265358979));
  const auto laplace = with_moments(std::sqrt(0.5));
  const sawb_coefficients coefficients[] = {sawb::bits_2, sawb::bits_3, sawb::bits_4, sawb::bits_5, sawb::bits_8};
  const double wanted_gaussian[] = {1.473, 2.010, 2.467, 2.867, 3.802};
  const double wanted_laplace[] = {1.661, 2.636, 3.629, 4.560, 6.983};
  for (int i = 0; i < 5; ++i) {
    CHECK(std::abs(double{sawb_clip(gaussian, coefficients[i])} - wanted_gaussian[i]) < 6e-4);
    CHECK(std::abs(double{sawb_clip(laplace, coefficients[i])} - wanted_laplace[i]) < 6e-4);
  }
  CHECK(std::abs(double{sawb_clip(gaussian, sawb::luq)} - 2.366) < 6e-4);
}

TEST_CASE("sawb: a clip value that is not above zero becomes the largest magnitude") {
  const float same[] = {-3.0F, 3.0F, 3.0F};  // 12.035 * 3 - 12.03 * 3 > 0, but not with the older set
  CHECK(sawb_clip(same, sawb::bits_4) == 3.0F);
  CHECK(sawb_clip(same, sawb::zero_4) < 0.1F);
  CHECK(sawb_clip({}, sawb::bits_4) == 0);
}

TEST_CASE("sawb: codes are those of the nearest level, ties to even codes") {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> x(4000);
  for (float& v : x) v = normal(generator);
  x[7] = 0;
  struct expectation {
    sawb_grid grid;
    int smallest, largest;
    double steps, offset;
  };
  for (const int bits : {2, 4, 7}) {
    const int half = 1 << (bits - 1);
    for (const expectation& e : {expectation{sawb_grid::aligned_zero, 1 - half, half - 1, 2.0 * half - 2, 0},
                                 expectation{sawb_grid::all_codes, -half, half - 1, 2.0 * half - 1, 0.5},
                                 expectation{sawb_grid::luq_weights, -half, half, 2.0 * half, 0},
                                 expectation{sawb_grid::luq_activations, -half, 2 * half - 1, 3.0 * half - 1, 0}}) {
      const sawb_options o{.bits = bits, .coefficients = bits == 2 ? sawb::bits_2 : sawb::bits_4, .grid = e.grid};
      std::vector<std::int8_t> codes(x.size());
      const sawb_levels l = sawb_quantize(x, codes, o);
      CHECK(l.smallest == e.smallest);
      CHECK(l.largest == e.largest);
      CHECK(l.clip == sawb_clip(x, o.coefficients));
      CHECK(double{l.scale} == doctest::Approx(2 * double{l.clip} / e.steps).epsilon(1e-6));
      int wrong = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double position =
            std::clamp(double{x[i]} / double{l.scale} - e.offset, 1.0 * e.smallest, 1.0 * e.largest);
        wrong += std::abs(codes[i] - position) <= 0.5 + 1e-4 ? 0 : 1;
        wrong += double{l.value(codes[i])} == doctest::Approx((codes[i] + e.offset) * double{l.scale}) ? 0 : 1;
      }
      CHECK(wrong == 0);
      CHECK((l.value(codes[7]) == 0) == (e.offset == 0));
    }
  }
}

TEST_CASE("sawb: ties, and activations without negative elements") {
  for (const auto& [v, n] :
       {std::pair{0.5F, 0}, {1.5F, 2}, {2.5F, 2}, {-0.5F, 0}, {-1.5F, -2}, {7.4999995F, 7}, {-8.0F, -8}}) {
    CHECK(detail::nearest_integer(binary32(v)) == n);
  }
  const float x[] = {1.0F, 2.0F, 3.0F};
  std::int8_t codes[3];
  const sawb_levels l = sawb_quantize(x, codes, {.coefficients = sawb::luq, .grid = sawb_grid::luq_activations});
  CHECK(l.smallest == 0);
  CHECK(l.largest == 15);
  CHECK(double{l.scale} == doctest::Approx(2 * double{l.clip} / 15));
}

TEST_CASE("sawb: zeros, nothing, wrong arguments") {
  const float zeros[] = {0.0F, -0.0F};
  std::int8_t codes[2] = {5, 5};
  CHECK(sawb_quantize(zeros, codes).scale == 0);
  CHECK(codes[0] == 0);
  CHECK(sawb_quantize({}, {}).clip == 0);
  const float bad[] = {1.0F, std::numeric_limits<float>::infinity()};
  CHECK_THROWS_AS(sawb_quantize(bad, codes), std::invalid_argument);
  CHECK_THROWS_AS(sawb_quantize(zeros, std::span(codes).first(1)), std::invalid_argument);
  CHECK_THROWS_AS(sawb_quantize(zeros, codes, {.bits = 8}), std::invalid_argument);
  // Without coefficients the clip value is the largest magnitude.
  const float large[] = {1.0F, -0x1p127F};
  CHECK_THROWS_AS(sawb_quantize(large, codes, {.coefficients = {}}), std::invalid_argument);
  const float half_of_largest[] = {1.0F, -0x1.fffffep126F};
  CHECK_NOTHROW(sawb_quantize(half_of_largest, codes, {.coefficients = {}}));
  CHECK_THROWS_AS(sawb_quantize(zeros, codes, {.grid = static_cast<sawb_grid>(4)}), std::invalid_argument);
}

}  // namespace
