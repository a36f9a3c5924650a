// SPDX-License-Identifier: Apache-2.0
//
// quantize on the SIMD backend for every block format, named recipe, rounding, orientation and source type, each beside the
// named kernel of its family in turns: NVFP4, MXFP4 or MXFP8 e4m3 from float32, to nearest even, and with as many random
// bits. 64 KiB of float32, tensor amax given. Columns: Gelem/s, median of the ratios to the kernel to nearest, to the one
// with as many bits. Arguments: parts of the names of the cases wanted, all of which must occur; "--rounds=N".
#include "support.hpp"
#include "turns.hpp"

#include <cstdio>
#include <tuple>

namespace {

using namespace nibble;
using bench::action;
using bench::median;
using bench::seconds;

constexpr std::size_t elements = 1 << 14;
bench::selection wanted;
int cases = 0;
int slow = 0;

/// Storage for a result, and a call that fills it.
template <block_format F, class T>
action call(std::size_t rows, const quantize_options& options) {
  const bool turned = options.orientation == orientation::column_wise;
  const std::size_t cols = elements / rows;
  const bench::buffer<T> x = bench::data_of<T>(elements);
  const bench::buffer<std::uint8_t> codes(rows * F.row_bytes(cols));
  const bench::buffer<code_type<F.scale>> scales(F.scale_rows(rows) * F.scale_cols(cols));
  return [=] {
    float tensor_scale = 0;
    const block_view<F> q{codes.data(), scales.data(), &tensor_scale, rows, cols};
    quantize_counts counts;
    quantize_options o = options;
    if (o.counts != nullptr) o.counts = &counts;
    quantize(simd{}, matrix_view{x.data(), turned ? cols : rows, turned ? rows : cols}, q, o);
  };
}

/// The kernels of a family: to nearest, and by random bits.
struct family {
  action nearest;
  std::map<int, action> random;
};
template <block_format F>
family make_family() {
  family f;
  const auto with = [](const element_rounding& rounding) {
    return call<F, float>(16, {.rounding = rounding, .tensor_amax = 8.0F});
  };
  f.nearest = with(nearest_even{});
  for (const int bits : {8, 16, 32}) f.random[bits] = with(stochastic{.seed = 1, .bits = bits});
  return f;
}

void compare(const std::string& name, const action& run, const family& of, int bits) {
  if (!wanted.has(name)) return;
  run();
  std::vector<double> rates, to_nearest, to_random;
  for (int i = 0; i < wanted.rounds; ++i) {
    const double named = seconds(of.nearest, 1e-4);
    const double own = seconds(run, 1e-4);
    rates.push_back(static_cast<double>(elements) / own * 1e-9);
    to_nearest.push_back(named / own);
    if (bits != 0) to_random.push_back(seconds(of.random.at(bits), 1e-4) / own);
  }
  const double ratio = median(bits != 0 ? to_random : to_nearest);
  const bool below = ratio < 0.3 || median(rates) < 0.3;
  std::printf("%-86s %6.3f %6.3f", name.c_str(), median(rates), median(to_nearest));
  if (bits != 0) std::printf(" %6.3f", ratio);
  std::printf("%s\n", below ? "  below" : "");
  ++cases;
  slow += below ? 1 : 0;
}

struct named_rounding {
  std::string name;
  element_rounding rounding;
  int bits;
};
std::vector<named_rounding> roundings() {
  std::vector<named_rounding> all{{"as_recipe", {}, 0},          {"nearest_even", nearest_even{}, 0},
                                  {"nearest_away", nearest_away{}, 0}, {"toward_zero", toward_zero{}, 0},
                                  {"upward", rounding_mode::upward, 0},          {"downward", rounding_mode::downward, 0},
                                  {"to_odd", to_odd{}, 0},       {"nearest_toward_zero", rounding_mode::nearest_toward_zero, 0}};
  for (const int bits : {8, 16, 32}) {
    all.push_back({"stochastic_" + std::to_string(bits), stochastic{.seed = 1, .bits = bits}, bits});
  }
  for (const auto& [letter, variant] : {std::pair{"b", stochastic_variant::b}, {"c", stochastic_variant::c}}) {
    all.push_back({std::string("stochastic_16_") + letter, stochastic{.seed = 1, .bits = 16, .variant = variant}, 16});
  }
  return all;
}

template <block_format F>
bool says_something(const recipe& r) {
  return F.power_of_two_scale() ? r.exponent != exponent_rule::unspecified : r.scale != scale_rule::unspecified;
}

/// All recipes and roundings; orientations and diagnostics for those of the recipe.
template <block_format F, class T>
void measure(const std::string& name, const family& of) {
  const std::size_t rows = F.block_rows > 16 ? 128 : 16;
  quantize_counts noted;  // stands for the case's own
  for (const named_recipe& r : named_recipes) {
    if (!says_something<F>(r.recipe)) continue;
    for (const named_rounding& rounding : roundings()) {
      for (const bool turned : {false, true}) {
        const bool few = rounding.bits == 0 && rounding.name != "as_recipe";
        if (turned && few) continue;
        quantize_options o{.rounding = rounding.rounding, .recipe = r.recipe, .tensor_amax = 8.0F};
        if (turned) o.orientation = orientation::column_wise;
        const std::string whole = name + "/" + std::string(r.name) + "/" + rounding.name + (turned ? "/columns" : "/rows");
        compare(whole, call<F, T>(rows, o), of, rounding.bits);
        if (turned || rounding.name != "as_recipe") continue;
        o.counts = &noted;
        compare(whole + "/counts", call<F, T>(rows, o), of, 0);
      }
    }
  }
}

constexpr block_format powers{.element = formats::e3m0, .scale = formats::e8m0, .block_size = 32,
                              .packing = layouts::nibbles_low_first};
constexpr block_format twenty{.element = formats::e2m1, .scale = formats::e8m0, .block_size = 20,
                              .packing = layouts::nibbles_low_first};
constexpr block_format float_scales{.element = formats::e4m3, .scale = formats::f32, .block_size = 128};
constexpr block_format bfloat16_scales{.element = formats::e2m1, .scale = formats::bf16, .block_size = 32,
                                       .packing = layouts::nibbles_low_first};
constexpr block_format long_blocks{.element = formats::e4m3, .scale = formats::e8m0, .block_size = 512};

}  // namespace

int main(int argc, char** argv) {
  wanted.read(argc, argv);
  const family nv = make_family<nvfp4>();
  const family mx4 = make_family<mxfp4>();
  const family mx8 = make_family<mxfp8_e4m3>();
  measure<nvfp4, float>("nvfp4/f32", nv);
  measure<nvfp4, bf16>("nvfp4/bf16", nv);
  measure<nvfp4, f16>("nvfp4/f16", nv);
  measure<nvfp4_2d, float>("nvfp4_2d/f32", nv);
  measure<ggml_nvfp4, float>("ggml_nvfp4/f32", nv);
  measure<mxfp4, float>("mxfp4/f32", mx4);
  measure<mxfp4, bf16>("mxfp4/bf16", mx4);
  measure<ggml_mxfp4, float>("ggml_mxfp4/f32", mx4);
  measure<mxfp6_e2m3, float>("mxfp6_e2m3/f32", mx8);
  measure<mxfp6_e3m2, float>("mxfp6_e3m2/f32", mx8);
  measure<mxfp8_e4m3, float>("mxfp8_e4m3/f32", mx8);
  measure<mxfp8_e4m3, bf16>("mxfp8_e4m3/bf16", mx8);
  measure<mxfp8_e5m2, float>("mxfp8_e5m2/f32", mx8);
  measure<mxint8, float>("mxint8/f32", mx8);
  measure<fp8_per_tensor, float>("fp8_per_tensor/f32", mx8);
  measure<fp8_per_row, float>("fp8_per_row/f32", mx8);
  measure<fp8_128x128, float>("fp8_128x128/f32", mx8);
  measure<powers, float>("e3m0_32/f32", mx4);
  measure<twenty, float>("e2m1_20/f32", mx4);
  measure<long_blocks, float>("e4m3_512/f32", mx8);
  measure<float_scales, float>("e4m3_f32_128/f32", mx8);
  measure<bfloat16_scales, float>("e2m1_bf16_32/f32", mx4);
  measure<nvfp4, double>("nvfp4/f64", nv);
  std::printf("%d cases, %d below 0.3 of the named kernel or 0.3 Gelem/s\n", cases, slow);
  return 0;
}
