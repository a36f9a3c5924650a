// SPDX-License-Identifier: Apache-2.0
//
// SAWB, statistics-aware weight binning (Choi et al., "Accurate and efficient 2-bit quantized neural networks", 2019):
// the clip value of a uniform quantizer as c1 * sqrt(E x^2) + c2 * E |x|, and the INT4 forward side of LUQ that uses
// it. The means are double sums in a fixed order; what follows from them is float32 arithmetic in integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <nibble/block/options.hpp>
#include <nibble/method/lane_sums.hpp>
#include <nibble/method/real.hpp>

namespace nibble {
inline namespace v0 {

/// c1 and c2, fitted per number of bits by the authors.
struct sawb_coefficients {
  float c1 = 0;
  float c2 = 0;
};
/// Coefficients of IBM's fms-model-optimizer, and those of the authors of LUQ.
namespace sawb {
inline constexpr sawb_coefficients bits_2{3.12F, -2.064F}, bits_2_older{3.212F, -2.178F}, bits_3{7.509F, -6.892F};
inline constexpr sawb_coefficients bits_4{12.68F, -12.80F}, bits_5{17.74F, -18.64F}, bits_8{31.76F, -35.04F};
inline constexpr sawb_coefficients zero_2{2.6F, -1.71F}, zero_4{12.035F, -12.03F}, zero_7{28.24F, -30.81F};
inline constexpr sawb_coefficients zero_8{31.76F, -35.04F};
inline constexpr sawb_coefficients luq{12.1F, -12.2F};
}  // namespace sawb

/// Which uniform levels the clip value spans.
enum class sawb_grid : std::uint8_t {
  aligned_zero,  ///< 2^bits - 2 steps, codes -(2^(bits-1) - 1) to 2^(bits-1) - 1: zero is a level
  all_codes,     ///< 2^bits - 1 steps, codes -2^(bits-1) to 2^(bits-1) - 1, each half a step up: no level at zero
  luq_weights,   ///< the authors of LUQ: scale = clip / 2^(bits-1), codes -2^(bits-1) to 2^(bits-1), one more than fit
  luq_activations,  ///< the same: codes 0 to 2^bits - 1, or from -2^(bits-1) if any element is negative, and the scale
                    ///< is 2 clip / (largest - smallest code)
};

/// Options of sawb_quantize.
struct sawb_options {
  int bits = 4;  ///< 2 to 7
  sawb_coefficients coefficients = sawb::zero_4;
  sawb_grid grid = sawb_grid::aligned_zero;
};

/// How codes are decoded: value = (code + offset) * scale.
struct sawb_levels {
  float clip = 0;
  float scale = 0;     ///< 0 where all of x is zero
  float offset = 0;    ///< 1/2 for sawb_grid::all_codes
  int smallest = 0;    ///< codes
  int largest = 0;

  [[nodiscard]] constexpr float value(int code) const noexcept {
    return static_cast<float>((binary32(static_cast<float>(code)) + binary32(offset)) * binary32(scale));
  }
};

namespace detail::inline NIBBLE_UNIT {

/// The nearest integer, ties to even, of |v| < 2^22.
NIBBLE_FUNCTION int nearest_integer(binary32 v) noexcept {
  const binary32 shifter(12582912.0F);  // 1.5 * 2^23, whose step is 1
  return static_cast<int>((v + shifter).bits() - shifter.bits());
}

inline void check_finite(std::span<const float> x, const char* method) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!binary32(x[i]).is_finite()) {
      throw_argument("x[" + std::to_string(i) + "] is not finite; " + method + " has no code for it");
    }
  }
}

}  // namespace detail

/// c1 * sqrt(E x^2) + c2 * E |x|, or max |x| where that is not above zero (the fallback of IBM's code); 0 for empty x.
/// Throws std::invalid_argument for NaN or Inf in x.
[[nodiscard]] inline float sawb_clip(std::span<const float> x, const sawb_coefficients& c) {
  detail::check_finite(x, "SAWB");
  if (x.empty()) return 0.0F;
  const matrix_view<float> view(x.data(), 1, x.size());
  const auto n = static_cast<double>(x.size());
  const double squares = detail::sum_of_finite(view, [](double v) { return v * v; }) / n;
  const double magnitudes = detail::sum_of_finite(view, [](double v) { return v < 0 ? -v : v; }) / n;
  const binary32 root(static_cast<float>(detail::square_root(squares)));
  const binary32 clip = binary32(c.c1) * root + binary32(c.c2) * binary32(static_cast<float>(magnitudes));
  if (clip > binary32(0.0F)) return static_cast<float>(clip);
  std::uint32_t largest = 0;
  for (const float v : x) largest = (to_bits(v) & 0x7fff'ffffU) > largest ? to_bits(v) & 0x7fff'ffffU : largest;
  return bit_cast<float>(largest);
}

/// The levels that SAWB gives x. Throws as sawb_quantize.
[[nodiscard]] inline sawb_levels make_sawb_levels(std::span<const float> x, const sawb_options& o = {}) {
  if (o.bits < 2 || o.bits > 7)
    detail::throw_argument("options.bits is " + std::to_string(o.bits) + "; it must be 2 to 7");
  detail::check_enumerator(o.grid, sawb_grid::luq_activations, "options.grid");
  const int half = 1 << (o.bits - 1);
  sawb_levels l{.clip = sawb_clip(x, o.coefficients)};
  switch (o.grid) {
    case sawb_grid::aligned_zero: l.smallest = 1 - half, l.largest = half - 1; break;
    case sawb_grid::all_codes: l.smallest = -half, l.largest = half - 1, l.offset = 0.5F; break;
    case sawb_grid::luq_weights: l.smallest = -half, l.largest = half; break;
    case sawb_grid::luq_activations:
      l.largest = 2 * half - 1;
      for (const float v : x) l.smallest = binary32(v) < binary32(0.0F) ? -half : l.smallest;
      break;
  }
  const binary32 twice = binary32(2.0F) * binary32(l.clip);
  if (!twice.is_finite()) detail::throw_argument("x is too large for SAWB: twice its clip value is beyond float32");
  l.scale = static_cast<float>(twice / binary32(static_cast<float>(l.largest - l.smallest)));
  return l;
}

/// Codes of x: fp32(x / scale), less the offset, clamped to the codes, then rounded to nearest even (the order of the
/// authors of LUQ). All codes are 0 where the scale is 0. Throws std::invalid_argument for NaN or Inf in x, for an x
/// twice whose clip value is beyond float32, for wrong options, and if codes has another size than x.
inline sawb_levels sawb_quantize(std::span<const float> x, std::span<std::int8_t> codes, const sawb_options& o = {}) {
  if (codes.size() != x.size()) {
    detail::throw_argument("codes has " + std::to_string(codes.size()) + " elements; it must have " +
                           std::to_string(x.size()));
  }
  const sawb_levels l = make_sawb_levels(x, o);
  const binary32 low(static_cast<float>(l.smallest));
  const binary32 high(static_cast<float>(l.largest));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (binary32(l.scale).is_zero()) {
      codes[i] = 0;
      continue;
    }
    const binary32 scaled = binary32(x[i]) / binary32(l.scale) - binary32(l.offset);
    codes[i] = static_cast<std::int8_t>(detail::nearest_integer(minimum(maximum(scaled, low), high)));
  }
  return l;
}

}  // namespace v0
}  // namespace nibble
