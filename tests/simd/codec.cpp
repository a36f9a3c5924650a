// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of spans with simd{} against scalar{}: the formats that have kernels of their own and one of each
// other kind, in every rounding, overflow, policy, source type and layout; every tail, misaligned and guarded; with and
// without subnormals flushed.
#include <doctest/doctest.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec_support.hpp"

namespace {

using namespace codec_test;
using namespace nibble;

/// One encode call on both backends, the second one also with subnormals flushed.
template <float_format F, class T>
void compare(findings& found, const std::string& name, const std::vector<T>& x, const encode_options& options) {
  const std::size_t bytes = packed_bytes(options.layout.value_or(default_layout(F)), x.size());
  std::vector<std::uint8_t> wanted(bytes, 0xa5);
  std::vector<std::uint8_t> got(bytes, 0x5a);
  encode<F>(scalar{}, x, wanted, options);
  encode<F>(simd{}, x, got, options);
  found.expect(got == wanted, name + text_of(options));
  got.assign(bytes, 0x5a);
  {
    const flushed_subnormals flushed;
    encode<F>(simd{}, x, got, options);
  }
  found.expect(got == wanted, name + " flushed" + text_of(options));
}

template <float_format F, class T>
void compare_options(findings& found, const std::string& name, const oracle::format& reference) {
  const std::vector<T> x = numbers<T>(reference, 1000, 11);
  exhaustive::random_words random(5);
  std::vector<std::uint32_t> words(x.size());
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random.next());
  for (const named_policy& p : policies) {
    for (const overflow o : overflows) {
      for (const element_rounding& r : deterministic_roundings()) {
        compare<F>(found, name + " " + p.name, x, {.rounding = r, .overflow = o, .policy = p.policy});
      }
    }
    for (const element_rounding& r : stochastic_roundings(words)) {
      compare<F>(found, name + " " + p.name, x, {.rounding = r, .policy = p.policy});
    }
  }
}

template <float_format F>
void compare_sources(findings& found, const std::string& name, const oracle::format& reference) {
  compare_options<F, float>(found, name + " from float", reference);
  compare_options<F, double>(found, name + " from double", reference);
  compare_options<F, nibble::f16>(found, name + " from f16", reference);
  compare_options<F, nibble::bf16>(found, name + " from bf16", reference);
}

/// Tails 0 to 200 in a layout, from and to misaligned addresses.
template <float_format F, class T>
void compare_tails(findings& found, const std::string& name, const oracle::format& reference, packed_layout layout) {
  const std::vector<T> x = numbers<T>(reference, 200, 3);
  for (std::size_t count = 0; count <= x.size(); ++count) {
    const std::size_t offset = count % 33;
    guarded<T> source(count, count % 7 * sizeof(T));
    for (std::size_t i = 0; i < count; ++i) source.elements()[i] = x[i];
    const std::size_t bytes = packed_bytes(layout, count);
    std::vector<std::uint8_t> wanted(bytes);
    encode<F>(scalar{}, source.elements(), wanted, {.layout = layout});
    guarded<std::uint8_t> got(bytes + 3, offset);
    encode<F>(simd{}, source.elements(), got.elements(), {.layout = layout});
    const std::string what = name + ", " + std::to_string(count);
    found.expect(std::memcmp(got.elements().data(), wanted.data(), bytes) == 0 && got.intact(bytes), "encode " + what);

    std::vector<float> values(count);
    decode<F>(scalar{}, wanted, values, layout);
    guarded<float> back(count, count % 5 * sizeof(float));
    decode<F>(simd{}, got.elements(), back.elements(), layout);
    found.expect(same_bytes(back.elements(), std::span(values)) && back.intact(count), "decode " + what);
  }
}

/// Numbers among which one or two are NaN or Inf, at every place of a group of 64.
template <float_format F>
void compare_specials(findings& found, const std::string& name, const oracle::format& reference) {
  const std::uint32_t specials[] = {0x7fc0'0000U, 0xffc0'0000U, 0x7f80'0001U, 0xff80'0000U, 0x7f80'0000U, 0xffbf'ffffU};
  for (std::size_t place = 0; place < 64; ++place) {
    std::vector<float> x(130);
    exhaustive::input_source source(reference, place);
    for (float& value : x) {
      do value = source.next_float();
      while ((to_bits(value) & 0x7f80'0000U) == 0x7f80'0000U);
    }
    for (std::size_t k = 0; k < std::size(specials); ++k) {
      x[place] = bit_cast<float>(specials[k]);
      x[64 + place] = bit_cast<float>(specials[(k + place) % std::size(specials)]);
      compare<F>(found, name, x, {});
      compare<F>(found, name, x, {.policy = policy::ml_dtypes});
    }
  }
}

template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("encode(simd{}) equals encode(scalar{}) in every rounding, overflow, policy and source type") {
  findings found;
  compare_sources<formats::e2m1>(found, "e2m1", oracle::e2m1);
  compare_sources<formats::e4m3>(found, "e4m3", oracle::e4m3);
  compare_sources<formats::e5m2>(found, "e5m2", oracle::e5m2);
  compare_sources<formats::e8m0>(found, "e8m0", oracle::e8m0);
  compare_sources<formats::bf16>(found, "bf16", oracle::bf16);
  compare_options<formats::f16, float>(found, "f16", oracle::f16);
  compare_options<formats::e4m3fnuz, float>(found, "e4m3fnuz", oracle::e4m3fnuz);
  compare_options<formats::mxint8, float>(found, "mxint8", oracle::mxint8);
  NIBBLE_CHECK_FINDINGS(found, 10'000U);
}

TEST_CASE("encode and decode in every layout and length, nothing written beside the result") {
  findings found;
  for (const packed_layout& layout : {layouts::nibbles_low_first, layouts::nibbles_high_first, layouts::bytes,
                                      layouts::words, layouts::dense6, layouts::ggml_mxfp4, layouts::ggml_nvfp4,
                                      packed_layout{4, nibble_order::split_halves, 48},
                                      packed_layout{4, nibble_order::split_halves, 512},
                                      packed_layout{4, nibble_order::split_halves, 6}}) {
    const std::string name = std::to_string(layout.slot_bits) + " bits, group " + std::to_string(layout.group);
    compare_tails<formats::e2m1, float>(found, "e2m1 " + name, oracle::e2m1, layout);
    if (layout.slot_bits == 6) compare_tails<formats::e3m2, float>(found, "e3m2 " + name, oracle::e3m2, layout);
    if (layout.slot_bits >= 8) {
      compare_tails<formats::e4m3, float>(found, "e4m3 " + name, oracle::e4m3, layout);
      compare_tails<formats::e5m2, nibble::bf16>(found, "e5m2 bf16 " + name, oracle::e5m2, layout);
      compare_tails<formats::e3m2, nibble::f16>(found, "e3m2 f16 " + name, oracle::e3m2, layout);
    }
    if (layout.slot_bits == 16) compare_tails<formats::bf16, float>(found, "bf16 " + name, oracle::bf16, layout);
  }
  NIBBLE_CHECK_FINDINGS(found, 2 * 201 * 18U);
}

TEST_CASE("codes of more than 8 bits, one std::uint16_t each") {
  findings found;
  const std::vector<float> x = numbers<float>(oracle::f16, 777, 1);
  std::vector<std::uint16_t> wanted(x.size());
  encode<nibble::f16>(scalar{}, x, wanted, {.overflow = overflow::special});
  std::vector<std::uint16_t> got(x.size());
  encode<nibble::f16>(simd{}, x, got, {.overflow = overflow::special});
  found.expect(got == wanted, "encode");
  std::vector<double> values(x.size());
  std::vector<double> back(x.size());
  decode<nibble::f16>(scalar{}, wanted, values);
  decode<nibble::f16>(simd{}, wanted, back);
  found.expect(same_bytes(back, values), "decode");
  NIBBLE_CHECK_FINDINGS(found, 2U);
}

TEST_CASE("NaN and Inf at every place of a group") {
  findings found;
  compare_specials<formats::e2m1>(found, "e2m1", oracle::e2m1);
  compare_specials<formats::e4m3>(found, "e4m3", oracle::e4m3);
  compare_specials<formats::e5m2>(found, "e5m2", oracle::e5m2);
  NIBBLE_CHECK_FINDINGS(found, 3 * 64 * 6 * 4U);
}

TEST_CASE("both backends reject the same arguments with the same words") {
  const std::vector<float> x(5);
  std::vector<std::uint8_t> codes(4);
  std::vector<float> out(5);
  const auto both = [](auto&& action) {
    const std::string scalar_says = message_of([&] { action(scalar{}); });
    CHECK(!scalar_says.empty());
    CHECK(scalar_says == message_of([&] { action(simd{}); }));
    return scalar_says;
  };
  CHECK(both([&](auto backend) { encode<e4m3>(backend, x, codes); }).find("codes has 4 bytes") != std::string::npos);
  CHECK(both([&](auto backend) { decode<e4m3>(backend, codes, out); }).find("codes has 4 bytes") != std::string::npos);
  CHECK(both([&](auto backend) { encode<e4m3>(backend, x, codes, {.layout = layouts::dense6}); })
            .find("options.layout") != std::string::npos);
  CHECK(both([&](auto backend) { decode<e4m3>(backend, codes, out, packed_layout{.slot_bits = 5}); })
            .find("layout") != std::string::npos);
  CHECK(both([&](auto backend) { encode<e2m1>(backend, x, codes, {.rounding = stochastic_words{}}); })
            .find("stochastic_words.words holds 0 words") != std::string::npos);
  const encode_options bad{.policy = {.infinity = static_cast<infinity_rule>(9)}};
  CHECK(both([&](auto backend) { encode<e2m1>(backend, x, codes, bad); }).find("options.policy.infinity is 9") !=
        std::string::npos);
  CHECK(codes == std::vector<std::uint8_t>(4));
}
