// SPDX-License-Identifier: Apache-2.0
//
// explain: which recipe, layout or fault makes the bytes that a kernel wrote.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <nibble/block/quantize.hpp>
#include <nibble/check/diagnosis.hpp>
#include <nibble/check/investigation.hpp>

namespace nibble {
inline namespace v0 {
namespace check {

/// What the kernel is thought to do; every field has a default.
struct explain_options {
  std::optional<nibble::recipe> recipe{};  ///< the recipe that differences are counted from; else the best preset
  std::string_view recipe_name = "expected";  ///< its name in the diagnosis
  element_rounding rounding{};  ///< with stochastic rounding, its seed or words
  check::scale_layout scale_layout = check::scale_layout::row_major;
  std::optional<float> tensor_amax{};  ///< the tensor's amax where it was shared between slices
};

namespace detail::inline NIBBLE_UNIT {

/// The kernel that a recipe and the options describe.
inline kernel_model model_of(const recipe& r, const explain_options& o) {
  kernel_model m;
  m.recipe = r;
  const rounding_choice choice = o.rounding.choice(r);
  m.rounding = choice.mode;
  m.variant = choice.variant;
  m.random_bits = choice.random_bits;
  if (o.rounding.draws()) m.philox_rounds = o.rounding.random().rounds;
  m.layout = o.scale_layout;
  return m;
}

/// Whether quantize takes the recipe for the format.
inline bool is_specified(const block_format& f, const recipe& r) {
  if (f.power_of_two_scale()) return r.exponent != exponent_rule::unspecified;
  return r.scale != scale_rule::unspecified;
}

/// Counts over all blocks, and the first failures.
struct tally {
  match_count scales, codes;
  std::optional<failing_place> scale, code;
};
template <class Executor>
tally count_all(const subject& s, const kernel_model& m, const tensor_scaling& t, bool scales_known, Executor& run) {
  const evaluator e(s, m, t, scales_known);
  std::vector<tally> parts(most_slices);
  const auto place = [&](const byte_mismatch& b, failing_place::kind what) {
    return failing_place{what, b.row, b.col, b.col / s.block_cols(), b.expected, b.found,
                         bit_cast<float>(s.x[b.row * s.cols + b.col])};
  };
  in_slices(s.blocks(), run, [&](std::size_t slice, std::size_t first, std::size_t last) {
    tally& part = parts[slice];
    for (std::size_t block = first; block < last; ++block) {
      const rectangle b = s.block(block);
      byte_mismatch scale, code;
      const std::size_t wrong_scales = e.wrong_scales(block, &scale);
      const std::size_t wrong_codes = e.wrong_codes(block, b.rows * b.cols, &code);
      part.scales.total += s.f.replicate_scales ? b.rows : 1U;
      part.scales.matched += (s.f.replicate_scales ? b.rows : 1U) - wrong_scales;
      part.codes.total += b.rows * b.cols;
      part.codes.matched += b.rows * b.cols - wrong_codes;
      if (wrong_scales != 0 && !part.scale) part.scale = place(scale, failing_place::kind::scale);
      if (wrong_codes != 0 && !part.code) part.code = place(code, failing_place::kind::code);
    }
  });
  tally all;
  for (const tally& part : parts) {
    all.scales.total += part.scales.total;
    all.scales.matched += part.scales.matched;
    all.codes.total += part.codes.total;
    all.codes.matched += part.codes.matched;
    if (!all.scale) all.scale = part.scale;
    if (!all.code) all.code = part.code;
  }
  return all;
}

/// The whole of explain() for a subject that has been checked.
template <class Executor>
class explanation {
 public:
  explanation(const subject& s, const matrix_traits& traits, const explain_options& o, Executor& run)
      : s_(s), options_(o), run_(run), search_(s, traits, run) {}

  [[nodiscard]] diagnosis run() {
    find_presets();
    if (options_.recipe) {
      const kernel_model start = model_of(*options_.recipe, options_);
      return report(options_.recipe_name, start, search_.run(start));
    }
    // Without a recipe: one that predicts everything, else the fewest differences from one of those that fit best.
    constexpr std::size_t tried = 4;
    if (!result_.same_as.empty()) {
      const preset& p = *find(result_.same_as.front());
      return report(p.name, p.start, p.plain);
    }
    std::stable_sort(presets_.begin(), presets_.end(),
                     [](const preset& a, const preset& b) { return a.plain.share > b.plain.share; });
    const preset* best = nullptr;
    account best_account;
    for (std::size_t i = 0; i < presets_.size() && i < tried; ++i) {
      account a = search_.run(presets_[i].start);
      if (best != nullptr && !a.is_better_than(best_account)) continue;
      best = &presets_[i];
      best_account = std::move(a);
      if (best_account.is_explained() && best_account.differences.size() == 1) break;
      if (best_account.knows_blocks() && best_account.differences.size() <= 1) break;  // all but the tensor scale
    }
    return report(best->name, best->start, best_account);
  }

 private:
  struct preset {
    std::string_view name;
    kernel_model start;
    account plain;
  };

  void find_presets() {
    for (const named_recipe& r : named_recipes) {
      if (!is_specified(s_.f, r.recipe)) continue;
      const kernel_model start = model_of(r.recipe, options_);
      presets_.push_back({r.name, start, search_.plain(start)});
      if (presets_.back().plain.is_explained()) result_.same_as.push_back(r.name);
    }
  }
  [[nodiscard]] const preset* find(std::string_view name) const {
    for (const preset& p : presets_) {
      if (p.name == name) return &p;
    }
    return nullptr;
  }

  [[nodiscard]] diagnosis report(std::string_view name, const kernel_model& start, const account& a) {
    result_.recipe = name;
    result_.tensor_scale_matched = a.tensor_known;
    for (const difference* d : a.differences) {
      result_.differences.push_back(*d);
      result_.by_neighbours = result_.by_neighbours || d->evidence == evidence::neighbours;
    }
    for (const difference_set& set : a.alternatives) {
      result_.alternatives.emplace_back();
      for (const difference* d : set) result_.alternatives.back().push_back(*d);
    }
    const tally now = count_all(s_, a.model, a.scaling, a.scales_known, run_);
    result_.scales = now.scales;
    result_.codes = now.codes;
    const bool matched =
        a.tensor_known && now.scales.matched == now.scales.total && now.codes.matched == now.codes.total;
    result_.verdict = !matched ? verdict::not_explained
                      : a.differences.empty() ? verdict::nothing_differs : verdict::explained;
    count_before(start, a, now);
    if (!a.tensor_known) {
      result_.scaled_by = now.scales.share() < 0.5 && now.codes.share() < 0.5 ? tensor_scale_source::neither
                          : a.from_memory                                    ? tensor_scale_source::memory
                                                                             : tensor_scale_source::recipe;
      result_.first_failure = failing_place{.what = failing_place::kind::tensor_scale,
                                            .expected = stored_tensor_bits(start, search_.scaling(start)),
                                            .found = to_bits(*s_.bytes.tensor_scale)};
    } else {
      result_.first_failure = now.scale ? now.scale : now.code;
    }
    return result_;
  }

  /// The counts under the recipe alone, where its layout takes as many bytes.
  void count_before(const kernel_model& start, const account& a, const tally& now) {
    result_.scales_before = now.scales;
    result_.codes_before = now.codes;
    if (start == a.model) return;
    const std::size_t size = scale_layout_bytes(start.layout, s_.scale_rows(), s_.across());
    kernel_model same = start;
    const bool fits = s_.bytes.scales.size() == size;
    if (!fits) same.layout = a.model.layout;
    const tally before = count_all(s_, same, a.tensor_known ? search_.scaling(same) : a.scaling, false, run_);
    result_.scales_before = before.scales;
    result_.codes_before = before.codes;
    if (!fits) result_.scales_before.matched = 0;
  }

  const subject& s_;
  const explain_options& options_;
  Executor& run_;
  investigation<Executor> search_;
  std::vector<preset> presets_;
  diagnosis result_;
};

}  // namespace detail

/// Explains the bytes that a kernel made of `x`: the smallest set of differences from a recipe that predicts every one
/// of them, or the closest set found and where it fails. The steps of quantization are taken one after the other, each
/// given the bytes stored for the one before: tensor scale, scale layout, scales, code order, codes. At most two
/// differences a step are combined, beside its layout or order, and one of the input. Candidates that survive a sample
/// of blocks are verified on all of them: what is reported as explained is true of every byte. A tensor scale that no
/// difference gives is not explained; the steps after it are then taken from it or from the recipe's own, whichever
/// predicts more (diagnosis::scaled_by). Where nothing explains a step, the closest differences are reported only if
/// they predict half of its bytes.
///
/// `F` has blocks of a fixed size of at most 256 columns and one-byte scales, one for each row (all named block
/// formats). `run` is an executor. Copies x as float32. An empty matrix has no differences. Throws
/// std::invalid_argument for a matrix that cannot be read, bytes whose number fits no layout, and a recipe that says
/// nothing about F.
template <block_format F, class T, executor Executor = serial>
[[nodiscard]] diagnosis explain(const matrix_view<T>& x, const device_bytes& bytes, const explain_options& options = {},
                                Executor&& run = {}) {
  static_assert(F.is_valid() && F.scale_bytes() == 1 && F.block_size > 0 && F.block_size <= 256 && F.block_rows > 0,
                "explain<F>: F must have one-byte scales and blocks of at most 256 columns");
  nibble::detail::check_view(x, "x");
  quantize_options call;
  call.rounding = options.rounding;
  call.recipe = options.recipe.value_or(recipe{});
  call.tensor_amax = options.tensor_amax;
  nibble::detail::check_options(call, x.size());
  if (options.recipe) nibble::detail::check_recipe<F>(*options.recipe);
  nibble::detail::check_enumerator(options.scale_layout, scale_layout::tiled_without_interleave,
                                   "options.scale_layout");
  detail::subject s;
  s.f = F;
  s.encode = detail::encode_elements<F.element, std::uint32_t>;
  s.encode_quotients = detail::encode_elements<F.element, std::uint64_t>;
  s.rows = x.rows;
  s.cols = x.cols;
  s.bytes = bytes;
  s.random = options.rounding;
  s.tensor_amax = options.tensor_amax;
  detail::check_bytes(s);
  s.x = detail::bits_of(x);
  const detail::matrix_traits traits = detail::traits_of(s, run);
  if (!traits.has_nonfinite) s.known_amax = &traits.block_amax;
  return detail::explanation(s, traits, options, run).run();
}

/// As above for a tensor in nibble's own layout.
template <block_format F, class T, executor Executor = serial>
[[nodiscard]] diagnosis explain(const matrix_view<T>& x, const block_tensor<F>& q, const explain_options& options = {},
                                Executor&& run = {}) {
  const device_bytes bytes{.codes = q.codes(), .scales = q.scales(), .tensor_scale = q.tensor_scale()};
  return explain<F>(x, bytes, options, run);
}

}  // namespace check
}  // namespace v0
}  // namespace nibble
