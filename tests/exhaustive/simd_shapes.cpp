// SPDX-License-Identifier: Apache-2.0
//
// quantize and dequantize on simd{}, or on dispatched{}, against scalar{}: random shapes, strides, offsets, orientations,
// recipes (presets, and presets with some fields changed), roundings, tensor amaxes and source types, on hostile elements,
// with and without subnormals flushed, in slices, every byte around the results watched. Arguments: a name of the list
// below, and how many matrices. `simd_shapes nvfp4 10000` is the whole proof for a format; every tail length up to two
// tiles comes first.
//
// Compiled with -DSHAPES_FORMAT_SEED=K, for a number K, it has one format alone, `drawn`: the K-th of those that
// drawn_format.hpp draws from all block formats. The format is printed in words where something differs.
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#if defined(SHAPES_OF_DISPATCH)
#include <nibble/dispatch.hpp>
#include <nibble/nibble.hpp>
#else
#include <nibble/simd.hpp>
#endif

#include <block/changed_recipe.hpp>
#include <exhaustive/drawn_calls.hpp>
#include <exhaustive/drawn_format.hpp>
#include <exhaustive/random_words.hpp>
#include <exhaustive/report.hpp>
#include <simd/flushed_subnormals.hpp>

namespace {

using namespace nibble;
using exhaustive::backwards;
using exhaustive::print_difference;
using exhaustive::random_words;
using exhaustive::refusal;
using exhaustive::skipped;

#if defined(SHAPES_OF_DISPATCH)
using vectors = dispatched;
/// What values may be dequantized into, beside float.
template <class T>
using values_of = float;
#else
using vectors = simd;
template <class T>
using values_of = T;
#endif

/// How the elements of a matrix are drawn.
struct element_kinds {
  bool special = false;         ///< Inf and NaN, too
  bool calm = false;            ///< few are far from the others: long blocks have more codes than zeros, too
  std::uint32_t center = 120U;  ///< exponent field of the least of those that are near each other
};

/// Bits of one element: ties and near ties around 1, or around the center, any exponent, subnormals, zeros, huge ones.
std::uint32_t element(random_words& random, const element_kinds& kinds) {
  const std::uint64_t word = random.next();
  const auto sign = static_cast<std::uint32_t>(word >> 32) & 0x8000'0000U;
  const auto low = static_cast<std::uint32_t>(word);
  switch (kinds.calm && (word >> 44 & 255U) != 0 ? 15U : word >> 40 & 15U) {
    case 0: return sign;
    case 1: return sign | (low & 0x007f'ffffU);
    case 2: return sign | (low % 0x7f80'0000U);
    case 3:
      return kinds.special ? sign | 0x7f80'0000U | (low % 3U == 0 ? low & 0x007f'ffffU : 0U) : sign | 0x3f80'0000U;
    case 4: return sign | (0x7e00'0000U + (low & 0x00ff'ffffU));
    default: {
      const std::uint32_t field = kinds.center + (low >> 24 & 15U);
      const auto kept = static_cast<int>(low >> 20 & 15U);
      const std::uint32_t mask = 0x007f'ffffU >> kept;
      const std::uint32_t rest = (word >> 60 & 3U) == 0 ? 0U : (word >> 60 & 3U) == 1 ? 1U : low & mask;
      return sign | field << 23 | (low & 0x007f'ffffU & ~mask) | (rest & mask);
    }
  }
}

/// Storage for a result with gaps between its rows and a watched byte everywhere else.
template <block_format F>
struct watched {
  std::size_t code_stride, scale_stride;
  std::vector<std::uint8_t> codes;
  std::vector<code_type<F.scale>> scales;
  float tensor_scale = -1.0F;

  watched(std::size_t rows, std::size_t cols, std::size_t gap)
      : code_stride(F.row_bytes(cols) + gap),
        scale_stride(F.scale_cols(cols) + gap),
        codes(rows * code_stride + 64, 0xa5),
        scales(F.scale_rows(rows) * scale_stride + 64, code_type<F.scale>{0x5a}) {}
  block_view<F> view(std::size_t rows, std::size_t cols) {
    return {codes.data() + 1, scales.data() + 1, &tensor_scale, rows, cols, code_stride, scale_stride};
  }
  bool operator==(const watched& other) const {
    return codes == other.codes && scales == other.scales && to_bits(tensor_scale) == to_bits(other.tensor_scale);
  }
};

class shapes {
 public:
  explicit shapes(std::uint64_t seed) : random_(seed) {}

  template <block_format F>
  void compare(std::size_t rows, std::size_t cols) {
    switch (random_.below(8)) {
      case 0: return compare_as<F, double>(rows, cols);
      case 1: return compare_as<F, f16>(rows, cols);
      case 2: return compare_as<F, bf16>(rows, cols);
      default: return compare_as<F, float>(rows, cols);
    }
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t different() const { return different_; }
  std::size_t below(std::size_t bound) { return random_.below(bound); }

 private:
  template <class T>
  static T number(std::uint32_t bits) {
    const auto x = bit_cast<float>(bits);
    if constexpr (std::is_same_v<T, float>) {
      return x;
    } else if constexpr (std::is_same_v<T, double>) {
      return static_cast<double>(x) * 1.0000000001;
    } else {
      return T(x, nearest_even{}, overflow::special);
    }
  }

  quantize_options options(std::size_t elements) {
    quantize_options o;
    o.recipe = named_recipes[random_.below(std::size(named_recipes))].recipe;
    if (random_.below(2) == 0) block_test::change(o.recipe, [&](std::size_t bound) { return random_.below(bound); });
    // Of another tensor, say of the step before: scales saturate, or are far too large.
    if (random_.below(4) == 0) o.tensor_amax = bit_cast<float>(element(random_, {}) & 0x7fff'ffffU);
    if (random_.below(3) == 0) o.orientation = orientation::column_wise;
    const auto variant =
        random_.below(2) == 0 ? stochastic_variant::a : static_cast<stochastic_variant>(random_.below(3));
    const int bits = 8 << random_.below(3);
    switch (random_.below(6)) {
      case 0: o.rounding = static_cast<rounding_mode>(random_.below(7)); break;
      case 1:
      case 2:
        o.rounding = stochastic{.seed = random_.next(),
                                .stream = random_.below(3),
                                .bits = bits,
                                .variant = variant,
                                .first_element = random_.below(99),
                                .rounds = random_.below(2) == 0 ? 7 : 10};
        break;
      case 3:
        words_.resize(elements * static_cast<std::size_t>(bits) / 32 + 1);
        for (std::uint32_t& word : words_) word = static_cast<std::uint32_t>(random_.next());
        o.rounding = stochastic_words{.words = words_, .bits = bits, .variant = variant};
        break;
      default: break;
    }
    return o;
  }

  template <block_format F, class T>
  void compare_as(std::size_t rows, std::size_t cols) {
    const std::size_t col_step = random_.below(4) == 0 ? 2 : 1;
    const std::size_t row_step = cols * col_step + random_.below(5);
    std::vector<T> x(rows * row_step + 3);
    element_kinds kinds{.special = random_.below(4) == 0, .calm = random_.below(2) == 0};
    if (random_.below(4) == 0) kinds.center = static_cast<std::uint32_t>(random_.below(240));
    for (T& value : x) value = number<T>(element(random_, kinds));
    const matrix_view<T> view{x.data() + random_.below(3), rows, cols, static_cast<std::ptrdiff_t>(row_step),
                              static_cast<std::ptrdiff_t>(col_step)};
    quantize_options o = options(rows * cols);
    quantize_counts wanted_counts;
    quantize_counts got_counts;
    const bool counts = random_.below(4) == 0;
    const bool turned = o.orientation == orientation::column_wise;
    const std::size_t r = turned ? cols : rows;
    const std::size_t c = turned ? rows : cols;
    const std::size_t gap = random_.below(3);
    watched<F> wanted(r, c, gap);
    watched<F> got(r, c, gap);
    if (counts) o.counts = &wanted_counts;
    // Recipes that say nothing about the format, or what means nothing, are refused.
    const bool throws = !refusal([&] { quantize(scalar{}, view, wanted.view(r, c), o); }).empty();
    if (counts) o.counts = &got_counts;
    const bool flushed = random_.below(4) == 0;
    const bool in_slices = random_.below(8) == 0;
    const std::string error = refusal([&] {
      std::optional<simd_test::flushed_subnormals> environment;
      if (flushed) environment.emplace();
      if (in_slices) return quantize(vectors{}, view, got.view(r, c), o, backwards);
      quantize(vectors{}, view, got.view(r, c), o);
    });
    const bool throws_too = !error.empty();
    count_ += throws ? 0 : 1;
    const bool same = throws == throws_too && wanted == got && (throws || same_values<F, values_of<T>>(wanted, r, c)) &&
                      std::memcmp(&wanted_counts, &got_counts, sizeof(quantize_counts)) == 0;
    if (!same && different_++ < 10) {
      const rounding_choice choice = o.rounding.choice(o.recipe);
      std::printf(
          "%zu x %zu, steps %zu %zu, %zu bytes an element, mode %d variant %d bits %d, by columns %d, flushed %d: they "
          "differ\n",
          rows, cols, row_step, col_step, sizeof(T), static_cast<int>(choice.mode), static_cast<int>(choice.variant),
          choice.random_bits, turned ? 1 : 0, flushed ? 1 : 0);
      print_difference("code byte", wanted.codes, got.codes);
      print_difference("scale", wanted.scales, got.scales);
      if (throws != throws_too) std::printf("  throws: %d, not %d\n", throws_too ? 1 : 0, throws ? 1 : 0);
    }
  }

  /// Values of what quantize gave, or of any codes, scales and tensor scale.
  template <block_format F, class T>
  bool same_values(watched<F>& q, std::size_t rows, std::size_t cols) {
    const block_view<F> view = q.view(rows, cols);
    if (random_.below(4) == 0) {
      for (auto& scale : q.scales) scale = static_cast<code_type<F.scale>>(random_.next() & F.scale.code_mask());
      for (std::size_t i = 0; i < rows * cols; ++i) {
        const auto code = static_cast<std::uint32_t>(random_.next()) & F.element.code_mask();
        store_code(F.packing, view.codes + i / cols * view.code_stride, i % cols, code);
      }
      if (random_.below(2) == 0) q.tensor_scale = bit_cast<float>(element(random_, {.special = true}));
    }
    std::vector<T> wanted(rows * cols + 1, number<T>(0x40e0'0000U));
    std::vector<T> got = wanted;
    dequantize(scalar{}, view, wanted.data());
    std::optional<simd_test::flushed_subnormals> environment;
    if (random_.below(4) == 0) environment.emplace();
    dequantize(vectors{}, view, got.data());
    return std::memcmp(wanted.data(), got.data(), wanted.size() * sizeof(T)) == 0;
  }

  random_words random_;
  std::vector<std::uint32_t> words_;
  std::uint64_t count_ = 0;
  std::uint64_t different_ = 0;
};

template <block_format F>
int run(std::string_view name, std::uint64_t count) {
  shapes all(count);
  for (std::size_t cols = 1; cols <= 4200; cols += count < 1000 ? 13 : 1) all.compare<F>(1, cols);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t rows = 1 + all.below(i % 8 == 0 ? 150 : 20);
    all.compare<F>(rows, 1 + all.below(i % 4 == 0 ? 1500 : 200));
  }
  std::printf("%.*s: %llu matrices, %llu differ\n", static_cast<int>(name.size()), name.data(),
              static_cast<unsigned long long>(all.count()), static_cast<unsigned long long>(all.different()));
  return all.different() == 0 && all.count() > count / 3 ? 0 : 1;
}

#if !defined(SHAPES_FORMAT_SEED)
// Formats of a user: odd element formats, scales, block sizes and packings.
constexpr float_format e1m2{.exponent_bits = 1, .mantissa_bits = 2, .bias = 0};
constexpr float_format e2m2{.exponent_bits = 2, .mantissa_bits = 2, .bias = 1};
constexpr block_format eights{.element = e1m2,
                              .scale = formats::e5m2,
                              .block_size = 8,
                              .tensor_scale = true,
                              .packing = layouts::nibbles_high_first};
constexpr block_format five_bits{.element = e2m2, .scale = formats::e8m0, .block_size = 72};
constexpr block_format half_scales{
    .element = formats::e4m3fnuz, .scale = formats::f16, .block_size = 24, .block_rows = 3};
constexpr block_format powers{
    .element = formats::e3m0, .scale = formats::e8m0, .block_size = 32, .packing = layouts::nibbles_low_first};
constexpr block_format dense{.element = formats::e2m3,
                             .scale = formats::ue4m3,
                             .block_size = 256,
                             .tensor_scale = true,
                             .packing = layouts::dense6};
constexpr block_format p3109{.element = formats::binary8p4se, .scale = formats::f32, .block_size = 20};
#endif

}  // namespace

int main(int argc, char** argv) {
#if defined(__AVX2__) && !defined(SHAPES_OF_DISPATCH)
  if (!exhaustive::has_avx2()) return skipped;
#endif
  const std::string_view name = argc == 3 ? argv[1] : "";
  const std::string_view number = argc == 3 ? argv[2] : "";
  std::uint64_t count = 0;
  std::from_chars(number.data(), number.data() + number.size(), count);
#if defined(SHAPES_FORMAT_SEED)
  if (count > 0 && name == "drawn") {
    constexpr block_format f = exhaustive::drawn_format(SHAPES_FORMAT_SEED);
    const int status = run<f>("drawn", count);
    if (status != 0) exhaustive::print(f);
    return status;
  }
#else
  if (count > 0 && name == "nvfp4") return run<nvfp4>(name, count);
  if (count > 0 && name == "nvfp4_2d") return run<nvfp4_2d>(name, count);
  if (count > 0 && name == "mxfp8_e4m3") return run<mxfp8_e4m3>(name, count);
#if !defined(SHAPES_OF_NAMED_FORMATS_ONLY)
  if (count > 0 && name == "eights") return run<eights>(name, count);
  if (count > 0 && name == "five_bits") return run<five_bits>(name, count);
  if (count > 0 && name == "half_scales") return run<half_scales>(name, count);
  if (count > 0 && name == "powers") return run<powers>(name, count);
  if (count > 0 && name == "dense") return run<dense>(name, count);
  if (count > 0 && name == "p3109") return run<p3109>(name, count);
#endif
#endif
  std::printf("simd_shapes: the arguments are a name of its list and a positive number\n");
  return 2;
}
