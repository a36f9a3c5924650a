// SPDX-License-Identifier: Apache-2.0
//
// binary32 arithmetic in integers against the reference's, on random numbers that make ties, cancellations, subnormals
// and overflows, and on special values by hand.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

#include <nibble/base/binary32.hpp>
#include <oracle/number.hpp>

namespace {

using nibble::binary32;

constexpr std::uint32_t infinity = 0x7f800000U;
constexpr std::uint32_t sign = 0x80000000U;

binary32 of(std::uint32_t bits) { return binary32::from_bits(bits); }

/// Finite patterns: any, of few significant bits, near 1, subnormal, near the largest.
std::uint32_t finite_pattern(std::mt19937& random) {
  const auto word = static_cast<std::uint32_t>(random());
  const std::uint32_t fraction = word & 0x7fffffU;
  const std::uint32_t s = word & sign;
  const auto kind = static_cast<std::uint32_t>(random());
  switch (kind % 6) {
    case 0: return word % infinity | s;
    case 1: return ((word % infinity) & (~0U << (kind >> 8) % 24)) | s;
    case 2: return ((fraction + 0x3f000000U + ((kind >> 8 & 3) << 23)) & (~0U << (kind >> 16) % 24)) | s;
    case 3: return fraction >> (kind >> 8) % 23 | s;
    case 4: return (infinity - 1 - (fraction >> (kind >> 8) % 23)) | s;
    default: return ((100 + (kind >> 8) % 50) << 23) | (fraction & (kind >> 16)) | s;
  }
}

bool same(binary32 got, double wanted) {
  if (oracle::is_nan(wanted)) return got.is_nan();
  return got.bits() == oracle::bits_of_float(wanted);
}

const std::vector<std::uint32_t> edges = {0,           1,           2,           0x400000U,   0x7fffffU,
                                          0x800000U,   0x800001U,   0x3f7fffffU, 0x3f800000U, 0x3f800001U,
                                          0x40000000U, 0x40c00000U, 0x4b7fffffU, 0x4b800000U, 0x7f7ffffeU,
                                          0x7f7fffffU, infinity,    0x7f800001U, 0x7fc00000U, 0x7fffffffU};

std::vector<std::uint32_t> signed_edges() {
  std::vector<std::uint32_t> list = edges;
  for (const std::uint32_t bits : edges) list.push_back(bits | sign);
  return list;
}

}  // namespace

TEST_CASE("products, quotients, sums and differences of random numbers are rounded to nearest even") {
  std::mt19937 random(32);
  int wrong[4] = {};
  for (int i = 0; i < 1000000; ++i) {
    const std::uint32_t a = finite_pattern(random);
    // Sums meet only where the exponents are near.
    std::uint32_t b = finite_pattern(random);
    const std::uint32_t field = a & infinity;
    if (i % 3 == 0) b = (b & 0x807fffffU) | (field == 0 || i % 2 == 0 ? field : field - 0x00800000U);
    const double x = oracle::float_value(a);
    const double y = oracle::float_value(b);
    wrong[0] += same(of(a) * of(b), oracle::f32::mul(x, y)) ? 0 : 1;
    wrong[1] += same(of(a) / of(b), oracle::f32::div(x, y)) ? 0 : 1;
    wrong[2] += same(of(a) + of(b), oracle::f32::add(x, y)) ? 0 : 1;
    wrong[3] += same(of(a) - of(b), oracle::f32::add(x, -y)) ? 0 : 1;
  }
  CHECK(wrong[0] == 0);
  CHECK(wrong[1] == 0);
  CHECK(wrong[2] == 0);
  CHECK(wrong[3] == 0);
}

TEST_CASE("products and quotients of special values") {
  int wrong = 0;
  for (const std::uint32_t a : signed_edges()) {
    for (const std::uint32_t b : signed_edges()) {
      const double x = oracle::float_value(a);
      const double y = oracle::float_value(b);
      if (!same(of(a) * of(b), oracle::f32::mul(x, y))) ++wrong;
      if (!same(of(a) / of(b), oracle::f32::div(x, y))) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("sums of special values") {
  const binary32 one(1.0f);
  CHECK((of(infinity) + one).bits() == infinity);
  CHECK((one + of(infinity | sign)).bits() == (infinity | sign));
  CHECK((of(infinity) + of(infinity)).bits() == infinity);
  CHECK((of(infinity) - of(infinity)).is_nan());
  CHECK((of(infinity | sign) + of(infinity)).is_nan());
  CHECK((of(0x7f800001U) + one).is_nan());
  CHECK((one - of(0xffc00000U)).is_nan());
  CHECK((of(0) + of(sign)).bits() == 0);
  CHECK((of(sign) + of(0)).bits() == 0);
  CHECK((of(sign) + of(sign)).bits() == sign);
  CHECK((one - one).bits() == 0);
  CHECK((of(0x7f7fffffU) + of(0x73000000U)).bits() == infinity);  // largest + half its step: the tie goes up
  CHECK((of(0x7f7fffffU) + of(0x72ffffffU)).bits() == 0x7f7fffffU);
  CHECK((of(1) - of(2)).bits() == (1 | sign));
}

TEST_CASE("comparison, minimum and maximum are by value, and NaN wins") {
  int wrong = 0;
  for (const std::uint32_t a : signed_edges()) {
    for (const std::uint32_t b : signed_edges()) {
      const double x = oracle::float_value(a);
      const double y = oracle::float_value(b);
      const bool nan = oracle::is_nan(x) || oracle::is_nan(y);
      if ((of(a) < of(b)) != (!nan && x < y)) ++wrong;
      if ((of(a) > of(b)) != (!nan && x > y)) ++wrong;
      if ((of(a) == of(b)) != (!nan && x == y)) ++wrong;
      const binary32 low = minimum(of(a), of(b));
      const binary32 high = maximum(of(a), of(b));
      if (low.is_nan() != nan || high.is_nan() != nan) ++wrong;
      if (!nan && (oracle::float_value(low.bits()) != (x < y ? x : y))) ++wrong;
      if (!nan && (oracle::float_value(high.bits()) != (x > y ? x : y))) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("classes and signs of patterns") {
  int wrong = 0;
  for (const std::uint32_t bits : signed_edges()) {
    const double x = oracle::float_value(bits);
    const binary32 y = of(bits);
    if (y.bits() != bits || y.magnitude() != (bits & ~sign)) ++wrong;
    if (y.is_nan() != oracle::is_nan(x) || y.is_infinity() != oracle::is_infinite(x)) ++wrong;
    if (y.is_zero() != oracle::is_zero(x) || y.is_negative() != oracle::is_negative(x)) ++wrong;
    if (y.is_finite() != (!oracle::is_nan(x) && !oracle::is_infinite(x))) ++wrong;
    if ((-y).bits() != (bits ^ sign) || y.absolute().bits() != (bits & ~sign)) ++wrong;
  }
  CHECK(wrong == 0);
  static_assert(static_cast<float>(binary32(6.0f) / binary32(4.0f)) == 1.5f);
  static_assert((binary32(1.0f) + binary32(2.0f)).bits() == 0x40400000U);
  CHECK(binary32().bits() == 0);
}
