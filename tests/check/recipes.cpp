// SPDX-License-Identifier: Apache-2.0
//
// The model of a kernel against quantize, for every preset: explain finds no difference in the library's own bytes, and
// compare none between them and themselves. Then what is no recipe: pairs of faults, random words, bytes at random.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <check/support.hpp>
#include <nibble/check.hpp>

using namespace nibble;
using check::verdict;

namespace {

/// The first complaint over all presets that say something about F.
template <block_format F>
std::string presets_differ() {
  for (const named_recipe& r : named_recipes) {
    if (!check::detail::is_specified(F, r.recipe)) continue;
    for (const auto kind : {check_test::data::uneven, check_test::data::specials, check_test::data::tiny}) {
      const faulty::shape shape{33, 250};
      const auto x = check_test::matrix_maker(kind, 16, faulty::e2m1, 41.3F).make(shape);
      const matrix_view view{x.data(), shape.rows, shape.cols};
      const auto q = quantize<F>(view, {.recipe = r.recipe});
      const auto d = check::explain(view, q, {.recipe = r.recipe});
      if (d.verdict != verdict::nothing_differs || !check::compare(q, q, view).is_equal()) {
        return std::string(r.name) + ": " + to_text(d);
      }
    }
  }
  return "";
}

TEST_CASE("The model of every preset gives the bytes of quantize") {
  CHECK(presets_differ<nvfp4>() == "");
  CHECK(presets_differ<nvfp4_2d>() == "");
  CHECK(presets_differ<mxfp4>() == "");
  CHECK(presets_differ<mxfp6_e2m3>() == "");
  CHECK(presets_differ<mxfp8_e5m2>() == "");
  CHECK(presets_differ<mxint8>() == "");
  CHECK(presets_differ<ggml_nvfp4>() == "");
  // A user's format whose scales have their NaN at the code of -0.
  constexpr block_format fnuz_scales{
      .element = formats::e2m1, .scale = formats::e4m3fnuz, .block_size = 16, .packing = layouts::nibbles_low_first};
  CHECK(presets_differ<fnuz_scales>() == "");
}

class fixture {
 public:
  fixture() : x_(check_test::matrix_maker(check_test::data::ordinary, 16, faulty::e2m1).make({64, 128})) {}
  [[nodiscard]] matrix_view<float> view() const { return {x_.data(), 64, 128}; }

 private:
  std::vector<float> x_;
};

TEST_CASE_FIXTURE(fixture, "Without a recipe the preset is found") {
  const auto d = check::explain(view(), quantize<nvfp4>(view(), {.recipe = recipe::compressed_tensors}));
  INFO(to_text(d));
  CHECK(d.verdict == verdict::nothing_differs);
  CHECK(d.recipe == "compressed_tensors");
}

TEST_CASE_FIXTURE(fixture, "Differences of several steps add up") {
  auto q = quantize<nvfp4>(view(), {.rounding = toward_zero{}, .recipe = recipe::torchao_tensor_scale});
  for (std::uint8_t& byte : q.codes()) byte = static_cast<std::uint8_t>(byte << 4 | byte >> 4);
  auto options = check::explain_options{.recipe = recipe::torchao_tensor_scale};
  const auto tiled = swizzled_scales(q);
  const check::device_bytes bytes{.codes = q.codes(), .scales = tiled, .tensor_scale = q.tensor_scale()};
  const auto d = check::explain<nvfp4>(view(), bytes, options);
  INFO(to_text(d));
  CHECK(d.verdict == verdict::explained);
  REQUIRE(d.differences.size() == 3);
  CHECK(d.differences[0].name == "scale layout: 128x4 tiles");
  CHECK(d.differences[1].name == "code order: neighbours exchanged");
  CHECK(d.differences[2].name == "codes: truncated");
}

TEST_CASE_FIXTURE(fixture, "Random words: seed, bits and variant") {
  const stochastic random{.seed = 42};
  stochastic sixteen = random, seven = random, other_seed = random;
  sixteen.bits = 16;
  seven.rounds = 7;
  other_seed.seed = 43;
  const check::explain_options options{.recipe = recipe::unbiased, .rounding = random};
  const auto with = [&](const stochastic& s) {
    return check::explain(view(), quantize<nvfp4>(view(), {.rounding = s, .recipe = recipe::unbiased}), options);
  };
  CHECK(with(random).verdict == verdict::nothing_differs);
  CHECK(with(sixteen).differences.at(0).name == "codes: 16 random bits");
  CHECK(with(seven).differences.at(0).name == "codes: 7 rounds of Philox");
  const auto d = with(other_seed);
  CHECK(d.verdict == verdict::explained);
  CHECK(d.by_neighbours);
  CHECK(d.differences.at(0).name == "codes: stochastic with unknown random bits");
}

TEST_CASE_FIXTURE(fixture, "Two roundings by turns are not taken for a stochastic one") {
  const auto nearest = quantize<nvfp4>(view());
  auto q = quantize<nvfp4>(view(), {.rounding = toward_zero{}});
  for (std::size_t i = 0; i < q.codes().size(); ++i) {
    if (i / 64 % 2 == 0) q.codes()[i] = nearest.codes()[i];
  }
  const auto d = check::explain(view(), q, {.recipe = recipe{}});
  INFO(to_text(d));
  CHECK(d.verdict == verdict::not_explained);
  CHECK(d.codes.share() > 0.7);
}

TEST_CASE_FIXTURE(fixture, "A wrong byte that no difference explains is found and counted") {
  auto q = quantize<nvfp4>(view());
  q.codes()[1000] ^= 0x20U;
  const auto d = check::explain(view(), q, {.recipe = recipe{}});
  INFO(to_text(d));
  CHECK(d.verdict == verdict::not_explained);
  CHECK(d.codes.total - d.codes.matched == 1);
  REQUIRE(d.first_failure);
  CHECK(d.first_failure->row == 15);
  CHECK(d.first_failure->col == 81);
  CHECK(to_text(d).find("row 15, column 81, block 5: code") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "A tensor scale that nothing gives: what follows from it, or from the right one") {
  using check::tensor_scale_source;
  const check::explain_options options{.recipe = recipe{}};
  // Stored wrong after the blocks were made of the right one.
  auto q = quantize<nvfp4>(view());
  const auto stored = [&](float scale) {
    const check::device_bytes bytes{.codes = q.codes(), .scales = q.scales(), .tensor_scale = scale};
    return check::explain<nvfp4>(view(), bytes, options);
  };
  const float inf = std::numeric_limits<float>::infinity();
  for (const float scale : {std::numeric_limits<float>::quiet_NaN(), inf, 0.0F, -0.0157F, 0.0157F}) {
    const auto d = stored(scale);
    INFO(to_text(d));
    CHECK(d.verdict == verdict::not_explained);
    CHECK(!d.tensor_scale_matched);
    CHECK(d.scaled_by == tensor_scale_source::recipe);
    CHECK(d.differences.empty());
    CHECK(d.scales.matched == d.scales.total);
    CHECK(d.codes.matched == d.codes.total);
    REQUIRE(d.first_failure);
    CHECK(d.first_failure->what == check::failing_place::kind::tensor_scale);
    CHECK(to_text(d).find("all scales and codes follow from the predicted one\n") != std::string::npos);
  }
  for (std::uint8_t& byte : q.codes()) byte = static_cast<std::uint8_t>(byte << 4 | byte >> 4);
  const auto swapped = stored(std::numeric_limits<float>::quiet_NaN());
  CHECK(swapped.scaled_by == tensor_scale_source::recipe);
  REQUIRE(swapped.differences.size() == 1);
  CHECK(swapped.differences[0].name == "code order: neighbours exchanged");
  std::mt19937 generator(3);
  for (std::uint8_t& byte : q.codes()) byte = static_cast<std::uint8_t>(generator());
  for (std::uint8_t& byte : q.scales()) byte = static_cast<std::uint8_t>(generator());
  const auto neither = stored(0.0157F);
  INFO(to_text(neither));
  CHECK(neither.scaled_by == tensor_scale_source::neither);
  CHECK(neither.differences.empty());
  CHECK(to_text(neither).find("follow neither from") != std::string::npos);
  // Of another amax, and used. The reciprocal of this T is not the multiplier that gave T, which shows where the scale
  // of a block, here one a row, goes past a midpoint of E4M3.
  constexpr float amax = 43.2F, encode = 2688.0F / amax;
  std::vector<float> x(32 * 16);
  for (std::uint32_t r = 0; r < 32; ++r) x[r * 16] = bit_cast<float>(to_bits(6 * 1.0625F / encode) - 16U + r);
  const matrix_view middle{x.data(), 32, 16};
  const auto used = quantize<nvfp4>(middle, {.tensor_amax = amax});
  CHECK(1.0F / used.tensor_scale() != encode);
  const auto d = check::explain(middle, used, options);
  INFO(to_text(d));
  CHECK(d.verdict == verdict::not_explained);
  CHECK(d.scaled_by == tensor_scale_source::memory);
  CHECK(d.differences.empty());
  CHECK(d.scales.matched == d.scales.total);
  CHECK(d.codes.matched == d.codes.total);
  CHECK(check::explain(middle, used).recipe == "default");
  q = quantize<nvfp4>(view(), {.rounding = toward_zero{}, .tensor_amax = 51.7F});
  const auto truncated = check::explain(view(), q, options);
  INFO(to_text(truncated));
  CHECK(truncated.scaled_by == tensor_scale_source::memory);
  REQUIRE(truncated.differences.size() == 1);
  CHECK(truncated.differences[0].name == "codes: truncated");
}

TEST_CASE_FIXTURE(fixture, "Bytes at random are not explained") {
  auto q = quantize<nvfp4>(view());
  std::mt19937 generator(3);
  for (std::uint8_t& byte : q.codes()) byte = static_cast<std::uint8_t>(generator());
  for (std::uint8_t& byte : q.scales()) byte = static_cast<std::uint8_t>(generator());
  const auto d = check::explain(view(), q);
  CHECK(d.verdict == verdict::not_explained);
  CHECK(d.codes.share() < 0.2);
  CHECK(d.scales.share() < 0.2);
  CHECK(d.first_failure.has_value());
}

TEST_CASE_FIXTURE(fixture, "What is wrong with the arguments is said") {
  const auto q = quantize<nvfp4>(view());
  check::device_bytes bytes{.codes = q.codes().first(10), .scales = q.scales()};
  CHECK_THROWS_WITH_AS(static_cast<void>(check::explain<nvfp4>(view(), bytes)),
                       "nibble: bytes.codes has 10 bytes; 64 x 128 codes take 4096", std::invalid_argument);
  bytes = {.codes = q.codes(), .scales = q.scales().first(10)};
  CHECK_THROWS_WITH_AS(static_cast<void>(check::explain<nvfp4>(view(), bytes)),
                       "nibble: bytes.scales has 10 bytes; 64 x 8 scales take 512 or 1024", std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(check::explain(view(), q, {.recipe = recipe::floor})), std::invalid_argument);
  const block_tensor<nvfp4> empty(0, 16);
  CHECK(check::explain(matrix_view<float>{nullptr, 0, 16}, empty).verdict == verdict::nothing_differs);
}

}  // namespace
