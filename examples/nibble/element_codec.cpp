// SPDX-License-Identifier: Apache-2.0
//
// Implementation of element_codec.hpp: the library's encode and decode, named once a format.
#include "element_codec.hpp"

#include <algorithm>
#include <array>
#include <nibble/block/codec.hpp>
#include <nibble/dispatch.hpp>
#include <nibble/format/catalogue.hpp>

namespace nibble::tool {
namespace {

// A code of each format as the tool stores it: a byte, or two for the 16-bit formats.
template <float_format F>
using stored_code = std::conditional_t<(F.bits() > 8), std::uint16_t, std::uint8_t>;
template <float_format F>
constexpr packed_layout stored_layout = F.bits() > 8 ? layouts::words : layouts::bytes;

template <float_format F, class Source>
void encode_all(std::span<const Source> in, std::byte* out, std::uint64_t first, const encode_options& options) {
  nibble::encode_options o{.overflow = options.on_overflow, .policy = options.specials, .layout = stored_layout<F>};
  if (options.rounding == rounding_mode::stochastic) {
    o.rounding = stochastic{.seed = options.seed, .first_element = first};
  } else {
    o.rounding = element_rounding(options.rounding);
  }
  const std::span codes(reinterpret_cast<stored_code<F>*>(out), in.size());
  using backend = std::conditional_t<std::is_same_v<Source, float>, dispatched, scalar>;
  nibble::encode<F>(backend{}, in, codes, o);
}

template <float_format F>
std::size_t decode_all(const std::byte* in, std::span<float> out) {
  const std::span codes(reinterpret_cast<const stored_code<F>*>(in), out.size());
  const auto wrong = std::find_if(codes.begin(), codes.end(), [](auto code) { return code > F.code_mask(); });
  const auto valid = static_cast<std::size_t>(wrong - codes.begin());
  nibble::decode<F>(dispatched{}, codes.first(valid), out.first(valid), stored_layout<F>);
  return valid;
}

template <float_format F>
constexpr element_codec codec(std::string_view name) {
  return {name, sizeof(stored_code<F>), encode_all<F, float>, encode_all<F, double>, decode_all<F>};
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
