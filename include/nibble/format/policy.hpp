// SPDX-License-Identifier: Apache-2.0
//
// What happens outside the finite range: overflow, NaN, Inf, -0, and values that a format cannot sign or cannot lose.
// Every field is a place where published conversions disagree; each of those conversions is a preset.
#pragma once

#include <cstdint>

#include <nibble/base/config.hpp>

namespace nibble {
inline namespace v0 {

/// What a finite value beyond the largest number becomes, and Inf with it.
enum class overflow : std::uint8_t {
  saturate,         ///< the largest number with the sign; Inf too (PTX .satfinite, P3109 SatFinite)
  special,          ///< Inf if the format has it, else NaN, else the largest number; a rounding that points toward
                    ///< zero keeps finite values finite (IEEE 754 section 7.4)
  p3109_finite,     ///< IEEE P3109 4.8 SatFinite: as saturate
  p3109_propagate,  ///< IEEE P3109 4.8 SatPropagate: finite values saturate, Inf stays Inf where there is one
  p3109_none,       ///< IEEE P3109 4.8 SatNone: Inf in extended formats, the largest number in finite ones
};

/// Which NaN code a NaN becomes where the format has several.
enum class nan_code_rule : std::uint8_t {
  all_ones,       ///< every magnitude bit set (CUDA from float, half and bfloat16; PTX; CUTLASS)
  quiet,          ///< Inf's exponent and the top mantissa bit (ml_dtypes)
  quiet_payload,  ///< as quiet, OR the top mantissa bits of the source (oneDNN; CUDA from double)
};

/// The sign of a NaN.
enum class nan_sign_rule : std::uint8_t { drop, keep };

/// What a NaN becomes in a format that has none.
enum class absent_nan_rule : std::uint8_t {
  max_positive,   ///< the largest number, positive whatever the sign (CUDA, PTX)
  max_with_sign,  ///< the largest number with the sign of the NaN (CUTLASS, oneDNN)
  zero,           ///< 0 (ggml, the Python reference of Transformer Engine)
  negated_zero,   ///< the zero of the opposite sign (ml_dtypes: its quiet NaN is the sign bit)
};

/// What Inf becomes.
enum class infinity_rule : std::uint8_t {
  by_overflow,      ///< as a finite overflow (CUDA, PTX)
  special,          ///< Inf, else NaN, else the largest number, even when finite values saturate (ml_dtypes, oneDNN)
  special_in_scale,  ///< as special in formats without zero, else by_overflow (CUTLASS: UE8M0 sends Inf to NaN)
  zero,              ///< 0 (ggml: no table entry is nearer to Inf than another)
};

/// What becomes of the sign of zero in formats that have -0.
enum class negative_zero_rule : std::uint8_t {
  keep,        ///< -0 stays, and a negative value that rounds to zero is -0 (CUDA, PTX, ml_dtypes)
  drop_exact,  ///< -0 becomes +0, a negative value that rounds to zero is -0 (Transformer Engine's Python reference)
  drop,        ///< both become +0 (ggml, compressed-tensors, microxcaling)
};

/// What a negative number becomes in a format without sign.
enum class unsigned_rule : std::uint8_t {
  by_overflow,  ///< it is below the range: 0 (or the smallest number) when saturating, else NaN (IEEE P3109 4.8)
  magnitude_in_scale,  ///< formats without zero drop the sign (CUDA, oneDNN, CUTLASS, PyTorch: E8M0), else by_overflow
  magnitude,    ///< the sign is dropped (CUTLASS float_ue4m3_t)
  nan,          ///< NaN, -0 excepted (ml_dtypes: E8M0)
};

/// One set of answers.
struct special_policy {
  nan_code_rule nan_code = nan_code_rule::all_ones;
  nan_sign_rule nan_sign = nan_sign_rule::drop;
  bool nan_from_double_keeps_payload = false;  ///< from double: quiet_payload and the sign kept (CUDA cuda_fp8.hpp)
  absent_nan_rule absent_nan = absent_nan_rule::max_positive;
  infinity_rule infinity = infinity_rule::by_overflow;
  negative_zero_rule negative_zero = negative_zero_rule::keep;
  unsigned_rule negative_in_unsigned = unsigned_rule::magnitude_in_scale;
  bool absent_zero_is_nan = false;      ///< 0 into a format without zero: NaN (ml_dtypes), else the smallest number
  bool subnormal_source_rounds_up = false;  ///< a float32 subnormal above the smallest E8M0 number gives the next one
                                            ///< in the nearest modes (ml_dtypes)

  friend constexpr bool operator==(const special_policy&, const special_policy&) = default;
};

/// The published conversions as data.
namespace policy {
/// The CUDA 13.0 headers cuda_fp8.h, cuda_fp6.h, cuda_fp4.h, and PTX cvt from float32. nibble's default.
NIBBLE_CONSTANT special_policy cuda{.nan_from_double_keeps_payload = true};
/// ml_dtypes: signed quiet NaN, Inf never saturates, E8M0 sends 0 and negatives to NaN.
NIBBLE_CONSTANT special_policy ml_dtypes{.nan_code = nan_code_rule::quiet,
                                          .nan_sign = nan_sign_rule::keep,
                                          .absent_nan = absent_nan_rule::negated_zero,
                                          .infinity = infinity_rule::special,
                                          .negative_in_unsigned = unsigned_rule::nan,
                                          .absent_zero_is_nan = true,
                                          .subnormal_source_rounds_up = true};
/// CUTLASS host types (exmy_base.h, float8.h, float_subbyte.h).
NIBBLE_CONSTANT special_policy cutlass{.absent_nan = absent_nan_rule::max_with_sign,
                                        .infinity = infinity_rule::special_in_scale,
                                        .negative_in_unsigned = unsigned_rule::magnitude};
/// oneDNN float8.cpp and float4.cpp. Its E4M3 and E5M2 also round through binary16 first: encode the f16 value.
NIBBLE_CONSTANT special_policy onednn{.nan_code = nan_code_rule::quiet_payload,
                                       .nan_sign = nan_sign_rule::keep,
                                       .absent_nan = absent_nan_rule::max_with_sign,
                                       .infinity = infinity_rule::special};
/// IEEE P3109 4.9: one NaN (in formats of IEEE 754 a quiet one without payload), no -0, a negative value is below an
/// unsigned range.
NIBBLE_CONSTANT special_policy p3109{.nan_code = nan_code_rule::quiet,
                                     .negative_zero = negative_zero_rule::drop,
                                     .negative_in_unsigned = unsigned_rule::by_overflow};
/// The Python reference quantizer of Transformer Engine (reference_nvfp4.py).
NIBBLE_CONSTANT special_policy transformer_engine_reference{.absent_nan = absent_nan_rule::zero,
                                                             .negative_zero = negative_zero_rule::drop_exact};
/// ggml's E2M1 tables: NaN and Inf are code 0, and -0 is never produced.
NIBBLE_CONSTANT special_policy ggml{.absent_nan = absent_nan_rule::zero,
                                    .infinity = infinity_rule::zero,
                                    .negative_zero = negative_zero_rule::drop};
/// Sign-magnitude arithmetic by sign(x): -0 and what rounds to it become +0 (microxcaling, compressed-tensors).
NIBBLE_CONSTANT special_policy unsigned_zero{.negative_zero = negative_zero_rule::drop};
}  // namespace policy

}  // namespace v0
}  // namespace nibble
