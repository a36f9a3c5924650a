// SPDX-License-Identifier: Apache-2.0
//
// compare: where two quantized tensors differ, and what is there.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <nibble/block/matrix_view.hpp>
#include <nibble/block/tensor.hpp>
#include <nibble/check/diagnosis.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// Which of two codes is nearer to the input. Decided exactly where both have the same scale.
enum class nearer : std::uint8_t {
  unknown,  ///< no input, an input, value or scale that is not finite, or different scales at equal distances
  a,
  b,
  tie,      ///< both are equally near
};

/// One element that differs in its code or its scale.
struct code_difference {
  std::size_t row = 0, col = 0;
  std::size_t block = 0;  ///< column of the block in its row
  std::uint8_t a_code = 0, b_code = 0;
  float a_scale = 0.0F, b_scale = 0.0F;  ///< decoded, without the tensor scales
  double a_value = 0, b_value = 0;       ///< code * scale * tensor scale, exact
  std::optional<float> input{};
  double a_distance = 0, b_distance = 0;  ///< |input - value|, rounded to double; 0 without input
  check::nearer nearer = check::nearer::unknown;
  /// At a tie: which side took the code of larger magnitude, and which the even one.
  bool a_is_away = false;
  bool a_is_even = false;
};

/// What differs between two tensors.
struct comparison {
  std::uint64_t elements = 0, scales = 0;
  std::uint64_t different_codes = 0;    ///< elements whose codes differ
  std::uint64_t different_scales = 0;   ///< stored scales that differ, NaN codes by their bits
  bool tensor_scale_differs = false;    ///< by its bits
  std::vector<code_difference> first{};  ///< the first elements, row by row, whose code or scale differs
  [[nodiscard]] bool is_equal() const noexcept {
    return different_codes == 0 && different_scales == 0 && !tensor_scale_differs;
  }
};

namespace detail::inline NIBBLE_UNIT {

/// Distances and which side is nearer. Products of code, scale and tensor scale are exact in double, and so is the sum
/// of two of them under one scale: twice the input against it says exactly where the input lies.
template <block_format F>
void judge(code_difference& d, float input, bool same_scale) {
  d.input = input;
  const auto x = static_cast<double>(input);
  d.a_distance = std::abs(x - d.a_value);
  d.b_distance = std::abs(x - d.b_value);
  if (!std::isfinite(d.a_distance) || !std::isfinite(d.b_distance)) return;
  if (same_scale) {
    const double middle = d.a_value + d.b_value, twice = 2 * x;
    if (twice == middle) {
      d.nearer = nearer::tie;
      d.a_is_away = std::abs(d.a_value) > std::abs(d.b_value);
      d.a_is_even = (d.a_code & 1U) == 0;
    } else if (d.a_value != d.b_value) {
      d.nearer = (twice > middle) == (d.a_value > d.b_value) ? nearer::a : nearer::b;
    }
  } else if (d.a_distance != d.b_distance) {
    d.nearer = d.a_distance < d.b_distance ? nearer::a : nearer::b;
  }
}

template <block_format F, class A, class B>
code_difference describe(const block_view<F, A>& a, const block_view<F, B>& b, std::size_t r, std::size_t c) {
  code_difference d{.row = r, .col = c, .block = c / F.block_cols(a.cols)};
  d.a_code = a.code(r, c);
  d.b_code = b.code(r, c);
  d.a_scale = a.scale(r, c);
  d.b_scale = b.scale(r, c);
  const double a_tensor = F.tensor_scale ? static_cast<double>(*a.tensor_scale) : 1.0;
  const double b_tensor = F.tensor_scale ? static_cast<double>(*b.tensor_scale) : 1.0;
  d.a_value = decode_double<F.element>(d.a_code) * static_cast<double>(d.a_scale) * a_tensor;
  d.b_value = decode_double<F.element>(d.b_code) * static_cast<double>(d.b_scale) * b_tensor;
  return d;
}

template <block_format F, class A, class B, class Input>
comparison compare_views(const block_view<F, A>& a, const block_view<F, B>& b, std::size_t limit, const Input& input) {
  comparison result{.elements = std::uint64_t{a.rows} * a.cols,
                    .scales = a.cols == 0 ? 0U : std::uint64_t{F.scale_rows(a.rows)} * F.scale_cols(a.cols)};
  if (result.elements == 0) return result;
  if (F.tensor_scale) result.tensor_scale_differs = to_bits(*a.tensor_scale) != to_bits(*b.tensor_scale);
  for (std::size_t r = 0; r < F.scale_rows(a.rows); ++r) {
    for (std::size_t c = 0; c < F.scale_cols(a.cols); ++c) {
      result.different_scales += a.scales[r * a.scale_stride + c] != b.scales[r * b.scale_stride + c] ? 1U : 0U;
    }
  }
  for (std::size_t r = 0; r < a.rows; ++r) {
    const std::size_t scale_row = F.replicate_scales ? r : r / F.rows_per_block(a.rows);
    for (std::size_t c = 0; c < a.cols; ++c) {
      const std::size_t block = c / F.block_cols(a.cols);
      const bool same_code = a.code(r, c) == b.code(r, c);
      const bool same_scale =
          a.scales[scale_row * a.scale_stride + block] == b.scales[scale_row * b.scale_stride + block];
      result.different_codes += same_code ? 0U : 1U;
      if ((same_code && same_scale) || result.first.size() >= limit) continue;
      result.first.push_back(describe(a, b, r, c));
      if (const auto x = input(r, c)) {
        judge<F>(result.first.back(), *x, same_scale && !result.tensor_scale_differs);
      }
    }
  }
  return result;
}

template <block_format F, class A, class B>
void check_shapes(const block_view<F, A>& a, const block_view<F, B>& b) {
  nibble::detail::check_block_view(a, "a");
  nibble::detail::check_block_view(b, "b");
  if (a.rows == b.rows && a.cols == b.cols) return;
  nibble::detail::throw_argument("b is " + std::to_string(b.rows) + " x " + std::to_string(b.cols) + "; it must be " +
                                 std::to_string(a.rows) + " x " + std::to_string(a.cols) + ", as a is");
}

/// Nine significant digits, with an exponent where that is shorter.
inline std::string number_text(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", x);
  return text;
}

inline std::string side_text(const code_difference& d) {
  switch (d.nearer) {
    case nearer::unknown: break;
    case nearer::a: return ", a is nearer";
    case nearer::b: return ", b is nearer";
    case nearer::tie:
      return std::string(", a tie: ") + (d.a_is_away ? "a" : "b") + " went away from zero, " +
             (d.a_is_even ? "a" : "b") + " has the even code";
  }
  return "";
}

inline std::string place_text(const code_difference& d) {
  const auto pair = [](double a, double b) { return number_text(a) + " | " + number_text(b); };
  std::string text = "row " + std::to_string(d.row) + ", column " + std::to_string(d.col) + ", block " +
                     std::to_string(d.block) + ": code " + hexadecimal(d.a_code) + " | " + hexadecimal(d.b_code);
  text += ", scale " + pair(static_cast<double>(d.a_scale), static_cast<double>(d.b_scale)) + ", value " +
          pair(d.a_value, d.b_value);
  if (!d.input) return text + "\n";
  return text + ", input " + number_text(static_cast<double>(*d.input)) + " (distance " +
         pair(d.a_distance, d.b_distance) + side_text(d) + ")\n";
}

}  // namespace detail

/// Compares two quantized matrices of one shape, code by code and scale by scale; the first `limit` elements that
/// differ are described. An element differs where its code or its scale does. Throws std::invalid_argument where the
/// shapes differ or a view cannot be read.
template <block_format F, class A, class B>
[[nodiscard]] comparison compare(const block_view<F, A>& a, const block_view<F, B>& b, std::size_t limit = 10) {
  detail::check_shapes(a, b);
  return detail::compare_views(a, b, limit, [](std::size_t, std::size_t) { return std::optional<float>(); });
}
/// As above, with the matrix that was quantized: elements are described with their distances. A double counts as its
/// nearest float32, which is what recipes are defined on. Throws also where x has another shape or cannot be read.
template <block_format F, class A, class B, class T>
[[nodiscard]] comparison compare(const block_view<F, A>& a, const block_view<F, B>& b, const matrix_view<T>& x,
                                 std::size_t limit = 10) {
  detail::check_shapes(a, b);
  nibble::detail::check_view(x, "x");
  if (x.rows != a.rows || x.cols != a.cols) {
    nibble::detail::throw_argument("x is " + std::to_string(x.rows) + " x " + std::to_string(x.cols) + "; it must be " +
                                   std::to_string(a.rows) + " x " + std::to_string(a.cols) + ", as a is");
  }
  return detail::compare_views(a, b, limit, [&](std::size_t r, std::size_t c) {
    return std::optional<float>(bit_cast<float>(nibble::detail::element_bits(x(r, c))));
  });
}
/// As above for tensors.
template <block_format F>
[[nodiscard]] comparison compare(const block_tensor<F>& a, const block_tensor<F>& b, std::size_t limit = 10) {
  return compare(a.view(), b.view(), limit);
}
/// As above for tensors, with the matrix that was quantized.
template <block_format F, class T>
[[nodiscard]] comparison compare(const block_tensor<F>& a, const block_tensor<F>& b, const matrix_view<T>& x,
                                 std::size_t limit = 10) {
  return compare(a.view(), b.view(), x, limit);
}

/// The comparison as lines of text for people.
[[nodiscard]] inline std::string to_text(const comparison& c) {
  std::string text = detail::share_text(c.different_codes, c.elements) + " codes differ, " +
                     detail::share_text(c.different_scales, c.scales) + " scales" +
                     (c.tensor_scale_differs ? ", and the tensor scale\n" : "\n");
  for (const code_difference& d : c.first) text += detail::place_text(d);
  return text;
}

}  // namespace check
}  // namespace v0
}  // namespace nibble
