// SPDX-License-Identifier: Apache-2.0
//
// The search over all steps of a kernel, from one recipe. Steps are independent given the bytes of the one before, so
// that differences of each are looked for apart, and their numbers add up.
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
  bool from_memory = false;  ///< where the tensor scale is not known: the scaling is that of the one in memory
  double share = 0;  ///< of tensor scale, sampled scales and sampled codes that match: 0 to 3

  [[nodiscard]] bool is_explained() const noexcept { return tensor_known && scales_known && codes_known; }
  /// Whether all scales and codes follow, whatever the tensor scale in memory.
  [[nodiscard]] bool knows_blocks() const noexcept { return scales_known && codes_known; }
  [[nodiscard]] bool is_better_than(const account& other) const noexcept {
    if (is_explained() != other.is_explained()) return is_explained();
    // A difference that explains little is no explanation.
    constexpr double cost = 0.002;
    const double own = is_explained() ? 0 : share, its = is_explained() ? 0 : other.share;
    const auto count = static_cast<double>(differences.size());
    return own - cost * count > its - cost * static_cast<double>(other.differences.size());
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
      const bool is_closer = other.share >= best.share + least_gain * (3 - best.share);
      if (other.is_better_than(best) && (other.is_explained() || is_closer)) best = std::move(other);
      if (best.is_explained() && best.differences.size() == 1) return best;
    }
    return best;
  }

  /// How well `start` fits without any difference: the sample is asked about all steps before any step is verified.
  [[nodiscard]] account plain(const kernel_model& start) {
    account a;
    a.model = start;
    a.tensor_known = tensor_.passes(start);
    a.scaling = tensor_.scaling(start);
    if (s_->bytes.scales.size() == scale_layout_bytes(start.layout, s_->scale_rows(), s_->across())) {
      if (a.tensor_known) a.scales_known = a.codes_known = follows(start, a.scaling);
      a.share = a.is_explained() ? 2 : sampled_share(start, a.scaling);
      for (const tensor_scaling& t : a.tensor_known ? std::vector<tensor_scaling>{} : stored_scalings()) {
        a.share = std::max(a.share, sampled_share(start, t));
      }
    }
    a.share += a.tensor_known ? 1 : 0;
    return a;
  }

  /// The tensor's scales under a model.
  [[nodiscard]] tensor_scaling scaling(const kernel_model& m) { return tensor_.scaling(m); }

 private:
  /// Whether `m` gives every scale and every code under the tensor's scales `t`.
  [[nodiscard]] bool follows(const kernel_model& m, const tensor_scaling& t) {
    if (s_->bytes.scales.size() != scale_layout_bytes(m.layout, s_->scale_rows(), s_->across())) return false;
    block_stage<false, Executor> scales(*s_, t, false, *run_, scale_sample_);
    block_stage<true, Executor> codes(*s_, t, true, *run_, code_sample_);
    return scales.passes(m) && codes.passes(m) && scales.verify(m) && codes.verify(m);
  }
  [[nodiscard]] double sampled_share(const kernel_model& m, const tensor_scaling& t) {
    return block_stage<false, Executor>(*s_, t, false, *run_, scale_sample_).share(m) +
           block_stage<true, Executor>(*s_, t, true, *run_, code_sample_).share(m);
  }

  /// The encode multipliers that can belong to a decode multiplier T in memory that is not the predicted one: 1 / T
  /// and, where T is their reciprocal, its neighbours. None where T is no positive number with a finite reciprocal.
  [[nodiscard]] std::vector<tensor_scaling> stored_scalings() const {
    const binary32 decode(*s_->bytes.tensor_scale), one(1.0F), zero(0.0F);
    const binary32 encode = one / decode;
    std::vector<tensor_scaling> result;
    if (!decode.is_finite() || !(zero < decode) || !encode.is_finite()) return result;
    result.push_back({.decode = decode, .encode = encode});
    for (const std::uint32_t bits : {encode.bits() - 1U, encode.bits() + 1U}) {
      const auto near = binary32::from_bits(bits);
      if ((one / near).bits() == decode.bits()) result.push_back({.decode = decode, .encode = near});
    }
    return result;
  }

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
  [[nodiscard]] difference_set candidates(const difference (&table)[Size], step where,
                                          const kernel_model& start) const {
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
    a.scaling = tensor_.scaling(a.model);
    join(a, t);
    if (a.tensor_known) {
      blocks(a, limit, rival);
    } else if (!is_known && (rival == nullptr || !rival->knows_blocks())) {
      a = with_foreign_tensor_scale(a, limit, rival);
    }
    return a;
  }

  /// The steps after the tensor scale.
  void blocks(account& a, std::size_t limit, const account* rival) {
    if (!scales(a, limit) || (!a.scales_known && rival != nullptr && rival->scales_known)) return;
    codes(a, limit);
  }

  /// The steps after a tensor scale that nothing explains. The kernel may have used the one that it stored, or the
  /// right one and stored another: from which of the two the blocks follow, or follow best.
  [[nodiscard]] account with_foreign_tensor_scale(const account& start, std::size_t limit, const account* rival) {
    std::vector<account> all = {start};
    for (const tensor_scaling& t : stored_scalings()) {
      all.push_back(start);
      all.back().scaling = t;
      all.back().from_memory = true;
    }
    for (account& a : all) {
      if (!follows(a.model, a.scaling)) continue;
      a.scales_known = a.codes_known = true;
      a.share += 2;
      return a;
    }
    if (all.size() > 2) all.resize(2);
    for (account& a : all) blocks(a, limit, rival);
    return all.back().is_better_than(all.front()) ? all.back() : all.front();
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

  /// The smallest account of a step over the layouts that fit at least half as well as the best one. Of one that
  /// predicts less than half of the step, only a layout that clearly fits better than the recipe's says anything.
  template <class Stage>
  void take_best(account& a, Stage& stage, const std::vector<ranked>& list, const difference_set& from,
                 std::size_t limit) {
    double top = 0;
    for (const ranked& r : list) top = r.score > top ? r.score : top;
    // Where nothing fits, no order is better than the one that was asked for.
    if (top < stage.least_share()) top = 2;
    last_ = solution{};
    last_.model = a.model;
    const ranked* taken = &list.front();
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
      if (first || better) {
        last_ = std::move(found);
        taken = &r;
      }
      first = false;
    }
    a.share += last_.share;
    constexpr double fits = 0.5;
    if (!last_.is_explained && last_.share < fits) {
      const bool is_clear = taken->moved != nullptr && list.front().score < top / 2;
      if (!is_clear) taken = &list.front();
      last_.model = taken->model;
      last_.differences.clear();
      if (is_clear) last_.differences.push_back(taken->moved);
    }
    a.model = last_.model;
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
