// SPDX-License-Identifier: Apache-2.0
//
// What sources are widened to before they are rounded: integers, other small floats.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <random>

#include <nibble/number/minifloat.hpp>
#include <nibble/number/source.hpp>
#include <number/every_format.hpp>

namespace {

/// An integer's leading 53 bits and, in their last place, whether any bit after them is set: by shifting it bit by bit.
double odd_double(std::uint64_t magnitude) {
  int shift = 0;
  bool sticky = false;
  while (magnitude >= (std::uint64_t{1} << 53)) {
    sticky = sticky || magnitude % 2 != 0;
    magnitude /= 2;
    ++shift;
  }
  if (sticky && magnitude % 2 == 0) ++magnitude;
  return std::ldexp(static_cast<double>(magnitude), shift);
}

std::uint64_t random_integer(std::mt19937_64& random) {
  const std::uint64_t word = random() >> (random() % 64);
  // Ones and zeros in long runs make the halfway cases.
  return random() % 2 == 0 ? word : word & (~std::uint64_t{0} << (random() % 64));
}

}  // namespace

TEST_CASE("unsigned 64-bit integers become doubles rounded to odd") {
  std::mt19937_64 random(1);
  int wrong = 0;
  for (int i = 0; i < 1000000; ++i) {
    const std::uint64_t x = random_integer(random);
    if (nibble::detail::source_bits(x) != oracle::double_bits(odd_double(x))) ++wrong;
  }
  const std::uint64_t edges[] = {0, 1, (1ULL << 53) - 1, 1ULL << 53, (1ULL << 53) + 1, ~0ULL};
  for (const std::uint64_t x : edges) {
    if (nibble::detail::source_bits(x) != oracle::double_bits(odd_double(x))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("signed integers keep their sign, the most negative one too") {
  using nibble::detail::source_bits;
  CHECK(source_bits(std::int8_t{-128}) == oracle::double_bits(-128.0));
  CHECK(source_bits(std::int32_t{-7}) == oracle::double_bits(-7.0));
  CHECK(source_bits(std::numeric_limits<std::int32_t>::min()) == oracle::double_bits(-0x1p31));
  CHECK(source_bits(std::numeric_limits<std::int64_t>::min()) == oracle::double_bits(-0x1p63));
  CHECK(source_bits(std::numeric_limits<std::int64_t>::max()) == oracle::double_bits(0x1.fffffffffffffp62));
  CHECK(source_bits(0) == 0);
  CHECK(source_bits(true) == oracle::double_bits(1.0));
}

TEST_CASE("a 64-bit integer is rounded once") {
  // 2^63 + 2^52 + 1 lies just above the middle of two neighbours of binary16 scaled by 2^48; its double would lie on
  // it.
  constexpr nibble::float_format wide{.exponent_bits = 5, .mantissa_bits = 10, .bias = -48};
  const std::uint64_t above = (1ULL << 63) + (1ULL << 52) + 1;
  CHECK(double(nibble::minifloat<wide>{above}) == 0x1p63 + 0x1p53);
  CHECK(double(nibble::minifloat<wide>{above - 1}) == 0x1p63);
  CHECK(double(nibble::minifloat<wide>{above - 2}) == 0x1p63);
}

TEST_CASE("codes are widened exactly, to float where that is possible") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    for (std::uint32_t code = 0; code < std::uint32_t{1} << s.format.bits(); ++code) {
      const auto bits = nibble::detail::widened_bits<s.format>(code);
      const double wide =
          sizeof(bits) == 4 ? oracle::float_value(static_cast<std::uint32_t>(bits)) : oracle::bits_double(bits);
      const double value = oracle::decode(s.reference, code);
      const bool same = oracle::double_bits(wide) == oracle::double_bits(value);
      const bool both_nan =
          oracle::is_nan(wide) && oracle::is_nan(value) && oracle::is_negative(wide) == oracle::is_negative(value);
      if (!same && !both_nan) ++wrong;
    }
  });
  CHECK(wrong == 0);
  CHECK(sizeof(nibble::detail::widened_bits<nibble::formats::bf16>(0)) == 4);
  CHECK(sizeof(nibble::detail::widened_bits<subjects::tiny>(0)) == 8);
}

TEST_CASE("a NaN keeps its payload when it is widened") {
  using nibble::detail::widened_bits;
  CHECK(widened_bits<nibble::formats::f16>(0xfe01) == 0xffc0'2000U);
  CHECK(widened_bits<nibble::formats::bf16>(0x7fd5) == 0x7fd5'0000U);
  CHECK(widened_bits<nibble::formats::e5m2>(0x7d) == 0x7fe0'0000U);
  // oneDNN copies the payload into E5M2: 0x7f80 | 0x0155 of binary16 is Inf's exponent and mantissa 0x155.
  const auto nan = nibble::f16::from_bits(0x7d55);
  const auto code =
      nibble::encode<nibble::e5m2>(nan, nibble::nearest_even{}, nibble::overflow::saturate, nibble::policy::onednn);
  CHECK(code == 0x7f);
  CHECK(nibble::encode<nibble::e5m2>(nibble::f16::from_bits(0xfc01), nibble::nearest_even{}, nibble::overflow::saturate,
                                     nibble::policy::onednn) == 0xfe);
}
