// SPDX-License-Identifier: Apache-2.0
//
// What a kernel can do differently with its input and its tensor scale.
#pragma once

#include <nibble/check/difference.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// Differences of the steps `input` and `tensor_scale`, the likelier ones first.
// clang-format off
inline constexpr difference input_differences[] = {
    {step::input, "input precision", "input: through bfloat16",
     "the input is rounded to bfloat16 first",
     applies_to::all, [](kernel_model& m) { m.input = narrowing::bfloat16; }},
    {step::input, "input precision", "input: truncated to bfloat16",
     "the input is cut to the upper half of its pattern first",
     applies_to::all, [](kernel_model& m) { m.input = narrowing::bfloat16_truncated; }},
    {step::input, "input precision", "input: through binary16",
     "the input is rounded to binary16 first",
     applies_to::all, [](kernel_model& m) { m.input = narrowing::binary16; }},
    {step::input, "input subnormals", "input: flush to zero",
     "float32 subnormals are flushed to zero, as operands and as results",
     applies_to::all, [](kernel_model& m) { m.flush = true; }},
    {step::input, "input shape", "input: transposed",
     "the transpose of the matrix is read",
     applies_to::all, [](kernel_model& m) { m.transposed = true; }},
    {step::input, "input reach", "input: last column left out",
     "the last column is not read and counts as zeros (off by one)",
     applies_to::all, [](kernel_model& m) { m.reach = reach::without_last_column; }},
    {step::input, "input reach", "input: last row left out",
     "the last row is not read and counts as zeros (off by one)",
     applies_to::all, [](kernel_model& m) { m.reach = reach::without_last_row; }},
    {step::input, "input reach", "input: ragged blocks left out",
     "blocks at the right edge that are not full are not read",
     applies_to::all, [](kernel_model& m) { m.reach = reach::whole_blocks; }},
    {step::input, "input reach", "input: first column left out",
     "the first column is not read and counts as zeros",
     applies_to::all, [](kernel_model& m) { m.reach = reach::without_first_column; }},
    {step::input, "amax of NaN and Inf", "amax: NaN and Inf left out of the amax, their blocks NaN",
     "a block with a NaN or an Inf gets a NaN scale, and neither counts in the tensor amax",
     applies_to::all, [](kernel_model& m) { m.recipe.amax = amax_rule::finite; }},
    {step::input, "amax of NaN and Inf", "amax: NaN wins the amax",
     "NaN and Inf count into the amax, NaN wins",
     applies_to::all, [](kernel_model& m) { m.recipe.amax = amax_rule::propagate; }},
    {step::input, "amax of NaN and Inf", "amax: NaN ignored in the amax",
     "NaN does not count into the amax, Inf does",
     applies_to::all, [](kernel_model& m) { m.recipe.amax = amax_rule::ignore_nan; }},
    {step::tensor_scale, "tensor scale stored", "tensor scale: inverse stored",
     "the encode multiplier is stored in place of the decode multiplier",
     applies_to::tensor_scales, [](kernel_model& m) { m.tensor_scale_is_encode = true; }},
    {step::tensor_scale, "tensor scale rule", "tensor scale: rule guarded reciprocal",
     "S = Q / amax kept within 2^114, T = 1 / S",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor = tensor_scale_rule::guarded_reciprocal; }},
    {step::tensor_scale, "tensor scale rule", "tensor scale: rule reciprocal",
     "S = min(Q / amax, FLT_MAX), T = 1 / S",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor = tensor_scale_rule::reciprocal; }},
    {step::tensor_scale, "tensor scale rule", "tensor scale: rule quotient",
     "T = amax / Q",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor = tensor_scale_rule::quotient; }},
    {step::tensor_scale, "tensor scale rule", "tensor scale: rule clamped reciprocal",
     "S = Q / max(amax, 2^-126), T = 1 / S",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor = tensor_scale_rule::clamped_reciprocal; }},
    {step::tensor_scale, "tensor scale rule", "tensor scale: rule power of two up",
     "T is the power of two at or above amax / Q",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor = tensor_scale_rule::power_of_two_up; }},
    {step::tensor_scale, "tensor scale rule", "tensor scale: rule one",
     "T = 1",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor = tensor_scale_rule::one; }},
    {step::tensor_scale, "tensor amax sign", "tensor scale: amax without absolute value",
     "the tensor amax is the largest value, not the largest magnitude",
     applies_to::tensor_scales, [](kernel_model& m) { m.tensor_magnitude = magnitude_rule::signed_value; }},
    {step::tensor_scale, "tensor amax window", "tensor scale: last row left out of the amax",
     "the tensor amax leaves out the last row",
     applies_to::tensor_scales, [](kernel_model& m) { m.tensor_window = tensor_window::without_last_row; }},
    {step::tensor_scale, "tensor amax window", "tensor scale: last column left out of the amax",
     "the tensor amax leaves out the last column",
     applies_to::tensor_scales, [](kernel_model& m) { m.tensor_window = tensor_window::without_last_column; }},
    {step::tensor_scale, "tensor amax window", "tensor scale: amax of the first row",
     "the tensor amax is that of the first row",
     applies_to::tensor_scales, [](kernel_model& m) { m.tensor_window = tensor_window::first_row; }},
    {step::tensor_scale, "tensor scale maximum", "tensor scale: largest scale taken as 256",
     "Q is made with 256 as the largest scale",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor_scale_max = 256.0F; }},
    {step::tensor_scale, "tensor scale maximum", "tensor scale: largest scale taken as 240",
     "Q is made with 240 as the largest scale (E4M3 of IEEE kind)",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor_scale_max = 240.0F; }},
    {step::tensor_scale, "tensor scale maximum", "tensor scale: largest scale left out",
     "Q is the largest element alone",
     applies_to::tensor_scales, [](kernel_model& m) { m.recipe.tensor_scale_max = 1.0F; }},
    {step::tensor_scale, "tensor element maximum", "tensor scale: largest element left out",
     "Q is the largest scale alone",
     applies_to::tensor_scales, [](kernel_model& m) { m.tensor_element_max = 1.0F; }},
    {step::tensor_scale, "tensor element maximum", "tensor scale: largest element taken as 4",
     "Q is made with 4 as the largest element",
     applies_to::tensor_scales, [](kernel_model& m) { m.tensor_element_max = 4.0F; }},
};
// clang-format on

}  // namespace check
}  // namespace v0
}  // namespace nibble
