// SPDX-License-Identifier: Apache-2.0
//
// NVFP4 kernels with one planted fault each: explain names it, and nothing else.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <check/support.hpp>

using namespace check_test;
using faulty::fault;
using nibble::check::verdict;

namespace {

const nibble::check::explain_options against{.recipe = nibble::recipe::transformer_engine_kernel};

TEST_CASE("A correct NVFP4 kernel: nothing differs") {
  for (const data kind : {data::ordinary, data::specials, data::tiny, data::huge, data::uneven}) {
    for (const faulty::shape shape : {faulty::shape{160, 256}, {131, 250}, {2, 19}}) {
      const auto d = diagnose<nibble::nvfp4>({fault::none, "", kind, shape}, against);
      INFO(to_text(d));
      CHECK(d.verdict == verdict::nothing_differs);
      CHECK(d.differences.empty());
      CHECK(!d.first_failure);
      CHECK(d.codes.matched == shape.rows * shape.cols);
    }
  }
}

TEST_CASE("Faults in the elements of NVFP4") {
  CHECK(plant_all<nibble::nvfp4>({
            {fault::ties_away, "codes: ties away from zero"},
            {fault::ties_toward_zero, "codes: ties toward zero"},
            {fault::truncation, "codes: truncated"},
            {fault::round_up, "codes: rounded up"},
            {fault::round_to_odd, "codes: rounded to odd"},
            {fault::through_bfloat16, "codes: double rounding through bfloat16"},
            {fault::cut_to_bfloat16, "codes: scaled element truncated to bfloat16"},
            {fault::through_binary16, "codes: double rounding through binary16"},
            // Orders of operations differ for some tensor scales only.
            {fault::division, "codes: x / (D * T)", data::uneven, {160, 256}, 40.5F},
            {fault::division_by_scales, "codes: x / (D / S)", data::uneven},
            {fault::prescaled_division, "codes: (x * S) / D", data::uneven},
            {fault::multiplied_quotient, "codes: x * (S / D)", data::uneven},
            {fault::approximate_reciprocal, "codes: approximate reciprocal", data::uneven},
            {fault::unrounded_scale, "codes: unrounded scale used"},
            {fault::tensor_scale_forgotten, "codes: tensor scale not applied"},
            {fault::previous_scale, "codes: scale of the previous block used"},
            {fault::negative_zero_dropped, "codes: -0 dropped"},
            {fault::negative_zeros_dropped, "codes: negative zeros dropped"},
            {fault::nan_sign_kept, "codes: NaN to the largest number of its sign", data::specials},
            {fault::nan_to_zero, "codes: NaN to zero", data::specials},
            {fault::infinity_to_zero, "codes: Inf to zero", data::specials},
            {fault::overflow_wraps, "codes: overflow wraps around"},
            {fault::clamp_at_4, "codes: clamped to 4"},
            {fault::sign_forgotten, "codes: sign dropped"},
            {fault::subnormal_codes_flushed, "codes: subnormal codes flushed to zero"},
            {fault::last_of_block_left_out, "codes: last of every block left out"},
            {fault::zero_scale_gives_zeros, "codes: zeros under a zero scale"},
            {fault::stochastic, "codes: stochastic with unknown random bits"},
        }) == "");
}

TEST_CASE("Faults in the scales of NVFP4") {
  CHECK(plant_all<nibble::nvfp4>({
            {fault::old_formula, "scale: (amax / M) * S", data::uneven},
            {fault::reciprocal_first, "scale: (amax * (1/M)) * S", data::uneven, {160, 256}, 42.7200012F},
            {fault::divided_by_product, "scale: amax / (M * T)", data::uneven, {160, 256}, 43.0900002F},
            {fault::scale_truncated, "scale: rounded toward zero"},
            {fault::scale_up, "scale: rounded up"},
            {fault::scale_ties_away, "scale: ties away from zero"},
            {fault::scale_through_bfloat16, "scale: through bfloat16"},
            {fault::amax_through_bfloat16, "scale: amax through bfloat16"},
            {fault::scale_at_least_2_6, "scale: clamped to at least 2^-6"},
            {fault::scale_at_most_240, "scale: clamped to at most 240"},
            {fault::wrong_largest_element, "scale: largest element taken as 4"},
            {fault::half_window, "scale: amax of first half of the block"},
            {fault::window_without_last, "scale: amax with last element left out"},
            {fault::double_window, "scale: amax of two blocks"},
            {fault::even_window, "scale: amax of even elements only"},
            {fault::shifted_window, "scale: amax of one column further"},
            {fault::no_absolute_value, "scale: amax without absolute value"},
            {fault::subnormal_scales_flushed, "scale: subnormals flushed to zero"},
            {fault::zero_scale_is_one, "scale: zero replaced by one"},
            {fault::signed_scale_byte, "scale: sign of the maximum in bit 7"},
            {fault::stored_plus_one, "scale: stored code one too high"},
            {fault::inverse_scale, "scale: inverse stored"},
            {fault::nan_in_amax, "scale: NaN wins the amax of its block", data::specials},
        }) == "");
}

TEST_CASE("Faults in the tensor scale, the input and the layouts of NVFP4") {
  CHECK(plant_all<nibble::nvfp4>({
            {fault::tensor_inverse_stored, "tensor scale: inverse stored"},
            {fault::tensor_amax_without_last_row, "tensor scale: last row left out of the amax"},
            {fault::tensor_without_448, "tensor scale: largest scale left out"},
            {fault::tensor_256, "tensor scale: largest scale taken as 256"},
            {fault::flush_to_zero, "input: flush to zero", data::tiny},
            {fault::input_through_bfloat16, "input: through bfloat16"},
            {fault::last_column_unread, "input: last column left out"},
            {fault::last_row_unread, "input: last row left out"},
            {fault::ragged_unread, "input: ragged blocks left out", data::ordinary, {130, 250}},
            {fault::input_transposed, "input: transposed", data::ordinary, {128, 128}},
            {fault::nibbles_swapped, "code order: neighbours exchanged"},
            {fault::halves_split, "code order: split halves of a block"},
            {fault::row_split, "code order: split halves of a row"},
            {fault::words_reversed, "code order: reversed words"},
            {fault::scales_tiled, "scale layout: 128x4 tiles"},
            {fault::scales_tiled, "scale layout: 128x4 tiles", data::ordinary, {256, 128}},
            {fault::scales_transposed, "scale layout: transposed"},
            {fault::tiles_column_first, "scale layout: tiles column first"},
            {fault::tiles_plain, "scale layout: tiles without interleaving"},
        }) == "");
}

TEST_CASE("Scales that should be in tiles and are not") {
  const planted p{fault::none, "scale layout: row-major", data::ordinary, {256, 256}};
  auto options = against;
  options.scale_layout = nibble::check::scale_layout::tiled_128x4;
  CHECK(fault_in(diagnose<nibble::nvfp4>(p, options), p) == "");
}

}  // namespace
