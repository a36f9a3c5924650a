// SPDX-License-Identifier: Apache-2.0
//
// The codes of a block that a kernel model gives, for the scale that stands in memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/block/encode_chunk.hpp>
#include <nibble/block/four_over_six.hpp>
#include <nibble/check/random_words.hpp>
#include <nibble/check/scale_model.hpp>
#include <nibble/number/code_order.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// Elements of a row that are coded at a time.
inline constexpr std::size_t run_size = 256;

/// How the elements of one block are scaled.
struct element_step {
  nibble::detail::element_scaling base;
  binary32 scale{1.0F};  ///< D
  bool by_formula = false;
};

/// Codes of blocks under one model.
class code_model {
 public:
  code_model(const subject& s, const kernel_model& m, const tensor_scaling& t)
      : s_(&s), m_(&m), t_(t), unit_{m.flush}, words_(s, m) {
    if (m.element_formula == element_formula::without_tensor_scale) t_ = tensor_scaling{};
    const overflow o = m.overflow == overflow_rule::special ? overflow::special : overflow::saturate;
    narrow_ = nibble::detail::called_special_codes(s.f.element, m.rounding, o, m.recipe.policy, false);
    if (m.overflow == overflow_rule::wrap) narrow_.max_code = ~0U;
    is_changed_ = m.flush || m.element != narrowing::none || m.element_limit > 0.0F;
    is_finished_ = m.overflow == overflow_rule::wrap || m.flush_codes || m.drop_sign;
  }

  /// How elements meet the scale `b` with code `code`; `code` is unsigned unless the model says otherwise.
  [[nodiscard]] element_step step(const block_scale& b) const {
    element_step e;
    std::uint32_t code = b.code;
    const bool is_signed = s_->f.scale.has_sign && m_->element_scale != element_scale::signed_stored;
    // A NaN at the code of -0 has no sign.
    if (is_signed && is_negative_code(s_->f.scale, code)) code &= s_->f.scale.magnitude_mask();
    recipe r = m_->recipe;
    if (m_->element_formula == element_formula::without_tensor_scale) r.element = element_rule::divide_by_quotient;
    e.base = nibble::detail::make_element_scaling(s_->f, r, t_, code);
    e.scale = e.base.scale;
    if (m_->element_scale == element_scale::unrounded) {
      e.scale = b.unrounded;
      e.by_formula = true;
      e.base.how = s_->f.power_of_two_scale() ? kind::divide : e.base.how;
      e.base.operand = s_->f.power_of_two_scale() ? b.unrounded : operand(b.unrounded);
      return e;
    }
    const bool is_plain = e.base.how == kind::multiply || e.base.how == kind::divide || e.base.how == kind::exact;
    const bool zeros = e.base.how == kind::multiply && e.base.operand.is_zero() && e.scale.is_zero();
    e.by_formula = is_plain && !zeros && !s_->f.power_of_two_scale() &&
                   (m_->element_formula != element_formula::as_recipe || m_->flush);
    if (e.by_formula) e.base.operand = operand(e.scale);
    return e;
  }

  /// Codes of `count` columns of row `row` from `col` on. `ulps` moves the multiplier by whole float32.
  void encode(const element_step& e, std::size_t row, std::size_t col, std::size_t count, bool ends_block, int ulps,
              std::uint8_t* codes) const {
    std::uint32_t bits[run_size];
    s_->input_of(*m_, row, col, count, bits);
    for (std::size_t i = 0; m_->flush_elements && i < count; ++i) bits[i] = flushed(bits[i]);
    std::uint32_t random[run_size];
    if (e.base.how == nibble::detail::element_scaling::kind::exact && !e.by_formula && m_->element == narrowing::none &&
        !(m_->element_limit > 0.0F)) {
      encode_exact(e, bits, row, col, count, random, codes);
    } else {
      std::uint32_t scaled[run_size];
      scale(e, bits, count, ulps, scaled);
      round(scaled, row, col, count, random, codes);
    }
    if (m_->recipe.searches_in_float) nibble::detail::search_in_float(s_->f.element, e.base, bits, count, codes);
    if (is_finished_) {
      for (std::size_t i = 0; i < count; ++i) codes[i] = finished(codes[i]);
    }
    if (m_->last_of_block_zero && ends_block) codes[count - 1] = 0;
  }

 private:
  using kind = nibble::detail::element_scaling::kind;

  /// The multiplier or divisor of the recipe's or the model's formula for D = `d`.
  [[nodiscard]] binary32 operand(binary32 d) const {
    switch (m_->element_formula) {
      case element_formula::as_recipe:
      case element_formula::approximate_reciprocal: break;
      case element_formula::divide_by_product: return unit_.multiply(d, t_.decode);
      case element_formula::divide_twice:
      case element_formula::prescaled_division:
      case element_formula::without_tensor_scale: return d;
      case element_formula::prescaled_reciprocal: return unit_.reciprocal(d);
    }
    switch (m_->recipe.element) {
      case element_rule::multiply_encode_quotient: return unit_.divide(t_.encode, d);
      case element_rule::multiply_reciprocals: return unit_.divide(unit_.reciprocal(t_.decode), d);
      case element_rule::divide_by_quotient: return unit_.divide(d, t_.encode);
      case element_rule::exact:
      case element_rule::multiply_reciprocal_of_product: break;
    }
    return minimum(unit_.reciprocal(unit_.multiply(d, t_.decode)), binary32::from_bits(0x7f7f'ffffU));
  }

  [[nodiscard]] binary32 scaled_by_formula(const element_step& e, binary32 x) const {
    switch (m_->element_formula) {
      case element_formula::as_recipe:
      case element_formula::approximate_reciprocal: break;
      case element_formula::divide_by_product:
      case element_formula::without_tensor_scale: return unit_.divide(x, e.base.operand);
      case element_formula::divide_twice: return unit_.divide(unit_.divide(x, e.base.operand), t_.decode);
      case element_formula::prescaled_division: return unit_.divide(unit_.multiply(x, t_.encode), e.base.operand);
      case element_formula::prescaled_reciprocal:
        return unit_.multiply(unit_.multiply(x, t_.encode), e.base.operand);
    }
    return e.base.how == kind::divide ? unit_.divide(x, e.base.operand) : unit_.multiply(x, e.base.operand);
  }

  /// The scaled elements as binary32.
  void scale(const element_step& e, const std::uint32_t* bits, std::size_t count, int ulps,
             std::uint32_t* scaled) const {
    if (e.by_formula || ulps != 0) {
      element_step moved = e;
      if (ulps != 0 && e.base.operand.is_finite() && !e.base.operand.is_zero()) {
        moved.base.operand = binary32::from_bits(e.base.operand.bits() + static_cast<std::uint32_t>(ulps));
      }
      for (std::size_t i = 0; i < count; ++i) {
        const binary32 x = binary32::from_bits(bits[i]);
        scaled[i] = x.is_nan() ? bits[i] : scaled_by_formula(moved, x).bits();
      }
    } else if (e.base.how == kind::exact) {
      // Narrowed afterwards: the exact quotient is rounded to float32 first.
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t quotient = nibble::detail::exact_quotient(binary32::from_bits(bits[i]), e.base.divisor);
        scaled[i] =
            nibble::detail::encode_bits(formats::f32, quotient, rounding_choice{}, overflow::special, policy::cuda);
      }
    } else {
      nibble::detail::scale_elements(m_->recipe, e.base, bits, count, scaled);
    }
    for (std::size_t i = 0; is_changed_ && i < count; ++i) {
      if (m_->flush) scaled[i] = flushed(scaled[i]);
      scaled[i] = narrowed(m_->element, scaled[i]);
      const std::uint32_t limit = to_bits(m_->element_limit);
      const std::uint32_t magnitude = scaled[i] & 0x7fff'ffffU;
      if (limit != 0 && magnitude > limit && magnitude <= 0x7f80'0000U) scaled[i] = (scaled[i] ^ magnitude) | limit;
    }
    if (m_->recipe.half_added_in_float) nibble::detail::add_half_in_float(s_->f.element, scaled, count);
  }

  void round(const std::uint32_t* scaled, std::size_t row, std::size_t col, std::size_t count, std::uint32_t* random,
             std::uint8_t* codes) const {
    const bool draws = m_->rounding == rounding_mode::stochastic;
    if (draws) words_.fill(row, col, count, scaled, random);
    s_->encode(choice(), narrow_, scaled, random, count, codes);
  }

  /// Exact quotients are rounded from binary64, like the library does.
  void encode_exact(const element_step& e, const std::uint32_t* bits, std::size_t row, std::size_t col,
                    std::size_t count, std::uint32_t* random, std::uint8_t* codes) const {
    std::uint64_t quotients[run_size];
    for (std::size_t i = 0; i < count; ++i) {
      quotients[i] = nibble::detail::exact_quotient(binary32::from_bits(bits[i]), e.base.divisor);
    }
    if (m_->rounding == rounding_mode::stochastic) words_.fill(row, col, count, bits, random);
    s_->encode_quotients(choice(), narrow_, quotients, random, count, codes);
  }

  [[nodiscard]] rounding_choice choice() const noexcept { return {m_->rounding, m_->variant, words_.bits(), 0}; }

  /// What the model does to a finished code.
  [[nodiscard]] std::uint8_t finished(std::uint32_t code) const {
    const float_format& f = s_->f.element;
    if (m_->overflow == overflow_rule::wrap) code &= f.code_mask();
    if (m_->flush_codes && f.has_zero && (code & f.magnitude_mask()) >> f.mantissa_bits == 0) code &= f.sign_mask();
    if (m_->drop_sign) code &= f.magnitude_mask();
    return static_cast<std::uint8_t>(code);
  }

  const subject* s_;
  const kernel_model* m_;
  tensor_scaling t_;
  float_unit unit_;
  random_words words_;
  special_codes narrow_;
  bool is_changed_ = false;   ///< scaled elements are changed before they are rounded
  bool is_finished_ = false;  ///< codes are changed after
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
