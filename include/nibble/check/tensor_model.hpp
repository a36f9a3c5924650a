// SPDX-License-Identifier: Apache-2.0
//
// The tensor scale that a kernel model gives.
#pragma once

#include <cstdint>

#include <nibble/block/tensor_scale.hpp>
#include <nibble/check/float_unit.hpp>
#include <nibble/check/subject.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// The magnitude bits with which an element counts into an amax.
NIBBLE_FUNCTION std::uint32_t counted(std::uint32_t bits, amax_rule rule, magnitude_rule magnitude) noexcept {
  const bool negative = magnitude == magnitude_rule::signed_value && bits > 0x8000'0000U && bits <= 0xff80'0000U;
  return negative ? 0U : nibble::detail::counted_magnitude(bits, rule);
}

/// Whether an element counts into the tensor's amax.
NIBBLE_FUNCTION bool is_in(tensor_window window, const subject& s, std::size_t r, std::size_t c) noexcept {
  switch (window) {
    case tensor_window::all: break;
    case tensor_window::without_last_row: return r + 1 != s.rows;
    case tensor_window::without_last_column: return c + 1 != s.cols;
    case tensor_window::first_row: return r == 0;
  }
  return true;
}

/// The bits of the amax of rows first, ..., last - 1 as the model finds it.
inline std::uint32_t rows_amax(const subject& s, const kernel_model& m, std::size_t first, std::size_t last) {
  std::uint32_t largest = 0;
  for (std::size_t r = first; r < last; ++r) {
    for (std::size_t c = 0; c < s.cols; ++c) {
      if (m.tensor_window != tensor_window::all && !is_in(m.tensor_window, s, r, c)) continue;
      const std::uint32_t magnitude = counted(s.input(m, r, c), m.recipe.amax, m.tensor_magnitude);
      largest = magnitude > largest ? magnitude : largest;
    }
  }
  return largest;
}

/// T and S for a tensor amax.
inline tensor_scaling tensor_scales(const subject& s, const kernel_model& m, binary32 amax) {
  block_format f = s.f;
  recipe r = m.recipe;
  if (m.tensor_element_max > 0.0F) {
    // Q is a product: a factor of the largest scale stands for one of the largest element.
    const double scale_max = nibble::detail::largest_scale(f, r);
    r.tensor_scale_max =
        static_cast<float>(scale_max * static_cast<double>(m.tensor_element_max) / f.element.max_value());
  }
  tensor_scaling t = make_tensor_scaling(f, r, amax);
  if (m.flush) {
    const float_unit unit{true};
    t.decode = unit.kept(t.decode);
    t.encode = unit.kept(t.encode);
  }
  return t;
}

/// The bits that the model stores as tensor scale.
inline std::uint32_t stored_tensor_bits(const kernel_model& m, const tensor_scaling& t) {
  return (m.tensor_scale_is_encode ? t.encode : t.decode).bits();
}

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
