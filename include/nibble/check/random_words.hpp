// SPDX-License-Identifier: Apache-2.0
//
// The random words that a kernel model deals to elements.
#pragma once

#include <cstddef>
#include <cstdint>

#include <nibble/check/subject.hpp>
#include <nibble/format/round.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

NIBBLE_FUNCTION std::uint32_t reversed_16(std::uint32_t x) noexcept {
  std::uint32_t result = 0;
  for (int i = 0; i < 16; ++i) result |= (x >> i & 1U) << (15 - i);
  return result;
}

/// The 16 bits of `word` that lane `lane` of a cvt.rs to four elements of `bits` bits adds: two lanes share sixteen
/// bits and see them in opposite order; e2m1x4 takes bytes 0 and 2 for the lower pair, 1 and 3 for the upper one.
NIBBLE_FUNCTION std::uint32_t cvt_rs_bits(int bits, std::uint32_t word, std::size_t lane) noexcept {
  const bool upper = lane >= 2;
  std::uint32_t random = upper ? word >> 16 : word & 0xffffU;
  if (bits == 4) {
    const std::uint32_t bytes = upper ? word >> 8 : word;
    random = (bytes >> 8 & 0xff00U) | (bytes & 0xffU);
  }
  return lane % 2 != 0 ? reversed_16(random) : random;
}

/// Random bits of elements under one model.
class random_words {
 public:
  random_words(const subject& s, const kernel_model& m) : s_(&s), m_(&m), rounding_(s.random) {
    if (!rounding_.draws()) return;
    stochastic own = rounding_.random();
    own.bits = m.random_bits;
    own.variant = m.variant;
    own.rounds = m.philox_rounds;
    rounding_ = own;
  }

  /// Whether there are words for every element.
  [[nodiscard]] static bool is_known(const subject& s) noexcept { return s.random.is_stochastic(); }

  /// The words of columns col, ..., col + count - 1 of a row; `scaled` are the scaled elements' binary32 bits.
  void fill(std::size_t row, std::size_t col, std::size_t count, const std::uint32_t* scaled,
            std::uint32_t* out) const {
    const std::uint64_t first = row * s_->cols + col;
    switch (m_->random) {
      case random_assignment::unknown: return;
      case random_assignment::in_order: return draw(m_->random_bits, first, 1, count, out);
      case random_assignment::columns_first:
        return draw(m_->random_bits, col * s_->rows + row, s_->rows, count, out);
      case random_assignment::cvt_rs:
        for (std::size_t i = 0; i < count; ++i) {
          draw(32, (first + i) / 4, 1, 1, out + i);
          out[i] = cvt_rs_bits(s_->f.element.bits(), out[i], static_cast<std::size_t>((first + i) % 4));
        }
        return;
      case random_assignment::low_aligned: break;
    }
    draw(m_->random_bits, first, 1, count, out);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t shift = nibble::detail::align(s_->f.element, scaled[i] & 0x7fff'ffffU).shift;
      out[i] = shift > 0 && shift < 32 ? out[i] << (32 - shift) : out[i];
    }
  }

  /// The number of random bits that rounding compares with.
  [[nodiscard]] int bits() const noexcept {
    if (m_->random == random_assignment::cvt_rs) return 16;
    return m_->random == random_assignment::low_aligned ? 32 : m_->random_bits;
  }

 private:
  void draw(int bits, std::uint64_t first, std::uint64_t step, std::size_t count, std::uint32_t* out) const {
    // The caller's words may be too few for this assignment: what lies beyond them is zero.
    if (!rounding_.draws()) {
      const std::uint64_t last = (first + (count - 1) * step) / static_cast<std::uint64_t>(32 / bits);
      if (last >= rounding_.words().size()) {
        for (std::size_t i = 0; i < count; ++i) out[i] = 0;
        return;
      }
    }
    nibble::detail::random_source(rounding_, bits).fill(first, step, count, out);
  }

  const subject* s_;
  const kernel_model* m_;
  element_rounding rounding_;
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
