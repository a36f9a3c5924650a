// SPDX-License-Identifier: Apache-2.0
//
// Clip values against published tables, the equations that they solve and a search; both readings where papers and
// code differ; grids against the nearest level.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <nibble/method/clipping.hpp>

namespace {

using namespace nibble;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

double clip_of(clip_law law, int bits, aciq_constants constants = aciq_constants::exact,
               clip_sides sides = clip_sides::both) {
  return aciq_clip({.law = law, .bits = bits, .sides = sides, .constants = constants});
}

TEST_CASE("clipping: the three counts of steps") {
  for (const auto& [bits, all] : {std::pair{1, 1}, {2, 3}, {3, 7}, {4, 15}, {8, 255}, {16, 65535}}) {
    CHECK(quantizer_steps(bits, level_steps::all_codes) == all);
    CHECK(quantizer_steps(bits, level_steps::power_of_two) == all + 1);
    if (bits > 1) CHECK(quantizer_steps(bits, level_steps::symmetric) == all - 1);
  }
  static_assert(quantizer_steps(0, level_steps::power_of_two) == 1);
  CHECK_THROWS_AS((void)quantizer_steps(0, level_steps::all_codes), std::invalid_argument);
  CHECK_THROWS_AS((void)quantizer_steps(1, level_steps::symmetric), std::invalid_argument);
  CHECK_THROWS_AS((void)quantizer_steps(-1, level_steps::power_of_two), std::invalid_argument);
  CHECK_THROWS_AS((void)quantizer_steps(17, level_steps::power_of_two), std::invalid_argument);
  CHECK_THROWS_AS((void)quantizer_steps(4, static_cast<level_steps>(3)), std::invalid_argument);
}

TEST_CASE("clipping: codes are those of the nearest level, ties to even codes") {
  for (const level_steps rule : {level_steps::all_codes, level_steps::symmetric, level_steps::power_of_two}) {
    const uniform_grid g = make_uniform_grid(-1.0, 0.75, 3, rule);
    CHECK(g.value(0) == -1.0);
    CHECK(g.value(g.steps) == 0.75);
    int wrong = 0;
    for (int i = -1100; i <= 900; ++i) {
      const double x = i / 1000.0;
      int best = 0;
      for (int code = 0; code <= g.steps; ++code) {
        const double level = -1.0 + 1.75 * code / g.steps;
        wrong += std::abs(g.value(code) - level) < 1e-15 ? 0 : 1;
        best = std::abs(level - x) < std::abs(-1.0 + 1.75 * best / g.steps - x) - 1e-12 ? code : best;
      }
      const double distance = std::abs(g.value(g.code(x)) - x) - std::abs(g.value(best) - x);
      wrong += std::abs(distance) < 1e-12 ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
  // Zero is a level of 14 or 16 steps of a symmetric range, and not of 15.
  const auto at_zero = [](level_steps rule) {
    const uniform_grid g = make_uniform_grid(-1, 1, 4, rule);
    return g.value(g.code(0));
  };
  CHECK(at_zero(level_steps::symmetric) == 0);
  CHECK(at_zero(level_steps::power_of_two) == 0);
  CHECK(std::abs(at_zero(level_steps::all_codes)) == doctest::Approx(1.0 / 15));
  constexpr uniform_grid whole = make_uniform_grid(-3, 0, 2, level_steps::all_codes);
  static_assert(whole.code(-2.5) == 0 && whole.code(-1.5) == 2 && whole.code(-0.5) == 2);
  CHECK(whole.code(-infinity) == 0);
  CHECK(whole.code(infinity) == 3);
  CHECK(whole.code(nan) == 0);
  CHECK(whole.code(-nan) == 0);
  const uniform_grid point = make_uniform_grid(2, 2, 4, level_steps::all_codes);
  for (const double x : {1.0, 2.0, 3.0}) CHECK(point.value(point.code(x)) == 2);
  const double largest = std::numeric_limits<double>::max();
  CHECK_THROWS_AS((void)make_uniform_grid(1, 0, 4, level_steps::all_codes), std::invalid_argument);
  CHECK_THROWS_AS((void)make_uniform_grid(nan, 0, 4, level_steps::all_codes), std::invalid_argument);
  CHECK_THROWS_AS((void)make_uniform_grid(0, infinity, 4, level_steps::all_codes), std::invalid_argument);
  CHECK_THROWS_AS((void)make_uniform_grid(-largest, largest, 4, level_steps::all_codes), std::invalid_argument);
}

TEST_CASE("clipping: ACIQ's clip values and errors for 1 to 8 bits") {
  struct row {
    double normal, normal_error, laplace, laplace_error;
  };
  // Clip values of the normal law to 9 digits from an arbitrary-precision root of the same equation.
  const row rows[] = {{1.23990527, .2150104, 1.862817, .5996434},    {1.71063517, .0871485, 2.830683, .2848778},
                      {2.15159274, .0314294, 3.897229, .1197024},    {2.55913646, .01049325, 5.028640, .0460215},
                      {2.93620061, .003322594, 6.204766, .0165718},  {3.28691422, .001012917, 7.413126, .00567877},
                      {3.61511422, .000300215, 8.645620, .00187252}, {3.92403549, .0000870779, 9.896760, .000598853}};
  int bits = 0;
  for (const row& r : rows) {
    const int steps = 1 << ++bits;
    const double normal = clip_of(clip_law::normal, bits);
    const double laplace = clip_of(clip_law::laplace, bits);
    CHECK(std::abs(normal - r.normal) < 6e-9);
    CHECK(std::abs(laplace - r.laplace) < 6e-7);
    CHECK(aciq_error(clip_law::normal, normal, steps) == doctest::Approx(r.normal_error).epsilon(1e-6));
    CHECK(aciq_error(clip_law::laplace, laplace, steps) == doctest::Approx(r.laplace_error).epsilon(2e-6));
    for (const double off : {-1e-3, 1e-3}) {
      CHECK(aciq_error(clip_law::normal, normal + off, steps) > aciq_error(clip_law::normal, normal, steps));
      CHECK(aciq_error(clip_law::laplace, laplace + off, steps) > aciq_error(clip_law::laplace, laplace, steps));
    }
    for (const clip_law law : {clip_law::laplace, clip_law::normal}) {
      CHECK(clip_of(law, bits, aciq_constants::exact, clip_sides::upper) == clip_of(law, bits + 1));
      CHECK(std::abs(clip_of(law, bits, aciq_constants::code) - clip_of(law, bits)) < 0.011);
    }
  }
}

TEST_CASE("clipping: ACIQ with another number of steps solves the equation of that number") {
  for (const auto& [rule, n] :
       {std::pair{level_steps::all_codes, 7.0}, {level_steps::symmetric, 6.0}, {level_steps::power_of_two, 8.0}}) {
    const double laplace = aciq_clip({.law = clip_law::laplace, .bits = 3, .steps = rule});
    CHECK(laplace * std::exp(laplace) == doctest::Approx(3 * n * n).epsilon(1e-12));
    const double a = aciq_clip({.law = clip_law::normal, .bits = 3, .steps = rule});
    CHECK(a * (std::erfc(a / std::sqrt(2.0)) + 1 / (3 * n * n)) ==
          doctest::Approx(std::sqrt(2 / 3.14159265358979324) * std::exp(-a * a / 2)).epsilon(1e-12));
  }
}

TEST_CASE("clipping: ACIQ as its code and its README have it") {
  CHECK(clip_of(clip_law::laplace, 3, aciq_constants::readme) == 3.86);
  CHECK(clip_of(clip_law::laplace, 3, aciq_constants::code) == 3.89);
  CHECK(clip_of(clip_law::laplace, 3) == doctest::Approx(3.89722946).epsilon(1e-8));
  CHECK(aciq_error(clip_law::laplace, 3.86, 8) > aciq_error(clip_law::laplace, 3.89, 8));
  const double laplace[] = {1.05, 1.86, 2.83, 3.89, 5.03, 6.2, 7.41, 8.64, 9.89, 11.16};
  const double normal[] = {0, 1.24, 1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92, 4.2};
  for (int bits = 0; bits <= 8; ++bits) {
    CHECK(clip_of(clip_law::laplace, bits, aciq_constants::code) == laplace[bits]);
    CHECK(clip_of(clip_law::laplace, bits, aciq_constants::code, clip_sides::upper) == laplace[bits + 1]);
    CHECK(clip_of(clip_law::normal, bits, aciq_constants::code, clip_sides::upper) == normal[bits + 1]);
    if (bits > 0) CHECK(clip_of(clip_law::normal, bits, aciq_constants::code) == normal[bits]);
  }
  CHECK(clip_of(clip_law::laplace, 8, aciq_constants::exact, clip_sides::upper) ==
        doctest::Approx(11.16268502).epsilon(1e-6));
  CHECK_THROWS_AS((void)clip_of(clip_law::normal, 0, aciq_constants::code), std::invalid_argument);
  CHECK_THROWS_AS((void)clip_of(clip_law::laplace, 9, aciq_constants::code), std::invalid_argument);
  CHECK_THROWS_AS((void)clip_of(clip_law::laplace, 4, aciq_constants::readme), std::invalid_argument);
  CHECK_THROWS_AS((void)clip_of(clip_law::normal, 3, aciq_constants::readme), std::invalid_argument);
  CHECK_THROWS_AS((void)clip_of(clip_law::laplace, 17), std::invalid_argument);
  CHECK_THROWS_AS((void)clip_of(static_cast<clip_law>(2), 4), std::invalid_argument);
  CHECK_THROWS_AS((void)aciq_clip({.constants = aciq_constants::code, .steps = level_steps::all_codes}),
                  std::invalid_argument);
}

TEST_CASE("clipping: ACIQ's range of a tensor") {
  // Mean 1, E |x - mean| = 2, E (x - mean)^2 = 8; NaN and Inf are left out.
  const float special = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {1, 5, 1, -3, special, 1, 7, 1, -5, std::numeric_limits<float>::quiet_NaN(), 1, 1};
  const double a = 2.83;
  const clip_range laplace = aciq_range(x, {.bits = 2, .constants = aciq_constants::code});
  CHECK(laplace.low == doctest::Approx(1 - 2 * a));
  CHECK(laplace.high == doctest::Approx(1 + 2 * a));
  const clip_range wide = aciq_range(x, {.bits = 8, .constants = aciq_constants::code});
  CHECK(wide.low == -5);
  CHECK(wide.high == doctest::Approx(-5 + 4 * 9.89));
  const clip_range normal = aciq_range(x, {.law = clip_law::normal, .bits = 2, .constants = aciq_constants::code});
  CHECK(normal.low == doctest::Approx(1 - 1.71 * std::sqrt(10.4)));
  CHECK(normal.high == doctest::Approx(1 + 1.71 * std::sqrt(10.4)));
  const clip_range upper = aciq_range(x, {.bits = 1, .sides = clip_sides::upper, .constants = aciq_constants::code});
  CHECK(upper.low == 0);
  CHECK(upper.high == doctest::Approx(1 + 2 * a));
  const clip_range none = aciq_range(std::span<const float>(&special, 1), {});
  CHECK(none.low == 0);
  CHECK(none.high == 0);
  CHECK(aciq_range(std::span<const float>(), {}).high == 0);
  CHECK_THROWS_AS((void)aciq_range(matrix_view<float>(nullptr, 1, 2), {}), std::invalid_argument);
}

TEST_CASE("clipping: EXAQ's table, and its linear rule that differs") {
  const double rows[][4] = {{.1, -.426, -.501, -.526},      {.2, -.852, -.952, -1.028},
                            {.51, -1.930, -2.130, -2.356},  {1.01, -3.183, -3.559, -3.910},
                            {1.52, -3.910, -4.411, -4.862}, {2.02, -4.311, -4.862, -5.414},
                            {3.03, -4.712, -5.313, -5.940}, {4.04, -4.912, -5.539, -6.165},
                            {4.85, -5.013, -5.639, -6.266}, {10.0, -5.213, -5.840, -6.491}};
  for (const auto& r : rows) {
    for (int bits = 2; bits <= 4; ++bits) CHECK(exaq_clip(r[0], bits, exaq_rule::table) == r[bits - 1]);
  }
  // Sums over the published file, in hundredths of sigma and thousandths.
  double sums[4] = {};
  int rising = 0;
  for (std::size_t i = 0; i < exaq_clip_table.size(); ++i) {
    const exaq_clip_row& r = exaq_clip_table[i];
    sums[3] += 100 * r.sigma;
    for (std::size_t j = 0; j < 3; ++j) {
      sums[j] -= 1000 * r.clip[j];
      rising += i > 0 && r.clip[j] > exaq_clip_table[i - 1].clip[j] ? 1 : 0;
      rising += j > 0 && r.clip[j] > r.clip[j - 1] ? 1 : 0;
    }
  }
  CHECK(rising == 0);
  CHECK(std::lround(sums[0]) == 455217);
  CHECK(std::lround(sums[1]) == 511679);
  CHECK(std::lround(sums[2]) == 568194);
  CHECK(std::lround(sums[3]) == 50000);

  CHECK(exaq_clip(0.125, 2, exaq_rule::table) == doctest::Approx(-.426 * .75 - .852 * .25));
  CHECK(exaq_clip(0, 2, exaq_rule::table) == 0);
  CHECK(exaq_clip(1000, 4, exaq_rule::table) == -6.491);
  CHECK(exaq_clip(2, 2, exaq_rule::linear) == doctest::Approx(-5.17));
  CHECK(exaq_clip(2, 3, exaq_rule::linear) == doctest::Approx(-5.56));
  CHECK(exaq_clip(2, 4, exaq_rule::linear) == doctest::Approx(-5.93));
  for (const double sigma : {1.01, 1.52, 2.0}) {
    for (int bits = 2; bits <= 4; ++bits) {
      const double apart = exaq_clip(sigma, bits, exaq_rule::table) - exaq_clip(sigma, bits, exaq_rule::linear);
      CHECK((apart > 0.15 && apart < 0.9));
    }
  }
  CHECK(exaq_laplace_clip(1, 2) == doctest::Approx(-5.78));
  CHECK(exaq_laplace_clip(0.5, 4) == doctest::Approx(-3.56));
}

TEST_CASE("clipping: ranges whose levels double arithmetic cannot tell or reach") {
  const auto rule = level_steps::all_codes;
  CHECK_THROWS_AS((void)make_uniform_grid(0, 5e-323, 16, rule), std::invalid_argument);
  CHECK_THROWS_AS((void)make_uniform_grid(0, 1e-310, 4, rule), std::invalid_argument);
  CHECK_THROWS_AS((void)make_uniform_grid(-8e307, 8e307, 4, rule), std::invalid_argument);
  const uniform_grid small = make_uniform_grid(0, 0x1p-1006, 16, rule);
  CHECK(small.code(0x1p-1007) == 32768);
  const uniform_grid large = make_uniform_grid(-0x1p1003, 0x1p1003, 16, rule);
  CHECK(large.value(65534) == doctest::Approx(0x1p1003 * (1 - 2.0 / 65535)));
  CHECK(make_uniform_grid(7, 7, 4, rule).code(7) == 0);
}

TEST_CASE("clipping: EXAQ's grid, and wrong arguments") {
  const uniform_grid clipped = make_exaq_grid(-9, -3, 2);
  for (int code = 0; code < 4; ++code) CHECK(clipped.value(code) == code - 3);
  CHECK(clipped.code(-8) == 0);
  CHECK(make_exaq_grid(-1.5, -3, 2).low == -1.5);
  CHECK(make_exaq_grid(0, -3, 2).code(0) == 0);
  CHECK_THROWS_AS((void)make_exaq_grid(1, -3, 2), std::invalid_argument);
  CHECK_THROWS_AS((void)make_exaq_grid(-1, nan, 2), std::invalid_argument);
  CHECK_THROWS_AS((void)make_exaq_grid(-infinity, -3, 2), std::invalid_argument);
  for (const exaq_rule rule : {exaq_rule::linear, exaq_rule::table}) {
    for (const double sigma : {-1.0, nan, infinity}) {
      CHECK_THROWS_AS((void)exaq_clip(sigma, 2, rule), std::invalid_argument);
    }
    CHECK_THROWS_AS((void)exaq_clip(1, 1, rule), std::invalid_argument);
    CHECK_THROWS_AS((void)exaq_clip(1, 5, rule), std::invalid_argument);
  }
  CHECK_THROWS_AS((void)exaq_clip(1, 2, static_cast<exaq_rule>(2)), std::invalid_argument);
  CHECK_THROWS_AS((void)exaq_laplace_clip(1, 3), std::invalid_argument);
  CHECK_THROWS_AS((void)exaq_laplace_clip(nan, 2), std::invalid_argument);
  CHECK_THROWS_WITH((void)exaq_laplace_clip(-1, 2), "nibble: deviation is -1; it must be at least 0");
}

}  // namespace
