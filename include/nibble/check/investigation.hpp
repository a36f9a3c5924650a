// SPDX-License-Identifier: Apache-2.0
//
// The search over all steps of a kernel, from one recipe. Steps are independent given the bytes of the one before, so that
// differences of each are looked for apart, and their numbers add up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <nibble/check/code_differences.hpp>
#include <nibble/check/input_differences.hpp>
#include <nibble/check/scale_differences.hpp>
#include <nibble/check/stages.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

/// One way to account for the bytes.
struct account {
  difference_set differences;
  std::vector<difference_set> alternatives;
  kernel_model model;
  tensor_scaling scaling;
  bool tensor_known = false, scales_known = false, codes_known = false;
  double share = 0;  ///< of tensor scale, sampled scales and sampled codes that match: 0 to 3

  [[nodiscard]] bool is_explained() const noexcept { return tensor_known && scales_known && codes_known; }
  [[nodiscard]] bool is_better_than(const account& other) const noexcept {
    if (is_explained() != other.is_explained()) return is_explained();
    // A difference that explains little is no explanation.
    constexpr double cost = 0.002;
    const double own = is_explained() ? 0 : share, its = is_explained() ? 0 : other.share;
    return own - cost * static_cast<double>(differences.size()) > its - cost * static_cast<double>(other.differences.size());
  }
};

/// The search. `Executor` runs passes over all blocks.
template <class Executor>
class investigation {
 public:
  investigation(const subject& s, const matrix_traits& traits, Executor& run)
      : s_(&s), traits_(&traits), run_(&run), tensor_(s, run), scale_sample_(s.blocks()), code_sample_(s.blocks()) {}

  /// The best account with `start` as the kernel without differences.
  [[nodiscard]] account run(const kernel_model& start) {
    account best = with_input(start, {}, largest_set, nullptr);
    if (best.is_explained() && best.differences.size() <= 1) return best;
    for (const difference& d : input_differences) {
      kernel_model m = start;
      d.apply(m);
      if (!is_worth_trying(d, step::input) || m == start) continue;
      account other = with_input(m, {&d}, 1, &best);
      if (other.is_better_than(best)) best = std::move(other);
      if (best.is_explained() && best.differences.size() == 1) return best;
    }
    return best;
  }

  /// How well `start` fits without any difference: the sample is asked about all steps before any step is verified.
  [[nodiscard]] account plain(const kernel_model& start) {
    account a;
    a.model = start;
    a.tensor_known = tensor_.passes(start);
    a.share = a.tensor_known ? 1 : 0;
    a.scaling = a.tensor_known ? tensor_.scaling(start) : stored_scaling();
    if (s_->bytes.scales.size() != scale_layout_bytes(start.layout, s_->scale_rows(), s_->across())) return a;
    block_stage<false, Executor> scales(*s_, a.scaling, false, *run_, scale_sample_);
    block_stage<true, Executor> codes(*s_, a.scaling, true, *run_, code_sample_);
    const bool passes = a.tensor_known && scales.passes(start) && codes.passes(start);
    a.scales_known = passes && scales.verify(start);
    a.codes_known = a.scales_known && codes.verify(start);
    a.share += a.is_explained() ? 2 : scales.share(start) + codes.share(start);
    return a;
  }

  /// The tensor's scales under a model, or, where those are not the stored ones, what is stored.
  [[nodiscard]] tensor_scaling scaling(const kernel_model& m) { return tensor_.scaling(m); }
  [[nodiscard]] tensor_scaling stored_scaling() const {
    tensor_scaling t;
    t.decode = binary32(*s_->bytes.tensor_scale);
    t.encode = binary32(1.0F) / t.decode;
    return t;
  }

 private:
  /// Whether a difference can change anything for this format and matrix.
  [[nodiscard]] bool is_worth_trying(const difference& d, step where) const {
    if (d.where != where || !is_applicable(d, s_->f)) return false;
    kernel_model m;
    d.apply(m);
    if (m.transposed && s_->rows != s_->cols) return false;
    if (m.reach == reach::whole_blocks && s_->cols % s_->block_cols() == 0) return false;
    if (d.subject == "amax of NaN and Inf" && !traits_->has_nonfinite) return false;
    if (m.flush && !traits_->has_tiny) return false;
    if (m.input == narrowing::binary16) return traits_->beyond_binary16;
    return m.input == narrowing::none || traits_->beyond_bfloat16;
  }

  template <std::size_t Size>
  [[nodiscard]] difference_set candidates(const difference (&table)[Size], step where, const kernel_model& start) const {
    difference_set result;
    for (const difference& d : table) {
      if (!is_worth_trying(d, where)) continue;
      const bool about_random = d.subject.starts_with("random") || d.subject == "Philox rounds" ||
                                d.subject == "stochastic variant";
      if (about_random && start.rounding != rounding_mode::stochastic) continue;
      result.push_back(&d);
    }
    return result;
  }

  /// `rival`: an account that takes as many steps, so that a step which it explains and this one does not ends it.
  [[nodiscard]] account with_input(const kernel_model& start, const difference_set& input, std::size_t limit,
                                   const account* rival) {
    account a;
    a.differences = input;
    const bool is_known = rival != nullptr && rival->tensor_known;
    const difference_set from = candidates(input_differences, step::tensor_scale, start);
    solution t = set_search(tensor_, start, from).run(is_known ? 0 : limit);
    a.tensor_known = t.is_explained;
    a.share = t.share;
    if (!t.is_explained) t.differences.clear();
    a.model = t.is_explained ? t.model : start;
    a.scaling = t.is_explained ? tensor_.scaling(a.model) : stored_scaling();
    join(a, t);
    if (!a.tensor_known && is_known) return a;
    if (!scales(a, limit) || (!a.scales_known && rival != nullptr && rival->scales_known)) return a;
    codes(a, limit);
    return a;
  }

  static void join(account& a, const solution& s) {
    a.differences.insert(a.differences.end(), s.differences.begin(), s.differences.end());
    a.alternatives.insert(a.alternatives.end(), s.alternatives.begin(), s.alternatives.end());
  }

  /// The scale layout is settled first: from the scale bytes alone, by how few values separate them from the predicted
  /// ones whatever the rule. False where no layout that may be tried takes as many bytes.
  bool scales(account& a, std::size_t limit) {
    block_stage<false, Executor> stage(*s_, a.scaling, false, *run_, scale_sample_);
    const difference_set from = candidates(scale_differences, step::scale, a.model);
    std::vector<ranked> layouts;
    add_ranked(layouts, nullptr, a.model, layout_score(a));
    for (const difference& d : scale_differences) {
      kernel_model m = a.model;
      d.apply(m);
      if (limit == 0 || d.where != step::scale_layout || m == a.model) continue;
      account moved = a;
      moved.model = m;
      add_ranked(layouts, &d, m, layout_score(moved));
    }
    if (layouts.empty()) return false;
    take_best(a, stage, layouts, from, limit);
    a.scales_known = last_.is_explained;
    return true;
  }

  /// The code order is settled by the number of codes that match.
  void codes(account& a, std::size_t limit) {
    block_stage<true, Executor> stage(*s_, a.scaling, a.scales_known, *run_, code_sample_);
    const difference_set from = candidates(code_differences, step::code, a.model);
    std::vector<ranked> orders;
    add_ranked(orders, nullptr, a.model, stage.share(a.model));
    for (const difference& d : code_differences) {
      kernel_model m = a.model;
      d.apply(m);
      if (limit == 0 || d.where != step::code_order || !is_applicable(m.order, s_->f, s_->rows, s_->cols)) continue;
      add_ranked(orders, &d, m, stage.share(m));
    }
    take_best(a, stage, orders, from, limit);
    a.codes_known = last_.is_explained;
  }

  /// A layout or an order, and how well it fits.
  struct ranked {
    const difference* moved;  ///< null: as the recipe has it
    kernel_model model;
    double score;
  };
  static void add_ranked(std::vector<ranked>& list, const difference* d, const kernel_model& m, double score) {
    if (score >= 0) list.push_back({d, m, score});
  }

  /// The smallest account of a step over the layouts that fit at least half as well as the best one.
  template <class Stage>
  void take_best(account& a, Stage& stage, const std::vector<ranked>& list, const difference_set& from,
                 std::size_t limit) {
    double top = 0;
    for (const ranked& r : list) top = r.score > top ? r.score : top;
    // Where nothing fits, no order is better than the one that was asked for.
    if (top < stage.least_share()) top = 2;
    last_ = solution{};
    last_.model = a.model;
    bool first = true;
    for (const ranked& r : list) {
      if (r.score < top / 2 && &r != &list.front()) continue;
      const std::size_t cost = r.moved != nullptr ? 1U : 0U;
      if (!first && last_.is_explained && last_.differences.size() <= cost) continue;
      const bool bounded = !first && last_.is_explained;
      const std::size_t allowed = bounded ? std::min(limit, last_.differences.size() - cost - 1) : limit;
      solution found = set_search(stage, r.model, from).run(allowed);
      if (cost != 0) found.differences.insert(found.differences.begin(), r.moved);
      const bool better = found.is_explained != last_.is_explained
                              ? found.is_explained
                              : found.is_explained ? found.differences.size() < last_.differences.size()
                                                   : found.share > last_.share;
      if (first || better) last_ = std::move(found);
      first = false;
    }
    a.model = last_.model;
    a.share += last_.share;
    join(a, last_);
  }

  /// How much the differences between stored and predicted scale codes crowd on few values: the chance that two sampled
  /// blocks have the same; -1 where the layout takes another number of bytes.
  [[nodiscard]] double layout_score(const account& a) const {
    const std::size_t rows = s_->scale_rows(), cols = s_->across();
    if (s_->bytes.scales.size() != scale_layout_bytes(a.model.layout, rows, cols)) return -1;
    std::uint32_t less[256] = {}, plus[256] = {};
    const evaluator e(*s_, a.model, a.scaling, false);
    for (const std::size_t block : scale_sample_.spread()) {
      const rectangle b = s_->block(block);
      const unsigned expected = e.scale_of(b).stored;
      const unsigned found = s_->scale(a.model.layout, s_->scale_row(b.row), b.col / s_->block_cols());
      ++less[(found - expected) & 255U];
      ++plus[(found + expected) & 255U];
    }
    double score[2] = {};
    for (int i = 0; i < 256; ++i) {
      score[0] += static_cast<double>(less[i]) * less[i];
      score[1] += static_cast<double>(plus[i]) * plus[i];
    }
    return score[0] > score[1] ? score[0] : score[1];
  }

  const subject* s_;
  const matrix_traits* traits_;
  Executor* run_;
  tensor_stage<Executor> tensor_;
  block_sample scale_sample_, code_sample_;
  solution last_;
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
