// SPDX-License-Identifier: Apache-2.0
//
// The law of stochastic rounding against the encoder itself: every random word of 8 and 16 bits, and for 32 bits the
// breakpoint found by bisection (a code is monotone in the word). What is exact, and nothing else, has its own
// expectation.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <nibble/format/catalogue.hpp>
#include <nibble/format/encode.hpp>
#include <nibble/method/stochastic_exactness.hpp>

namespace {

using namespace nibble;

/// The largest magnitude with the sign of its rounding taken away.
template <float_format F, class Float>
double rounded(Float x, int bits, std::uint32_t word, stochastic_variant variant) {
  const rounding_choice choice{rounding_mode::stochastic, variant, bits, word};
  return std::abs(decode_double<F>(encode<F>(x, choice, overflow::saturate)));
}

/// The sum over all words, exactly: by enumeration up to 16 bits, else from the breakpoint.
template <float_format F, class Float>
long double sum_over_words(Float x, int bits, stochastic_variant variant) {
  long double sum = 0;
  if (bits <= 16) {
    for (std::uint32_t word = 0; word >> bits == 0; ++word) sum += rounded<F>(x, bits, word, variant);
    return sum;
  }
  const auto value = [&](std::uint64_t word) { return rounded<F>(x, bits, static_cast<std::uint32_t>(word), variant); };
  const std::uint64_t words = std::uint64_t{1} << bits;
  std::uint64_t first = 0;
  std::uint64_t last = words;
  const double low = value(0);
  while (first < last) {
    const std::uint64_t middle = (first + last) / 2;
    if (value(middle) > low) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  const double high = value(words - 1);
  return static_cast<long double>(low) * static_cast<long double>(first) +
         static_cast<long double>(high) * static_cast<long double>(words - first);
}

template <float_format F, class Float>
bool law_is_right(Float x, int bits, stochastic_variant variant) {
  const stochastic_law law = stochastic_law_of(F, x, bits, variant);
  const long double words = std::ldexp(1.0L, bits);
  const long double sum = sum_over_words<F>(x, bits, variant);
  const long double stated = static_cast<long double>(law.lower) * (words - static_cast<long double>(law.up)) +
                             static_cast<long double>(law.upper) * static_cast<long double>(law.up);
  bool right = sum == stated && law.bits == bits;
  const long double magnitude = std::abs(static_cast<long double>(x));
  const bool in_range = magnitude <= F.max_value() && (F.has_zero || magnitude >= F.min_positive());
  // Exact where it says so, for every variant; elsewhere variant A falls short, by less than its last bit.
  const bool exact = stochastic_is_exact(F, x, bits);
  if (exact) right = right && sum == magnitude * words;
  if (in_range && !exact && variant == stochastic_variant::a) right = right && sum < magnitude * words;
  if (in_range) {
    const long double gap = law.upper - law.lower;
    const long double error = std::abs(sum / words - magnitude);
    right = right && (exact || error < gap * stochastic_bias_bound(bits, variant) ||
                      (variant != stochastic_variant::a && error == gap * stochastic_bias_bound(bits, variant)));
  } else {
    right = right && !exact;
  }
  return right;
}

template <float_format F>
void check_format(int count) {
  std::mt19937 generator(6);
  int wrong = 0;
  for (int i = 0; i < count; ++i) {
    // Exponents from far below the smallest number to just beyond the largest; some with few bits, so that some are
    // exact.
    const int lowest = F.min_exponent() - F.mantissa_bits - 12;
    const int span = F.max_exponent() + 2 - lowest;
    std::uint32_t significand = static_cast<std::uint32_t>(generator()) & 0x7fffffU;
    significand &= ~((1U << (generator() % 24)) - 1U);
    const float x = std::ldexp(1.0F + static_cast<float>(significand) * 0x1p-23F,
                               lowest + static_cast<int>(generator() % static_cast<unsigned>(span)));
    const double wide = double{x} + std::ldexp(double{x}, -30);
    for (const auto variant : {stochastic_variant::a, stochastic_variant::b, stochastic_variant::c}) {
      wrong += law_is_right<F>(i % 2 == 0 ? x : -x, 32, variant) ? 0 : 1;
      wrong += law_is_right<F>(wide, 32, variant) ? 0 : 1;
      wrong += law_is_right<F>(x, 8, variant) ? 0 : 1;
      if (i % 50 == 0) wrong += law_is_right<F>(x, 16, variant) ? 0 : 1;
      if (i % 50 == 1) wrong += law_is_right<F>(x, 13, variant) ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("stochastic_exactness: the law of every format is that of the encoder") {
  check_format<formats::e2m1>(2000);
  check_format<formats::e2m3>(500);
  check_format<formats::e3m2>(500);
  check_format<formats::e4m3>(500);
  check_format<formats::e5m2>(500);
  check_format<formats::e3m0>(500);
  check_format<formats::mxint8>(500);
  check_format<formats::e8m0>(200);
  check_format<formats::e4m3fnuz>(200);
}

TEST_CASE("stochastic_exactness: zero and the ends of the range") {
  CHECK(law_is_right<formats::e2m1>(0.0F, 8, stochastic_variant::a));
  CHECK(stochastic_is_exact(formats::e2m1, -0.0F, 8));
  CHECK(stochastic_is_exact(formats::e2m1, 6.0F, 8));
  CHECK(!stochastic_is_exact(formats::e2m1, std::nextafter(6.0F, 7.0F), 32));
  CHECK(stochastic_law_of(formats::e2m1, 100.0F).expectation() == 6);
  CHECK(stochastic_law_of(formats::e2m1, 2.5F).variance() == 0.25);
  CHECK(stochastic_law_of(formats::e2m1, -5.0F).variance() == 1);
  CHECK(stochastic_law_of(formats::e2m1, 0x1p-149F).up == 0);
}

/// Every float32 in a binade: all of them exact from stochastic_exact_from on, not all of them below.
bool all_exact(const float_format& f, int exponent, int bits) {
  const std::uint32_t first = to_bits(std::ldexp(1.0F, exponent));
  for (std::uint32_t i = 0; i < 0x800000U; i += 1) {
    const float x = bit_cast<float>(first + i);
    if (double{x} <= f.max_value() && !stochastic_is_exact(f, x, bits)) return false;
  }
  return true;
}

TEST_CASE("stochastic_exactness: which float32 are exact with 32, 16 and 8 bits") {
  CHECK(stochastic_exact_from(formats::e2m1, 32) == -10);
  CHECK(stochastic_exact_from(formats::e4m3, 32) == -18);
  CHECK(stochastic_exact_from(formats::e2m1, 22) == 0);
  CHECK(!stochastic_exact_from(formats::e2m1, 21));
  CHECK(!stochastic_exact_from(formats::e2m1, 16));
  CHECK(!stochastic_exact_from(formats::e2m1, 8));
  for (int exponent = -12; exponent <= 2; ++exponent)
    CHECK(all_exact(formats::e2m1, exponent, 32) == (exponent >= -10));
  // 16 and 8 bits: exactly the numbers with so many fraction bits below the step.
  CHECK(stochastic_is_exact(formats::e2m1, 0x1.00008p0F, 16));   // step 1/2: 2^-17 is its 16th bit
  CHECK(!stochastic_is_exact(formats::e2m1, 0x1.00004p0F, 16));
  CHECK(stochastic_is_exact(formats::e2m1, 0x1.008p0F, 8));      // 2^-9
  CHECK(!stochastic_is_exact(formats::e2m1, 0x1.004p0F, 8));
  // bfloat16 has 8 significant bits: from 2^-2 on 8 random bits are exact.
  for (std::uint32_t i = 0; i < 128; ++i) {
    CHECK(stochastic_is_exact(formats::e2m1, bit_cast<float>(to_bits(0.25F) + (i << 16)), 8));
  }
}

}  // namespace
