// SPDX-License-Identifier: Apache-2.0
//
// quantize(simd{}, ...) against the scalar backend: every block format, recipe, rounding, orientation and source type,
// on tensors made to be hostile, with every kind of tail.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <nibble/simd.hpp>
#include <simd/flushed_subnormals.hpp>
#include <simd/quantize_support.hpp>

namespace {

using namespace nibble;
using simd_test::modes;
using simd_test::same;
using simd_test::same_counts;

/// What the elements of a tensor are made of.
enum class content { gaussian, ties, subnormal, huge, zeros, any_exponent, special, tiny, mixed };

float element(content kind, std::mt19937_64& random) {
  const auto word = static_cast<std::uint32_t>(random());
  std::normal_distribution<float> gaussian;
  switch (kind) {
    case content::gaussian: return gaussian(random);
    case content::ties: return std::ldexp(static_cast<float>(static_cast<int>(word % 97) - 48), -3);
    case content::subnormal: return bit_cast<float>(word & 0x807f'ffffU);
    case content::huge: return word % 3 == 0 ? 3.4e38F : bit_cast<float>((word & 0x80ff'ffffU) | 0x7e00'0000U);
    case content::zeros: return (word & 1U) != 0 ? 0.0F : -0.0F;
    case content::any_exponent: return bit_cast<float>((word & 0x8000'0000U) | ((word >> 4) % 0x7f80'0000U));
    case content::special:
      if (word % 37 == 0) return bit_cast<float>(word | 0x7f80'0000U);
      return word % 41 == 0 ? std::numeric_limits<float>::infinity() : gaussian(random);
    case content::tiny: return gaussian(random) * 1e-30F;
    case content::mixed: break;
  }
  return element(static_cast<content>(word % 8), random);
}

/// A tensor; `mixed` ones have whole blocks of one content among elements of any.
std::vector<float> tensor(std::size_t count, content kind, std::mt19937_64& random) {
  std::vector<float> x(count);
  for (float& value : x) value = element(kind, random);
  for (std::size_t b = 0; kind == content::mixed && b + 32 <= count; b += 32) {
    const auto inside = static_cast<content>(random() % 8);
    for (std::size_t i = 0; i < 32; ++i) x[b + i] = element(inside, random);
  }
  return x;
}

template <block_format F>
bool says_something(const recipe& r) {
  return F.power_of_two_scale() ? r.exponent != exponent_rule::unspecified : r.scale != scale_rule::unspecified;
}

stochastic any_stochastic(std::mt19937_64& random) {
  const int bits[] = {8, 16, 32};
  return {.seed = random(),
          .stream = random() % 3,
          .bits = bits[random() % 3],
          .variant = static_cast<stochastic_variant>(random() % 3),
          .first_element = random() % 100};
}

/// Recipes x roundings x orientations on one matrix; the number of differences.
template <block_format F, class T>
int differences(const matrix_view<T>& x, const recipe& r, std::mt19937_64& random) {
  if (!says_something<F>(r)) return 0;
  int different = 0;
  different += same<F>(x, {.recipe = r}) ? 0 : 1;
  different += same<F>(x, {.rounding = modes[random() % 7], .recipe = r}) ? 0 : 1;
  different += same<F>(x, {.rounding = any_stochastic(random), .recipe = r}) ? 0 : 1;
  different += same<F>(x, {.rounding = stochastic{.seed = random(), .bits = 16}, .recipe = r}) ? 0 : 1;
  different += same<F>(x, {.recipe = r, .orientation = orientation::column_wise}) ? 0 : 1;
  different += same_counts<F>(x, {.recipe = r}) ? 0 : 1;
  different += same_counts<F>(x, {.rounding = modes[random() % 7], .recipe = r}) ? 0 : 1;
  const stochastic drawn = any_stochastic(random);
  different += same<F>(x, {.rounding = drawn, .recipe = r, .orientation = orientation::column_wise}) ? 0 : 1;
  return different;
}

/// The source types beside float; the tiles are the same code for every format, so a few formats show it.
template <block_format F>
int other_sources(const std::vector<float>& x, std::size_t rows, std::size_t cols) {
  std::vector<bf16> narrow(x.size());
  std::vector<f16> half(x.size());
  std::vector<double> wide(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    narrow[i] = bf16(x[i], nearest_even{}, overflow::special);
    half[i] = f16(x[i], nearest_even{}, overflow::special);
    wide[i] = static_cast<double>(x[i]) * 1.0000000001;
  }
  int different = same<F>(matrix_view{narrow.data(), rows, cols}, {}) ? 0 : 1;
  different += same<F>(matrix_view{half.data(), rows, cols}, {}) ? 0 : 1;
  return different + (same<F>(matrix_view{wide.data(), rows, cols}, {}) ? 0 : 1);
}

template <block_format F>
int differences(int rounds, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  int different = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int kind = 0; kind < 9; ++kind) {
      const std::size_t rows = 1 + random() % 3;
      const std::size_t cols = random() % 2 != 0 ? 1 + random() % 300 : 32 * (1 + random() % 80);
      const std::vector<float> x = tensor(rows * cols, static_cast<content>(kind), random);
      const matrix_view view{x.data(), rows, cols};
      different += differences<F>(view, recipe{}, random);
      for (const named_recipe& r : named_recipes) different += differences<F>(view, r.recipe, random);
      // Gaps between the rows, and columns that are not neighbours.
      different += same<F>(matrix_view{x.data(), rows, cols / 2, static_cast<std::ptrdiff_t>(cols)}, {}) ? 0 : 1;
      different += same<F>(matrix_view{x.data(), rows, cols / 2, static_cast<std::ptrdiff_t>(cols), 2}, {}) ? 0 : 1;
      if constexpr (F == nvfp4 || F == nvfp4_2d || F == mxfp8_e4m3) different += other_sources<F>(x, rows, cols);
    }
  }
  return different;
}

}  // namespace

TEST_CASE("simd gives the bits of scalar: NVFP4") {
  CHECK(differences<nvfp4>(4, 1) == 0);
  CHECK(differences<nvfp4_2d>(2, 2) == 0);
  CHECK(differences<ggml_nvfp4>(1, 3) == 0);
}

TEST_CASE("simd gives the bits of scalar: MX") {
  CHECK(differences<mxfp4>(3, 4) == 0);
  CHECK(differences<mxfp6_e2m3>(1, 5) == 0);
  CHECK(differences<mxfp6_e3m2>(1, 6) == 0);
  CHECK(differences<mxfp8_e4m3>(2, 7) == 0);
  CHECK(differences<mxfp8_e5m2>(2, 8) == 0);
  CHECK(differences<mxint8>(1, 9) == 0);
  CHECK(differences<ggml_mxfp4>(1, 10) == 0);
}

TEST_CASE("simd gives the bits of scalar: FP8 with float32 scales") {
  CHECK(differences<fp8_per_tensor>(1, 11) == 0);
  CHECK(differences<fp8_per_row>(1, 12) == 0);
  CHECK(differences<fp8_128x128>(1, 13) == 0);
}

TEST_CASE("simd gives the bits of scalar: formats of a user") {
  constexpr float_format e3m4_scale{.exponent_bits = 3, .mantissa_bits = 4, .bias = 3};
  constexpr block_format wide{.element = formats::e2m1,
                              .scale = e3m4_scale,
                              .block_size = 64,
                              .tensor_scale = true,
                              .packing = layouts::nibbles_low_first};
  constexpr block_format odd{.element = formats::e2m1,
                             .scale = formats::e4m3,
                             .block_size = 40,
                             .tensor_scale = true,
                             .packing = layouts::nibbles_high_first};
  constexpr block_format fnuz{.element = formats::e4m3fnuz, .scale = formats::e8m0, .block_size = 32};
  // Rows end within a block and with a whole group of vectors.
  constexpr block_format dense{
      .element = formats::e2m3, .scale = formats::e8m0, .block_size = 256, .packing = layouts::dense6};
  // Without mantissa bits "even" is the parity of the exponent field, which no floating-point addition rounds by.
  constexpr block_format powers{
      .element = formats::e3m0, .scale = formats::e8m0, .block_size = 32, .packing = layouts::nibbles_low_first};
  // Blocks that are no whole vectors, and longer ones than scalar code takes at once.
  constexpr block_format twelve{.element = formats::e2m1,
                                .scale = formats::e4m3,
                                .block_size = 12,
                                .tensor_scale = true,
                                .packing = layouts::nibbles_low_first};
  constexpr block_format long_blocks{
      .element = formats::e4m3, .scale = formats::e8m0, .block_size = 1000, .block_rows = 2};
  // Two scales to choose from that may be of any size.
  constexpr block_format floats{.element = formats::e3m2, .scale = formats::f32, .block_size = 24, .block_rows = 2};
  CHECK(differences<floats>(1, 26) == 0);
  CHECK(differences<twelve>(2, 22) == 0);
  CHECK(differences<long_blocks>(1, 23) == 0);
  CHECK(differences<powers>(2, 21) == 0);
  CHECK(differences<wide>(1, 14) == 0);
  CHECK(differences<odd>(1, 15) == 0);
  CHECK(differences<fnuz>(1, 16) == 0);
  CHECK(differences<dense>(1, 17) == 0);
}

/// Whether subnormal fields of `r` matter to a call, and to both backends as much where the processor reads them as zero.
template <block_format F>
bool counts_subnormal_fields(const std::vector<float>& x, const recipe& r, const recipe& without) {
  const matrix_view<float> view{x.data(), 1, x.size()};
  const block_tensor<F> expected = quantize<F>(scalar{}, view, {.recipe = r});
  if (quantize<F>(scalar{}, view, {.recipe = without}) == expected) return false;
  const simd_test::flushed_subnormals flushed;
  return quantize<F>(scalar{}, view, {.recipe = r}) == expected && quantize<F>(simd{}, view, {.recipe = r}) == expected;
}

TEST_CASE("subnormal fields of a recipe count where subnormal numbers are read as zero") {
  recipe r;
  r.tensor_scale_max = 0x1p-130F;
  CHECK(counts_subnormal_fields<nvfp4>(std::vector<float>(64, 1.0F), r, {}));
  r = {.amax = amax_rule::propagate, .scale_floor = 0x1p-130F};
  CHECK(counts_subnormal_fields<fp8_per_row>(std::vector<float>(64, 0x1p-125F), r, {.amax = amax_rule::propagate}));
}

TEST_CASE("a product that underflows is a -0 to be dropped, a smaller trace is none") {
  // The multiplier of all blocks is 6 / 100: 2^-149 times that is zero in float32, 2^-140 times that is not.
  std::vector<float> x(1024, 0.0F);
  for (std::size_t i = 0; i < x.size(); i += 16) {
    x[i] = 100.0F;
    x[i + 1] = -0x1p-149F;
    x[i + 2] = -0.0F;
    if (i >= 512) x[i + 3] = -0x1p-140F;
  }
  const quantize_options options{.recipe = recipe::transformer_engine, .tensor_amax = 100.0F};
  for (const bool traces : {false, true}) {
    // Without 2^-149 nothing is lost, and a kernel may look at signs alone.
    for (std::size_t i = 0; traces && i < x.size(); i += 16) x[i + 1] = 0.0F;
    const block_tensor<nvfp4> q = quantize<nvfp4>(simd{}, matrix_view{x.data(), 1, x.size()}, options);
    const auto codes = q.view().codes;
    for (std::size_t b = 0; b < 64; ++b) {
      CHECK(codes[8 * b] == 0x07);
      CHECK(codes[8 * b + 1] == (b >= 32 ? 0x80 : 0x00));
    }
  }
}

/// Codes of 64 blocks that begin with 600, 2^-149 and -2^-149, rounded upward and to odd: each quotient by the scale.
template <block_format F>
void check_traces_of_quotients() {
  std::vector<float> x(1024, 0.0F);
  for (std::size_t i = 0; i < x.size(); i += 16) {
    x[i] = 600.0F;
    x[i + 1] = 0x1p-149F;
    x[i + 2] = -0x1p-149F;
  }
  const simd_test::flushed_subnormals flushed;
  for (const rounding_mode mode : {rounding_mode::upward, rounding_mode::to_odd}) {
    const quantize_options options{.rounding = mode, .recipe = recipe::unbiased};
    const block_tensor<F> q = quantize<F>(simd{}, matrix_view{x.data(), 1, x.size()}, options);
    const std::uint32_t negative = F.element.sign_mask() | (mode == rounding_mode::upward ? 0U : 1U);
    for (std::size_t i = 0; i < x.size(); i += 16) {
      CHECK(load_code(F.packing, q.view().codes, i + 1) == 1U);
      CHECK(load_code(F.packing, q.view().codes, i + 2) == negative);
    }
  }
}

TEST_CASE("a quotient that underflows leaves a trace") {
  check_traces_of_quotients<nvfp4>();
  check_traces_of_quotients<fp8_per_row>();
}

TEST_CASE("multipliers to the last bit: under each scale, elements next to every bound between codes") {
  for (const float tensor_amax : {8.0F, 3.7F, 0.011F, 1e7F}) {
    const quantize_options options{.tensor_amax = tensor_amax};
    const auto factor = static_cast<float>(make_tensor_scaling(nvfp4, recipe{}, binary32(tensor_amax)).decode);
    std::vector<float> x;
    for (std::uint32_t code = 1; code <= formats::e4m3.max_code(); ++code) {
      const float scale = decode<formats::e4m3>(code) * factor;
      for (const float bound : {0.25F, 0.75F, 1.25F, 1.75F, 2.5F, 3.5F, 5.0F}) {
        x.push_back(6.0F * scale);
        for (std::uint32_t i = 0; i < 15; ++i) x.push_back(bit_cast<float>(to_bits(bound * scale) + i - 7U));
      }
    }
    const matrix_view view{x.data(), 1, x.size()};
    const block_tensor<nvfp4> fast = quantize<nvfp4>(simd{}, view, options);
    const block_tensor<nvfp4> plain = quantize<nvfp4>(scalar{}, view, options);
    CHECK(std::memcmp(fast.view().codes, plain.view().codes, x.size() / 2) == 0);
    CHECK(std::memcmp(fast.view().scales, plain.view().scales, x.size() / 16) == 0);
  }
}

TEST_CASE("every tail length, and bytes around the output stay") {
  constexpr block_format whole_rows{.element = formats::e2m1,
                                    .scale = formats::f32,
                                    .block_size = 0,
                                    .packing = layouts::nibbles_high_first};
  std::mt19937_64 random(18);
  int different = 0;
  for (std::size_t cols = 0; cols <= 200; ++cols) {
    const std::vector<float> x = tensor(2 * cols, content::gaussian, random);
    const matrix_view view{x.data(), 2, cols};
    different += same<nvfp4>(view, {}) && same<mxfp8_e4m3>(view, {}) && same<whole_rows>(view, {}) ? 0 : 1;
    std::vector<std::uint8_t> codes(2 * nvfp4.row_bytes(cols) + 14, 0xaa);
    std::vector<std::uint8_t> scales(2 * nvfp4.scale_cols(cols) + 14, 0xaa);
    float tensor_scale = 0;
    const block_view<nvfp4> q{
        codes.data(), scales.data(), &tensor_scale, 2, cols, nvfp4.row_bytes(cols) + 7, nvfp4.scale_cols(cols) + 7};
    quantize(simd{}, view, q);
    for (std::size_t row = 0; row < 2; ++row) {
      for (std::size_t i = 0; i < 7; ++i) {
        different += codes[row * q.code_stride + nvfp4.row_bytes(cols) + i] == 0xaa ? 0 : 1;
        different += scales[row * q.scale_stride + nvfp4.scale_cols(cols) + i] == 0xaa ? 0 : 1;
      }
    }
  }
  CHECK(different == 0);
}

TEST_CASE("caller's words replay a stream, and diagnostics agree") {
  std::mt19937_64 random(19);
  const std::vector<float> x = tensor(3 * 224, content::mixed, random);
  const matrix_view view{x.data(), 3, 224};
  for (const int bits : {8, 16, 32}) {
    std::vector<std::uint32_t> words(3 * 224 * static_cast<std::size_t>(bits) / 32);
    for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random());
    CHECK(same<nvfp4>(view, {.rounding = stochastic_words{.words = words, .bits = bits}}));
  }
  quantize_counts plain;
  quantize_counts vectors;
  static_cast<void>(quantize<mxfp4>(scalar{}, view, {.counts = &plain}));
  static_cast<void>(quantize<mxfp4>(simd{}, view, {.counts = &vectors}));
  CHECK(plain.elements == vectors.elements);
  CHECK(plain.clipped == vectors.clipped);
  CHECK(plain.zeroed == vectors.zeroed);
  CHECK(plain.nonfinite == vectors.nonfinite);
}

TEST_CASE("32 random bits decide by what float32 drops") {
  // Elements below the smallest normal number, which a scale of 1 leaves alone, and words that carry them into the next
  // code or just do not.
  std::mt19937_64 random(32);
  std::vector<float> x(32 * 128);
  std::vector<std::uint32_t> words(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto significand = static_cast<int>(0x0080'0000U | (random() & 0x007f'ffffU));
    const int exponent = -24 - static_cast<int>(random() % 13);
    x[i] = i % 32 == 0 ? 4.0F : std::ldexp(static_cast<float>(significand), exponent);
    // The code and its fraction are 2 x.
    const auto fraction = static_cast<std::uint64_t>(std::ldexp(static_cast<double>(x[i]), 33));
    words[i] = static_cast<std::uint32_t>(random() % 4 - fraction - 2U);
    if (random() % 2 == 0) x[i] = -x[i];
  }
  const matrix_view<float> view{x.data(), 32, 128};
  CHECK(same<mxfp4>(view, {.rounding = stochastic_words{.words = words, .bits = 32}}));
}

TEST_CASE("32 random bits decide by what lies just below a quotient's last one") {
  // x 2^bits = q d - 1: the binary64 next to x / d is q 2^-bits, which the word carries into the next code; x / d is below
  // it and is not carried. With 35 bits, elements become subnormal numbers.
  std::mt19937_64 random(33);
  int different = 0, met = 0;
  for (int round = 0; round < 400; ++round) {
    const int bits = round % 2 != 0 ? 36 : 35;
    const std::uint64_t d = 0x0080'0001U | (random() & 0x007f'fffeU);
    std::uint64_t q = d;
    for (int i = 0; i < 6; ++i) q *= 2U - d * q;
    q &= (std::uint64_t{1} << bits) - 1U;
    const float x = std::ldexp(static_cast<float>((q * d - 1U) >> bits), bits == 36 ? 0 : -6);
    const float values[] = {448.0F * static_cast<float>(d), x, -x};
    const std::uint32_t words[] = {0U, static_cast<std::uint32_t>(0U - q), static_cast<std::uint32_t>(1U - q)};
    const quantize_options o{.rounding = stochastic_words{.words = words, .bits = 32}, .recipe = recipe::unbiased};
    const matrix_view<float> view{values, 1, 3};
    different += same<fp8_per_row>(view, o) ? 0 : 1;
    const block_tensor<fp8_per_row> result = quantize<fp8_per_row>(view, o);
    const std::uint8_t* codes = result.view().codes;
    met += (codes[1] ^ codes[2]) != 0x80 ? 1 : 0;
  }
  CHECK(different == 0);
  CHECK(met > 40);
}

TEST_CASE("an executor changes no bit") {
  std::mt19937_64 random(20);
  const std::vector<float> x = tensor(301 * 1040, content::mixed, random);
  const matrix_view view{x.data(), 301, 1040};
  const auto backwards = [](std::size_t count, auto&& task) {
    for (std::size_t i = count; i > 0; --i) task(i - 1);
  };
  const quantize_options options{.rounding = stochastic{.seed = 5, .bits = 16}};
  const block_tensor<nvfp4> expected = quantize<nvfp4>(scalar{}, view, options);
  block_tensor<nvfp4> q(301, 1040);
  quantize(simd{}, view, q.view(), options, backwards);
  CHECK(q == expected);
  block_tensor<nvfp4> r(301, 1040);
  quantize(scalar{}, view, r.view(), options, backwards);
  CHECK(r == expected);
  const block_tensor<nvfp4_2d> tiles = quantize<nvfp4_2d>(scalar{}, view, options);
  block_tensor<nvfp4_2d> s(301, 1040);
  quantize(simd{}, view, s.view(), options, backwards);
  CHECK(s == tiles);
}
