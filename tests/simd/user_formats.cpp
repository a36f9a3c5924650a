// SPDX-License-Identifier: Apache-2.0
//
// quantize(simd{}, ...) against the scalar backend for block formats that are far from the named ones: what vectors may
// do follows from the format, and so do the cases that are left to scalar code.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <random>
#include <stdexcept>
#include <vector>

#include <block/changed_recipe.hpp>
#include <nibble/simd.hpp>
#include <simd/flushed_subnormals.hpp>
#include <simd/quantize_support.hpp>

namespace {

using namespace nibble;
using simd_test::modes;

/// Elements near 2^center, of which some are zeros, subnormal numbers or of any size.
std::vector<float> numbers(std::size_t count, int center, std::mt19937_64& random) {
  std::normal_distribution<float> gaussian;
  std::vector<float> x(count);
  for (float& value : x) {
    const auto word = static_cast<std::uint32_t>(random());
    value = std::ldexp(gaussian(random), center);
    if (word % 32 == 0) value = bit_cast<float>(word & 0x8000'0000U);
    if (word % 32 == 2) value = bit_cast<float>((word & 0x8000'0000U) | (word >> 5) % 0x0080'0000U);
    if (word % 32 == 1) value = bit_cast<float>((word & 0x8000'0000U) | (word >> 5) % 0x7f80'0000U);
  }
  return x;
}

/// Matrices of at most `most` columns under recipes of all kinds; `set` changes the options of each. Subnormal numbers
/// are flushed and counts are compared by turns.
template <block_format F, class Set>
int differences(int rounds, std::size_t most, std::uint64_t seed, const Set& set) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  int different = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::size_t rows = 1 + below(3);
    const std::size_t cols = 1 + below(most);
    const std::vector<float> x = numbers(rows * cols, static_cast<int>(below(round % 2 == 0 ? 4 : 200)) - 100, random);
    quantize_options options;
    options.recipe = named_recipes[below(std::size(named_recipes))].recipe;
    if (below(2) == 0) options.rounding = modes[below(7)];
    if (below(3) == 0) options.rounding = stochastic{.seed = random()};
    if (below(2) == 0) options.tensor_amax = std::ldexp(1.7F, static_cast<int>(below(240)) - 120);
    if (below(2) == 0) block_test::change(options.recipe, below);
    set(options, below);
    const matrix_view<float> view{x.data(), rows, cols};
    block_tensor<F> wanted(rows, cols);
    quantize_counts wanted_counts;
    quantize_counts got_counts;
    if (round % 4 == 1) options.counts = &wanted_counts;
    try {
      quantize(scalar{}, view, wanted.view(), options);
    } catch (const std::invalid_argument&) {
      continue;  // the recipe says nothing about the format, or means nothing
    }
    std::optional<simd_test::flushed_subnormals> flushed;
    if (round % 3 == 0) flushed.emplace();
    if (options.counts != nullptr) options.counts = &got_counts;
    const bool same = quantize<F>(simd{}, view, options) == wanted;
    different += same && std::memcmp(&got_counts, &wanted_counts, sizeof(got_counts)) == 0 ? 0 : 1;
  }
  return different;
}
constexpr auto nothing = [](quantize_options& /*options*/, const auto& /*below*/) {};

constexpr float_format int4{.exponent_bits = 0, .mantissa_bits = 3, .bias = -2, .twos_complement = true};

/// By hand: the integers -7 to 7, nearest even, in two's complement.
std::uint32_t int4_code(float x) {
  const float rounded = std::nearbyint(x);
  const int integer = rounded > 7.0F ? 7 : rounded < -7.0F ? -7 : static_cast<int>(rounded);
  return static_cast<std::uint32_t>(integer) & 0xfU;
}

/// Rows of up to 40 elements `x`, on both backends: what differs from `scale` in every block, and from `code` in every
/// element.
template <block_format F>
int differences_from(float x, const quantize_options& options, std::uint32_t scale, std::uint8_t code) {
  int different = 0;
  const auto compare = [&](const block_tensor<F>& q) {
    for (const auto own : q.scales()) different += own == scale ? 0 : 1;
    for (std::size_t i = 0; i < q.rows() * q.cols(); ++i) {
      different += q.code(i / q.cols(), i % q.cols()) == code ? 0 : 1;
    }
  };
  for (std::size_t cols = 1; cols <= 40; ++cols) {
    const std::vector<float> matrix(16 * cols, x);
    const matrix_view<float> view{matrix.data(), 16, cols};
    compare(quantize<F>(scalar{}, view, options));
    compare(quantize<F>(simd{}, view, options));
  }
  return different;
}

}  // namespace

TEST_CASE("integers of fewer than 8 bits leave the other bits of their slots zero") {
  std::vector<float> x;
  for (int i = -400; i <= 400; ++i) x.push_back(static_cast<float>(i) * 0.03125F);
  for (const packed_layout& layout : {layouts::bytes, layouts::nibbles_low_first, layouts::nibbles_high_first}) {
    std::vector<std::uint8_t> codes(packed_bytes(layout, x.size()));
    encode<int4>(simd{}, x, codes, {.layout = layout});
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) wrong += load_code(layout, codes.data(), i) == int4_code(x[i]) ? 0 : 1;
    CHECK(wrong == 0);
  }
  constexpr block_format nibbles{.element = int4,
                                 .scale = formats::f16,
                                 .block_size = 12,
                                 .tensor_scale = true,
                                 .packing = layouts::nibbles_low_first};
  CHECK(differences<nibbles>(300, 700, 1, nothing) == 0);
}

TEST_CASE("elements so small that float32 has them as subnormal numbers, or only just not") {
  constexpr float_format below{.exponent_bits = 4, .mantissa_bits = 1, .bias = 117};
  constexpr float_format above{
      .exponent_bits = 1, .mantissa_bits = 2, .bias = 66, .specials = special_values::infinity_and_nan};
  constexpr float_format e5m5{.exponent_bits = 5, .mantissa_bits = 5, .bias = 18};
  constexpr block_format with_floats{.element = below, .scale = formats::bf16, .block_size = 32, .tensor_scale = true};
  constexpr block_format searched{.element = above, .scale = e5m5, .block_size = 110, .tensor_scale = true};
  const auto stochastically = [](quantize_options& options, const auto& below_n) {
    options.rounding = stochastic{.seed = below_n(1000)};
  };
  CHECK(differences<with_floats>(400, 700, 2, stochastically) == 0);
  CHECK(differences<searched>(400, 700, 3, nothing) == 0);
}

TEST_CASE("subnormal elements under a multiplier that makes them numbers, where the processor reads them as zero") {
  constexpr float_format small{.exponent_bits = 1, .mantissa_bits = 2, .bias = 66};
  constexpr block_format f{.element = small, .scale = formats::e4m3, .block_size = 16, .tensor_scale = true};
  std::mt19937_64 random(11);
  int different = 0;
  for (const element_rule rule : {element_rule::multiply_encode_quotient, element_rule::divide_by_quotient}) {
    std::vector<float> x(512);
    for (float& value : x) value = bit_cast<float>(static_cast<std::uint32_t>(random()) & 0x80ff'ffffU);
    quantize_options options{.tensor_amax = 0x1p-120F};
    options.recipe.scale = scale_rule::quotient_times_encode;
    options.recipe.element = rule;
    const matrix_view<float> view{x.data(), 1, x.size()};
    const block_tensor<f> wanted = quantize<f>(scalar{}, view, options);
    const simd_test::flushed_subnormals flushed;
    different += quantize<f>(simd{}, view, options) == wanted ? 0 : 1;
  }
  CHECK(different == 0);
}

// By hand: 2^-50 / 6 by 2688 / 2^100 is about 2^-141, and what is above zero rounds up to the smallest scale.
TEST_CASE("a scale that is a subnormal number before it is rounded up, where the processor makes it zero") {
  const std::vector<float> x(256, 0x1p-50F);
  quantize_options options{.tensor_amax = 0x1p100F};
  options.recipe.scale_rounding = rounding_mode::upward;
  const simd_test::flushed_subnormals flushed;
  const block_tensor<nvfp4> q = quantize<nvfp4>(simd{}, matrix_view<float>{x.data(), 1, x.size()}, options);
  for (std::size_t b = 0; b < 16; ++b) CHECK(q.scales()[b] == 1);
}

TEST_CASE("16 random bits and the half of the last one reach the last bit of a quotient") {
  constexpr float_format e1m6{.exponent_bits = 1, .mantissa_bits = 6, .bias = 1};
  constexpr block_format f{.element = e1m6, .scale = formats::f16, .block_size = 32};
  std::mt19937_64 random(12);
  std::vector<float> x(32 * 64);
  for (float& value : x) value = 1.0F + std::ldexp(static_cast<float>(random() % (1U << 23)), -23);
  quantize_options options{.recipe = recipe::unbiased};
  const matrix_view<float> view{x.data(), 1, x.size()};
  const block_tensor<f> scales = quantize<f>(scalar{}, view, options);
  // Words that the fraction of an element, in steps of 2^-6, just reaches but for the half.
  std::vector<std::uint32_t> words(x.size() / 2);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto quotient =
        static_cast<double>(x[i]) / static_cast<double>(decode<formats::f16>(scales.scales()[i / 32]));
    const auto fraction = static_cast<std::uint64_t>(std::ldexp(quotient, 22)) & 0xffffU;
    words[i / 2] |= static_cast<std::uint32_t>(0xffffU - fraction) << (i % 2 * 16);
  }
  for (const stochastic_variant variant : {stochastic_variant::a, stochastic_variant::b, stochastic_variant::c}) {
    options.rounding = stochastic_words{.words = words, .bits = 16, .variant = variant};
    CHECK(simd_test::same<f>(view, options));
  }
}

TEST_CASE("elements so large that their product with a tensor scale is no float32") {
  constexpr float_format large{.exponent_bits = 6, .mantissa_bits = 1, .bias = 30};
  constexpr float_format fixed{.exponent_bits = 0, .mantissa_bits = 9, .bias = 2};
  constexpr block_format f{.element = large, .scale = fixed, .block_size = 16, .tensor_scale = true};
  CHECK(differences<f>(400, 700, 4, nothing) == 0);
  const auto unbiased = [](quantize_options& options, const auto& below) {
    options.recipe = recipe::unbiased;
    options.tensor_amax = std::ldexp(1.0F, 127 - static_cast<int>(below(20)));
  };
  CHECK(differences<f>(400, 700, 5, unbiased) == 0);
}

TEST_CASE("scales with the exponents of float32") {
  constexpr block_format short_scales{
      .element = formats::e2m1, .scale = formats::bf16, .block_size = 32, .packing = layouts::nibbles_low_first};
  constexpr block_format floats{.element = formats::e4m3, .scale = formats::f32, .block_size = 128};
  constexpr block_format small_blocks{.element = formats::mxint8, .scale = formats::f32, .block_size = 4};
  CHECK(differences<short_scales>(400, 700, 13, nothing) == 0);
  CHECK(differences<floats>(400, 1500, 14, nothing) == 0);
  CHECK(differences<small_blocks>(400, 300, 15, nothing) == 0);
  // Scales of the caller's that no amax could give.
  const auto beyond = [](quantize_options& options, const auto& below) {
    constexpr float numbers[] = {0x1p-130F, 0x1p-126F, 0x1p126F, 0x1.8p127F};
    if (below(2) == 0) options.recipe.scale_floor = numbers[below(4)];
    if (below(2) == 0) options.recipe.amax = amax_rule::finite;
    if (below(2) == 0) options.recipe.zero_scale = zero_scale_rule::replace;
    options.recipe.scale_replacement = numbers[below(4)];
  };
  CHECK(differences<short_scales>(400, 700, 16, beyond) == 0);
  CHECK(differences<small_blocks>(400, 300, 17, beyond) == 0);
}

TEST_CASE("quotients next to where a code changes, by ties and by random bits, of numbers near the subnormal ones, too") {
  constexpr block_format f{
      .element = formats::e2m1, .scale = formats::f32, .block_size = 16, .packing = layouts::nibbles_low_first};
  constexpr float ties[] = {0.25F, 0.75F, 1.25F, 1.75F, 2.5F, 3.5F, 5.0F, 6.0F};
  std::mt19937_64 random(18);
  int different = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<float> x(16 * 32);
    std::vector<std::uint32_t> words(x.size());
    const bool is_drawn = round % 3 == 1;
    const int exponent = round % 2 == 0 ? 0 : -78 + static_cast<int>(random() % 24);
    for (std::size_t b = 0; b < x.size(); b += 16) {
      x[b] = std::ldexp(static_cast<float>(1U << 23 | random() % (1U << 23)), exponent - 23);
      const auto divisor = static_cast<double>(x[b] / 6.0F);
      for (std::size_t i = 1; i < 16; ++i) {
        const std::uint64_t word = random();
        // A step of 1/2 in 2^32 parts.
        const auto parts = static_cast<std::uint32_t>(1U << (word >> 40) % 20);
        const double quotient = is_drawn ? std::ldexp(parts, -33) : static_cast<double>(ties[word % 8]);
        const auto places = static_cast<std::uint32_t>(word >> 8 & 3U);
        const std::uint32_t product = to_bits(static_cast<float>(quotient * divisor)) + places - 1U;
        x[b + i] = bit_cast<float>(product ^ static_cast<std::uint32_t>(word >> 32 & 0x8000'0000U));
        words[b + i] = 0U - parts;
      }
    }
    quantize_options options{.recipe = recipe::compressed_tensors};
    if (round % 3 == 0) options.rounding = rounding_mode::upward;
    if (is_drawn) options.rounding = stochastic_words{.words = words, .bits = 32};
    // What float32 adds to the number just below half a step, real numbers do not add.
    options.recipe.half_added_in_float = round % 5 < 2;
    if (round % 5 == 0) {
      options.recipe.element = element_rule::exact;
      options.rounding = rounding_mode::nearest_away;
    }
    const matrix_view<float> view{x.data(), 1, x.size()};
    const block_tensor<f> wanted = quantize<f>(scalar{}, view, options);
    std::optional<simd_test::flushed_subnormals> flushed;
    if (round % 4 < 2) flushed.emplace();
    different += quantize<f>(simd{}, view, options) == wanted ? 0 : 1;
  }
  CHECK(different == 0);
}

TEST_CASE("elements without a sign, or without a zero") {
  constexpr float_format positive{
      .exponent_bits = 3, .mantissa_bits = 3, .bias = 1, .specials = special_values::nan_only, .has_sign = false};
  constexpr float_format nonzero{.exponent_bits = 3, .mantissa_bits = 2, .bias = 3, .has_zero = false};
  constexpr block_format unsigned_blocks{
      .element = positive, .scale = formats::e4m3, .block_size = 12, .tensor_scale = true, .packing = layouts::dense6};
  constexpr block_format nonzero_blocks{
      .element = nonzero, .scale = formats::e4m3, .block_size = 16, .tensor_scale = true};
  const auto special = [](quantize_options& options, const auto& below) {
    options.recipe.policy.negative_in_unsigned = static_cast<unsigned_rule>(below(4));
    options.recipe.choice = static_cast<four_over_six>(below(3));
  };
  CHECK(differences<unsigned_blocks>(600, 700, 6, special) == 0);
  CHECK(differences<nonzero_blocks>(600, 700, 7, special) == 0);
}

TEST_CASE("E8M0 scales of elements that are all less than 1") {
  constexpr float_format fractions{.exponent_bits = 2, .mantissa_bits = 1, .bias = 9};
  constexpr block_format f{
      .element = fractions, .scale = formats::e8m0, .block_size = 32, .packing = layouts::nibbles_low_first};
  CHECK(differences<f>(300, 700, 8, nothing) == 0);
}

TEST_CASE("scales that wrap to a code of Inf") {
  constexpr float_format few_powers{
      .exponent_bits = 2, .mantissa_bits = 0, .bias = 3, .specials = special_values::p3109_extended};
  constexpr block_format f{
      .element = formats::e3m0, .scale = few_powers, .block_size = 16, .packing = layouts::nibbles_high_first};
  const auto wrapped = [](quantize_options& options, const auto& /*below*/) { options.recipe = recipe::ggml; };
  CHECK(differences<f>(300, 700, 9, wrapped) == 0);
}

TEST_CASE("zeros behind a row count for nothing under an infinite multiplier, of which they make NaN") {
  // The smaller scale rounds to zero, and 1 / 0 is what its elements are multiplied by.
  constexpr float_format e2m1fnuz{.exponent_bits = 2, .mantissa_bits = 1, .bias = 0, .specials = special_values::fnuz};
  constexpr float_format few{.exponent_bits = 1, .mantissa_bits = 2, .bias = -3};
  constexpr block_format columns{
      .element = e2m1fnuz, .scale = few, .block_size = 0, .tensor_scale = true, .block_rows = 16};
  constexpr block_format blocks{.element = e2m1fnuz, .scale = few, .block_size = 5, .tensor_scale = true};
  std::mt19937_64 random(10);
  std::normal_distribution<float> gaussian;
  int different = 0, chosen = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<float> x(16 * (1 + random() % 7));
    for (float& value : x) value = gaussian(random) * 16.0F;
    quantize_options options{.tensor_amax = 1.5F * static_cast<float>(e2m1fnuz.max_value() * few.max_value())};
    options.recipe.scale = scale_rule::quotient_times_encode;
    options.recipe.element = element_rule::multiply_reciprocals;
    options.recipe.zero_scale = zero_scale_rule::by_formula;
    options.recipe.choice = four_over_six::mean_squared_error;
    const matrix_view<float> view{x.data(), 16, x.size() / 16};
    different += simd_test::same<columns>(view, options) && simd_test::same<blocks>(view, options) ? 0 : 1;
    chosen += quantize<columns>(view, options).scales()[0] == 1 ? 1 : 0;
  }
  CHECK(different == 0);
  CHECK(chosen > 10);
}

TEST_CASE("zeros behind a row count for nothing under an infinite multiplier, of which they make the largest number") {
  quantize_options options;
  options.recipe.element = element_rule::multiply_encode_quotient;
  options.recipe.policy.absent_nan = absent_nan_rule::max_positive;
  SUBCASE("elements of 2^112 to 6 * 2^113") {
    // S = 448 * 6 * 2^113. By hand: the scale for 6 is 0.078125, by which S / D overflows; every element becomes 6. The
    // scale for 4 is 0.1171875, by which it does not; every element becomes 4. Neither has an error, and a tie keeps 6.
    constexpr float_format huge{.exponent_bits = 2, .mantissa_bits = 1, .bias = -112};
    constexpr block_format nibbles{.element = huge,
                                   .scale = formats::e4m3,
                                   .block_size = 16,
                                   .tensor_scale = true,
                                   .packing = layouts::nibbles_low_first};
    constexpr block_format bytes{.element = huge, .scale = formats::e4m3, .block_size = 280, .tensor_scale = true};
    constexpr block_format short_blocks{.element = huge, .scale = formats::e4m3, .block_size = 5, .tensor_scale = true};
    constexpr block_format tall{
        .element = huge, .scale = formats::e4m3, .block_size = 16, .tensor_scale = true, .block_rows = 16};
    constexpr block_format rows{.element = huge, .scale = formats::e4m3, .block_size = 0, .tensor_scale = true};
    options.tensor_amax = 1.0F;
    options.recipe.tensor = tensor_scale_rule::reciprocal;
    options.recipe.scale = scale_rule::quotient_times_encode;
    for (const auto choice : {four_over_six::mean_absolute_error, four_over_six::mean_squared_error}) {
      options.recipe.choice = choice;
      constexpr float x = 0.078125F / 448.0F;
      CHECK(differences_from<nibbles>(x, options, 0x1a, 7) == 0);
      CHECK(differences_from<bytes>(x, options, 0x1a, 7) == 0);
      CHECK(differences_from<short_blocks>(x, options, 0x1a, 7) == 0);
      CHECK(differences_from<tall>(x, options, 0x1a, 7) == 0);
      CHECK(differences_from<rows>(x, options, 0x1a, 7) == 0);
    }
  }
  SUBCASE("E2M1, and a tensor scale T whose reciprocal overflows") {
    // T = 2^-130, and S is infinite: every element becomes 6 under any scale. By hand, in units of 2^64: 1.96875 rounds
    // down to 1.5, and 1.5 times that, 2.953125, to 2, which is nearer. Zeros that became 6 would want the smaller one.
    constexpr float_format coarse{.exponent_bits = 7, .mantissa_bits = 1, .bias = 0, .has_sign = false};
    constexpr block_format blocks{.element = formats::e2m1,
                                  .scale = coarse,
                                  .block_size = 16,
                                  .tensor_scale = true,
                                  .packing = layouts::nibbles_low_first};
    options.tensor_amax = 6.0F * 0x1p-30F;
    options.recipe.tensor = tensor_scale_rule::quotient;
    options.recipe.tensor_scale_max = 0x1p100F;
    options.recipe.scale = scale_rule::quotient_by_scale;
    options.recipe.scale_rounding = rounding_mode::downward;
    options.recipe.choice = four_over_six::mean_absolute_error;
    CHECK(differences_from<blocks>(6.0F * 1.96875F * 0x1p-66F, options, 65 << 1, 7) == 0);
  }
}
