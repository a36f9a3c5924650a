// SPDX-License-Identifier: Apache-2.0
//
// A recipe as data: every choice of block quantization on which published implementations disagree is a field here.
// The presets are in recipe_presets.hpp. "Q" below is (largest element) * (largest scale), 2688 for NVFP4.
#pragma once

#include <cstdint>

#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>

namespace nibble {
inline namespace v0 {

/// Which magnitudes count into an amax.
enum class amax_rule : std::uint8_t {
  finite,      ///< finite ones; a block that holds a NaN or an Inf gets a NaN scale, the largest scale where the format
               ///< has no NaN (nibble's default)
  propagate,   ///< all, NaN wins (torch.amax: torchao, microxcaling, the Python reference of Transformer Engine)
  ignore_nan,  ///< all but NaN (fmax reductions: Transformer Engine kernels, ggml)
};

/// How the tensor scale T, and the encode multiplier S that goes with it, follow from the tensor amax A.
enum class tensor_scale_rule : std::uint8_t {
  one,                 ///< T = 1 (torchao without tensor scale, ggml, cuBLAS on prescaled data)
  guarded_reciprocal,  ///< as reciprocal, with S at most 2^114 and T at most what keeps Q * T finite (default)
  reciprocal,          ///< S = min(Q / A, FLT_MAX), S = 1 where that is 0, T = 1 / S (Transformer Engine)
  quotient,            ///< T = A / Q, S = 1 / T (torchao with tensor scale)
  clamped_reciprocal,  ///< S = Q / max(A, 2^-126), S = 1 where that is not finite, T = 1 / S (compressed-tensors)
  power_of_two_up,     ///< T = the power of two at or above A / Q, at least 2^-114; S = 1 / T (unbiased)
};

/// How a scale that is not a power of two follows from the block amax a; M is the largest element.
enum class scale_rule : std::uint8_t {
  unspecified,            ///< the recipe says nothing: quantize throws
  amax_times_product,     ///< a * (S * fp32(1/M)) (Transformer Engine since 2.15)
  quotient_times_encode,  ///< (a / M) * S (Transformer Engine up to 2.14 and its 2-D C++ reference, FBGEMM,
                          ///< compressed-tensors)
  product_times_encode,   ///< (a * fp32(1/M)) * S (vLLM's emulation)
  quotient_by_scale,      ///< (a / M) / T (torchao; with T = 1 also ggml and cuBLAS)
  exact,                  ///< the real number a / (M * T), rounded once (unbiased)
};

/// How a power-of-two scale follows from the block amax a. emax is floor(log2 M).
enum class exponent_rule : std::uint8_t {
  unspecified,
  floor,                ///< floor(log2 a) - emax, from the exponent bits (OCP MX 1.0 section 6.3, torchao FLOOR)
  ceil,                 ///< one more where a is no power of two (torchao CEIL)
  even,                 ///< floor after a is rounded half up to the element's precision (torchao EVEN)
  reciprocal_ceil,      ///< the power of two at or above fp32(a * fp32(1/M)) (torchao RCEIL, Transformer Engine, PTX)
  exact_ceil,           ///< the smallest power of two with a <= M * scale, exactly (unbiased)
  float_log2_floor,     ///< floor of the correctly rounded float32 log2, one too high just below powers of two
                        ///< (microxcaling); zero counts as 2^-126
  float_log2_floor_wrapped,  ///< the same, kept modulo 256 in E8M0 (ggml's uint8_t cast), modulo
                             ///< the positive codes of any other scale format; zero gives code 0
};

/// How an element x meets its scale D (decoded) before it is rounded. Operations are float32 unless said otherwise.
enum class element_rule : std::uint8_t {
  multiply_reciprocal_of_product,  ///< x * min(1 / (D * T), FLT_MAX) (Transformer Engine)
  multiply_encode_quotient,        ///< x * (S / D) (FBGEMM, the 2-D C++ reference of Transformer Engine)
  multiply_reciprocals,            ///< x * ((1 / T) / D) (torchao)
  divide_by_quotient,              ///< x / (D / S) (compressed-tensors)
  exact,                           ///< the real number x / (D * T), rounded once (nibble's MX, unbiased, ggml's search)
};

/// What happens to the elements of a block whose scale decodes to zero.
enum class zero_scale_rule : std::uint8_t {
  zero_codes,  ///< they become zeros, with their sign where the policy keeps it (default, C++ reference, vLLM)
  by_formula,  ///< whatever the element rule gives, which may be the largest code (Transformer Engine)
  replace,     ///< the scale is replaced by `scale_replacement` (compressed-tensors)
};

/// Whether NVFP4 tries a second scale for each block, 1.5 times as large, and keeps the better.
enum class four_over_six : std::uint8_t {
  off,
  mean_absolute_error,  ///< by the sum of |error| (Transformer Engine's default for this option)
  mean_squared_error,
};

/// All choices of block quantization. The default-constructed recipe is nibble's own.
struct recipe {
  amax_rule amax = amax_rule::finite;
  tensor_scale_rule tensor = tensor_scale_rule::guarded_reciprocal;
  bool zero_tensor_encodes_one = true;  ///< S = 1 for A = 0; else by the formula (Transformer Engine's Python reference)

  scale_rule scale = scale_rule::amax_times_product;
  rounding_mode scale_rounding = rounding_mode::nearest_even;  ///< rounding of a scale that is not a power of two
  float scale_floor = 0.0F;       ///< smallest scale before rounding; 2^-6 in torchao's NVFP4
  bool ggml_scale_codec = false;  ///< scales of E4M3 and UE4M3 by ggml's encoder: half up, and 448 for everything from
                                  ///< 248; not with `exact`
  exponent_rule exponent = exponent_rule::floor;
  bool infinite_amax_saturates = false;  ///< power-of-two scales: amax Inf gives the largest scale (Transformer Engine
                                         ///< MXFP8), else NaN (torchao, microxcaling)

  element_rule element = element_rule::multiply_reciprocal_of_product;
  zero_scale_rule zero_scale = zero_scale_rule::zero_codes;
  float scale_replacement = 0.125F;  ///< rounded to the scale format
  rounding_mode rounding = rounding_mode::nearest_even;  ///< of elements, where the call names none: nearest_away in
                                                         ///< microxcaling, nearest_toward_zero in ggml
  bool half_added_in_float = false;  ///< the largest float32 below half the smallest step counts as that half, since
                                     ///< adding 0.5 rounds it up (microxcaling); not of exact quotients
  bool searches_in_float = false;  ///< the nearest number is searched by float32 differences and the smallest of equals
                                   ///< wins, which far beyond the range is not the largest number (ggml);
                                   ///< without a tensor scale only
  special_policy policy{.absent_nan = absent_nan_rule::zero};  ///< codes of NaN, Inf and -0 elements
  bool underflow_is_zero = false;  ///< a product with a power-of-two scale that underflows float32 counts as an exact
                                   ///< zero (microxcaling)

  nibble::four_over_six choice = nibble::four_over_six::off;  ///< real-valued scales with a tensor scale only
  float tensor_scale_max = 0.0F;  ///< largest scale in Q, 0: of the format; Transformer Engine takes 256 with 4-over-6.
                                  ///< Its product with the largest element is a finite float32

  friend constexpr bool operator==(const recipe&, const recipe&) = default;

  // The presets, defined in recipe_presets.hpp.
  static const recipe unbiased;
  static const recipe transformer_engine, transformer_engine_kernel, transformer_engine_2_14;
  static const recipe transformer_engine_cpp, transformer_engine_cpp_2d, transformer_engine_four_over_six;
  static const recipe torchao, torchao_tensor_scale;
  static const recipe floor, rceil, ceil, even;
  static const recipe microxcaling, ggml, compressed_tensors, fbgemm, vllm_emulation;
};

}  // namespace v0
}  // namespace nibble
