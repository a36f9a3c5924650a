// SPDX-License-Identifier: Apache-2.0
//
// std::numeric_limits against what the reference's list of values says.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include <nibble/number/limits.hpp>
#include <number/every_format.hpp>

namespace {

/// Largest n with 10^n <= x, by comparing decimal powers that long double holds well enough: no limit is near one.
int floor_log10(long double x) { return static_cast<int>(std::floor(std::log10(x))); }
int ceil_log10(long double x) { return static_cast<int>(std::ceil(std::log10(x))); }
int floor_log2(long double x) { return std::ilogb(x); }

}  // namespace

TEST_CASE("limits follow from the values") {
  int wrong = 0;
  const auto expect = [&](bool condition) { wrong += condition ? 0 : 1; };
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    constexpr oracle::format f = s.reference;
    using limits = std::numeric_limits<nibble::minifloat<s.format>>;
    const long double largest = oracle::max_value(f);
    const long double step = oracle::magnitude_value(f, f.has_zero ? 1 : 0);
    const std::uint32_t normal_code = f.has_zero ? std::uint32_t{1} << f.mantissa_bits : 0U;
    const long double smallest = f.twos_complement ? step : oracle::magnitude_value(f, normal_code);
    expect(double(limits::max()) == static_cast<double>(largest));
    expect(double(limits::min()) == static_cast<double>(smallest));
    expect(double(limits::denorm_min()) == static_cast<double>(step));
    const long double lowest = f.twos_complement ? -2.0L : f.has_sign ? -largest : f.has_zero ? 0.0L : smallest;
    expect(double(limits::lowest()) == static_cast<double>(lowest));
    expect(limits::is_signed == f.has_sign);
    expect(limits::has_infinity == f.has_infinity());
    expect(limits::has_quiet_NaN == f.has_nan());
    expect(!f.has_infinity() || double(limits::infinity()) == oracle::infinity());
    expect(!f.has_nan() || isnan(limits::quiet_NaN()));
    expect(!limits::has_signaling_NaN || isnan(limits::signaling_NaN()));
    expect((limits::has_denorm == std::denorm_present) == (step < smallest));
    expect(limits::digits == f.mantissa_bits + (f.twos_complement ? 0 : 1));
    expect(limits::max_exponent == floor_log2(largest) + 1);
    expect(limits::min_exponent == floor_log2(smallest) + 1);
    expect(limits::max_exponent10 == floor_log10(largest));
    expect(limits::min_exponent10 == ceil_log10(smallest));
    expect(limits::digits10 == static_cast<int>(std::floor((limits::digits - 1) * std::log10(2.0))));
    expect(limits::max_digits10 == static_cast<int>(std::ceil(limits::digits * std::log10(2.0) + 1)));
    // Machine epsilon is the distance from 1 to the next number, where both exist.
    const auto one = nibble::minifloat<s.format>{1};
    const double gap = double(next_up(one)) - 1.0;
    if (double(one) == 1.0) expect(double(limits::epsilon()) == gap);
  });
  CHECK(wrong == 0);
}

TEST_CASE("IEEE 754 is claimed by the formats with its encodings alone") {
  using namespace nibble;
  CHECK(std::numeric_limits<f16>::is_iec559);
  CHECK(std::numeric_limits<bf16>::is_iec559);
  CHECK(std::numeric_limits<e5m2>::is_iec559);
  CHECK(std::numeric_limits<e3m4>::is_iec559);
  CHECK(std::numeric_limits<e4m3ieee>::is_iec559);
  CHECK_FALSE(std::numeric_limits<e4m3>::is_iec559);
  CHECK_FALSE(std::numeric_limits<e4m3fnuz>::is_iec559);
  CHECK_FALSE(std::numeric_limits<e8m0>::is_iec559);
  CHECK_FALSE(std::numeric_limits<e2m1>::is_iec559);
  CHECK_FALSE(std::numeric_limits<mxint8_element>::is_iec559);
  CHECK(std::numeric_limits<f16>::signaling_NaN().bits() == 0x7c01);
  CHECK(std::numeric_limits<f16>::quiet_NaN().bits() == 0x7fff);
}

TEST_CASE("decimal estimates hold for every exponent in use") {
  int wrong = 0;
  for (int e = -1100; e <= 1100; ++e) {
    if (nibble::detail::floor_log10_of_power_of_two(e) != static_cast<int>(std::floor(e * std::log10(2.0L)))) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(nibble::detail::floor_log10(1000.0) == 3);
  CHECK(nibble::detail::floor_log10(999.0) == 2);
  CHECK(nibble::detail::floor_log10(0.5) == -1);
}
