// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of spans with simd{} against scalar{} for every format: numbers made for the format in every
// rounding, and all codes into every type, with and without subnormals flushed.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "codec_support.hpp"

namespace {

using namespace codec_test;
using namespace nibble;

template <std::size_t Index>
void compare_encode(findings& found) {
  constexpr subjects::subject s = subjects::all[Index];
  const std::vector<float> x = numbers<float>(s.reference, 4000, Index);
  exhaustive::random_words random(9);
  std::vector<std::uint32_t> words(x.size());
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random.next());
  std::vector<element_rounding> roundings = deterministic_roundings();
  for (const element_rounding& r : stochastic_roundings(words)) roundings.push_back(r);
  std::vector<std::uint8_t> wanted(packed_bytes(s.format, x.size()));
  for (const element_rounding& r : roundings) {
    for (const overflow o : {overflow::saturate, overflow::special}) {
      const encode_options options{.rounding = r, .overflow = o, .policy = subjects::policy_of(s)};
      encode<s.format>(scalar{}, x, wanted, options);
      const flushed_subnormals flushed;
      std::vector<std::uint8_t> got(wanted.size());
      encode<s.format>(simd{}, x, got, options);
      found.expect(got == wanted, std::string(s.name) + text_of(options));
    }
  }
}

/// All codes, in an order that brings every code to every place of a vector; bits beyond the format are noise.
template <class Code>
std::vector<Code> all_codes(int bits) {
  const std::uint32_t count = std::uint32_t{1} << bits;
  std::vector<Code> codes;
  for (std::uint32_t i = 0; i < (bits > 8 ? 1U : 33U) * count + 7U; ++i) {
    const std::uint32_t code = (i + i / count) % count;
    const std::uint32_t noise = bits % 8 == 0 ? 0U : (i * 0x9E37'79B9U >> 20) << bits;
    codes.push_back(static_cast<Code>(code | noise));
  }
  return codes;
}

template <float_format F, class T, class Code>
void compare_decode(findings& found, const std::string& name, const std::vector<Code>& codes, std::size_t count,
                    std::optional<packed_layout> layout) {
  if constexpr (nibble::detail::decode_target<T, F>) {
    std::vector<T> wanted(count);
    decode<F>(scalar{}, codes, wanted, layout);
    std::vector<T> got(count);
    decode<F>(simd{}, codes, got, layout);
    found.expect(same_bytes(got, wanted), name);
    got.assign(count, T{});
    {
      const flushed_subnormals flushed;
      decode<F>(simd{}, codes, got, layout);
    }
    found.expect(same_bytes(got, wanted), name + " flushed");
  }
}

template <float_format F, class Code>
void compare_targets(findings& found, const std::string& name, const std::vector<Code>& codes, std::size_t count,
                     std::optional<packed_layout> layout = {}) {
  compare_decode<F, float>(found, name + " to float", codes, count, layout);
  compare_decode<F, double>(found, name + " to double", codes, count, layout);
  compare_decode<F, nibble::f16>(found, name + " to f16", codes, count, layout);
  compare_decode<F, nibble::bf16>(found, name + " to bf16", codes, count, layout);
  compare_decode<F, nibble::e4m3>(found, name + " to e4m3", codes, count, layout);
}

template <std::size_t Index>
void compare_all_codes(findings& found) {
  constexpr float_format f = subjects::all[Index].format;
  const std::string name(subjects::all[Index].name);
  if constexpr (f.bits() > 8) {
    const auto codes = all_codes<std::uint16_t>(f.bits());
    compare_targets<f>(found, name, codes, codes.size());
  } else {
    const auto codes = all_codes<std::uint8_t>(f.bits());
    compare_targets<f>(found, name, codes, codes.size(), layouts::bytes);
    if constexpr (f.bits() <= 6) compare_targets<f>(found, name + " dense", codes, codes.size(), layouts::dense6);
    if constexpr (f.bits() <= 4) {
      const auto bytes = all_codes<std::uint8_t>(8);
      for (const packed_layout& layout : {layouts::nibbles_low_first, layouts::nibbles_high_first, layouts::ggml_nvfp4}) {
        compare_targets<f>(found, name + " nibbles", bytes, 2 * (bytes.size() - 8), layout);
      }
    }
  }
}

}  // namespace

TEST_CASE("encode(simd{}) equals encode(scalar{}) for every format and rounding") {
  findings found;
  subjects::for_each([&]<std::size_t Index>() { compare_encode<Index>(found); });
  NIBBLE_CHECK_FINDINGS(found, subjects::count * 2 * 25U);
}

TEST_CASE("decode(simd{}) equals decode(scalar{}) for every code of every format") {
  findings found;
  subjects::for_each([&]<std::size_t Index>() { compare_all_codes<Index>(found); });
  NIBBLE_CHECK_FINDINGS(found, subjects::count * 2 * 4U);
}
