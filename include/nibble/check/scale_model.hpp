// SPDX-License-Identifier: Apache-2.0
//
// The scale of a block that a kernel model gives: the amax over the model's window, the model's formula, and what is
// left of the code when it reaches memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/block/block_scale.hpp>
#include <nibble/check/tensor_model.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// A block's scale on its way: the float32, the code that elements use, the byte in memory.
struct block_scale {
  binary32 unrounded{0.0F};
  std::uint32_t code = 0;
  std::uint8_t stored = 0;
};

/// The columns and rows of a block's amax window.
struct window_span {
  rectangle area;
  std::size_t step = 1;  ///< of columns
};
inline window_span window_of(const subject& s, amax_window window, const rectangle& b) {
  const std::size_t width = s.block_cols();
  const std::size_t half = (width + 1) / 2;
  const auto columns = [&](std::size_t first, std::size_t last) {
    const std::size_t end = smaller(last, s.cols);
    const std::size_t begin = smaller(first, end);
    return rectangle{b.row, b.rows, begin, end - begin};
  };
  switch (window) {
    case amax_window::block: break;
    case amax_window::first_half: return {columns(b.col, smaller(b.col + half, b.col + b.cols))};
    case amax_window::second_half: return {columns(b.col + half, b.col + b.cols)};
    case amax_window::without_first: return {columns(b.col + 1, b.col + b.cols)};
    case amax_window::without_last: return {columns(b.col, b.col + b.cols - 1)};
    case amax_window::even_elements: return {b, 2};
    case amax_window::pair_of_blocks: {
      const std::size_t first = b.col / (2 * width) * (2 * width);
      return {columns(first, first + 2 * width)};
    }
    case amax_window::shifted: return {columns(b.col + 1, b.col + width + 1)};
    case amax_window::previous_block: return {b.col == 0 ? b : columns(b.col - width, b.col)};
    case amax_window::next_block: return {b.col + width >= s.cols ? b : columns(b.col + width, b.col + 2 * width)};
    case amax_window::whole_row: return {columns(0, s.cols)};
    case amax_window::square: {
      const std::size_t first = b.row / width * width;
      return {{first, smaller(width, s.rows - first), b.col, b.cols}};
    }
    case amax_window::one_row: return {{b.row, 1, b.col, b.cols}};
  }
  return {b};
}

/// The power-of-two scale of rules that no preset uses, before clamping.
inline int formula_exponent(const subject& s, const kernel_model& m, binary32 amax) {
  const float_format& e = s.f.element;
  const auto field_of = [](std::uint32_t bits) { return static_cast<int>(bits >> 23); };
  const int bias = s.f.scale.bias - 127;
  switch (m.exponent_formula) {
    case exponent_formula::as_recipe: break;
    case exponent_formula::nearest_log2: {
      // sqrt(2) rounded down to float32 has the fraction 0x3504f3: above it the logarithm is nearer to the next
      // integer.
      const bool up = (amax.bits() & 0x007f'ffffU) > 0x0035'04f3U;
      return field_of(amax.bits()) + (up ? 1 : 0) - e.max_exponent() + bias;
    }
    case exponent_formula::even_tie_down:
      return field_of(amax.bits() + (std::uint32_t{1} << (22 - e.mantissa_bits)) - 1U) - e.max_exponent() + bias;
    case exponent_formula::even_of_fp4:
      return field_of(amax.bits() + (std::uint32_t{1} << 21)) - e.max_exponent() + bias;
    case exponent_formula::nearest_quotient: {
      const binary32 quotient = amax / nibble::detail::exact_binary32(e.max_value());
      return field_of(quotient.bits() + (std::uint32_t{1} << 22)) + bias;
    }
  }
  return nibble::detail::exponent_code(e, s.f.scale, m.recipe.exponent, amax);
}

/// Scales of blocks under one model.
class scale_model {
 public:
  scale_model(const subject& s, const kernel_model& m, const tensor_scaling& t)
      : s_(&s), m_(&m), t_(t), unit_{m.flush}, constants_(s.f) {
    if (m.scale_element_max > 0.0F) {
      constants_.largest_element = binary32(m.scale_element_max);
      constants_.reciprocal_largest = binary32(1.0F) / constants_.largest_element;
    }
    is_known_ = s.known_amax != nullptr && m.window == amax_window::block && m.magnitude == magnitude_rule::absolute &&
                !m.transposed;
    by_recipe_ = !m.flush && m.scale_formula == scale_formula::as_recipe &&
                 m.exponent_formula == exponent_formula::as_recipe && m.exponent_offset == 0 &&
                 m.unrounded_scale == narrowing::none && !(m.scale_ceiling > 0.0F) && m.lowest_exponent_code == 0;
  }

  /// The scale of block `b`.
  [[nodiscard]] block_scale of(const rectangle& b) const { return of_amax(b, amax(b)); }

  /// As of(), with the unrounded scale multiplied by `factor` (four over six).
  [[nodiscard]] block_scale of_amax(const rectangle& b, binary32 amax, float factor = 1.0F) const {
    block_scale result;
    result.unrounded = unrounded(amax);
    result.code = by_recipe_
                      ? nibble::detail::block_scale_code(s_->f, m_->recipe, constants_, t_, amax, binary32(factor))
                      : code_of(result.unrounded * binary32(factor), amax);
    finish(b, result);
    return result;
  }

  /// The amax of block `b` over the model's window.
  [[nodiscard]] binary32 amax(const rectangle& b) const {
    if (is_known_ && (m_->reach == reach::all || is_inside(b))) {
      const std::uint32_t known = (*s_->known_amax)[b.row / s_->block_rows() * s_->across() + b.col / s_->block_cols()];
      // Flushing and narrowing keep the order of magnitudes.
      const std::uint32_t left = narrowed(m_->input, m_->flush ? flushed(known) : known);
      return binary32::from_bits(narrowed(m_->amax, m_->flush_amax ? flushed(left) : left));
    }
    const window_span w = window_of(*s_, m_->window, b);
    const bool propagates = m_->recipe.amax == amax_rule::finite || m_->nan_wins_block;
    const amax_rule rule = propagates ? amax_rule::propagate : m_->recipe.amax;
    std::uint32_t largest = 0;
    for (std::size_t r = w.area.row; r < w.area.row + w.area.rows; ++r) {
      for (std::size_t c = w.area.col; c < w.area.col + w.area.cols; c += w.step) {
        const std::uint32_t magnitude = counted(s_->input(*m_, r, c), rule, m_->magnitude);
        largest = magnitude > largest ? magnitude : largest;
      }
    }
    return binary32::from_bits(narrowed(m_->amax, m_->flush_amax ? flushed(largest) : largest));
  }

 private:
  /// Whether a block lies away from the edges that a reach may leave out.
  [[nodiscard]] bool is_inside(const rectangle& b) const noexcept {
    return b.col != 0 && b.col + b.cols != s_->cols && b.row + b.rows != s_->rows;
  }

  /// The float32 scale before it is rounded to its format.
  [[nodiscard]] binary32 unrounded(binary32 a) const {
    const binary32 largest = constants_.largest_element;
    if (s_->f.power_of_two_scale()) return unit_.multiply(a, constants_.reciprocal_largest);
    switch (m_->scale_formula) {
      case scale_formula::as_recipe: break;
      case scale_formula::encode_then_divide: return unit_.divide(unit_.multiply(a, t_.encode), largest);
      case scale_formula::encode_then_multiply:
        return unit_.multiply(unit_.multiply(a, t_.encode), constants_.reciprocal_largest);
      case scale_formula::divide_by_product: return unit_.divide(a, unit_.multiply(largest, t_.decode));
      case scale_formula::without_tensor_scale: return unit_.divide(a, largest);
    }
    switch (m_->recipe.scale) {
      case scale_rule::quotient_times_encode: return unit_.multiply(unit_.divide(a, largest), t_.encode);
      case scale_rule::product_times_encode:
        return unit_.multiply(unit_.multiply(a, constants_.reciprocal_largest), t_.encode);
      case scale_rule::quotient_by_scale: return unit_.divide(unit_.divide(a, largest), t_.decode);
      case scale_rule::exact: return unit_.divide(unit_.divide(a, largest), t_.decode);
      case scale_rule::unspecified:
      case scale_rule::amax_times_product: break;
    }
    return unit_.multiply(a, unit_.multiply(t_.encode, constants_.reciprocal_largest));
  }

  /// The code of a scale under a formula, narrowing or clamp of the model.
  [[nodiscard]] std::uint32_t code_of(binary32 scale, binary32 amax) const {
    const float_format& f = s_->f.scale;
    if (m_->recipe.amax == amax_rule::finite && !amax.is_finite()) return f.has_nan() ? f.nan_code() : f.max_code();
    if (s_->f.power_of_two_scale()) return exponent_of(amax);
    scale = narrowed(m_->unrounded_scale, scale);
    if (m_->scale_ceiling > 0.0F) scale = minimum(scale, binary32(m_->scale_ceiling));
    return nibble::detail::round_scale(s_->f, m_->recipe, scale);
  }

  [[nodiscard]] std::uint32_t exponent_of(binary32 amax) const {
    const float_format& f = s_->f.scale;
    if (!amax.is_finite()) return nibble::detail::exponent_scale_code(s_->f, m_->recipe, amax);
    const binary32 a = narrowed(m_->unrounded_scale, unit_.kept(amax));
    const int lowest = m_->lowest_exponent_code;
    if (a.is_zero()) return static_cast<std::uint32_t>(lowest);
    const int code = formula_exponent(*s_, *m_, a) + m_->exponent_offset;
    const auto largest = static_cast<int>(f.max_code());
    if (code > largest)
      return nibble::detail::exponent_scale_code(s_->f, m_->recipe, binary32::from_bits(0x7f7f'ffffU));
    return static_cast<std::uint32_t>(code < lowest ? lowest : code);
  }

  /// From the code to what elements use and what is stored.
  void finish(const rectangle& b, block_scale& result) const {
    const float_format& f = s_->f.scale;
    if (m_->flush_scale && f.mantissa_bits > 0 && (result.code & f.magnitude_mask()) >> f.mantissa_bits == 0) {
      result.code &= f.sign_mask();
    }
    if (m_->zero_scale_is_one && (result.code & f.magnitude_mask()) == 0 && f.has_zero) {
      result.code = nibble::detail::encode_bits(f, to_bits(1.0F), rounding_choice{}, overflow::saturate, policy::cuda);
    }
    if (m_->recipe.zero_scale == zero_scale_rule::replace) {
      static_cast<void>(nibble::detail::make_element_scaling(s_->f, m_->recipe, t_, result.code));
    }
    result.stored = stored_byte(b, result.code);
  }

  [[nodiscard]] std::uint8_t stored_byte(const rectangle& b, std::uint32_t code) const {
    const float_format& f = s_->f.scale;
    std::uint32_t byte = code;
    switch (m_->storage) {
      case scale_storage::code: break;
      case scale_storage::sign_of_maximum: byte = code | (is_maximum_negative(b) ? 0x80U : 0U); break;
      case scale_storage::plus_one: byte = code + 1U; break;
      case scale_storage::minus_one: byte = code - 1U; break;
      case scale_storage::inverse:
        if (s_->f.power_of_two_scale()) {
          byte = 2U * static_cast<std::uint32_t>(f.bias) - code;
        } else {
          const binary32 inverse = binary32(1.0F) / binary32(decode(f, code));
          byte = nibble::detail::encode_bits(f, inverse.bits(), rounding_choice{}, overflow::saturate, policy::cuda);
        }
        break;
      case scale_storage::without_bias: byte = code - static_cast<std::uint32_t>(f.bias); break;
    }
    return static_cast<std::uint8_t>(byte);
  }

  /// Whether the first element with the largest magnitude is negative.
  [[nodiscard]] bool is_maximum_negative(const rectangle& b) const {
    std::uint32_t largest = 0;
    bool negative = false;
    for (std::size_t r = b.row; r < b.row + b.rows; ++r) {
      for (std::size_t c = b.col; c < b.col + b.cols; ++c) {
        const std::uint32_t bits = s_->input(*m_, r, c);
        const std::uint32_t magnitude = nibble::detail::counted_magnitude(bits, amax_rule::ignore_nan);
        if (magnitude > largest) negative = bits >= 0x8000'0000U;
        largest = magnitude > largest ? magnitude : largest;
      }
    }
    return negative;
  }

  const subject* s_;
  const kernel_model* m_;
  tensor_scaling t_;
  float_unit unit_;
  nibble::detail::scale_constants constants_;
  bool by_recipe_ = true;
  bool is_known_ = false;  ///< the amax is the one that the subject keeps
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
