// SPDX-License-Identifier: Apache-2.0
//
// encode and decode of spans: every code is that of the number beside it, every random word the one that its position
// has, every code in its place; wrong arguments.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nibble/block/codec.hpp>
#include <nibble/format/p3109.hpp>

namespace {

using namespace nibble;

/// Numbers of all sizes, ties of many formats, and specials.
template <class T>
std::vector<T> numbers(std::size_t count) {
  const float specials[] = {0.0F, -0.0F, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            bit_cast<float>(0x7fc1'2345U), bit_cast<float>(0xffa0'0000U), 0x1p-140F};
  std::vector<T> x(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto step = static_cast<int>(i * 2654435761U % 401U) - 200;
    const float value = i % 11 < 7 ? std::ldexp(static_cast<float>(step) / 8.0F, static_cast<int>(i % 37) - 18)
                                   : specials[i % 7];
    if constexpr (std::is_same_v<T, double>) {
      x[i] = static_cast<double>(value) * (i % 3 == 0 ? 1.0 + 0x1p-40 : 1.0);
    } else {
      x[i] = T(value);
    }
  }
  return x;
}

/// Whether every slot of `bytes` holds encode of the number beside it, by the i-th rounding, and the rest is zero.
template <float_format F, class T, class Rounding>
bool holds(const std::vector<std::uint8_t>& bytes, const packed_layout& layout, const std::vector<T>& x,
           const Rounding& rounding, overflow o, const special_policy& p) {
  std::vector<std::uint8_t> wanted(packed_bytes(layout, x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    store_code(layout, wanted.data(), i, static_cast<std::uint32_t>(encode<F>(x[i], rounding(i), o, p)));
  }
  return bytes == wanted;
}

template <float_format F, class T>
bool encodes(packed_layout layout = default_layout(F)) {
  bool right = true;
  const std::vector<T> x = numbers<T>(301);
  for (const overflow o : {overflow::saturate, overflow::special}) {
    for (const special_policy& p : {policy::cuda, policy::onednn}) {
      const encode_options plain{.overflow = o, .policy = p, .layout = layout};
      std::vector<std::uint8_t> bytes(packed_bytes(layout, x.size()), 0xff);
      encode<F>(scalar{}, x, bytes, plain);
      right = right && holds<F>(bytes, layout, x, [](std::size_t) { return nearest_even{}; }, o, p);
      encode_options other = plain;
      other.rounding = upward{};
      encode<F>(scalar{}, x, bytes, other);
      right = right && holds<F>(bytes, layout, x, [](std::size_t) { return upward{}; }, o, p);
    }
  }
  return right;
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

TEST_CASE("encode of a span: every code is that of its number, in its place") {
  CHECK(encodes<formats::e2m1, float>());
  CHECK(encodes<formats::e2m1, double>(layouts::nibbles_high_first));
  CHECK(encodes<formats::e2m1, nibble::bf16>(layouts::ggml_nvfp4));
  CHECK(encodes<formats::e2m1, nibble::f16>(layouts::bytes));
  CHECK(encodes<formats::e3m2, float>(layouts::dense6));
  CHECK(encodes<formats::e4m3, float>());
  CHECK(encodes<formats::e4m3, double>());
  CHECK(encodes<formats::e5m2, nibble::f16>());
  CHECK(encodes<formats::e8m0, float>());
  CHECK(encodes<formats::mxint8, float>());
  CHECK(encodes<formats::bf16, double>());
  CHECK(encodes<formats::p3109(8, 3, true, true), float>());
}

TEST_CASE("encode of a span: random bits go by position") {
  const std::vector<float> x = numbers<float>(200);
  std::vector<std::uint8_t> bytes(x.size());
  for (const int bits : {8, 16, 32}) {
    // The stream as one bit string: four words a block, the low bits first.
    const auto slice = [&](std::size_t element, auto&& word_at) {
      const std::size_t per_word = 32U / static_cast<unsigned>(bits);
      const std::uint32_t word = word_at(element / per_word);
      const auto place = static_cast<int>(element % per_word) * bits;
      return bits == 32 ? word : word >> place & ((std::uint32_t{1} << bits) - 1U);
    };
    const auto drawn = [](std::size_t word) { return random_block(42, 7, word / 4).words[word % 4]; };
    const auto choice = [&](std::uint32_t word) {
      return rounding_choice{rounding_mode::stochastic, stochastic_variant::b, bits, word};
    };
    const stochastic random{.seed = 42, .stream = 7, .bits = bits, .variant = stochastic_variant::b, .first_element = 13};
    encode<e4m3>(scalar{}, x, bytes, {.rounding = random});
    CHECK(holds<formats::e4m3>(bytes, layouts::bytes, x, [&](std::size_t i) { return choice(slice(i + 13, drawn)); },
                               overflow::saturate, policy::cuda));
    std::vector<std::uint32_t> words(x.size());
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint32_t>(i * 0x9E37'79B9U);
    encode<e4m3>(scalar{}, x, bytes, {.rounding = stochastic_words{words, bits, stochastic_variant::b}});
    const auto given = [&](std::size_t word) { return words[word]; };
    CHECK(holds<formats::e4m3>(bytes, layouts::bytes, x, [&](std::size_t i) { return choice(slice(i, given)); },
                               overflow::saturate, policy::cuda));
  }
}

TEST_CASE("decode of a span: every value is that of its code") {
  std::vector<std::uint8_t> codes(256);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>(i);
  std::vector<float> values(256);
  decode<e4m3>(scalar{}, codes, values);
  std::vector<double> doubles(512);
  decode<e2m1>(scalar{}, codes, doubles);
  std::vector<nibble::bf16> narrow(256);
  decode<e5m2>(scalar{}, codes, narrow);
  bool right = true;
  for (std::uint32_t i = 0; i < 256; ++i) {
    right = right && to_bits(values[i]) == to_bits(decode<e4m3>(i));
    right = right && to_bits(doubles[2 * i]) == to_bits(decode_double<e2m1>(i & 15U));
    right = right && to_bits(doubles[2 * i + 1]) == to_bits(decode_double<e2m1>(i >> 4));
    const auto wanted = nibble::bf16(decode<e5m2>(i), nearest_even{}, overflow::special);
    right = right && narrow[i].bits() == wanted.bits();
  }
  CHECK(right);
}

TEST_CASE("encode and decode of spans: 16-bit codes as bytes and as words") {
  const std::vector<float> x = numbers<float>(100);
  std::vector<std::uint16_t> words(100);
  std::array<std::uint8_t, 200> bytes{};
  encode<nibble::bf16>(scalar{}, x, words);
  encode<nibble::bf16>(scalar{}, x, bytes);
  bool right = true;
  for (std::size_t i = 0; i < 100; ++i) right = right && words[i] == bytes[2 * i] + 256 * bytes[2 * i + 1];
  CHECK(right);
  std::vector<float> from_words(100);
  std::vector<float> from_bytes(100);
  decode<nibble::bf16>(scalar{}, words, from_words);
  decode<nibble::bf16>(scalar{}, bytes, from_bytes);
  for (std::size_t i = 0; i < 100; ++i) {
    const std::uint32_t wanted = to_bits(decode<nibble::bf16>(words[i]));
    right = right && to_bits(from_words[i]) == wanted && to_bits(from_bytes[i]) == wanted;
  }
  CHECK(right);
}

TEST_CASE("encode and decode of spans: nothing is asked of empty ones") {
  std::vector<float> none;
  std::vector<std::uint8_t> codes;
  CHECK_NOTHROW(encode<e4m3>(scalar{}, none, codes));
  CHECK_NOTHROW(decode<e4m3>(scalar{}, codes, none));
}

TEST_CASE("encode and decode of spans: what wrong arguments get") {
  const std::vector<float> x(5);
  std::vector<std::uint8_t> codes(4, 0xaa);
  std::vector<std::uint16_t> words(4);
  std::vector<float> out(5);
  const auto encode_message = [&](const encode_options& o) {
    std::vector<std::uint8_t> enough(16);
    return message_of([&] { encode<e4m3>(scalar{}, x, enough, o); });
  };
  CHECK(message_of([&] { encode<e4m3>(scalar{}, x, codes); }) ==
        "nibble: codes has 4 bytes; 5 codes need at least 5");
  CHECK(message_of([&] { decode<e4m3>(scalar{}, codes, out); }) ==
        "nibble: codes has 4 bytes; 5 codes need at least 5");
  CHECK(message_of([&] { encode<nibble::f16>(scalar{}, x, words); }) ==
        "nibble: codes has 4 elements; 5 numbers need as many");
  CHECK(message_of([&] { decode<nibble::f16>(scalar{}, words, out, layouts::bytes); }).find("layout is for bytes") !=
        std::string::npos);
  CHECK(encode_message({.layout = layouts::dense6}).find("options.layout has slots of 6 bits") != std::string::npos);
  CHECK(encode_message({.layout = packed_layout{.slot_bits = 9}}).find("options.layout") != std::string::npos);
  CHECK(encode_message({.rounding = static_cast<rounding_mode>(99)}).find("options.rounding is 99") != std::string::npos);
  CHECK(encode_message({.rounding = stochastic{.bits = 7}}).find("stochastic bits is 7") != std::string::npos);
  CHECK(encode_message({.rounding = stochastic_words{}}).find("holds 0 words") != std::string::npos);
  CHECK(encode_message({.overflow = static_cast<overflow>(9)}).find("options.overflow is 9") != std::string::npos);
  CHECK(encode_message({.policy = {.nan_code = static_cast<nan_code_rule>(9)}}).find("options.policy.nan_code is 9") !=
        std::string::npos);
  CHECK(codes == std::vector<std::uint8_t>(4, 0xaa));
}
