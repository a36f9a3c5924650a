// SPDX-License-Identifier: Apache-2.0
//
// Stochastic rounding with finitely many bits (IEEE P3109 4.7.4) by hand and by enumeration of all random words. All
// formats and numbers of bits are enumerated by tests/exhaustive/stochastic.cpp.
#include <doctest/doctest.h>

#include <cstdint>
#include <utility>

#include <nibble/format/decode.hpp>
#include <nibble/format/encode.hpp>

#include <format/subjects.hpp>
#include <oracle/stochastic.hpp>

namespace {

using namespace nibble;
using v = stochastic_variant;

/// How many of the 2^Bits words give the code `up`.
template <float_format F, int Bits, v Variant, class Source>
int count(Source x, std::uint32_t up) {
  int words = 0;
  for (std::uint32_t word = 0; word < (std::uint32_t{1} << Bits); ++word) {
    words += encode<F>(x, stochastic_bits<Bits, Variant>{word}) == up ? 1 : 0;
  }
  return words;
}

}  // namespace

TEST_CASE("variants A, B and C at quarters of the step from 2 to 3") {
  using formats::e2m1;
  CHECK(count<e2m1, 1, v::a>(2.25f, 5) == 0);
  CHECK(count<e2m1, 1, v::b>(2.25f, 5) == 1);
  CHECK(count<e2m1, 1, v::c>(2.25f, 5) == 0);
  CHECK(count<e2m1, 1, v::a>(2.75f, 5) == 1);
  CHECK(count<e2m1, 1, v::b>(2.75f, 5) == 2);
  CHECK(count<e2m1, 1, v::c>(2.75f, 5) == 2);
  CHECK(count<e2m1, 2, v::a>(2.25f, 5) == 1);
  CHECK(count<e2m1, 2, v::b>(2.25f, 5) == 1);
  CHECK(count<e2m1, 2, v::c>(2.25, 5) == 1);
  CHECK(count<e2m1, 8, v::a>(-2.75f, 0xd) == 192);
}

TEST_CASE("what variant A loses is below 2^-N of a step") {
  using formats::e2m1;
  CHECK(count<e2m1, 4, v::a>(2.0 + 0x1p-4 - 0x1p-50, 5) == 0);
  CHECK(count<e2m1, 4, v::a>(2.0 + 0x1p-4, 5) == 1);
  CHECK(count<e2m1, 4, v::b>(2.0 + 0x1p-5, 5) == 1);
  CHECK(count<e2m1, 4, v::b>(2.0 + 0x1p-5 - 0x1p-50, 5) == 0);
  CHECK(count<e2m1, 4, v::c>(2.0 + 0x1p-5, 5) == 0);
  CHECK(count<e2m1, 4, v::c>(2.0 + 0x1p-5 + 0x1p-50, 5) == 1);
  CHECK(count<e2m1, 4, v::c>(2.0 + 3 * 0x1p-5, 5) == 2);
}

TEST_CASE("numbers of the format never move") {
  int moved = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    constexpr float_format f = s.format;
    if constexpr (f.bits() <= 8) {
      for (std::uint32_t code = 0; code <= f.code_mask(); ++code) {
        const double x = oracle::decode(s.reference, code);
        if (oracle::is_nan(x) || oracle::is_infinite(x) || x < -oracle::max_value(s.reference)) continue;
        if (encode<f>(x, stochastic_bits<32>{~0U}) != code) ++moved;
        if (encode<f>(x, stochastic_bits<32, v::b>{~0U}) != code) ++moved;
        if (encode<f>(x, stochastic_bits<5, v::c>{~0U}) != code) ++moved;
        if (encode<f>(static_cast<float>(x), stochastic_bits<32, v::b>{~0U}) != code && f.fits_binary32()) ++moved;
      }
    }
  });
  CHECK(moved == 0);
}

TEST_CASE("the low bits of the word are used, the others are not") {
  int wrong = 0;
  for (std::uint32_t word = 0; word < 16; ++word) {
    const std::uint32_t wanted = encode<formats::e4m3>(1.0703125f, stochastic_bits<4>{word});
    if (wanted != (word >= 7 ? 0x39U : 0x38U)) ++wrong;
    for (const std::uint32_t above : {0x10U, 0xfffffff0U, 0xabcdef00U}) {
      if (encode<formats::e4m3>(1.0703125f, stochastic_bits<4>{word | above}) != wanted) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("thirty-two bits decide at their own threshold") {
  // A fraction of 2^-20: 2^12 of the 2^32 words round up, the highest.
  const float x = 2.0f + 0x1p-20f;
  CHECK(encode<formats::e2m1>(x, stochastic_bits<32>{0xfffff000U}) == 5);
  CHECK(encode<formats::e2m1>(x, stochastic_bits<32>{0xffffefffU}) == 4);
  const double y = 2.0 + 0x1p-32;
  CHECK(encode<formats::e2m1>(y, stochastic_bits<32>{0xffffffffU}) == 5);
  CHECK(encode<formats::e2m1>(y, stochastic_bits<32>{0xfffffffeU}) == 4);
  CHECK(encode<formats::e2m1>(2.0 + 0x1p-33, stochastic_bits<32>{0xffffffffU}) == 4);
  CHECK(encode<formats::e2m1>(2.0 + 0x1p-33, stochastic_bits<32, v::b>{0xffffffffU}) == 5);
  // A number far below the step: no word reaches it.
  CHECK(encode<formats::e2m1>(0x1p-149f, stochastic_bits<32>{0xffffffffU}) == 0);
  CHECK(encode<formats::e2m1>(0x1p-1070, stochastic_bits<32, v::c>{0xffffffffU}) == 0);
}

TEST_CASE("rounding up past the largest number is an overflow") {
  CHECK(encode<formats::e4m3>(479.0f, stochastic_bits<8>{255}) == 0x7e);
  CHECK(encode<formats::e4m3>(479.0f, stochastic_bits<8>{255}, overflow::special) == 0x7f);
  CHECK(encode<formats::e4m3>(479.0f, stochastic_bits<8>{0}, overflow::special) == 0x7e);
  CHECK(encode<formats::e4m3>(480.0f, stochastic_bits<8>{0}, overflow::special) == 0x7f);
  CHECK(encode<formats::e5m2>(-65000.0f, stochastic_bits<8>{255}, overflow::special) == 0xfc);
}

TEST_CASE("the count of words that round up is the closed form: E4M3, four bits, all intervals") {
  int wrong = 0;
  for (std::uint32_t code = 0; code < 0x7e; ++code) {
    const double low = oracle::decode(oracle::e4m3, code);
    const double step = oracle::decode(oracle::e4m3, code + 1) - low;
    for (int part = 0; part < 64; ++part) {
      const double x = low + step * part / 64;
      const auto odds = [&](oracle::stochastic_variant which) {
        return static_cast<int>(oracle::odds(oracle::e4m3, x, 4, which).up);
      };
      if (count<formats::e4m3, 4, v::a>(x, code + 1) != odds(oracle::stochastic_variant::a)) ++wrong;
      if (count<formats::e4m3, 4, v::b>(x, code + 1) != odds(oracle::stochastic_variant::b)) ++wrong;
      if (count<formats::e4m3, 4, v::c>(static_cast<float>(x), code + 1) != odds(oracle::stochastic_variant::c))
        ++wrong;
    }
  }
  CHECK(wrong == 0);
}
