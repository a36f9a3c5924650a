// SPDX-License-Identifier: Apache-2.0
//
// encode: worked examples, then formats that a user might describe, at random, under every rounding, overflow and
// policy against the reference. Whole input domains are swept by the programs of tests/exhaustive.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <type_traits>

#include <nibble/format/encode.hpp>

#include <exhaustive/inputs.hpp>
#include <format/subjects.hpp>

namespace {

using namespace nibble;

constexpr rounding_mode modes[] = {
    rounding_mode::nearest_even, rounding_mode::nearest_away, rounding_mode::nearest_toward_zero,
    rounding_mode::toward_zero,  rounding_mode::upward,       rounding_mode::downward,
    rounding_mode::to_odd};
constexpr oracle::rounding reference_modes[] = {
    oracle::rounding::nearest_even, oracle::rounding::nearest_away, oracle::rounding::nearest_toward_zero,
    oracle::rounding::toward_zero,  oracle::rounding::upward,       oracle::rounding::downward,
    oracle::rounding::to_odd};
constexpr overflow rules[] = {overflow::saturate, overflow::special, overflow::p3109_finite, overflow::p3109_propagate,
                              overflow::p3109_none};
constexpr oracle::overflow reference_rules[] = {oracle::overflow::saturate, oracle::overflow::special,
                                                oracle::overflow::p3109_finite, oracle::overflow::p3109_propagate,
                                                oracle::overflow::p3109_none};

struct named_policy {
  special_policy library;
  oracle::policy reference;
};
constexpr named_policy policies[] = {
    {policy::cuda, oracle::policy::cuda},       {policy::ml_dtypes, oracle::policy::ml_dtypes},
    {policy::cutlass, oracle::policy::cutlass}, {policy::onednn, oracle::policy::onednn},
    {policy::p3109, oracle::policy::p3109},     {policy::ggml, oracle::policy::ggml}};

/// A valid format of at most 12 bits, of any bias that keeps its numbers normal doubles.
float_format random_format(std::mt19937& random) {
  const auto below = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  for (;;) {
    float_format f{.exponent_bits = below(8),
                   .mantissa_bits = below(7),
                   .bias = below(2) == 0 ? below(300) - 100 : below(2000) - 1000,
                   .specials = static_cast<special_values>(below(6)),
                   .has_sign = below(4) != 0,
                   .has_zero = below(4) != 0};
    if (below(8) == 0) f = {.mantissa_bits = 2 + below(9), .bias = below(40) - 20, .twos_complement = true};
    if (f.is_valid() && f.bits() <= 12) return f;
  }
}

oracle::format reference_of(const float_format& f) {
  return {f.exponent_bits, f.mantissa_bits, f.bias,           static_cast<oracle::specials>(f.specials),
          f.has_sign,      f.has_zero,      f.twos_complement};
}

/// Where the policy follows a reference that has no such format, and the comparison would be with an opinion.
bool has_no_reference(const float_format& f, double x, oracle::policy who, bool from_double) {
  if (who == oracle::policy::cuda && from_double && oracle::is_nan(x)) return f.has_nan() && f.bits() != 8;
  return who == oracle::policy::ml_dtypes && oracle::is_zero(x) && f.has_sign && !f.has_zero;
}

/// Compares one number in every rounding and overflow of one policy.
template <class Source>
int differences(const float_format& f, Source x, const named_policy& p) {
  int wrong = 0;
  const oracle::format r = reference_of(f);
  if (has_no_reference(f, static_cast<double>(x), p.reference, std::is_same_v<Source, double>)) return 0;
  for (std::size_t mode = 0; mode < 7; ++mode) {
    for (std::size_t rule = 0; rule < 5; ++rule) {
      const std::uint32_t got = encode(f, x, rounding_choice{modes[mode]}, rules[rule], p.library);
      const std::uint32_t wanted = oracle::encode(r, static_cast<double>(x), reference_modes[mode],
                                                  reference_rules[rule], p.reference, std::is_same_v<Source, double>);
      if (got == wanted) continue;
      if (++wrong == 1) {
        std::printf(
            "e%d m%d bias %d specials %d sign %d zero %d: %a, mode %d, overflow %d, policy %d: 0x%x, not 0x%x\n",
            f.exponent_bits, f.mantissa_bits, f.bias, static_cast<int>(f.specials), f.has_sign, f.has_zero,
            static_cast<double>(x), static_cast<int>(mode), static_cast<int>(rule), static_cast<int>(p.reference), got,
            wanted);
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("worked examples, in constant expressions") {
  static_assert(encode<formats::e2m1>(2.6f) == 0x5 && encode<formats::e2m1>(2.5f) == 0x4);
  static_assert(encode<formats::e2m1>(-1.75f) == 0xc && encode<formats::e2m1>(0.25f) == 0x0);
  static_assert(encode<formats::e4m3>(449.0f, toward_zero{}, overflow::saturate) == 0x7e);
  static_assert(encode<formats::e4m3>(464.0f, nearest_even{}, overflow::special) == 0x7e);
  static_assert(encode<formats::e4m3>(464.5f, nearest_even{}, overflow::special) == 0x7f);
  static_assert(encode<formats::e5m2>(61440.0f, nearest_even{}, overflow::special) == 0x7c);
  static_assert(encode<formats::e8m0>(3.0f, upward{}) == 0x81 && encode<formats::e8m0>(3.0f, toward_zero{}) == 0x80);
  static_assert(encode<formats::bf16>(0x1.01p0f) == 0x3f80 && encode<formats::bf16>(0x1.03p0f) == 0x3f82);
  static_assert(encode<formats::f16>(65519.996f) == 0x7bff);
  static_assert(encode<formats::mxint8>(-2.0f) == 0x81 && encode<formats::mxint8>(-1.0f / 64) == 0xff);
  CHECK(encode<formats::e2m1>(5.0f, stochastic_bits<1>{1}) == 0x7);
}

TEST_CASE("a double is rounded once") {
  // Each of these would fall on a tie, and then the other way, on a detour through float32.
  CHECK(encode<formats::e4m3>(1.0625 + 0x1p-40) == 0x39);
  CHECK(encode<formats::e4m3>(-431.99999999999994) == 0xfd);
  CHECK(encode<formats::e2m1>(2.5 + 0x1p-51) == 0x5);
  CHECK(encode<formats::e2m1>(0.25 + 0x1p-54) == 0x1);
  CHECK(encode<formats::bf16>(0x1.01p0 + 0x1p-50) == 0x3f81);
  CHECK(encode<formats::f16>(0x1p-25 + 0x1p-77) == 0x0001);
  CHECK(encode<formats::e8m0>(0x1p-127 + 0x1p-160, upward{}) == 0x01);
}

TEST_CASE("the result is right-aligned in the smallest unsigned integer") {
  static_assert(std::is_same_v<code_type<formats::e2m1>, std::uint8_t>);
  static_assert(std::is_same_v<code_type<formats::e8m0>, std::uint8_t>);
  static_assert(std::is_same_v<code_type<subjects::tiny>, std::uint16_t>);
  static_assert(std::is_same_v<code_type<formats::bf16>, std::uint16_t>);
  static_assert(std::is_same_v<decltype(encode<formats::e4m3>(1.0)), std::uint8_t>);
  static_assert(noexcept(encode<formats::e4m3>(1.0f)));
  CHECK(encode<formats::e2m3>(-100.0f) == 0x3f);
}

TEST_CASE("a run-time format gives what the compile-time format gives") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr float_format f = subjects::all[Index].format;
    exhaustive::input_source inputs(subjects::all[Index].reference, Index);
    for (int i = 0; i < 3000; ++i) {
      const float x = inputs.next_float();
      const double y = inputs.next_double();
      const rounding_choice choice{modes[i % 7]};
      const overflow rule = rules[i % 5];
      if (encode<f>(x, choice, rule) != encode(f, x, choice, rule)) ++wrong;
      if (encode<f>(y, choice, rule, policy::onednn) != encode(f, y, choice, rule, policy::onednn)) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("formats at random equal the reference in every rounding, overflow and policy") {
  std::mt19937 random(5);
  int wrong = 0;
  for (int i = 0; i < 400; ++i) {
    const float_format f = random_format(random);
    exhaustive::input_source inputs(reference_of(f), static_cast<std::uint64_t>(i));
    for (int j = 0; j < 40; ++j) {
      const named_policy& p = policies[random() % 6];
      wrong += differences(f, inputs.next_double(), p);
      wrong += differences(f, inputs.next_float(), p);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("named formats equal the reference in every rounding, overflow and policy") {
  int wrong = 0;
  for (const subjects::subject& s : subjects::all) {
    exhaustive::input_source inputs(s.reference, 99);
    for (int j = 0; j < 100; ++j) {
      for (const named_policy& p : policies) {
        wrong += differences(s.format, inputs.next_double(), p);
        wrong += differences(s.format, inputs.next_float(), p);
      }
    }
  }
  CHECK(wrong == 0);
}
