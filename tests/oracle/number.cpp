// SPDX-License-Identifier: Apache-2.0

// The oracle's float32 arithmetic against the processor's, and against hand-computed cases below the normal range.
#include <doctest/doctest.h>

#include <oracle/number.hpp>
#include <oracle/tensors.hpp>

namespace {

/// A product or quotient by the processor, kept from the optimiser.
float processor(float a, float b, char operation) {
  volatile float x = a;
  volatile float y = b;
  volatile float result = operation == '*' ? x * y : operation == '/' ? x / y : x + y;
  return result;
}

bool normal(std::uint32_t bits) {
  const std::uint32_t exponent = (bits >> 23) & 0xFFU;
  return exponent != 0 && exponent != 255;
}

int differences(char operation, std::uint64_t seed) {
  oracle::generator g(seed);
  int wrong = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto a = static_cast<std::uint32_t>(g.next());
    const std::uint32_t b = g.one_in(2) ? a ^ g.below(0x02000000U) : static_cast<std::uint32_t>(g.next());
    if (!normal(a) || !normal(b)) continue;
    const double x = oracle::float_value(a);
    const double y = oracle::float_value(b);
    const double ours = operation == '*'   ? oracle::f32::mul(x, y)
                        : operation == '/' ? oracle::f32::div(x, y)
                                           : oracle::f32::add(x, y);
    const std::uint32_t bits = oracle::bits_of_float(ours);
    const std::uint32_t theirs = oracle::float_bits(processor(oracle::bits_float(a), oracle::bits_float(b), operation));
    if ((normal(bits) || normal(theirs)) && bits != theirs) ++wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("oracle: float32 products, quotients and sums are those of the processor") {
  CHECK(differences('*', 1) == 0);
  CHECK(differences('/', 2) == 0);
  CHECK(differences('+', 3) == 0);
}

TEST_CASE("oracle: float32 bit patterns survive the way to double and back") {
  int wrong = 0;
  for (std::uint64_t bits = 0; bits < 0x100000000U; bits += 4093) {
    const auto b = static_cast<std::uint32_t>(bits);
    const double x = oracle::float_value(b);
    if (oracle::is_nan(x) ? (b & 0x7FFFFFFFU) <= 0x7F800000U : oracle::bits_of_float(x) != b) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(oracle::float_value(0x00000001U) == 0x1p-149);
  CHECK(oracle::float_value(0x007FFFFFU) == 0x0.FFFFFEp-126);
  CHECK(oracle::float_value(0x7F7FFFFFU) == oracle::f32::max);
}

TEST_CASE("oracle: results below the normal range are rounded once, to even") {
  namespace f32 = oracle::f32;
  CHECK(f32::mul(0x1p-149, 0.5) == 0.0);
  CHECK(f32::mul(0x1.8p-148, 0.5) == 0x1p-148);
  CHECK(f32::mul(0x1.000002p-149, 0.5) == 0x1p-149);
  CHECK(f32::div(1.0, f32::max) == 0x1p-128);
  CHECK(oracle::is_negative(f32::mul(-0x1p-149, 0x1p-20)));
  CHECK(f32::add(0x1p-149, -0x1p-148) == -0x1p-149);
}

TEST_CASE("oracle: zeros, infinities and NaN in float32 arithmetic") {
  namespace f32 = oracle::f32;
  const double inf = oracle::infinity();
  CHECK(oracle::is_negative(f32::mul(-0.0, 3.0)));
  CHECK(f32::mul(f32::max, 1.5) == inf);
  CHECK(oracle::is_nan(f32::mul(0.0, inf)));
  CHECK(f32::div(-1.0, 0.0) == -inf);
  CHECK(oracle::is_nan(f32::div(0.0, 0.0)));
  CHECK(oracle::is_nan(f32::div(inf, inf)));
  CHECK(oracle::is_negative(f32::div(-1.0, inf)));
  CHECK(oracle::is_nan(f32::clamp(oracle::quiet_nan(), -6.0, 6.0)));
  CHECK(f32::at_most(inf, f32::max) == f32::max);
}

TEST_CASE("oracle: log2 in float32 is rounded up for the last floats below a power of two") {
  // The last n floats below 2^k, n = floor(2^j ln 2) with 2^j < k <= 2^(j+1), or 2^j <= -k < 2^(j+1).
  const struct {
    int k;
    int n;
  } cases[] = {{1, 0}, {2, 0},  {4, 1},  {8, 2},  {16, 5}, {17, 11},  {64, 22},  {127, 44}, {128, 44},
               {0, 0}, {-1, 0}, {-2, 1}, {-7, 2}, {-8, 5}, {-31, 11}, {-32, 22}, {-64, 44}, {-125, 44}};
  for (const auto& c : cases) {
    CAPTURE(c.k);
    const auto below = [&](int ulps) { return std::ldexp(1.0 - std::ldexp(static_cast<double>(ulps), -24), c.k); };
    int rounded_up = 0;
    while (oracle::f32::floor_log2(below(rounded_up + 1)) == c.k) ++rounded_up;
    CHECK(rounded_up == c.n);
    CHECK(oracle::f32::floor_log2(std::ldexp(1.0, c.k)) == c.k);
  }
}
