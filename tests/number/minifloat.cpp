// SPDX-License-Identifier: Apache-2.0
//
// minifloat: conversions, comparisons and sign operations over every code of every format.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include <nibble/number/minifloat.hpp>
#include <number/every_format.hpp>

namespace {

/// All codes up to 8 bits, else a thousand that hold the ends of every class.
std::vector<std::uint32_t> some_codes(const oracle::format& f) {
  std::vector<std::uint32_t> codes;
  const std::uint32_t count = std::uint32_t{1} << f.bits();
  if (f.bits() <= 8) {
    for (std::uint32_t code = 0; code < count; ++code) codes.push_back(code);
    return codes;
  }
  std::mt19937 random(7);
  for (int i = 0; i < 900; ++i) codes.push_back(static_cast<std::uint32_t>(random() % count));
  for (const std::uint32_t sign : {0U, f.sign_code()}) {
    for (const std::uint32_t centre : {2U, 1U << f.mantissa_bits, oracle::max_code(f)}) {
      for (std::uint32_t i = 0; i < 5; ++i) codes.push_back(sign | (centre + i - 2));
    }
  }
  return codes;
}

std::uint32_t expected_code(const subjects::subject& s, double x, bool from_double) {
  return oracle::encode(s.reference, x, oracle::rounding::nearest_even, oracle::overflow::saturate,
                        oracle::policy::cuda, from_double);
}

/// == < <= > >= as bits, each decided alone: beside one another, GCC 12 at -O2 takes `!(u < v)` for `u >= v`.
template <class T>
[[gnu::noinline]] unsigned relations(T u, T v) {
  unsigned result = 0;
  const auto add = [&result](bool holds) {
    const volatile bool kept = holds;
    result = 2 * result + (kept ? 1U : 0U);
  };
  add(u == v);
  add(u != v);
  add(u < v);
  add(u <= v);
  add(u > v);
  add(u >= v);
  return result;
}

}  // namespace

TEST_CASE("a code converts to its exact value and back") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    using number = nibble::minifloat<s.format>;
    for (std::uint32_t code = 0; code < std::uint32_t{1} << s.format.bits(); ++code) {
      const number x = number::from_bits(code);
      const double value = oracle::decode(s.reference, code);
      const bool nan = oracle::is_nan(value);
      if (x.bits() != code) ++wrong;
      if (oracle::double_bits(double(x)) != oracle::double_bits(value)) ++wrong;
      if constexpr (s.format.fits_binary32()) {
        if (oracle::float_bits(float(x)) != oracle::bits_of_float(value)) ++wrong;
        if (!nan && number{float(x)}.bits() != expected_code(s, value, false)) ++wrong;
      }
      if (!nan && number{double(x)}.bits() != expected_code(s, value, true)) ++wrong;
      if (!nan && number{x}.bits() != code) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("bits above a format's are ignored") {
  CHECK(nibble::e2m1::from_bits(0xf7).bits() == 7);
  CHECK(nibble::ue4m3::from_bits(0x80).bits() == 0);
  CHECK(nibble::decode<nibble::e2m1>(0xf5) == 3.0F);
}

TEST_CASE("one small float becomes another with one rounding") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    for (std::uint32_t code = 0; code < 0x10000; ++code) {
      for (const subjects::subject& from : {subjects::all[13], subjects::all[14]}) {
        const double value = oracle::decode(from.reference, code);
        const bool is_bf16 = from.name == "bf16";
        const auto bf16 = nibble::bf16::from_bits(code);
        const auto f16 = nibble::f16::from_bits(code);
        if (from.name == s.name) continue;  // a copy, as the next test says
        const std::uint32_t expected = expected_code(s, value, false);
        const std::uint32_t got =
            is_bf16 ? nibble::minifloat<s.format>{bf16}.bits() : nibble::minifloat<s.format>{f16}.bits();
        if (got != expected) ++wrong;
        if ((is_bf16 ? nibble::encode<s.format>(bf16) : nibble::encode<s.format>(f16)) != expected) ++wrong;
      }
    }
  });
  REQUIRE(subjects::all[13].name == "bf16");
  REQUIRE(subjects::all[14].name == "f16");
  CHECK(wrong == 0);
}

TEST_CASE("a number of the same type is copied, Inf and NaN too; encode rounds it") {
  using namespace nibble;
  CHECK(e5m2{e5m2::from_bits(0x7c)}.bits() == 0x7c);
  CHECK(e5m2{e5m2::from_bits(0xfd)}.bits() == 0xfd);
  CHECK(encode<e5m2>(e5m2::from_bits(0x7c)) == 0x7b);
  CHECK(e5m2(e5m2::from_bits(0x7c), nearest_even{}).bits() == 0x7b);
}

TEST_CASE("integers are rounded like the doubles they equal") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    for (int x = -70000; x <= 70000; ++x) {
      if (nibble::minifloat<s.format>{x}.bits() != expected_code(s, x, true)) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("comparisons are those of the values") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    using number = nibble::minifloat<s.format>;
    const std::vector<std::uint32_t> codes = some_codes(s.reference);
    for (const std::uint32_t a : codes) {
      for (const std::uint32_t b : codes) {
        const double u = oracle::decode(s.reference, a);
        const double v = oracle::decode(s.reference, b);
        const number x = number::from_bits(a);
        const number y = number::from_bits(b);
        if (relations(x, y) != relations(u, v) || (x <=> y) != (u <=> v)) ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("classification, sign and neighbours are those of the values") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    using number = nibble::minifloat<s.format>;
    for (std::uint32_t code = 0; code < std::uint32_t{1} << s.format.bits(); ++code) {
      const number x = number::from_bits(code);
      const double value = oracle::decode(s.reference, code);
      if (isnan(x) != oracle::is_nan(value) || isinf(x) != oracle::is_infinite(value)) ++wrong;
      if (isfinite(x) != (!oracle::is_nan(value) && !oracle::is_infinite(value))) ++wrong;
      if (signbit(x) != oracle::is_negative(value) || signbit(abs(x))) ++wrong;
      if (oracle::is_nan(value)) {
        if (!isnan(next_up(x)) || !isnan(next_down(x)) || !isnan(abs(x))) ++wrong;
        continue;
      }
      if (double(next_up(x)) < value || double(next_down(x)) > value) ++wrong;
      if (isfinite(x) && !s.reference.twos_complement && double(abs(x)) != std::fabs(value)) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("unary minus and copysign") {
  using namespace nibble;
  CHECK((-e4m3::from_bits(0x00)).bits() == 0x80);
  CHECK((-e4m3::from_bits(0x7f)).bits() == 0xff);
  CHECK((-e5m2::from_bits(0x7c)).bits() == 0xfc);
  // Without -0 zero stays, and the one NaN stays.
  CHECK((-e4m3fnuz::from_bits(0x00)).bits() == 0x00);
  CHECK((-e4m3fnuz::from_bits(0x80)).bits() == 0x80);
  CHECK((-e4m3fnuz::from_bits(0x01)).bits() == 0x81);
  // Two's complement: -(-2) is the largest number, 127/64.
  CHECK((-mxint8_element::from_bits(0x80)).bits() == 0x7f);
  CHECK((-mxint8_element::from_bits(0x01)).bits() == 0xff);
  CHECK((-mxint8_element::from_bits(0x00)).bits() == 0x00);
  CHECK(copysign(e4m3::from_bits(0x38), e4m3::from_bits(0x80)).bits() == 0xb8);
  CHECK(copysign(e4m3::from_bits(0xb8), e4m3::from_bits(0x80)).bits() == 0xb8);
  CHECK(copysign(e4m3::from_bits(0xb8), e4m3::from_bits(0x00)).bits() == 0x38);
  CHECK(copysign(e4m3fnuz::from_bits(0x00), e4m3fnuz::from_bits(0x81)).bits() == 0x00);
  CHECK(copysign(mxint8_element::from_bits(0x40), mxint8_element::from_bits(0xff)).bits() == 0xc0);
}

TEST_CASE("nextafter goes toward its second argument") {
  using namespace nibble;
  const e2m1 one{1.0F};
  CHECK(float(nextafter(one, e2m1{6.0F})) == 1.5F);
  CHECK(float(nextafter(one, e2m1{-6.0F})) == 0.5F);
  CHECK(nextafter(e2m1{0.0F}, e2m1{-0.0F}).bits() == 0x8);
  CHECK(nextafter(e2m1{0.5F}, e2m1{0.0F}).bits() == 0x0);
  CHECK(nextafter(e2m1{-0.5F}, e2m1{0.0F}).bits() == 0x8);
  CHECK(nextafter(e4m3::from_bits(0x7e), e4m3::from_bits(0xff)).bits() == 0xff);
  CHECK(nextafter(e5m2::from_bits(0x7b), e5m2::from_bits(0x7c)).bits() == 0x7c);
  CHECK(nextafter(e8m0{1.0F}, e8m0{0.25F}) == e8m0{0.5F});
}

TEST_CASE("rounding, overflow and policy are arguments") {
  using namespace nibble;
  CHECK(encode<e4m3>(449.0F, toward_zero{}, overflow::saturate) == 0x7e);
  CHECK(encode<e4m3>(1000.0F, nearest_even{}, overflow::special) == 0x7f);
  CHECK(e5m2(1e9F, nearest_even{}, overflow::special).bits() == 0x7c);
  CHECK(float(e2m1{2.6F}) == 3.0F);
  CHECK(float(e2m1(2.6F, downward{})) == 2.0F);
  CHECK(e8m0(0.0F, nearest_even{}, overflow::saturate, policy::ml_dtypes).bits() == 0xff);
  CHECK(encode<formats::e4m3>(7, upward{}) == 0x4e);
  CHECK(encode(formats::e4m3, f16{1.5F}) == 0x3c);
  CHECK(encode<e5m2>(1.1F, stochastic_bits<8>{255U}) == 0x3d);
  CHECK(encode<e5m2>(1.1F, stochastic_bits<8>{0U}) == 0x3c);
  CHECK(decode<e4m3>(0x7e) == 448.0F);
  CHECK(decode_double<e4m3>(0x7e) == 448.0);
}
