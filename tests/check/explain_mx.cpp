// SPDX-License-Identifier: Apache-2.0
//
// MXFP4 and MXFP8 kernels with one planted fault each.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <check/support.hpp>

using namespace check_test;
using faulty::fault;
using nibble::check::verdict;

namespace {

const nibble::check::explain_options against{.recipe = nibble::recipe::transformer_engine_kernel};

template <nibble::block_format F>
void correct_kernel() {
  for (const data kind : {data::ordinary, data::specials, data::tiny, data::huge}) {
    for (const faulty::shape shape : {faulty::shape{160, 256}, {131, 250}}) {
      const auto d = diagnose<F>({fault::none, "", kind, shape}, against);
      INFO(to_text(d));
      CHECK(d.verdict == verdict::nothing_differs);
      CHECK(d.codes.matched == shape.rows * shape.cols);
    }
  }
}

TEST_CASE("Correct MX kernels: nothing differs") {
  correct_kernel<nibble::mxfp4>();
  correct_kernel<nibble::mxfp8_e4m3>();
  correct_kernel<nibble::mxfp8_e5m2>();
}

TEST_CASE("Faults in MXFP4") {
  CHECK(plant_all<nibble::mxfp4>({
            {fault::exponent_floor, "scale: exponent rule floor"},
            {fault::exponent_ceil, "scale: exponent rule ceil"},
            {fault::exponent_even, "scale: exponent rule even"},
            {fault::exponent_even_down, "scale: exponent rule even, ties down"},
            {fault::exponent_plus_one, "scale: exponent one too high"},
            {fault::exponent_without_bias, "scale: exponent stored without bias"},
            {fault::inverse_scale, "scale: inverse stored"},
            {fault::infinite_amax_is_nan, "scale: infinite amax gives NaN", data::specials},
            {fault::half_window, "scale: amax of first half of the block"},
            {fault::flush_to_zero, "codes: subnormal elements flushed to zero", data::tiny},
            {fault::ties_away, "codes: ties away from zero"},
            {fault::truncation, "codes: truncated"},
            {fault::nibbles_swapped, "code order: neighbours exchanged"},
            {fault::halves_split, "code order: split halves of a block"},
            {fault::scales_tiled, "scale layout: 128x4 tiles"},
            {fault::scales_transposed, "scale layout: transposed"},
        }) == "");
}

TEST_CASE("Faults in MXFP8 E4M3") {
  CHECK(plant_all<nibble::mxfp8_e4m3>({
            {fault::exponent_floor, "scale: exponent rule floor"},
            {fault::exponent_without_bias, "scale: exponent stored without bias"},
            {fault::through_binary16, "codes: double rounding through binary16"},
            {fault::through_bfloat16, "codes: double rounding through bfloat16"},
            {fault::ties_away, "codes: ties away from zero"},
            {fault::nan_sign_kept, "codes: sign of NaN kept", data::specials},
            // No finite number is beyond the range of a scale rounded up.
            {fault::infinity_to_nan, "codes: Inf to NaN or Inf", data::specials, {160, 256}, 0.0F,
             "codes: overflow to NaN or Inf"},
            {fault::clamp_at_240, "codes: clamped to 240"},
            {fault::subnormal_codes_flushed, "codes: subnormal codes flushed to zero"},
            {fault::negative_zero_dropped, "codes: -0 dropped"},
            {fault::words_reversed, "code order: reversed words"},
            {fault::codes_transposed, "code order: transposed"},
            {fault::unrounded_scale, "codes: unrounded scale used"},
        }) == "");
}

TEST_CASE("Numbers beyond the range of FP8 become NaN where the clamp is missing") {
  // Rounded down, scales leave numbers beyond the largest element.
  auto options = against;
  options.recipe->exponent = nibble::exponent_rule::floor;
  const planted p{fault::overflow_to_nan, "codes: overflow to NaN or Inf"};
  const auto x = matrix_maker(p.kind, 32, faulty::e4m3).make(p.shape);
  const nibble::matrix_view view{x.data(), p.shape.rows, p.shape.cols};
  auto q = nibble::quantize<nibble::mxfp8_e4m3>(view, {.recipe = *options.recipe});
  for (std::size_t r = 0; r < p.shape.rows; ++r) {
    for (std::size_t c = 0; c < p.shape.cols; ++c) {
      const float scaled = x[r * p.shape.cols + c] / q.view().scale(r, c);
      if (scaled > 464.0F) q.codes()[r * p.shape.cols + c] = 0x7f;
      if (scaled < -464.0F) q.codes()[r * p.shape.cols + c] = 0xff;
    }
  }
  CHECK(fault_in(nibble::check::explain(view, q, options), p) == "");
}

TEST_CASE("Dense FP6 codes are read where they lie") {
  constexpr nibble::block_format dense = [] {
    nibble::block_format f = nibble::mxfp6_e3m2;
    f.packing = nibble::layouts::dense6;
    return f;
  }();
  constexpr std::size_t rows = 3, cols = 64;
  std::vector<float> x(rows * cols);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * i % 97) / 7.0F - 5.0F;
  const nibble::matrix_view view{x.data(), rows, cols};
  // Codes of a byte each, truncated, and packed here without the library.
  const auto bytes = nibble::quantize<nibble::mxfp6_e3m2>(view, {.rounding = nibble::toward_zero{}});
  std::vector<std::uint8_t> codes(rows * cols * 6 / 8);
  for (std::size_t bit = 0; bit < rows * cols * 6; ++bit) {
    const unsigned set = static_cast<unsigned>(bytes.codes()[bit / 6]) >> bit % 6 & 1U;
    codes[bit / 8] = static_cast<std::uint8_t>(codes[bit / 8] | set << bit % 8);
  }
  const auto d = nibble::check::explain<dense>(view, {.codes = codes, .scales = bytes.scales()},
                                               {.recipe = nibble::recipe{}});
  INFO(to_text(d));
  CHECK(d.verdict == verdict::explained);
  REQUIRE(d.differences.size() == 1);
  CHECK(d.differences[0].name == "codes: truncated");
}

}  // namespace
