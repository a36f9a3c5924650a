// SPDX-License-Identifier: Apache-2.0
//
// The quotient rounded to odd: against the definition, in 128-bit integers. Either the double is the quotient, or its
// last bit is one and the quotient lies between its neighbours.
#include <doctest/doctest.h>

#include <bit>
#include <cstdint>

#include <nibble/block/exact_quotient.hpp>
#include <oracle/tensors.hpp>

namespace {

__extension__ using wide = unsigned __int128;

using nibble::binary32;
using nibble::detail::exact_divisor;

struct scaled {
  std::uint64_t integer;
  int exponent;
};

scaled parts(std::uint32_t magnitude) {
  const auto field = static_cast<int>(magnitude >> 23);
  const std::uint64_t fraction = magnitude & 0x7FFFFFU;
  return field == 0 ? scaled{fraction, -149} : scaled{fraction | 0x800000U, field - 150};
}

/// Compares integer * 2^exponent with b.integer * 2^b.exponent; the exponents differ by at most 60.
int compare(wide a, int a_exponent, wide b, int b_exponent) {
  if (a_exponent > b_exponent) a <<= a_exponent - b_exponent;
  if (b_exponent > a_exponent) b <<= b_exponent - a_exponent;
  return a < b ? -1 : a > b ? 1 : 0;
}

/// Whether `quotient` is x / (a * b) rounded to odd. All are positive.
bool is_rounded_to_odd(std::uint64_t quotient, std::uint32_t x, std::uint32_t a, std::uint32_t b) {
  const auto field = static_cast<int>(quotient >> 52);
  if (field <= 0 || field >= 2047) return false;
  const std::uint64_t m = (quotient & 0xFFFFFFFFFFFFFU) | 0x10000000000000U;
  const scaled d0 = parts(a);
  const scaled d1 = parts(b);
  // Trailing zeros go, so that the products below fit.
  const int z0 = std::countr_zero(d0.integer);
  const int z1 = std::countr_zero(d1.integer);
  const wide divisor = static_cast<wide>(d0.integer >> z0) * (d1.integer >> z1);
  const int exponent = field - 1075 + d0.exponent + z0 + d1.exponent + z1;
  scaled n = parts(x);
  // x is brought near the exponent of the product.
  while (n.exponent > exponent + 30 && n.integer >> 62 == 0) {
    n.integer <<= 1;
    --n.exponent;
  }
  if (compare(m * divisor, exponent, n.integer, n.exponent) == 0) return true;
  return (m & 1U) != 0 && compare((m - 1) * divisor, exponent, n.integer, n.exponent) < 0 &&
         compare((m + 1) * divisor, exponent, n.integer, n.exponent) > 0;
}

/// A positive float32 with at most `bits` significant bits.
std::uint32_t short_float(oracle::generator& g, int bits) {
  const std::uint32_t fraction = g.below(0x800000U) & ~((0x800000U >> (bits - 1)) - 1U);
  return ((1 + g.below(253)) << 23) | fraction;
}

}  // namespace

TEST_CASE("exact_quotient: rounded to odd") {
  oracle::generator g(3);
  std::uint64_t wrong = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint32_t a = g.one_in(8) ? 1 + g.below(255) : short_float(g, 8);
    const std::uint32_t b = g.one_in(8) ? 1 + g.below(0x7FFFFFU) : short_float(g, 24);
    std::uint32_t x = g.one_in(8) ? 1 + g.below(0x7FFFFFU) : 1 + g.below(0x7F7FFFFFU);
    if (g.one_in(4)) x = short_float(g, 6);
    const exact_divisor d = nibble::detail::make_divisor(binary32::from_bits(a), binary32::from_bits(b));
    const std::uint64_t plus = nibble::detail::exact_quotient(binary32::from_bits(x), d);
    const std::uint64_t minus = nibble::detail::exact_quotient(binary32::from_bits(x | 0x80000000U), d);
    if (!is_rounded_to_odd(plus, x, a, b) || minus != (plus | std::uint64_t{1} << 63)) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("exact_quotient: zero, Inf and NaN") {
  const exact_divisor d = nibble::detail::make_divisor(binary32(3.0F), binary32(1.0F));
  const auto quotient = [&](std::uint32_t x) { return nibble::detail::exact_quotient(binary32::from_bits(x), d); };
  CHECK(quotient(0) == 0);
  CHECK(quotient(0x80000000U) == 0x8000000000000000U);
  CHECK(quotient(0x7F800000U) == 0x7FF0000000000000U);
  CHECK(quotient(0xFF800000U) == 0xFFF0000000000000U);
  CHECK(quotient(0xFFC00000U) == 0xFFF8000000000000U);
  CHECK(quotient(0x40400000U) == 0x3FF0000000000000U);
  CHECK(quotient(0x3F800000U) == 0x3FD5555555555555U);
}
