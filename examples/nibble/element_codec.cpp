// SPDX-License-Identifier: Apache-2.0
//
// Implementation of element_codec.hpp: the library's encode and decode, instantiated once a format.
#include "element_codec.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <nibble/base/philox.hpp>
#include <nibble/format/catalogue.hpp>
#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

namespace nibble::tool {
namespace {

template <float_format F>
void store(std::byte* out, std::size_t index, code_type<F> code) {
  std::memcpy(out + index * sizeof code, &code, sizeof code);
}

template <float_format F, rounding Rounding, class Source>
void encode_each(std::span<const Source> in, std::byte* out, Rounding rounding, const encode_options& options) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    store<F>(out, i, encode<F>(in[i], rounding, options.on_overflow, options.specials));
  }
}

template <float_format F, class Source>
void encode_stochastic(std::span<const Source> in, std::byte* out, std::uint64_t first, const encode_options& options) {
  philox_block block = random_block(options.seed, 0, first / 4);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint64_t index = first + i;
    if (index % 4 == 0) block = random_block(options.seed, 0, index / 4);
    const stochastic_bits<32> rounding{block.words[index % 4]};
    store<F>(out, i, encode<F>(in[i], rounding, options.on_overflow, options.specials));
  }
}

template <float_format F, class Source>
void encode_all(std::span<const Source> in, std::byte* out, std::uint64_t first, const encode_options& options) {
  using enum rounding_mode;
  switch (options.rounding) {
    case nearest_even: return encode_each<F>(in, out, nibble::nearest_even{}, options);
    case nearest_away: return encode_each<F>(in, out, nibble::nearest_away{}, options);
    case nearest_toward_zero: return encode_each<F>(in, out, nibble::nearest_toward_zero{}, options);
    case toward_zero: return encode_each<F>(in, out, nibble::toward_zero{}, options);
    case upward: return encode_each<F>(in, out, nibble::upward{}, options);
    case downward: return encode_each<F>(in, out, nibble::downward{}, options);
    case to_odd: return encode_each<F>(in, out, nibble::to_odd{}, options);
    case stochastic: return encode_stochastic<F>(in, out, first, options);
  }
}

template <float_format F>
std::size_t decode_all(const std::byte* in, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    code_type<F> code;
    std::memcpy(&code, in + i * sizeof code, sizeof code);
    if (code > F.code_mask()) return i;
    out[i] = decode<F>(code);
  }
  return out.size();
}

template <float_format F>
constexpr element_codec codec(std::string_view name) {
  return {name, sizeof(code_type<F>), encode_all<F, float>, encode_all<F, double>, decode_all<F>};
}

constexpr std::array codecs{
    codec<formats::e2m1>("e2m1"),         codec<formats::e2m3>("e2m3"),
    codec<formats::e3m2>("e3m2"),         codec<formats::e4m3>("e4m3"),
    codec<formats::e5m2>("e5m2"),         codec<formats::e8m0>("e8m0"),
    codec<formats::ue4m3>("ue4m3"),       codec<formats::e4m3fnuz>("e4m3fnuz"),
    codec<formats::e5m2fnuz>("e5m2fnuz"), codec<formats::e4m3b11fnuz>("e4m3b11fnuz"),
    codec<formats::e3m4>("e3m4"),         codec<formats::e4m3ieee>("e4m3ieee"),
    codec<formats::e3m0>("e3m0"),         codec<formats::bf16>("bf16"),
    codec<formats::f16>("f16"),
};

static_assert(codecs.size() == std::size(named_formats), "every named format has a codec");

}  // namespace

const element_codec* find_element_codec(std::string_view name) {
  const auto found = std::find_if(codecs.begin(), codecs.end(), [&](const auto& c) { return c.name == name; });
  return found == codecs.end() ? nullptr : &*found;
}

}  // namespace nibble::tool
