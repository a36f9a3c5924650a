// SPDX-License-Identifier: Apache-2.0
//
// Published quantizers as recipes. Each comment names the implementation and the version that the rules were read in.
#pragma once

#include <string_view>

#include <nibble/block/recipe.hpp>

namespace nibble {
inline namespace v0 {

/// Scales are rounded up and the tensor scale is a power of two, so that stochastic rounding never meets the clamp and
/// the expectation of every finite element is the element itself ("FP4 All the Way" leaves the scale to nearest, which
/// clamps the maximum of about half of all blocks). Elements above 2^127 are the exception: the number above them may be
/// beyond float32, and decodes to Inf.
inline constexpr recipe recipe::unbiased{.tensor = tensor_scale_rule::power_of_two_up,
                                         .scale = scale_rule::exact,
                                         .scale_rounding = rounding_mode::upward,
                                         .exponent = exponent_rule::exact_ceil,
                                         .element = element_rule::exact};

/// Transformer Engine d0067d0, pytorch/custom_recipes/reference_nvfp4.py. NaN spreads over the tensor, -0 becomes +0,
/// elements of a block whose scale is zero saturate. Its MXFP8 takes the scale up.
inline constexpr recipe recipe::transformer_engine{.amax = amax_rule::propagate,
                                                   .tensor = tensor_scale_rule::reciprocal,
                                                   .zero_tensor_encodes_one = false,
                                                   .scale = scale_rule::amax_times_product,
                                                   .exponent = exponent_rule::reciprocal_ceil,
                                                   .infinite_amax_saturates = true,
                                                   .element = element_rule::multiply_reciprocal_of_product,
                                                   .zero_scale = zero_scale_rule::by_formula,
                                                   .policy = policy::transformer_engine_reference};

/// Transformer Engine d0067d0, common/cast/nvfp4: the kernels. fmax ignores NaN, which becomes +6; -0 stays.
inline constexpr recipe recipe::transformer_engine_kernel{.amax = amax_rule::ignore_nan,
                                                          .tensor = tensor_scale_rule::reciprocal,
                                                          .scale = scale_rule::amax_times_product,
                                                          .exponent = exponent_rule::reciprocal_ceil,
                                                          .infinite_amax_saturates = true,
                                                          .element = element_rule::multiply_reciprocal_of_product,
                                                          .zero_scale = zero_scale_rule::by_formula,
                                                          .policy = policy::cuda};

/// Transformer Engine up to 2.14.1, Python reference: the amax is divided by 6 first.
inline constexpr recipe recipe::transformer_engine_2_14{.amax = amax_rule::propagate,
                                                        .tensor = tensor_scale_rule::reciprocal,
                                                        .zero_tensor_encodes_one = false,
                                                        .scale = scale_rule::quotient_times_encode,
                                                        .exponent = exponent_rule::reciprocal_ceil,
                                                        .infinite_amax_saturates = true,
                                                        .element = element_rule::multiply_reciprocal_of_product,
                                                        .zero_scale = zero_scale_rule::by_formula,
                                                        .policy = policy::transformer_engine_reference};

/// Transformer Engine d0067d0, the C++ reference in tests/cpp/operator/test_cast_nvfp4_transpose.cu, 1x16 blocks.
inline constexpr recipe recipe::transformer_engine_cpp{.amax = amax_rule::ignore_nan,
                                                       .tensor = tensor_scale_rule::reciprocal,
                                                       .scale = scale_rule::amax_times_product,
                                                       .exponent = exponent_rule::reciprocal_ceil,
                                                       .infinite_amax_saturates = true,
                                                       .element = element_rule::multiply_reciprocal_of_product,
                                                       .zero_scale = zero_scale_rule::zero_codes,
                                                       .policy = policy::cuda};

/// The same file, 16x16 tiles: the old order for the scale, and an encode multiplier S / D that may overflow.
inline constexpr recipe recipe::transformer_engine_cpp_2d{.amax = amax_rule::ignore_nan,
                                                          .tensor = tensor_scale_rule::reciprocal,
                                                          .scale = scale_rule::quotient_times_encode,
                                                          .exponent = exponent_rule::reciprocal_ceil,
                                                          .infinite_amax_saturates = true,
                                                          .element = element_rule::multiply_encode_quotient,
                                                          .zero_scale = zero_scale_rule::zero_codes,
                                                          .policy = policy::cuda};

/// Transformer Engine d0067d0, reference_nvfp4.py with nvfp4_use_4over6 and its default of 256 in the tensor scale.
inline constexpr recipe recipe::transformer_engine_four_over_six{
    .amax = amax_rule::propagate,
    .tensor = tensor_scale_rule::reciprocal,
    .zero_tensor_encodes_one = false,
    .scale = scale_rule::quotient_times_encode,
    .exponent = exponent_rule::unspecified,
    .element = element_rule::multiply_reciprocal_of_product,
    .zero_scale = zero_scale_rule::by_formula,
    .policy = policy::transformer_engine_reference,
    .choice = nibble::four_over_six::mean_absolute_error,
    .tensor_scale_max = 256.0F};

/// torchao 36027d8, nvfp4_quantize without a tensor scale; scales are never below 2^-6. MX formats: FLOOR. NaN elements
/// of E2M1, undefined there, are zeros.
inline constexpr recipe recipe::torchao{
    .amax = amax_rule::propagate,
    .tensor = tensor_scale_rule::one,
    .scale = scale_rule::quotient_by_scale,
    .scale_floor = 0x1p-6F,
    .exponent = exponent_rule::floor,
    .element = element_rule::multiply_reciprocals,
    .zero_scale = zero_scale_rule::by_formula,
    .policy = {.nan_sign = nan_sign_rule::keep, .absent_nan = absent_nan_rule::zero}};

/// torchao 36027d8, nvfp4_quantize with the tensor scale amax / 2688.
inline constexpr recipe recipe::torchao_tensor_scale = [] {
  recipe r = recipe::torchao;
  r.tensor = tensor_scale_rule::quotient;
  return r;
}();

/// torchao 36027d8 to_mx with its four scale modes; FLOOR is OCP MX 1.0 section 6.3.
inline constexpr recipe recipe::floor = [] {
  recipe r = recipe::torchao;
  r.scale = scale_rule::unspecified;
  return r;
}();
inline constexpr recipe recipe::ceil = [] {
  recipe r = recipe::floor;
  r.exponent = exponent_rule::ceil;
  return r;
}();
inline constexpr recipe recipe::even = [] {
  recipe r = recipe::floor;
  r.exponent = exponent_rule::even;
  return r;
}();
inline constexpr recipe recipe::rceil = [] {
  recipe r = recipe::floor;
  r.exponent = exponent_rule::reciprocal_ceil;
  return r;
}();

/// microxcaling 7bc4195, pure torch path, round = "nearest" (half away from zero), shared exponent "max".
inline constexpr recipe recipe::microxcaling{
    .amax = amax_rule::propagate,
    .tensor = tensor_scale_rule::one,
    .scale = scale_rule::unspecified,
    .exponent = exponent_rule::float_log2_floor,
    .rounding = rounding_mode::nearest_away,
    .half_added_in_float = true,
    .policy = {.absent_nan = absent_nan_rule::zero, .negative_zero = negative_zero_rule::drop_exact},
    .underflow_is_zero = true};

/// ggml d99724f, quantize_row_mxfp4_ref and quantize_row_nvfp4_ref: the nearest table entry, ties toward zero, no -0.
inline constexpr recipe recipe::ggml{
    .amax = amax_rule::ignore_nan,
    .tensor = tensor_scale_rule::one,
    .scale = scale_rule::quotient_by_scale,
    .ggml_scale_codec = true,
    .exponent = exponent_rule::float_log2_floor_wrapped,
    .element = element_rule::exact,
    .rounding = rounding_mode::nearest_toward_zero,
    .searches_in_float = true,
    .policy = policy::ggml};

/// compressed-tensors ac8e2ba, CPU path with a float32 observer: two true divisions, a zero scale becomes 0.125.
inline constexpr recipe recipe::compressed_tensors{
    .amax = amax_rule::propagate,
    .tensor = tensor_scale_rule::clamped_reciprocal,
    .scale = scale_rule::quotient_times_encode,
    .exponent = exponent_rule::unspecified,
    .element = element_rule::divide_by_quotient,
    .zero_scale = zero_scale_rule::replace,
    .policy = {.absent_nan = absent_nan_rule::zero, .negative_zero = negative_zero_rule::drop}};

/// FBGEMM 71d6f8b, fp4_quantize.py, the variant that multiplies by gs / s; a zero scale gives zeros.
inline constexpr recipe recipe::fbgemm{.amax = amax_rule::ignore_nan,
                                       .tensor = tensor_scale_rule::reciprocal,
                                       .scale = scale_rule::quotient_times_encode,
                                       .exponent = exponent_rule::unspecified,
                                       .element = element_rule::multiply_encode_quotient,
                                       .policy = policy::cuda};

/// vLLM's Triton emulation: gs * (amax * (1/6)), elements times gs / scale, zeros where the scale is zero.
inline constexpr recipe recipe::vllm_emulation{.amax = amax_rule::ignore_nan,
                                               .tensor = tensor_scale_rule::reciprocal,
                                               .scale = scale_rule::product_times_encode,
                                               .exponent = exponent_rule::unspecified,
                                               .element = element_rule::multiply_encode_quotient,
                                               .policy = policy::cuda};

/// A recipe and its name.
struct named_recipe {
  std::string_view name;
  nibble::recipe recipe;
};

/// All presets by their names, nibble's own first.
inline constexpr named_recipe named_recipes[] = {
    {"default", {}},
    {"transformer_engine_kernel", recipe::transformer_engine_kernel},
    {"transformer_engine", recipe::transformer_engine},
    {"transformer_engine_cpp", recipe::transformer_engine_cpp},
    {"transformer_engine_cpp_2d", recipe::transformer_engine_cpp_2d},
    {"transformer_engine_2_14", recipe::transformer_engine_2_14},
    {"transformer_engine_four_over_six", recipe::transformer_engine_four_over_six},
    {"torchao", recipe::torchao},
    {"torchao_tensor_scale", recipe::torchao_tensor_scale},
    {"floor", recipe::floor},
    {"rceil", recipe::rceil},
    {"ceil", recipe::ceil},
    {"even", recipe::even},
    {"microxcaling", recipe::microxcaling},
    {"ggml", recipe::ggml},
    {"compressed_tensors", recipe::compressed_tensors},
    {"fbgemm", recipe::fbgemm},
    {"vllm_emulation", recipe::vllm_emulation},
    {"unbiased", recipe::unbiased},
};

}  // namespace v0
}  // namespace nibble
