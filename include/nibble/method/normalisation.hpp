// SPDX-License-Identifier: Apache-2.0
//
// Numbers by which activations and weights are divided before they get few bits: the scales of smooth SwiGLU (Fishman
// et al., "Scaling FP8 training to trillion-token LLMs", 2024) and the L2 norm of nGPT (Loshchilov et al., "nGPT:
// normalized transformer with representation learning on the hypersphere", 2024). Paper and code differ in both; each
// reading has a name. Scales and their use are integer decisions and float32 arithmetic in integers; the norm is double
// arithmetic in the order of lane_sums.hpp, where -ffast-math and flush-to-zero may move the last bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <nibble/block/options.hpp>
#include <nibble/method/lane_sums.hpp>
#include <nibble/method/real.hpp>

namespace nibble {
inline namespace v0 {

/// What has a scale of its own in a matrix of tokens (rows) by channels (columns).
enum class smooth_axis : std::uint8_t {
  per_channel,  ///< a column: the paper's, which the weights can take in before inference
  per_token,    ///< a row: the authors' code
};
/// What a scale is.
enum class smooth_scale : std::uint8_t {
  amax,             ///< the largest magnitude
  power_of_two_up,  ///< the next power of two, at most 2^127: scaling and its undoing are exact but for underflow
};

/// Options of smooth SwiGLU.
struct smooth_swiglu_options {
  smooth_axis axis = smooth_axis::per_channel;
  smooth_scale scale = smooth_scale::amax;
};
/// The two readings.
namespace smooth_swiglu_as {
inline constexpr smooth_swiglu_options paper{.axis = smooth_axis::per_channel};
inline constexpr smooth_swiglu_options authors_code{.axis = smooth_axis::per_token};
}  // namespace smooth_swiglu_as

namespace detail::inline NIBBLE_UNIT {

NIBBLE_FUNCTION std::uint32_t smooth_scale_bits(std::uint32_t amax, smooth_scale rule) noexcept {
  using layout = ieee_layout<std::uint32_t>;
  if (amax == 0) return to_bits(1.0F);
  if (amax >= layout::infinity) return amax == layout::infinity ? amax : layout::quiet_nan;
  if (rule == smooth_scale::amax) return amax;
  // Below the normal numbers bits are the fraction itself, and above them whole exponents are the powers of two.
  constexpr std::uint32_t one_exponent = 0x0080'0000U;
  constexpr std::uint32_t largest_power = 0x7f00'0000U;
  const std::uint32_t up = amax < one_exponent ? std::uint32_t{1} << (width_of(2 * amax - 1) - 1)
                                               : (amax + (one_exponent - 1)) & ~(one_exponent - 1);
  return up < largest_power ? up : largest_power;
}

/// The number of scales of a matrix.
template <class T>
std::size_t smooth_scale_count(const matrix_view<T>& x, smooth_axis axis) noexcept {
  return axis == smooth_axis::per_token ? x.rows : x.cols;
}

inline void check_smooth_options(const smooth_swiglu_options& o) {
  check_enumerator(o.axis, smooth_axis::per_token, "options.axis");
  check_enumerator(o.scale, smooth_scale::power_of_two_up, "options.scale");
}

inline void check_extent(const char* name, std::size_t was, std::size_t needed) {
  if (was != needed) throw_argument({name, " has ", was, " elements; it must have ", needed});
}

}  // namespace detail

/// The decode scales of the linear half of SwiGLU: as many as columns or rows, from the largest magnitude of each. One
/// without elements, or whose elements are all zero, has scale 1 (the authors' code would divide by zero); one with a
/// NaN has NaN, else one with Inf has Inf. Throws std::invalid_argument for a view without data, wrong options, and if
/// scales has another size.
template <class T>
void smooth_swiglu_scales(const matrix_view<T>& linear, std::span<float> scales, const smooth_swiglu_options& o) {
  detail::check_view(linear, "linear");
  detail::check_smooth_options(o);
  detail::check_extent("scales", scales.size(), detail::smooth_scale_count(linear, o.axis));
  for (float& s : scales) s = 0.0F;
  for (std::size_t r = 0; r < linear.rows; ++r) {
    for (std::size_t c = 0; c < linear.cols; ++c) {
      float& scale = scales[o.axis == smooth_axis::per_token ? r : c];
      const std::uint32_t magnitude = detail::element_bits(linear(r, c)) & 0x7fff'ffffU;
      if (magnitude > to_bits(scale)) scale = bit_cast<float>(magnitude);
    }
  }
  for (float& s : scales) s = bit_cast<float>(detail::smooth_scale_bits(to_bits(s), o.scale));
}

/// What the next quantizer gets: out = activated * (linear / scale) in float32, each step rounded once to nearest even,
/// row-major. `activated` is silu of the gate, which the caller computes: no two libraries round e^x alike. What comes
/// of it is multiplied by the scale again, of the token or, in the next weights, of the channel. NaN, Inf and scales
/// that are zero follow IEEE 754. out may be the elements of a row-major operand. Throws std::invalid_argument for
/// views without data or of different shapes, a wrong axis, and if scales or out have other sizes.
template <class T, class U>
void smooth_swiglu(const matrix_view<T>& activated, const matrix_view<U>& linear, std::span<const float> scales,
                   std::span<float> out, smooth_axis axis) {
  detail::check_view(activated, "activated");
  detail::check_view(linear, "linear");
  detail::check_smooth_options({.axis = axis});
  if (activated.rows != linear.rows || activated.cols != linear.cols) {
    detail::throw_argument(
        {"activated is ", activated.rows, " x ", activated.cols, "; linear is ", linear.rows, " x ", linear.cols});
  }
  detail::check_extent("scales", scales.size(), detail::smooth_scale_count(linear, axis));
  detail::check_extent("out", out.size(), linear.size());
  for (std::size_t r = 0; r < linear.rows; ++r) {
    for (std::size_t c = 0; c < linear.cols; ++c) {
      const binary32 scale(scales[axis == smooth_axis::per_token ? r : c]);
      const binary32 scaled = binary32::from_bits(detail::element_bits(linear(r, c))) / scale;
      const binary32 gate = binary32::from_bits(detail::element_bits(activated(r, c)));
      out[r * linear.cols + c] = static_cast<float>(gate * scaled);
    }
  }
}

/// Where the epsilon stands that keeps a norm of zero from being divided by.
enum class l2_epsilon : std::uint8_t {
  beside_norm,  ///< x / (||x|| + epsilon)
  under_root,   ///< x * (1 / sqrt(||x||^2 + epsilon)): a norm far below sqrt(epsilon) stays small
};
/// Options of l2_normalise.
struct l2_options {
  l2_epsilon place = l2_epsilon::beside_norm;
  double epsilon = 1e-6;
};
/// The three readings of nGPT.
namespace ngpt {
inline constexpr l2_options paper{.epsilon = 0};  ///< x / ||x||
inline constexpr l2_options eager{.place = l2_epsilon::beside_norm};
inline constexpr l2_options fused{.place = l2_epsilon::under_root};
}  // namespace ngpt

/// Divides each row of x by its L2 norm, row-major into out, which may be the elements of x. The norm is that of the
/// elements as float32, in double; each result is rounded once to float32. Zeros stay zeros of their sign, whatever
/// epsilon. A row with a NaN becomes NaN; in one with Inf finite elements become zeros of their sign and Inf becomes
/// NaN. Throws std::invalid_argument for a view without data, wrong options, an epsilon that is negative or not finite,
/// and if out has another size than x.
template <class T>
void l2_normalise(const matrix_view<T>& x, std::span<float> out, const l2_options& o) {
  detail::check_view(x, "x");
  detail::check_enumerator(o.place, l2_epsilon::under_root, "options.place");
  detail::check_real_not_negative(o.epsilon, "options.epsilon");
  detail::check_extent("out", out.size(), x.size());
  for (std::size_t r = 0; r < x.rows; ++r) {
    std::uint32_t largest = 0;
    for (std::size_t c = 0; c < x.cols; ++c) {
      const std::uint32_t magnitude = detail::element_bits(x(r, c)) & 0x7fff'ffffU;
      largest = magnitude > largest ? magnitude : largest;
    }
    const double squares = detail::sum_of_finite(x.row_slice(r, 1), [](double v) { return v * v; });
    const double norm = detail::square_root(squares) + o.epsilon;
    const double inverse = 1 / detail::square_root(squares + o.epsilon);
    for (std::size_t c = 0; c < x.cols; ++c) {
      const std::uint32_t bits = detail::element_bits(x(r, c));
      std::uint32_t result = bits & 0x8000'0000U;
      if (largest >= ieee_layout<std::uint32_t>::infinity) {
        const bool is_finite = (bits & 0x7fff'ffffU) < ieee_layout<std::uint32_t>::infinity;
        if (largest > ieee_layout<std::uint32_t>::infinity || !is_finite)
          result = ieee_layout<std::uint32_t>::quiet_nan;
      } else if ((bits & 0x7fff'ffffU) != 0) {
        const double v{bit_cast<float>(bits)};
        result = detail::element_bits(o.place == l2_epsilon::beside_norm ? v / norm : v * inverse);
      }
      out[r * x.cols + c] = bit_cast<float>(result);
    }
  }
}
/// The same for one vector.
inline void l2_normalise(std::span<const float> x, std::span<float> out, const l2_options& o) {
  l2_normalise(matrix_view<float>(x.data(), 1, x.size()), out, o);
}

}  // namespace v0
}  // namespace nibble
