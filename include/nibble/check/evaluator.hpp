// SPDX-License-Identifier: Apache-2.0
//
// A kernel model against the bytes of one block.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <nibble/base/counts.hpp>
#include <nibble/check/code_model.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// A place where bytes are not the predicted ones.
struct byte_mismatch {
  std::size_t row = 0, col = 0;  ///< of the element; of a scale: the first element of its row in the block
  std::uint32_t expected = 0, found = 0;
};

/// How often elements between two numbers went up, against the sum of their fractions (double arithmetic, in the order
/// of the blocks). Fractions below and from one half are kept apart: nearest rounding is right on average, too.
struct upward_counts {
  double expected[2] = {}, variance[2] = {}, found[2] = {};

  /// Whether both halves lie within six standard deviations.
  [[nodiscard]] bool is_plausible() const noexcept {
    for (int i = 0; i < 2; ++i) {
      const double distance = found[i] - expected[i];
      if (variance[i] > 25 && distance * distance > 36 * variance[i]) return false;
    }
    return true;
  }
  void add(const upward_counts& other) noexcept {
    for (int i = 0; i < 2; ++i) {
      expected[i] += other.expected[i];
      variance[i] += other.variance[i];
      found[i] += other.found[i];
    }
  }
};

/// Predictions of one model, compared block by block.
class evaluator {
 public:
  /// `scales_known`: the model's scales are the stored ones, so that elements may use what the model computed.
  evaluator(const subject& s, const kernel_model& m, const tensor_scaling& t, bool scales_known)
      : s_(s), m_(m), t_(t), scales_known_(scales_known), scales_(s_, m_, t), codes_(s_, m_, t) {
    if (is_unknown()) {
      up_ = m_;
      up_.rounding = rounding_mode::upward;
      down_ = m_;
      down_.rounding = rounding_mode::toward_zero;
    }
  }
  evaluator(const evaluator&) = delete;
  evaluator& operator=(const evaluator&) = delete;

  /// The scale that the model gives block `b`.
  [[nodiscard]] block_scale scale_of(const rectangle& b) const {
    if (m_.recipe.choice == four_over_six::off || s_.f.power_of_two_scale()) return scales_.of(b);
    const binary32 amax = scales_.amax(b);
    const block_scale six = scales_.of_amax(b, amax), four = scales_.of_amax(b, amax, 1.5F);
    return choice_error_of(b, four) < choice_error_of(b, six) ? four : six;
  }

  /// Compares the scale of a block; `where` takes the first difference. Returns the number of wrong bytes.
  std::size_t wrong_scales(std::size_t block, byte_mismatch* where) const {
    const rectangle b = s_.block(block);
    const std::uint8_t expected = scale_of(b).stored;
    std::size_t wrong = 0;
    const std::size_t last = s_.f.replicate_scales ? b.row + b.rows : b.row + 1;
    for (std::size_t r = b.row; r < last; ++r) {
      const std::uint8_t found = s_.scale(m_.layout, s_.scale_row(r), b.col / s_.block_cols());
      if (found == expected) continue;
      if (wrong++ == 0 && where != nullptr) *where = {r, b.col, expected, found};
    }
    return wrong;
  }

  /// Compares the codes of a block, until `limit` differ.
  std::size_t wrong_codes(std::size_t block, std::size_t limit, byte_mismatch* where) const {
    const rectangle b = s_.block(block);
    if (m_.element_formula != element_formula::approximate_reciprocal) return wrong_codes(b, 0, limit, where);
    std::size_t best = wrong_codes(b, 0, limit, where);
    for (const int ulps : {-1, 1}) {
      if (best == 0) break;
      const std::size_t wrong = wrong_codes(b, ulps, limit, nullptr);
      best = wrong < best ? wrong : best;
    }
    return best;
  }

  /// Whether codes are compared with both neighbours of the exact value.
  [[nodiscard]] bool is_unknown() const noexcept {
    return m_.rounding == rounding_mode::stochastic && m_.random == random_assignment::unknown;
  }

  /// Adds how often the elements of a block went up; for is_unknown() models.
  void count_upward(std::size_t block, upward_counts& counts) const {
    const rectangle b = s_.block(block);
    std::uint8_t low[run_size], high[run_size];
    for (std::size_t r = b.row; r < b.row + b.rows; ++r) {
      const element_step e = codes_.step(used_scale(b, r));
      for (std::size_t c = b.col; c < b.col + b.cols; c += run_size) {
        const std::size_t count = smaller(run_size, b.col + b.cols - c);
        neighbours(e, r, c, count, b, low, high);
        for (std::size_t i = 0; i < count; ++i) add_upward(e, r, c + i, low[i], high[i], counts);
      }
    }
  }

 private:
  /// The scale with which the elements of a row of a block were coded.
  [[nodiscard]] block_scale used_scale(const rectangle& b, std::size_t row) const {
    const bool computed = m_.element_scale == element_scale::unrounded ||
                          (scales_known_ && m_.storage != scale_storage::code);
    block_scale result;
    if (computed) result = scale_of(b);
    if (scales_known_ && m_.storage != scale_storage::code) return result;
    std::size_t col = b.col / s_.block_cols();
    if (m_.element_scale == element_scale::previous_block && col > 0) --col;
    if (m_.element_scale == element_scale::next_block && col + 1 < s_.across()) ++col;
    result.code = s_.scale(m_.layout, s_.scale_row(row), col);
    return result;
  }

  std::size_t wrong_codes(const rectangle& b, int ulps, std::size_t limit, byte_mismatch* where) const {
    std::uint8_t codes[run_size], high[run_size], found[run_size];
    std::size_t wrong = 0;
    for (std::size_t r = b.row; r < b.row + b.rows && wrong < limit; ++r) {
      const element_step e = codes_.step(used_scale(b, r));
      for (std::size_t c = b.col; c < b.col + b.cols; c += run_size) {
        const std::size_t count = smaller(run_size, b.col + b.cols - c);
        if (is_unknown()) {
          neighbours(e, r, c, count, b, codes, high);
        } else {
          codes_.encode(e, r, c, count, c + count == b.col + s_.block_cols(), ulps, codes);
        }
        s_.codes_of(m_.order, r, c, count, found);
        for (std::size_t i = 0; i < count; ++i) {
          if (found[i] == codes[i] || (is_unknown() && found[i] == high[i])) continue;
          if (wrong++ == 0 && where != nullptr) *where = {r, c + i, codes[i], found[i]};
          if (wrong >= limit) return wrong;
        }
      }
    }
    return wrong;
  }

  /// The codes on both sides of the exact values: toward zero and away from it.
  void neighbours(const element_step& e, std::size_t r, std::size_t c, std::size_t count, const rectangle& b,
                  std::uint8_t* low, std::uint8_t* high) const {
    const bool ends = c + count == b.col + s_.block_cols();
    code_model(s_, down_, t_).encode(e, r, c, count, ends, 0, low);
    code_model(s_, up_, t_).encode(e, r, c, count, ends, 0, high);
    kernel_model below = up_;
    below.rounding = rounding_mode::downward;
    std::uint8_t lower[run_size];
    code_model(s_, below, t_).encode(e, r, c, count, ends, 0, lower);
    for (std::size_t i = 0; i < count; ++i) high[i] = s_.input(m_, r, c + i) >= 0x8000'0000U ? lower[i] : high[i];
  }

  /// Counts one element that lies strictly between its neighbours.
  void add_upward(const element_step& e, std::size_t r, std::size_t c, std::uint8_t low, std::uint8_t high,
                  upward_counts& counts) const {
    const double from = std::abs(decode_double(s_.f.element, low)), to = std::abs(decode_double(s_.f.element, high));
    const double x = std::abs(static_cast<double>(bit_cast<float>(s_.input(m_, r, c))));
    const auto tensor_scale = static_cast<double>(static_cast<float>(t_.decode));
    const double scale = static_cast<double>(static_cast<float>(e.scale)) * tensor_scale;
    if (low == high || !(to > from) || !(scale > 0)) return;
    const double fraction = (x / scale - from) / (to - from);
    if (!(fraction > 0 && fraction < 1)) return;
    const int half = fraction < 0.5 ? 0 : 1;
    counts.expected[half] += fraction;
    counts.variance[half] += fraction * (1 - fraction);
    counts.found[half] += s_.code(m_.order, r, c) == high ? 1 : 0;
  }

  /// The error of a block under one of the two scales of four over six (block/quantize.hpp).
  [[nodiscard]] binary32 choice_error_of(const rectangle& b, const block_scale& scale) const {
    const nibble::detail::choice_error error(s_.f, m_.recipe, t_);
    const element_step e = codes_.step(scale);
    const binary32 d(decode(s_.f.scale, scale.code));
    binary32 rows[16] = {}, sum(0.0F);
    std::uint8_t codes[run_size];
    std::uint32_t bits[run_size];
    for (std::size_t r = 0; r < b.rows; ++r) {
      binary32 row(0.0F);
      for (std::size_t c = b.col; c < b.col + b.cols; c += run_size) {
        const std::size_t count = smaller(run_size, b.col + b.cols - c);
        codes_.encode(e, b.row + r, c, count, c + count == b.col + s_.block_cols(), 0, codes);
        for (std::size_t i = 0; i < count; ++i) bits[i] = s_.input(m_, b.row + r, c + i);
        row = row + error.of(s_.f.element, d, bits, codes, count);
      }
      if (r < 16) rows[r] = row;
      sum = sum + row;
    }
    return b.rows > 1 && b.rows <= 16 ? nibble::detail::tree_sum(rows, 16) : sum;
  }

  const subject& s_;
  kernel_model m_;
  kernel_model up_{}, down_{};
  tensor_scaling t_;
  bool scales_known_;
  scale_model scales_;
  code_model codes_;
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
