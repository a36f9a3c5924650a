// SPDX-License-Identifier: Apache-2.0
//
// Four over six on quantize(simd{}, ...) against the scalar backend: errors that are hard to tell apart, numbers that the
// processor may flush, scales and tensors out of the ordinary, and every way in which blocks lie in tiles.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <nibble/simd.hpp>
#include <simd/flushed_subnormals.hpp>
#include <simd/quantize_support.hpp>

namespace {

using namespace nibble;
using simd_test::modes;
using simd_test::same;
using simd_test::same_counts;

stochastic any_stochastic(std::mt19937_64& random) {
  const int bits[] = {8, 16, 32};
  return {.seed = random(), .bits = bits[random() % 3], .variant = static_cast<stochastic_variant>(random() % 3)};
}

recipe any_choice(std::mt19937_64& random) {
  recipe r = recipe::transformer_engine_four_over_six;
  if (random() % 2 == 0) r.choice = four_over_six::mean_squared_error;
  return r;
}

/// Matrices of `rows` rows and up to `most` columns whose blocks try two scales.
template <block_format F>
int differences(std::size_t rows, std::size_t most, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> gaussian;
  int different = 0;
  for (int round = 0; round < 9; ++round) {
    const std::size_t cols = 1 + random() % most;
    std::vector<float> x(rows * cols);
    for (float& value : x) value = std::ldexp(gaussian(random), round % 2 == 0 ? 0 : -static_cast<int>(random() % 12));
    // Zeros but for the last elements of a block: those decide then.
    const std::size_t block = F.block_cols(cols);
    for (std::size_t i = 0; round % 3 == 1 && i < x.size(); ++i) {
      if (i % cols % block + 40 < block) x[i] = 0.0F;
    }
    if (round == 5) x[random() % x.size()] = std::numeric_limits<float>::quiet_NaN();
    if (round == 4) x[random() % x.size()] = 1e-40F;
    const matrix_view<float> view{x.data(), rows, cols};
    quantize_options options{.recipe = any_choice(random)};
    // Without a tensor scale there is a choice where the tensor's amax is given.
    if (!F.tensor_scale) options.tensor_amax = round % 4 == 3 ? 0.7F : 5.0F;
    different += same<F>(view, options) ? 0 : 1;
    options.rounding = modes[random() % 7];
    different += same_counts<F>(view, options) ? 0 : 1;
    options.rounding = any_stochastic(random);
    options.orientation = orientation::column_wise;
    different += same<F>(view, options) ? 0 : 1;
  }
  return different;
}

}  // namespace

TEST_CASE("four over six: errors that are equal, or nearly") {
  // Multiples of halves and sixteenths under amaxes that make some scales exact: estimates cannot tell the sums apart.
  std::mt19937_64 random(24);
  int different = 0;
  for (int round = 0; round < 24; ++round) {
    std::vector<float> x(8 * 1024);
    for (float& value : x) {
      const auto word = static_cast<int>(random() % 97);
      value = round % 3 == 0 ? std::ldexp(static_cast<float>(word - 48), -3) : static_cast<float>(word % 13 - 6) * 0.5F;
    }
    recipe r = recipe::transformer_engine_four_over_six;
    if (round % 2 != 0) r.tensor_scale_max = 0.0F;
    if (round % 8 == 0) r.choice = four_over_six::mean_squared_error;
    const matrix_view view{x.data(), 8, 1024};
    quantize_options options{.recipe = r, .tensor_amax = round % 4 < 2 ? 6.0F : 48.0F / 7.0F};
    different += same<nvfp4>(view, options) ? 0 : 1;
    different += same<nvfp4_2d>(view, options) ? 0 : 1;
    options.rounding = any_stochastic(random);
    different += same<nvfp4>(view, options) ? 0 : 1;
    different += same<ggml_nvfp4>(view, options) ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("four over six: squares and elements below the normal numbers, which the processor may flush") {
  std::mt19937_64 random(25);
  std::normal_distribution<float> gaussian;
  int different = 0;
  for (int round = 0; round < 24; ++round) {
    std::vector<float> x(4 * 1024);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const int exponent = round % 3 == 0 ? -67 : -64 - static_cast<int>(random() % (round % 3 == 1 ? 8U : 70U));
      x[i] = std::ldexp(gaussian(random), exponent);
    }
    recipe r = recipe::transformer_engine_four_over_six;
    if (round % 2 == 0) r.choice = four_over_six::mean_squared_error;
    const matrix_view view{x.data(), 4, 1024};
    quantize_options options{.recipe = r, .tensor_amax = std::ldexp(1.0F, -58)};
    different += same<nvfp4>(view, options) ? 0 : 1;
    if (round % 4 > 1) options.rounding = modes[random() % 7];
    const simd_test::flushed_subnormals flushed;
    different += same<nvfp4>(view, options) ? 0 : 1;
    different += same<nvfp4_2d>(view, options) ? 0 : 1;
    different += same<fp8_per_row>(view, options) ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("four over six: -0, which alone loses its sign, and negative numbers that the processor may take for it") {
  std::mt19937_64 random(25);
  std::normal_distribution<float> gaussian;
  int different = 0;
  for (int round = 0; round < 24; ++round) {
    std::vector<float> x(4 * 1024);
    for (float& value : x) {
      value = random() % 8 == 0 ? -0.0F : std::ldexp(gaussian(random), -64 - static_cast<int>(random() % 70U));
    }
    const recipe r = round % 2 == 0 ? recipe::transformer_engine : recipe::transformer_engine_four_over_six;
    const matrix_view view{x.data(), 4, 1024};
    const quantize_options options{.recipe = r, .tensor_amax = std::ldexp(1.0F, -58)};
    different += same<nvfp4>(view, options) ? 0 : 1;
    const simd_test::flushed_subnormals flushed;
    different += same<nvfp4>(view, options) ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("four over six: values that are too large for float32 on the way, or whose differences are subnormal numbers") {
  // The errors of both scales are infinite where tensor amax times scale overflows, and a tie keeps the first one. Below
  // 2^-122 differences of values and elements are subnormal numbers, which a processor may flush.
  std::mt19937_64 random(27);
  std::normal_distribution<float> gaussian;
  int different = 0;
  for (int round = 0; round < 16; ++round) {
    const int exponent = round % 2 == 0 ? 116 : -121;
    std::vector<float> x(2 * 512);
    for (float& value : x) value = std::ldexp(2.0F + std::abs(gaussian(random)), exponent);
    const matrix_view view{x.data(), 2, 512};
    const quantize_options options{.recipe = any_choice(random), .tensor_amax = std::ldexp(1.0F, exponent + 2)};
    different += same<nvfp4>(view, options) ? 0 : 1;
    const simd_test::flushed_subnormals flushed;
    different += same<nvfp4>(view, options) ? 0 : 1;
    different += same<nvfp4_2d>(view, options) ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("four over six: elements of 6 and 8 bits in short blocks, with codes that are not finite") {
  constexpr block_format fives{.element = formats::e5m2, .scale = formats::f32, .block_size = 16};
  constexpr block_format sixes{.element = formats::e3m2, .scale = formats::e4m3, .block_size = 40, .tensor_scale = true};
  constexpr block_format eights{
      .element = formats::e4m3, .scale = formats::e4m3, .block_size = 16, .tensor_scale = true};
  CHECK(differences<fives>(3, 900, 34) == 0);
  CHECK(differences<sixes>(3, 900, 35) == 0);
  std::mt19937_64 random(36);
  std::normal_distribution<float> gaussian;
  int different = 0;
  for (int round = 0; round < 8; ++round) {
    std::vector<float> x(4 * 512);
    for (float& value : x) value = random() % 64 == 0 ? std::numeric_limits<float>::infinity() : gaussian(random);
    recipe r = any_choice(random);
    // Beside Inf the scale is the largest one.
    r.infinite_amax_saturates = true;
    if (round % 2 != 0) r.policy.infinity = infinity_rule::special;
    const matrix_view view{x.data(), 4, 512};
    const quantize_options options{.rounding = modes[random() % 7], .recipe = r, .tensor_amax = 4.0F};
    different += same<sixes>(view, options) ? 0 : 1;
    different += same<fives>(view, options) ? 0 : 1;
    different += same<fp8_per_row>(view, options) ? 0 : 1;
    // A scale that rounds to zero gives finite elements NaN codes, too, in some blocks the smaller scale alone.
    different += same<eights>(view, {.recipe = r, .tensor_amax = 0x1p19F}) ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("four over six: squares of the errors of 6-bit elements, which the processor may flush") {
  constexpr block_format flat{.element = formats::e3m2, .scale = formats::e4m3, .block_size = 40, .tensor_scale = true};
  constexpr block_format tall{
      .element = formats::e3m2, .scale = formats::e4m3, .block_size = 40, .tensor_scale = true, .block_rows = 2};
  std::mt19937_64 random(37);
  std::normal_distribution<float> gaussian;
  recipe r = recipe::transformer_engine_four_over_six;
  r.choice = four_over_six::mean_squared_error;
  int different = 0;
  for (int exponent = -68; exponent < -52; ++exponent) {
    // Rows by turns have errors that are too small for vectors, and multiples of a step, which have none.
    std::vector<float> x(6 * 1000);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float value = i / 1000 % 2 == 0 ? gaussian(random) : std::round(gaussian(random) * 2.0F);
      x[i] = std::ldexp(value, exponent);
    }
    const matrix_view view{x.data(), 6, 1000};
    const quantize_options options{.recipe = r, .tensor_amax = std::ldexp(1.0F, exponent + 2)};
    const simd_test::flushed_subnormals flushed;
    different += same<flat>(view, options) ? 0 : 1;
    different += same<tall>(view, options) ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("four over six: blocks at the edge, of long runs, of many rows, and whole rows") {
  constexpr block_format long_runs{.element = formats::e2m1,
                                   .scale = formats::e4m3,
                                   .block_size = 600,
                                   .tensor_scale = true,
                                   .packing = layouts::nibbles_low_first};
  constexpr block_format tall{.element = formats::e2m1,
                              .scale = formats::e4m3,
                              .block_size = 24,
                              .tensor_scale = true,
                              .block_rows = 20,
                              .packing = layouts::nibbles_high_first};
  CHECK(differences<nvfp4>(3, 2600, 34) == 0);
  CHECK(differences<long_runs>(3, 2600, 28) == 0);
  CHECK(differences<tall>(70, 300, 29) == 0);
  CHECK(differences<fp8_per_row>(2, 5000, 30) == 0);
  CHECK(differences<fp8_per_row>(3, 1900, 32) == 0);
  CHECK(differences<fp8_per_tensor>(19, 2600, 31) == 0);
  CHECK(differences<fp8_128x128>(130, 300, 33) == 0);
}
