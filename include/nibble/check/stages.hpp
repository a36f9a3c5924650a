// SPDX-License-Identifier: Apache-2.0
//
// The three steps that are explained one after the other: tensor scale, block scales, codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nibble/check/search.hpp>
#include <nibble/check/traits.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// The tensor's amax and scales under models, each amax computed once.
template <class Executor>
class tensor_stage {
 public:
  tensor_stage(const subject& s, Executor& run) : s_(&s), run_(&run) {}

  [[nodiscard]] tensor_scaling scaling(const kernel_model& m) {
    if (!s_->f.tensor_scale) return {};
    if (s_->tensor_amax) return tensor_scales(*s_, m, binary32(*s_->tensor_amax));
    for (const entry& known : known_) {
      if (is_same_amax(known.model, m)) return tensor_scales(*s_, m, known.amax);
    }
    known_.push_back({m, amax(m)});
    return tensor_scales(*s_, m, known_.back().amax);
  }

  [[nodiscard]] bool passes(const kernel_model& m) {
    if (!s_->f.tensor_scale || !s_->bytes.tensor_scale) return true;
    const binary32 stored(*s_->bytes.tensor_scale);
    const binary32 expected = binary32::from_bits(stored_tensor_bits(m, scaling(m)));
    return stored.bits() == expected.bits() || (stored.is_nan() && expected.is_nan());
  }
  [[nodiscard]] bool verify(const kernel_model&) const { return true; }
  [[nodiscard]] double share(const kernel_model& m) { return passes(m) ? 1 : 0; }
  [[nodiscard]] double least_share() const noexcept { return 0; }

 private:
  struct entry {
    kernel_model model;
    binary32 amax;
  };
  [[nodiscard]] binary32 amax(const kernel_model& m) const {
    // Flushing and narrowing keep the order of magnitudes: the amax of what is left is what is left of the amax.
    const bool is_plain = m.reach == reach::all && m.tensor_window == tensor_window::all &&
                          m.tensor_magnitude == magnitude_rule::absolute;
    if (is_plain && s_->known_amax != nullptr) {
      std::uint32_t largest = 0;
      for (const std::uint32_t block : *s_->known_amax) largest = block > largest ? block : largest;
      const auto left = binary32::from_bits(narrowed(m.input, m.flush ? flushed(largest) : largest));
      if (left.is_finite()) return left;
    }
    std::vector<std::uint32_t> parts(most_slices);
    in_slices(s_->rows, *run_, [&](std::size_t slice, std::size_t first, std::size_t last) {
      parts[slice] = rows_amax(*s_, m, first, last);
    });
    std::uint32_t largest = 0;
    for (const std::uint32_t part : parts) largest = part > largest ? part : largest;
    return binary32::from_bits(largest);
  }
  [[nodiscard]] static bool is_same_amax(const kernel_model& a, const kernel_model& b) {
    return a.input == b.input && a.flush == b.flush && a.reach == b.reach && a.tensor_window == b.tensor_window &&
           a.tensor_magnitude == b.tensor_magnitude && a.recipe.amax == b.recipe.amax;
  }

  const subject* s_;
  Executor* run_;
  std::vector<entry> known_;
};

/// Block scales against the bytes, or, with `Codes`, codes against the bytes.
template <bool Codes, class Executor>
class block_stage {
 public:
  /// `sample` is shared by the stages of all starts: a block where one model failed is where the next one may.
  block_stage(const subject& s, const tensor_scaling& t, bool scales_known, Executor& run, block_sample& sample)
      : s_(&s), t_(t), scales_known_(scales_known), run_(&run), sample_(&sample) {}

  [[nodiscard]] bool passes(const kernel_model& m) const {
    const evaluator e(*s_, m, t_, scales_known_);
    return sample_->all([&](std::size_t block) { return is_right(e, block); });
  }

  /// Whether all blocks match; those that do not join the sample, one of each slice.
  [[nodiscard]] bool verify(const kernel_model& m) {
    const evaluator e(*s_, m, t_, scales_known_);
    if (!is_plausible(e)) return false;
    const std::size_t blocks = s_->blocks();
    std::vector<std::size_t> failed(most_slices, blocks);
    in_slices(blocks, *run_, [&](std::size_t slice, std::size_t first, std::size_t last) {
      for (std::size_t block = first; block < last; ++block) {
        if (is_right(e, block)) continue;
        failed[slice] = block;
        return;
      }
    });
    std::vector<std::size_t> found;
    for (const std::size_t block : failed) {
      if (block < blocks) found.push_back(block);
    }
    sample_->add(found);
    return found.empty();
  }

  /// The share of sampled blocks (scales) or elements (codes) that match.
  [[nodiscard]] double share(const kernel_model& m) const {
    const evaluator e(*s_, m, t_, scales_known_);
    std::size_t right = 0, all = 0;
    for (const std::size_t block : sample_->spread()) {
      const rectangle b = s_->block(block);
      const std::size_t size = Codes ? b.rows * b.cols : s_->f.replicate_scales ? b.rows : 1U;
      right += size - (Codes ? e.wrong_codes(block, size, nullptr) : e.wrong_scales(block, nullptr));
      all += size;
    }
    return all == 0 ? 1 : static_cast<double>(right) / static_cast<double>(all);
  }

  /// Twice what random codes would match; of scales, which crowd on few values, a tenth.
  [[nodiscard]] double least_share() const noexcept {
    return Codes ? 2.0 / static_cast<double>(1U << s_->f.element.bits()) : 0.1;
  }

 private:
  [[nodiscard]] static bool is_right(const evaluator& e, std::size_t block) {
    return Codes ? e.wrong_codes(block, 1, nullptr) == 0 : e.wrong_scales(block, nullptr) == 0;
  }

  /// Whether codes that are only known to be neighbours went up as often as they should.
  [[nodiscard]] bool is_plausible(const evaluator& e) const {
    if (!Codes || !e.is_unknown()) return true;
    upward_counts total;
    constexpr std::size_t enough = 4096;
    const std::size_t stride = s_->blocks() / enough + 1;
    for (std::size_t block = 0; block < s_->blocks(); block += stride) e.count_upward(block, total);
    return total.is_plausible();
  }

  const subject* s_;
  tensor_scaling t_;
  bool scales_known_;
  Executor* run_;
  block_sample* sample_;
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
