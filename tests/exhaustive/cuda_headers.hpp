// SPDX-License-Identifier: Apache-2.0
//
// The conversions of the CUDA toolkit's headers on the host, each next to the call of nibble that equals it.
#pragma once

#if __has_include(<cuda_fp4.h>) && __has_include(<cuda_fp6.h>) && __has_include(<cuda_fp8.h>)
#define NIBBLE_TEST_HAS_CUDA_HEADERS 1

#include <cuda_fp4.h>
#include <cuda_fp6.h>
#include <cuda_fp8.h>

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/number/minifloat.hpp>

namespace exhaustive {

template <__nv_fp8_interpretation_t Kind, __nv_saturation_t Saturation>
struct to_fp8 {
  static constexpr nibble::float_format format = Kind == __NV_E4M3 ? nibble::formats::e4m3 : nibble::formats::e5m2;
  static constexpr nibble::overflow overflow =
      Saturation == __NV_SATFINITE ? nibble::overflow::saturate : nibble::overflow::special;
  using rounding = nibble::nearest_even;
  static constexpr const char* name = Saturation == __NV_SATFINITE ? "satfinite" : "nosat";

  static std::uint8_t theirs(float x) { return __nv_cvt_float_to_fp8(x, Saturation, Kind); }
  static std::uint8_t theirs(double x) { return __nv_cvt_double_to_fp8(x, Saturation, Kind); }
  static std::uint8_t theirs(__half_raw x) { return __nv_cvt_halfraw_to_fp8(x, Saturation, Kind); }
  static std::uint8_t theirs(__nv_bfloat16_raw x) { return __nv_cvt_bfloat16raw_to_fp8(x, Saturation, Kind); }
};

template <cudaRoundMode Mode>
inline constexpr const char* round_name = Mode == cudaRoundNearest ? "nearest" : "zero";

template <__nv_fp6_interpretation_t Kind, cudaRoundMode Mode>
struct to_fp6 {
  static constexpr nibble::float_format format = Kind == __NV_E2M3 ? nibble::formats::e2m3 : nibble::formats::e3m2;
  static constexpr nibble::overflow overflow = nibble::overflow::saturate;
  using rounding = std::conditional_t<Mode == cudaRoundNearest, nibble::nearest_even, nibble::toward_zero>;
  static constexpr const char* name = round_name<Mode>;

  static std::uint8_t theirs(float x) { return __nv_cvt_float_to_fp6(x, Kind, Mode); }
  static std::uint8_t theirs(double x) { return __nv_cvt_double_to_fp6(x, Kind, Mode); }
  static std::uint8_t theirs(__half_raw x) { return __nv_cvt_halfraw_to_fp6(x, Kind, Mode); }
  static std::uint8_t theirs(__nv_bfloat16_raw x) { return __nv_cvt_bfloat16raw_to_fp6(x, Kind, Mode); }
};

template <cudaRoundMode Mode>
struct to_fp4 {
  static constexpr nibble::float_format format = nibble::formats::e2m1;
  static constexpr nibble::overflow overflow = nibble::overflow::saturate;
  using rounding = std::conditional_t<Mode == cudaRoundNearest, nibble::nearest_even, nibble::toward_zero>;
  static constexpr const char* name = round_name<Mode>;

  static std::uint8_t theirs(float x) { return __nv_cvt_float_to_fp4(x, __NV_E2M1, Mode); }
  static std::uint8_t theirs(double x) { return __nv_cvt_double_to_fp4(x, __NV_E2M1, Mode); }
  static std::uint8_t theirs(__half_raw x) { return __nv_cvt_halfraw_to_fp4(x, __NV_E2M1, Mode); }
  static std::uint8_t theirs(__nv_bfloat16_raw x) { return __nv_cvt_bfloat16raw_to_fp4(x, __NV_E2M1, Mode); }
};

template <cudaRoundMode Mode, __nv_saturation_t Saturation>
struct to_e8m0 {
  static constexpr nibble::float_format format = nibble::formats::e8m0;
  static constexpr nibble::overflow overflow =
      Saturation == __NV_SATFINITE ? nibble::overflow::saturate : nibble::overflow::special;
  using rounding = std::conditional_t<Mode == cudaRoundZero, nibble::toward_zero, nibble::upward>;
  static constexpr const char* name = Mode == cudaRoundZero
                                          ? (Saturation == __NV_SATFINITE ? "zero satfinite" : "zero nosat")
                                          : (Saturation == __NV_SATFINITE ? "up satfinite" : "up nosat");

  static std::uint8_t theirs(float x) { return __nv_cvt_float_to_e8m0(x, Saturation, Mode); }
  static std::uint8_t theirs(double x) { return __nv_cvt_double_to_e8m0(x, Saturation, Mode); }
  static std::uint8_t theirs(__nv_bfloat16_raw x) { return __nv_cvt_bfloat16raw_to_e8m0(x, Saturation, Mode); }
};

/// What nibble gives for a conversion under its `cuda` policy.
template <class Conversion, class Source>
NIBBLE_ALWAYS_INLINE std::uint8_t ours(Source x) {
  return nibble::encode<Conversion::format>(x, typename Conversion::rounding{}, Conversion::overflow,
                                            nibble::policy::cuda);
}

/// Calls `action.operator()<Conversions...>()` with the conversions of a format by its name; false for another name.
template <class Action>
bool with_conversions(std::string_view name, Action&& action) {
  if (name == "e4m3") {
    action.template operator()<to_fp8<__NV_E4M3, __NV_SATFINITE>, to_fp8<__NV_E4M3, __NV_NOSAT>>();
  } else if (name == "e5m2") {
    action.template operator()<to_fp8<__NV_E5M2, __NV_SATFINITE>, to_fp8<__NV_E5M2, __NV_NOSAT>>();
  } else if (name == "e2m3") {
    action.template operator()<to_fp6<__NV_E2M3, cudaRoundNearest>, to_fp6<__NV_E2M3, cudaRoundZero>>();
  } else if (name == "e3m2") {
    action.template operator()<to_fp6<__NV_E3M2, cudaRoundNearest>, to_fp6<__NV_E3M2, cudaRoundZero>>();
  } else if (name == "e2m1") {
    action.template operator()<to_fp4<cudaRoundNearest>, to_fp4<cudaRoundZero>>();
  } else if (name == "e8m0") {
    action.template operator()<to_e8m0<cudaRoundZero, __NV_SATFINITE>, to_e8m0<cudaRoundZero, __NV_NOSAT>,
                               to_e8m0<cudaRoundPosInf, __NV_SATFINITE>, to_e8m0<cudaRoundPosInf, __NV_NOSAT>>();
  } else {
    return false;
  }
  return true;
}

}  // namespace exhaustive

#else
#define NIBBLE_TEST_HAS_CUDA_HEADERS 0
#endif
