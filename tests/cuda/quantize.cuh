// SPDX-License-Identifier: Apache-2.0
//
// quantize and dequantize of cuda{} against the scalar backend for one block format: every recipe, rounding, orientation
// and source type on hostile tensors, odd shapes, gaps and unaligned memory. Each block format is a program of its own.
#pragma once

#include "../block/changed_recipe.hpp"

#include "support.cuh"

namespace nibble_test {

using namespace nibble;

template <block_format F>
bool says_something(const recipe& r) {
  return F.power_of_two_scale() ? r.exponent != exponent_rule::unspecified : r.scale != scale_rule::unspecified;
}

/// A matrix on both sides. The device copy starts `shift` elements after an aligned address.
template <class T>
struct sample {
  std::vector<T> host;
  device_array<T> device;
  std::size_t rows, cols, shift;
  std::ptrdiff_t row_stride, col_stride;

  sample(std::vector<T> values, std::size_t r, std::size_t c, std::size_t s = 0, std::ptrdiff_t row_step = 0,
         std::ptrdiff_t col_step = 1)
      : host(std::move(values)), device(host.size() + s), rows(r), cols(c), shift(s),
        row_stride(row_step == 0 ? static_cast<std::ptrdiff_t>(c) : row_step), col_stride(col_step) {
    check(cudaMemcpy(device.data() + s, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice), "copy");
  }
  matrix_view<T> on_host() const { return {host.data(), rows, cols, row_stride, col_stride}; }
  matrix_view<T> on_device() const { return {device.data() + shift, rows, cols, row_stride, col_stride}; }
};

/// One call on both sides, compared with the bytes around the output; `gap` widens the strides and unaligns the codes.
template <block_format F, class T>
void compare(const sample<T>& x, quantize_options options, const std::string& what, std::size_t gap = 0, bool values = false) {
  using scale_type = code_type<F.scale>;
  const bool turned = options.orientation == orientation::column_wise;
  const std::size_t rows = turned ? x.cols : x.rows;
  const std::size_t cols = turned ? x.rows : x.cols;
  const std::size_t code_stride = F.row_bytes(cols) + gap;
  const std::size_t scale_stride = F.scale_cols(cols) + gap;
  std::vector<std::uint8_t> codes(rows * code_stride + gap, 0xa5);
  std::vector<scale_type> scales(F.scale_rows(rows) * scale_stride + gap, scale_type{0xa5});
  std::vector<float> tensor_scale(1, -7.0F);
  device_array<std::uint8_t> device_codes(codes);
  device_array<scale_type> device_scales(scales);
  device_array<float> device_tensor_scale(tensor_scale);
  device_array<quantize_counts> device_counts(std::vector<quantize_counts>(1));
  quantize_counts counts;
  const bool counted = options.counts != nullptr;

  if (counted) options.counts = &counts;
  const block_view<F> q{codes.data() + gap, scales.data() + gap, tensor_scale.data(), rows, cols, code_stride, scale_stride};
  quantize(scalar{}, x.on_host(), q, options, all_cores{});
  if (counted) options.counts = device_counts.data();
  const block_view<F> p{device_codes.data() + gap, device_scales.data() + gap, device_tensor_scale.data(),
                        rows, cols, code_stride, scale_stride};
  check(quantize(cuda{nullptr, workspace()}, x.on_device(), p, options), what);

  const bool same_scales = device_scales.get() == scales;
  const bool same_codes = device_codes.get() == codes;
  const bool same_tensor_scale = to_bits(device_tensor_scale.get()[0]) == to_bits(tensor_scale[0]);
  check(same_scales && same_codes && same_tensor_scale,
        what + " (" + std::to_string(x.rows) + " x " + std::to_string(x.cols) + "):" + (same_scales ? "" : " scales") +
            (same_codes ? "" : " codes") + (same_tensor_scale ? "" : " tensor scale") + " differ");
  if (counted) {
    const quantize_counts on_device = device_counts.get()[0];
    check(on_device.elements == counts.elements && on_device.clipped == counts.clipped &&
              on_device.zeroed == counts.zeroed && on_device.nonfinite == counts.nonfinite,
          what + ": counts differ");
  }
  if (!values) return;
  const auto compare_values = [&]<class Value>(Value) {
    std::vector<Value> expected(rows * cols);
    dequantize(scalar{}, q, expected.data());
    device_array<Value> out(rows * cols);
    check(dequantize(cuda{}, p, out.data()), what + ": dequantize");
    check(std::memcmp(out.get().data(), expected.data(), expected.size() * sizeof(Value)) == 0, what + ": values differ");
  };
  compare_values(float{});
  compare_values(bf16{});
}

inline stochastic any_stochastic(std::mt19937_64& random) {
  const int bits[] = {8, 16, 32};
  return {.seed = random(), .stream = random() % 3, .bits = bits[random() % 3],
          .variant = static_cast<stochastic_variant>(random() % 3), .first_element = random() % 100,
          .rounds = random() % 2 != 0 ? 7 : 10};
}

/// Every recipe x rounding x orientation on one tensor of each content.
template <block_format F>
void compare_recipes(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const rounding_mode modes[] = {rounding_mode::nearest_even, rounding_mode::nearest_away, rounding_mode::toward_zero,
                                 rounding_mode::upward,       rounding_mode::downward,     rounding_mode::to_odd,
                                 rounding_mode::nearest_toward_zero};
  for (int kind = 0; kind < contents; ++kind) {
    const sample<float> x(tensor(rows * cols, static_cast<content>(kind), random()), rows, cols);
    for (const auto& [name, r] : named_recipes) {
      const std::string what = "content " + std::to_string(kind) + ", " + std::string(name);
      if (!says_something<F>(r)) continue;
      quantize_counts asked;
      compare<F>(x, {.recipe = r, .counts = &asked}, what, 0, true);
      const rounding_mode mode = modes[random() % 7];
      compare<F>(x, {.rounding = mode, .recipe = r}, what + ", mode " + std::to_string(static_cast<int>(mode)));
      compare<F>(x, {.rounding = any_stochastic(random), .recipe = r}, what + ", stochastic");
      compare<F>(x, {.rounding = any_stochastic(random), .recipe = r, .orientation = orientation::column_wise},
                 what + ", stochastic, column-wise");
      compare<F>(x, {.recipe = r, .orientation = orientation::column_wise}, what + ", column-wise");
    }
  }
}

/// Recipes with some fields changed, the tensor's amax or another's, on tensors of any content.
template <block_format F>
void compare_changed_recipes(int count, std::size_t rows, std::size_t cols, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (int i = 0; i < count; ++i) {
    const sample<float> x(tensor(rows * cols, static_cast<content>(below(contents)), random()), rows, cols);
    quantize_options o;
    o.recipe = named_recipes[below(std::size(named_recipes))].recipe;
    block_test::change(o.recipe, below);
    if (below(4) == 0) o.tensor_amax = std::ldexp(1.0F, static_cast<int>(below(200)) - 100);
    if (below(3) == 0) o.orientation = orientation::column_wise;
    if (below(2) == 0) o.rounding = any_stochastic(random);
    quantize_counts asked;
    if (below(4) == 0) o.counts = &asked;
    try {
      compare<F>(x, o, "changed recipe " + std::to_string(i), 0, true);
    } catch (const std::invalid_argument&) {
      // Both sides refuse by the same checks.
    }
  }
}

/// Comparisons on large tensors. The scalar side of a block format spreads over all cores, but for one block a tensor,
/// where the comparisons do.
template <block_format F>
class large_comparisons {
 public:
  explicit large_comparisons(const sample<float>& x) : x_(x) {}
  void add(const quantize_options& options, const std::string& what, bool values = false) {
    tasks_.push_back([this, options, what, values] { compare<F>(x_, options, what, 0, values); });
  }
  void run() const {
    if constexpr (F.block_rows == 0) {
      all_cores{}(tasks_.size(), [&](std::size_t i) { tasks_[i](); });
    } else {
      for (const auto& task : tasks_) task();
    }
  }

 private:
  const sample<float>& x_;
  std::vector<std::function<void()>> tasks_;
};

/// The default recipe under every rounding that has a kernel of its own, on a large tensor of blocks of everything.
template <block_format F>
void compare_large(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  const sample<float> x(tensor(rows * cols, content::mixed, seed), rows, cols);
  large_comparisons<F> all(x);
  all.add({}, "large", true);
  for (const int bits : {8, 16, 32}) {
    for (const int rounds : {7, 10}) {
      all.add({.rounding = stochastic{.seed = seed, .bits = bits, .first_element = 64, .rounds = rounds}},
              "large, stochastic " + std::to_string(bits));
    }
  }
  all.add({.orientation = orientation::column_wise}, "large, column-wise");
  all.add({.rounding = stochastic{.seed = seed, .bits = 16}, .orientation = orientation::column_wise},
          "large, stochastic, column-wise");
  all.run();
}

/// Every recipe, to nearest and stochastic, both orientations, on one large tensor.
template <block_format F>
void compare_large_recipes(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const sample<float> x(tensor(rows * cols, content::mixed, seed), rows, cols);
  large_comparisons<F> all(x);
  for (const auto& [name, r] : named_recipes) {
    const std::string what = "large, " + std::string(name);
    if (!says_something<F>(r)) continue;
    all.add({.recipe = r}, what);
    all.add({.rounding = any_stochastic(random), .recipe = r}, what + ", stochastic");
    all.add({.recipe = r, .orientation = orientation::column_wise}, what + ", column-wise");
    all.add({.rounding = any_stochastic(random), .recipe = r, .orientation = orientation::column_wise},
            what + ", stochastic, column-wise");
  }
  all.run();
}

template <block_format F, class T>
std::vector<T> converted(const std::vector<float>& x) {
  std::vector<T> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if constexpr (std::is_same_v<T, double>) {
      y[i] = static_cast<double>(x[i]) * 1.0000000001;
    } else {
      y[i] = narrowed<T>(x[i]);
    }
  }
  return y;
}

/// Other element types, whole blocks and ragged ones.
template <block_format F>
void compare_sources(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  for (const content kind : {content::gaussian, content::mixed, content::special}) {
    const std::vector<float> x = tensor(rows * cols, kind, seed);
    const auto both = [&]<class T>(T, const char* name) {
      const sample<T> y(converted<F, T>(x), rows, cols);
      compare<F>(y, {}, std::string(name));
      for (const int bits : {8, 16, 32}) {
        compare<F>(y, {.rounding = stochastic{.seed = 5, .bits = bits}}, std::string(name) + ", stochastic");
      }
      compare<F>(y, {.orientation = orientation::column_wise}, std::string(name) + ", column-wise");
      const sample<T> ragged(converted<F, T>(std::vector<float>(x.begin(), x.begin() + 3 * 77)), 3, 77);
      compare<F>(ragged, {}, std::string(name) + ", ragged", 3);
    };
    both(bf16{}, "bf16");
    both(f16{}, "f16");
    both(double{}, "double");
  }
}

/// Shapes at random, with gaps, strides and unaligned memory.
template <block_format F>
void compare_shapes(int count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < count; ++i) {
    const std::size_t rows = 1 + random() % 40;
    const std::size_t cols = random() % 3 == 0 ? 32 * (1 + random() % 20) : 1 + random() % 300;
    const std::size_t steps = 1 + random() % 2;
    const std::size_t row_step = cols * steps + random() % 5;
    const sample<float> x(tensor(rows * row_step, static_cast<content>(random() % contents), random()), rows, cols,
                          random() % 4, static_cast<std::ptrdiff_t>(row_step), static_cast<std::ptrdiff_t>(steps));
    quantize_options options;
    if (random() % 2 != 0) options.rounding = stochastic{.seed = random(), .bits = 16, .first_element = 8 * (random() % 5)};
    if (random() % 4 == 0) options.orientation = orientation::column_wise;
    if (random() % 4 == 0) options.tensor_amax = 1.5F;
    compare<F>(x, options, "shape " + std::to_string(i), random() % 3 * 5, true);
  }
  const sample<float> empty(std::vector<float>{}, 0, 0);
  compare<F>(empty, {}, "empty");
}

/// The caller's own random words, which the scalar side reads from host memory.
template <block_format F>
void compare_words() {
  const sample<float> x(tensor(3 * 224, content::mixed, 9), 3, 224);
  std::mt19937_64 random(3);
  for (const int bits : {8, 16, 32}) {
    std::vector<std::uint32_t> words(3 * 224 * static_cast<std::size_t>(bits) / 32);
    for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random());
    const device_array<std::uint32_t> device_words(words);
    const block_tensor<F> expected =
        quantize<F>(scalar{}, x.on_host(), {.rounding = stochastic_words{.words = words, .bits = bits}});
    device_array<std::uint8_t> codes(expected.codes().size());
    device_array<code_type<F.scale>> scales(expected.scales().size());
    device_array<float> tensor_scale(1);
    const block_view<F> q{codes.data(), scales.data(), tensor_scale.data(), 3, 224};
    const std::span<const std::uint32_t> there{device_words.data(), words.size()};
    check(quantize(cuda{nullptr, workspace()}, x.on_device(), q, {.rounding = stochastic_words{.words = there, .bits = bits}}), "words");
    const std::vector<std::uint8_t> got = codes.get();
    check(std::equal(got.begin(), got.end(), expected.codes().begin()), "words: codes differ");
  }
}

/// A whole program. "small" as its argument keeps it short, for tools that slow the device down.
template <block_format F>
int test_block_format(const char* name, int argc, char** argv) {
  if (!has_device()) return 0;
  const bool small = argc > 1 && std::string(argv[1]) == "small";
  compare_recipes<F>(small ? 33 : 130, small ? 96 : 1056, 1);
  compare_recipes<F>(small ? 3 : 37, small ? 45 : 333, 2);
  compare_changed_recipes<F>(small ? 10 : 3000, 37, 333, 5);
  compare_sources<F>(small ? 4 : 64, small ? 128 : 1024, 3);
  compare_shapes<F>(small ? 10 : 1000, 4);
  compare_words<F>();
  if (!small) {
    compare_large<F>(8192, 8192, 6);
    compare_large_recipes<F>(8192, 8192, 7);
  }
  return report(name);
}

}  // namespace nibble_test
