// SPDX-License-Identifier: Apache-2.0
//
// The smallest set of differences under which one step of a model gives the bytes in memory. Candidates are judged on a
// sample of blocks; survivors are verified on all of them, and the blocks where they fail join the sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <nibble/base/counts.hpp>
#include <nibble/check/difference.hpp>
#include <nibble/check/evaluator.hpp>

namespace nibble {
inline namespace v0 {
namespace check {
namespace detail::inline NIBBLE_UNIT {

using difference_set = std::vector<const difference*>;

/// What was found for one step.
struct solution {
  kernel_model model;            ///< the start with the differences applied
  difference_set differences;
  bool is_explained = false;     ///< every byte of the step
  std::vector<difference_set> alternatives;  ///< other sets of this size that explain every byte
  double share = 0;              ///< of sampled blocks that match
};

/// Sets beyond this size are not searched, nor more alternatives than this.
inline constexpr std::size_t largest_set = 2;
inline constexpr std::size_t most_alternatives = 3;

/// Of what does not match yet, the part that a difference must predict to be reported as close: less comes by chance.
inline constexpr double least_gain = 0.1;

/// Blocks on which candidates are judged: those where some candidate failed first, then an even spread.
class block_sample {
 public:
  explicit block_sample(std::size_t blocks) {
    constexpr std::size_t wanted = 384;
    const std::size_t count = smaller(blocks, wanted);
    for (std::size_t i = 0; i < count; ++i) {
      // Blocks of equal parts, at a place in the part that no period of the matrix follows.
      const std::size_t begin = blocks / count * i, size = blocks / count;
      spread_.push_back(begin + i * 7919U % size);
    }
  }
  void add(const std::vector<std::size_t>& failed) {
    constexpr std::size_t most = 2048;
    for (const std::size_t block : failed) {
      if (failed_.size() < most) failed_.push_back(block);
    }
  }
  /// Whether `is_right(block)` for all of them.
  template <class Predicate>
  [[nodiscard]] bool all(const Predicate& is_right) const {
    for (std::size_t i = failed_.size(); i-- > 0;) {
      if (!is_right(failed_[i])) return false;
    }
    for (const std::size_t block : spread_) {
      if (!is_right(block)) return false;
    }
    return true;
  }
  [[nodiscard]] const std::vector<std::size_t>& spread() const noexcept { return spread_; }
  [[nodiscard]] const std::vector<std::size_t>& failed() const noexcept { return failed_; }

 private:
  std::vector<std::size_t> spread_, failed_;
};

/// Enumerates sets of differences. A Stage judges one model: passes(model) on the sample, verify(model) on everything,
/// share(model) of sampled blocks that match, and least_share(), below which nothing fits.
template <class Stage>
class set_search {
 public:
  set_search(Stage& stage, const kernel_model& start, const std::vector<const difference*>& candidates)
      : stage_(&stage), start_(start) {
    for (const difference* d : candidates) {
      kernel_model m = start;
      d->apply(m);
      if (!(m == start)) (d->evidence == evidence::bytes ? strong_ : weak_).push_back(d);
    }
  }

  /// The smallest set of at most `limit` differences, or the best one found.
  [[nodiscard]] solution run(std::size_t limit) {
    result_.model = start_;
    if (explains(start_)) {
      result_.is_explained = true;
      result_.share = 1;
      return result_;
    }
    if (limit >= 1 && singles(strong_)) return result_;
    // Two differences are combined where one of them, or none, fits better than bytes at random would.
    const double plain = stage_->share(start_);
    closest(plain, limit < 1 ? limit : 1, 0);
    const bool combine = limit >= 2 && result_.share >= stage_->least_share();
    if (combine && pairs(strong_, strong_)) return result_;
    if (limit >= 1 && singles(weak_)) return result_;
    if (combine && pairs(weak_, strong_)) return result_;
    if (result_.share < plain + least_gain * (1 - plain)) {
      result_ = solution{};
      result_.model = start_;
      result_.share = plain;
    } else if (combine) {
      closest(result_.share, limit, least_gain);
    }
    return result_;
  }

 private:
  [[nodiscard]] bool explains(const kernel_model& m) { return stage_->passes(m) && stage_->verify(m); }

  /// Takes a set that explains everything; whether enough have been found.
  bool take(const kernel_model& m, const difference_set& set) {
    if (!result_.is_explained) {
      result_.is_explained = true;
      result_.model = m;
      result_.differences = set;
      result_.share = 1;
      return false;
    }
    result_.alternatives.push_back(set);
    return result_.alternatives.size() >= most_alternatives;
  }

  bool singles(const difference_set& from) {
    for (const difference* d : from) {
      kernel_model m = start_;
      d->apply(m);
      if (explains(m) && take(m, {d})) break;
    }
    return result_.is_explained;
  }

  bool pairs(const difference_set& from, const difference_set& with) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      kernel_model first = start_;
      from[i]->apply(first);
      for (std::size_t j = &from == &with ? i + 1 : 0; j < with.size(); ++j) {
        if (from[i]->subject == with[j]->subject) continue;
        kernel_model m = first;
        with[j]->apply(m);
        if (!(m == first) && explains(m) && take(m, {from[i], with[j]})) return true;
      }
    }
    return result_.is_explained;
  }

  /// Adds the difference that matches the most sampled blocks, as long as one predicts `gain` of what does not match.
  /// `share_so_far` is that of the model so far.
  void closest(double share_so_far, std::size_t limit, double gain) {
    result_.share = share_so_far;
    for (std::size_t size = result_.differences.size(); size < limit; ++size) {
      const kernel_model from = result_.model;
      const difference* best = nullptr;
      const double least = result_.share + gain * (1 - result_.share);
      for (const difference* d : strong_) {
        if (!result_.differences.empty() && result_.differences[0]->subject == d->subject) continue;
        kernel_model m = from;
        d->apply(m);
        if (m == from) continue;
        const double share = stage_->share(m);
        if (share <= result_.share || share < least) continue;
        result_.share = share;
        result_.model = m;
        best = d;
      }
      if (best == nullptr) return;
      result_.differences.push_back(best);
    }
  }

  Stage* stage_;
  kernel_model start_;
  difference_set strong_, weak_;
  solution result_;
};

}  // namespace detail
}  // namespace check
}  // namespace v0
}  // namespace nibble
