// SPDX-License-Identifier: Apache-2.0
//
// encode, decode and dequantize on the SIMD backend for every named format, layout and type of numbers, each beside the
// named kernel of its kind in turns: encode of float32 to e4m3, or to packed e2m1, to nearest and with 32 random bits;
// decode of e4m3 and dequantize of NVFP4 to float32. 16,384 numbers. Columns: Gelem/s, median of the ratios. Arguments:
// parts of the names of the cases wanted, all of which must occur; "--rounds=N".
#include "support.hpp"
#include "turns.hpp"

#include <cstdio>

namespace {

using namespace nibble;
using bench::action;

constexpr std::size_t elements = 1 << 14;
bench::selection wanted;
int cases = 0;
int slow = 0;

void compare(const std::string& name, const action& run, const action& kernel) {
  if (!wanted.has(name)) return;
  run();
  std::vector<double> rates, ratios;
  for (int i = 0; i < wanted.rounds; ++i) {
    const double named = bench::seconds(kernel, 1e-4);
    const double own = bench::seconds(run, 1e-4);
    rates.push_back(static_cast<double>(elements) / own * 1e-9);
    ratios.push_back(named / own);
  }
  const bool below = bench::median(ratios) < 0.3 || bench::median(rates) < 0.3;
  std::printf("%-52s %7.3f %6.3f%s\n", name.c_str(), bench::median(rates), bench::median(ratios),
              below ? "  below" : "");
  ++cases;
  slow += below ? 1 : 0;
}

template <float_format F, class T>
action encoding(const encode_options& options) {
  const bench::buffer<T> x = bench::data_of<T>(static_cast<std::int64_t>(elements));
  const std::size_t bytes = packed_bytes(options.layout.value_or(default_layout(F)), elements);
  const bench::buffer<std::uint8_t> codes(bytes);
  return [=] { encode<F>(simd{}, std::span(x.data(), elements), std::span(codes.data(), bytes), options); };
}
template <float_format F, class T>
action decoding(const packed_layout& layout) {
  const std::size_t bytes = packed_bytes(layout, elements);
  const bench::buffer<std::uint8_t> codes(bytes);
  const bench::buffer<float> x = bench::data(static_cast<std::int64_t>(elements));
  encode<F>(simd{}, std::span(x.data(), elements), std::span(codes.data(), bytes), {.layout = layout});
  const bench::buffer<T> out(elements);
  return [=] {
    decode<F>(simd{}, std::span<const std::uint8_t>(codes.data(), bytes), std::span(out.data(), elements), layout);
  };
}
template <block_format F, class T>
action dequantizing() {
  const std::size_t rows = F.block_rows > 16 ? 128 : 16;
  const auto q = std::make_shared<block_tensor<F>>(rows, elements / rows);
  const bench::buffer<float> x = bench::data(static_cast<std::int64_t>(elements));
  quantize(simd{}, matrix_view{x.data(), rows, elements / rows}, q->view(), {.tensor_amax = 8.0F});
  const bench::buffer<T> out(elements);
  return [=] { dequantize(simd{}, q->view(), out.data()); };
}

struct named_layout {
  const char* name;
  packed_layout layout;
};
template <float_format F>
std::vector<named_layout> layouts_of() {
  std::vector<named_layout> all;
  if (F.bits() <= 4) {
    all.push_back({"nibbles", layouts::nibbles_low_first});
    all.push_back({"nibbles_high_first", layouts::nibbles_high_first});
    all.push_back({"split_halves_32", layouts::ggml_mxfp4});
    all.push_back({"split_halves_16", layouts::ggml_nvfp4});
  }
  if (F.bits() <= 6) all.push_back({"dense6", layouts::dense6});
  if (F.bits() <= 8) all.push_back({"bytes", layouts::bytes});
  all.push_back({"words", layouts::words});
  return all;
}

struct kernels {
  std::map<std::string, action> encode, encode_packed;
  action decode, dequantize;
};

template <float_format F, class T>
void measure_of(const std::string& name, const kernels& k) {
  for (const named_layout& l : layouts_of<F>()) {
    const std::string where = name + "/" + l.name;
    const bool packed = l.layout.slot_bits == 4;
    const auto& of = packed ? k.encode_packed : k.encode;
    compare("decode/" + where, decoding<F, T>(l.layout), k.decode);
    compare("encode/" + where + "/nearest_even", encoding<F, T>({.layout = l.layout}), of.at("nearest"));
    if (l.layout != default_layout(F)) continue;
    for (const auto& [mode, rounding] : {std::pair<const char*, element_rounding>{"toward_zero", toward_zero{}},
                                         {"nearest_away", nearest_away{}},
                                         {"upward", rounding_mode::upward},
                                         {"to_odd", to_odd{}}}) {
      compare("encode/" + where + "/" + mode, encoding<F, T>({.rounding = rounding, .layout = l.layout}),
              of.at("nearest"));
    }
    for (const int bits : {8, 16, 32}) {
      const std::string random = "stochastic_" + std::to_string(bits);
      const encode_options o{.rounding = stochastic{.seed = 1, .bits = bits}, .layout = l.layout};
      compare("encode/" + where + "/" + random, encoding<F, T>(o), of.at(random));
    }
    compare("encode/" + where + "/special", encoding<F, T>({.overflow = overflow::special, .layout = l.layout}),
            of.at("nearest"));
    compare("encode/" + where + "/ml_dtypes", encoding<F, T>({.policy = policy::ml_dtypes, .layout = l.layout}),
            of.at("nearest"));
  }
}

template <float_format F>
void measure(const std::string& name, const kernels& k) {
  measure_of<F, float>(name + "/f32", k);
  measure_of<F, bf16>(name + "/bf16", k);
  measure_of<F, f16>(name + "/f16", k);
}

template <block_format F>
void measure_blocks(const std::string& name, const kernels& k) {
  compare("dequantize/" + name + "/f32", dequantizing<F, float>(), k.dequantize);
  compare("dequantize/" + name + "/bf16", dequantizing<F, bf16>(), k.dequantize);
  compare("dequantize/" + name + "/f16", dequantizing<F, f16>(), k.dequantize);
}

constexpr block_format dense{
    .element = formats::e3m2, .scale = formats::e8m0, .block_size = 32, .packing = layouts::dense6};
constexpr block_format twenty{
    .element = formats::e2m1, .scale = formats::e8m0, .block_size = 20, .packing = layouts::nibbles_low_first};

}  // namespace

int main(int argc, char** argv) {
  wanted.read(argc, argv);
  kernels k;
  k.decode = decoding<formats::e4m3, float>(layouts::bytes);
  k.dequantize = dequantizing<nvfp4, float>();
  k.encode["nearest"] = encoding<formats::e4m3, float>({});
  k.encode_packed["nearest"] = encoding<formats::e2m1, float>({});
  for (const int bits : {8, 16, 32}) {
    const encode_options o{.rounding = stochastic{.seed = 1, .bits = bits}};
    k.encode["stochastic_" + std::to_string(bits)] = encoding<formats::e4m3, float>(o);
    k.encode_packed["stochastic_" + std::to_string(bits)] = encoding<formats::e2m1, float>(o);
  }
  measure<formats::e2m1>("e2m1", k);
  measure<formats::e2m3>("e2m3", k);
  measure<formats::e3m2>("e3m2", k);
  measure<formats::e4m3>("e4m3", k);
  measure<formats::e5m2>("e5m2", k);
  measure<formats::e8m0>("e8m0", k);
  measure<formats::ue4m3>("ue4m3", k);
  measure<formats::e4m3fnuz>("e4m3fnuz", k);
  measure<formats::e5m2fnuz>("e5m2fnuz", k);
  measure<formats::e4m3b11fnuz>("e4m3b11fnuz", k);
  measure<formats::e3m4>("e3m4", k);
  measure<formats::e4m3ieee>("e4m3ieee", k);
  measure<formats::e3m0>("e3m0", k);
  measure<formats::mxint8>("mxint8", k);
  measure<formats::bf16>("bf16", k);
  measure<formats::f16>("f16", k);
  measure<formats::binary8p4se>("binary8p4se", k);
  measure<formats::binary8p3se>("binary8p3se", k);
  measure<formats::binary4p2sf>("binary4p2sf", k);
  measure<formats::binary8p1uf>("binary8p1uf", k);
  measure_blocks<nvfp4>("nvfp4", k);
  measure_blocks<mxfp4>("mxfp4", k);
  measure_blocks<mxfp6_e2m3>("mxfp6_e2m3", k);
  measure_blocks<mxfp6_e3m2>("mxfp6_e3m2", k);
  measure_blocks<mxfp8_e4m3>("mxfp8_e4m3", k);
  measure_blocks<mxfp8_e5m2>("mxfp8_e5m2", k);
  measure_blocks<mxint8>("mxint8", k);
  measure_blocks<fp8_per_tensor>("fp8_per_tensor", k);
  measure_blocks<fp8_per_row>("fp8_per_row", k);
  measure_blocks<fp8_128x128>("fp8_128x128", k);
  measure_blocks<ggml_mxfp4>("ggml_mxfp4", k);
  measure_blocks<ggml_nvfp4>("ggml_nvfp4", k);
  measure_blocks<dense>("e3m2_dense", k);
  measure_blocks<twenty>("e2m1_20", k);
  std::printf("%d cases, %d below 0.3 of the named kernel or 0.3 Gelem/s\n", cases, slow);
  return 0;
}
