// SPDX-License-Identifier: Apache-2.0
//
// Exact noise of stochastic rounding: against the enumeration of all words of quantize itself, against published worked
// values, and the relative MSE of scale formats and block sizes on normal data.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/block/dequantize.hpp>
#include <nibble/method/bias_deciles.hpp>
#include <nibble/method/measure.hpp>
#include <nibble/method/stochastic_noise.hpp>
#include <oracle/tensors.hpp>

namespace {

using namespace nibble;

std::vector<float> floats(const oracle::matrix& m) {
  std::vector<float> x;
  for (const std::uint32_t bits : m.bits) x.push_back(bit_cast<float>(bits));
  return x;
}

/// Mean squared error and variance over all 256 words of 8 bits, every element with the same word.
template <block_format F>
void check_enumeration(const std::vector<float>& x, std::size_t rows, const recipe& r, stochastic_variant variant,
                       orientation o = orientation::row_wise) {
  const std::size_t cols = x.size() / rows;
  const matrix_view<float> view(x.data(), rows, cols);
  std::vector<double> sum(x.size());
  std::vector<double> squares(x.size());
  std::vector<double> errors(x.size());
  for (std::uint32_t word = 0; word < 256; ++word) {
    const std::vector<std::uint32_t> words(x.size(), word * 0x01010101U);
    const auto q = quantize<F>(view, {.rounding = stochastic_words{words, 8, variant}, .recipe = r, .orientation = o});
    const bool turned = o == orientation::column_wise;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t row = turned ? i % cols : i / cols;
      const std::size_t col = turned ? i / cols : i % cols;
      const double value = decode_double<F.element>(q.view().code(row, col)) * double{q.view().scale(row, col)} *
                           (F.tensor_scale ? double{q.tensor_scale()} : 1.0);
      sum[i] += value / 256;
      squares[i] += value * value / 256;
    }
  }
  double signal = 0;
  double variance = 0;
  double squared_bias = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    signal += double{x[i]} * double{x[i]};
    variance += squares[i] - sum[i] * sum[i];
    squared_bias += (sum[i] - double{x[i]}) * (sum[i] - double{x[i]});
  }
  const stochastic bits8{.bits = 8, .variant = variant};
  const stochastic_noise n = measure_stochastic_noise<F>(view, {.rounding = bits8, .recipe = r, .orientation = o});
  CHECK(n.elements == x.size());
  CHECK(n.nonfinite == 0);
  CHECK(n.signal == doctest::Approx(signal).epsilon(1e-12));
  CHECK(std::abs(n.variance - variance) <= 1e-11 * signal);
  CHECK(std::abs(n.squared_bias - squared_bias) <= 1e-11 * signal);
}

TEST_CASE("stochastic_noise: variance and bias are those of all random words") {
  for (const auto mode : {oracle::tensor_mode::gaussian, oracle::tensor_mode::ties, oracle::tensor_mode::zeros}) {
    const std::vector<float> x = floats(oracle::make_tensor(mode, 3, 67, 11));
    for (const recipe& r : {recipe{}, recipe::unbiased, recipe::torchao_tensor_scale, recipe::compressed_tensors}) {
      check_enumeration<nvfp4>(x, 3, r, stochastic_variant::a);
    }
    check_enumeration<nvfp4>(x, 3, recipe{}, stochastic_variant::b);
    check_enumeration<nvfp4>(x, 3, recipe{}, stochastic_variant::c, orientation::column_wise);
    check_enumeration<mxfp4>(x, 3, recipe{}, stochastic_variant::a);
    check_enumeration<mxfp4>(x, 3, recipe::microxcaling, stochastic_variant::a);
    check_enumeration<mxfp8_e4m3>(x, 3, recipe::rceil, stochastic_variant::a);
    check_enumeration<mxint8>(x, 3, recipe{}, stochastic_variant::a);
    check_enumeration<fp8_per_row>(x, 3, recipe{}, stochastic_variant::a);
    check_enumeration<nvfp4_2d>(x, 3, recipe::unbiased, stochastic_variant::a);
  }
}

TEST_CASE("stochastic_noise: the worked two-block tensor") {
  const float first[16] = {.1F, -.2F, .3F, -.4F, .5F, -.6F, .7F, -.8F, 1, -1.5F, 2, -2.5F, 3, -3.5F, 4, -5};
  std::vector<float> x(first, first + 16);
  for (int i = 0; i < 16; ++i) x.push_back(first[i] * .037F);
  const recipe r = recipe::transformer_engine_2_14;
  const auto q = quantize<nvfp4>(matrix_view<float>(x.data(), 1, 32), {.recipe = r});
  CHECK(q.scales()[0] == 0x7e);
  CHECK(q.scales()[1] == 0x58);
  const std::uint8_t packed[] = {0x80, 0x91, 0x91, 0xa2, 0xc2, 0xd4, 0xe6, 0xf6};
  for (std::size_t i = 0; i < 16; ++i) CHECK(q.codes()[i] == packed[i % 8]);
  const auto back = dequantize(q);
  const std::span<const float> all(x);
  CHECK(measure(all.first(16), std::span(back).first(16)).relative_mse() == doctest::Approx(.011227).epsilon(1e-4));
  CHECK(measure(all.last(16), std::span(back).last(16)).relative_mse() == doctest::Approx(.014145).epsilon(1e-4));
  const quantize_options options{.recipe = r, .tensor_amax = 5.0F};
  const auto n0 = measure_stochastic_noise<nvfp4>(matrix_view<float>(x.data(), 1, 16), options);
  const auto n1 = measure_stochastic_noise<nvfp4>(matrix_view<float>(x.data() + 16, 1, 16), options);
  CHECK(n0.variance / n0.signal == doctest::Approx(.020197).epsilon(1e-4));
  CHECK(n1.variance / n1.signal == doctest::Approx(.021215).epsilon(1e-4));
  CHECK(n0.clipped == 0);
  CHECK(n1.clipped == 1);  // 6.216
}

constexpr block_format swept(const float_format& scale, int block_size) {
  return {.element = formats::e2m1, .scale = scale, .block_size = block_size, .tensor_scale = scale.mantissa_bits != 0,
          .packing = layouts::nibbles_low_first};
}
/// A scale of E exponent and 7 - E mantissa bits, every code a number.
constexpr float_format plain(int exponent_bits) {
  return {.exponent_bits = exponent_bits, .mantissa_bits = 7 - exponent_bits, .bias = (1 << (exponent_bits - 1)) - 1};
}

/// Relative MSE of nearest even and of stochastic rounding within `tolerance` of the stated ones.
template <block_format F>
void check_relative(const std::vector<float>& x, double nearest, double random, double tolerance) {
  const recipe r{.scale = scale_rule::quotient_times_encode, .exponent = exponent_rule::exact_ceil};
  const matrix_view<float> view(x.data(), x.size() / 1024, 1024);
  const auto q = quantize<F>(view, {.recipe = r});
  const auto back = dequantize(q);
  CHECK(measure(x, back).relative_mse() == doctest::Approx(nearest).epsilon(tolerance));
  if (random > 0) {
    CHECK(measure_stochastic_noise(view, q.view(), {.recipe = r}).relative_mse() ==
          doctest::Approx(random).epsilon(tolerance));
  }
}

TEST_CASE("stochastic_noise: relative MSE of normal, Laplace and lognormal data by scale format and block size") {
  constexpr std::size_t count = std::size_t{1} << 18;
  std::mt19937_64 generator(20);
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> exponential;
  std::vector<float> x(count), laplace(count), lognormal(count);
  for (std::size_t i = 0; i < count; ++i) {
    x[i] = static_cast<float>(normal(generator));
    laplace[i] = static_cast<float>(exponential(generator)) * (i % 2 == 0 ? 1.0F : -1.0F);
    lognormal[i] = static_cast<float>(std::exp(2 * normal(generator))) * (i % 2 == 0 ? 1.0F : -1.0F);
  }
  check_relative<swept(formats::e4m3, 8)>(x, .00730, .01566, .01);
  check_relative<nvfp4>(x, .00905, .01885, .01);
  check_relative<swept(formats::e4m3, 32)>(x, .01031, .0212, .01);
  check_relative<swept(formats::e4m3, 64)>(x, .01123, .0230, .01);
  check_relative<swept(formats::e4m3, 128)>(x, .01188, .0242, .01);
  check_relative<swept(formats::e8m0, 8)>(x, .01212, .0247, .01);
  check_relative<swept(formats::e8m0, 16)>(x, .01272, .0259, .01);
  check_relative<mxfp4>(x, .01332, .0271, .01);
  check_relative<swept(formats::e8m0, 64)>(x, .01415, .0288, .01);
  check_relative<swept(formats::e8m0, 128)>(x, .01560, .0317, .01);
  check_relative<swept(plain(1), 16)>(x, .00887, .0181, .01);
  check_relative<swept(plain(2), 16)>(x, .00888, .0181, .01);
  check_relative<swept(plain(3), 16)>(x, .00891, .0184, .01);
  check_relative<swept(plain(5), 16)>(x, .00958, .0198, .01);
  check_relative<swept(plain(6), 16)>(x, .01198, .0220, .01);
  check_relative<nvfp4>(laplace, .00859, .0183, .01);
  check_relative<swept(formats::e8m0, 16)>(laplace, .01515, .0308, .01);
  check_relative<nvfp4>(lognormal, .0019, 0, .1);
  check_relative<swept(plain(3), 16)>(lognormal, .0015, 0, .1);
  check_relative<swept(formats::e8m0, 16)>(lognormal, .0133, 0, .1);
}

TEST_CASE("stochastic_noise: deciles of 2^20 elements have no bias, the measured variance is the exact one") {
  constexpr std::size_t count = std::size_t{1} << 20;
  std::mt19937 generator(31);
  std::normal_distribution<float> normal;
  std::vector<float> x(count);
  for (float& v : x) v = normal(generator);
  const matrix_view<float> view(x.data(), 1024, 1024);
  for (const bool unbiased : {true, false}) {
    recipe r = recipe::unbiased;
    if (!unbiased) r.scale_rounding = rounding_mode::nearest_even;
    const quantize_options options{.rounding = stochastic{.seed = 17}, .recipe = r};
    const auto back = dequantize(quantize<nvfp4>(view, options));
    const stochastic_noise n = measure_stochastic_noise<nvfp4>(view, options);
    const error_measures m = measure(x, back);
    CHECK(m.noise == doctest::Approx(n.variance + n.squared_bias).epsilon(0.01));
    CHECK((n.clipped == 0) == unbiased);
    CHECK((n.squared_bias < 1e-12 * n.signal) == unbiased);
    const auto deciles = bias_by_decile(x, back);
    for (const bias_decile& d : deciles) {
      if (unbiased) CHECK(std::abs(d.bias.z()) < 5);
    }
    if (!unbiased) CHECK(deciles[9].bias.z() < -5);  // the clamp shrinks the maxima of blocks
  }
}

TEST_CASE("stochastic_noise: NaN, Inf, zeros, nothing, wrong arguments") {
  std::vector<float> x(32, 1.0F);
  x[3] = std::numeric_limits<float>::quiet_NaN();
  const auto n = measure_stochastic_noise<nvfp4>(matrix_view<float>(x.data(), 1, 32));
  CHECK(n.elements == 32);
  CHECK(n.nonfinite == 16);  // the block with the NaN
  const std::vector<float> zeros(32);
  const auto z = measure_stochastic_noise<mxfp4>(matrix_view<float>(zeros.data(), 1, 32));
  CHECK(z.mse() == 0);
  CHECK(z.relative_mse() == 0);
  CHECK(measure_stochastic_noise<nvfp4>(matrix_view<float>()).sigma() == 0);
  CHECK_THROWS_AS(static_cast<void>(measure_stochastic_noise<mxfp4>(matrix_view<float>(nullptr, 2, 2))),
                  std::invalid_argument);
  const block_tensor<mxfp4> q(1, 16);
  CHECK_THROWS_AS(static_cast<void>(measure_stochastic_noise(matrix_view<float>(zeros.data(), 1, 32), q.view())),
                  std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(measure_stochastic_noise<mxfp4>(matrix_view<float>(zeros.data(), 1, 32),
                                                                    {.recipe = recipe::ggml})),
                  std::invalid_argument);
  // Scales that are there already make no option of quantize better.
  const matrix_view<float> ones(x.data() + 16, 1, 16);
  const auto made = quantize<nvfp4>(ones);
  const auto refuses = [&](const quantize_options& options) {
    CHECK_THROWS_AS(static_cast<void>(measure_stochastic_noise(ones, made.view(), options)), std::invalid_argument);
  };
  for (const int bits : {0, -8, 33, 99}) refuses({.rounding = stochastic{.bits = bits}});
  refuses({.rounding = stochastic{.variant = static_cast<stochastic_variant>(3)}});
  refuses({.rounding = static_cast<rounding_mode>(99)});
  refuses({.orientation = static_cast<orientation>(2)});
  refuses({.tensor_amax = -1.0F});
  refuses({.tensor_amax = std::numeric_limits<float>::quiet_NaN()});
  CHECK(measure_stochastic_noise(ones, made.view(), {.rounding = stochastic_bits<16>{}}).elements == 16);
}

}  // namespace
