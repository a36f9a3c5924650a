// SPDX-License-Identifier: Apache-2.0
//
// Where to clip what a uniform quantizer of few bits gets: ACIQ (Banner et al., "Post training 4-bit quantization of
// convolutional networks for rapid-deployment", 2019) for weights and activations, EXAQ (Shkolnik et al., "EXAQ:
// exponent aware quantization", 2024) for the input of softmax. Papers count the steps of such a quantizer in three
// ways and print constants that their code does not have: each is a named choice. Plain double arithmetic.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <nibble/block/options.hpp>
#include <nibble/method/lane_sums.hpp>
#include <nibble/method/real.hpp>

namespace nibble {
inline namespace v0 {

/// How many steps a quantizer of b bits makes of its range.
enum class level_steps : std::uint8_t {
  all_codes,     ///< 2^b - 1, every code a level: CAT, EXAQ, the code of ACIQ and LAPQ
  symmetric,     ///< 2^b - 2, as many codes on both sides of zero: transform coding
  power_of_two,  ///< 2^b, the analysis of ACIQ; one more level than codes
};

/// The number of steps. Throws std::invalid_argument unless bits is at most 16 and gives a step: at least 1, for
/// symmetric 2, for power_of_two 0.
[[nodiscard]] constexpr int quantizer_steps(int bits, level_steps rule) {
  detail::check_enumerator(rule, level_steps::power_of_two, "steps");
  const int left_out = rule == level_steps::all_codes ? 1 : rule == level_steps::symmetric ? 2 : 0;
  if (bits < left_out || bits > 16) detail::throw_argument({"bits is ", bits, "; it must be ", left_out, " to 16"});
  return (1 << bits) - left_out;
}

/// The levels low + code * (high - low) / steps, code 0 to steps. Made by make_uniform_grid.
struct uniform_grid {
  double low = 0;
  double high = 0;
  int steps = 1;

  /// The code of the nearest level of x, ties to even codes: 0 below, steps above the range, and 0 for NaN and where
  /// the range is empty.
  [[nodiscard]] constexpr int code(double x) const noexcept {
    if (detail::double_magnitude(x) > ieee_layout<std::uint64_t>::infinity || x <= low) return 0;
    if (x >= high) return low < high ? steps : 0;
    const double position = (x - low) / ((high - low) / steps);
    const int below = static_cast<int>(position);
    const double rest = position - below;
    const int nearest = below + (rest > 0.5 || (rest == 0.5 && below % 2 != 0) ? 1 : 0);
    return nearest < steps ? nearest : steps;
  }
  /// The level of a code.
  [[nodiscard]] constexpr double value(int code) const noexcept {
    // Not low + code * step, which a compiler may contract.
    return code == steps ? high : low + code * (high - low) / steps;
  }
};

/// The grid of `bits` bits over [low, high], which may be a point. Throws std::invalid_argument if the ends or their
/// distance times the steps are not finite, if they change places, if a step is no normal double, and as
/// quantizer_steps.
[[nodiscard]] constexpr uniform_grid make_uniform_grid(double low, double high, int bits, level_steps rule) {
  detail::check_real(low, "low");
  detail::check_real(high, "high");
  if (low > high) detail::throw_argument("high is below low");
  const uniform_grid grid{.low = low, .high = high, .steps = quantizer_steps(bits, rule)};
  const double range = high - low;
  detail::check_real(range * grid.steps, "(high - low) * steps");
  if (low < high && !(range / grid.steps >= std::numeric_limits<double>::min())) {
    detail::throw_argument({"high - low is ", range, "; one of its ", grid.steps, " steps must be a normal double"});
  }
  return grid;
}

/// The law that data are taken to have.
enum class clip_law : std::uint8_t {
  laplace,  ///< the unit is b = E |x - mean|
  normal,   ///< the unit is the standard deviation
};
/// What is clipped.
enum class clip_sides : std::uint8_t {
  both,   ///< [-a, a] about the mean
  upper,  ///< [0, a], the half of the law that ReLU leaves: the optimum of two sides and twice the steps
};
/// Where the constants of ACIQ come from.
enum class aciq_constants : std::uint8_t {
  exact,   ///< solved here: the Laplace law with 3 bits has 3.89723 b
  code,    ///< the authors' code, cut to two digits: 3.89 b; up to 8 bits, and power_of_two steps
  readme,  ///< their README, which prints one number of its own: 3.86 b for the Laplace law with 3 bits
};

/// Options of ACIQ.
struct aciq_options {
  clip_law law = clip_law::laplace;
  int bits = 4;
  clip_sides sides = clip_sides::both;
  aciq_constants constants = aciq_constants::exact;
  level_steps steps = level_steps::power_of_two;
};

/// The mean squared error that ACIQ's analysis gives a clip value a >= 0 on both sides, in units of the law, with steps
/// of 2 a / steps: the tails beyond a and a^2 / (3 steps^2) of even noise.
[[nodiscard]] inline double aciq_error(clip_law law, double a, int steps) {
  detail::check_enumerator(law, clip_law::normal, "law");
  const double n = steps;
  const double inside = a * a / (3 * n * n);
  if (law == clip_law::laplace) return 2 * detail::exponential(-a) + inside;
  return (1 + a * a) * detail::error_complement(a * 0.707106781186547524) -
         0.797884560802865356 * a * detail::exponential(-a * a / 2) + inside;
}

namespace detail::inline NIBBLE_UNIT {

/// Where the derivative of aciq_error is zero, by bisection to the last bits: t e^t = 3 n^2, or erfc(t / sqrt 2) +
/// 1 / (3 n^2) = sqrt(2 / pi) e^(-t^2 / 2) / t.
inline double solve_aciq(clip_law law, double n) noexcept {
  double low = 0;
  double high = 64;
  for (int i = 0; i < 80; ++i) {
    const double t = low + (high - low) / 2;
    const double grid = t / (3 * n * n);
    const double tail = law == clip_law::laplace ? exponential(-t)
                                                 : 0.797884560802865356 * exponential(-t * t / 2) -
                                                       t * error_complement(t * 0.707106781186547524);
    (grid < tail ? low : high) = t;
  }
  return low;
}

/// Two sides of 0 to 9 bits; the normal law has none for 0.
inline constexpr std::array<double, 10> aciq_code_laplace = {1.05, 1.86, 2.83, 3.89, 5.03,
                                                             6.2,  7.41, 8.64, 9.89, 11.16};
inline constexpr std::array<double, 10> aciq_code_normal = {0, 1.24, 1.71, 2.15, 2.55, 2.93, 3.28, 3.61, 3.92, 4.2};

}  // namespace detail

/// The clip value a in units of the law. Throws std::invalid_argument for bits outside what quantizer_steps or the
/// constants have, and for constants of another author with steps that they do not belong to.
[[nodiscard]] inline double aciq_clip(const aciq_options& o) {
  detail::check_enumerator(o.law, clip_law::normal, "options.law");
  detail::check_enumerator(o.sides, clip_sides::upper, "options.sides");
  detail::check_enumerator(o.constants, aciq_constants::readme, "options.constants");
  const double steps = quantizer_steps(o.bits, o.steps);
  if (o.constants == aciq_constants::exact) {
    return detail::solve_aciq(o.law, o.sides == clip_sides::upper ? 2 * steps : steps);
  }
  if (o.steps != level_steps::power_of_two)
    detail::throw_argument("options.steps must be power_of_two: the printed constants belong to it");
  if (o.constants == aciq_constants::readme) {
    if (o.law != clip_law::laplace || o.bits != 3 || o.sides != clip_sides::both)
      detail::throw_argument("options.constants is readme; that is the Laplace law, 3 bits, both sides");
    return 3.86;
  }
  const int two_sided_bits = o.bits + (o.sides == clip_sides::upper ? 1 : 0);
  const int least = o.law == clip_law::normal && o.sides == clip_sides::both ? 1 : 0;
  if (o.bits < least || o.bits > 8)
    detail::throw_argument({"options.bits is ", o.bits, "; constants of the code are for ", least, " to 8"});
  const auto& table = o.law == clip_law::laplace ? detail::aciq_code_laplace : detail::aciq_code_normal;
  return table[static_cast<std::size_t>(two_sided_bits)];
}

/// Two ends.
struct clip_range {
  double low = 0;
  double high = 0;
};

/// The range that ACIQ gives x, as the authors' code sets it: from low = max(min x, mean - a) to low + 2 a, or 0 to
/// max(mean, 0) + a. The unit of the normal law is sqrt(sum of squared deviations / elements). NaN and Inf are left
/// out; without finite elements both ends are 0. Throws as aciq_clip, and for a view without data.
template <class T>
[[nodiscard]] clip_range aciq_range(const matrix_view<T>& x, const aciq_options& o) {
  detail::check_view(x, "x");
  const double factor = aciq_clip(o);
  const double used = detail::sum_of_finite(x, [](double) { return 1.0; });
  if (used == 0) return {};
  const double mean = detail::sum_of_finite(x, [](double v) { return v; }) / used;
  double smallest = std::numeric_limits<float>::max();
  const double sum = detail::sum_of_finite(x, [&](double v) {
    smallest = v < smallest ? v : smallest;
    const double d = detail::shortened(v - mean);
    return o.law == clip_law::normal ? d * d : d < 0 ? -d : d;
  });
  const double a = factor * (o.law == clip_law::normal ? detail::square_root(sum / used) : sum / used);
  if (o.sides == clip_sides::upper) return {.low = 0, .high = (mean > 0 ? mean : 0) + a};
  const double low = smallest > mean - a ? smallest : mean - a;
  return {.low = low, .high = low + a + a};
}
/// As above for consecutive elements.
[[nodiscard]] inline clip_range aciq_range(std::span<const float> x, const aciq_options& o) {
  return aciq_range(matrix_view<float>(x.data(), 1, x.size()), o);
}

namespace detail::inline NIBBLE_UNIT {

/// The table of EXAQ's code: the best clip value for sigma = 10 i / 99 among -10 k / 399, as the k of 2, 3 and 4 bits.
inline constexpr std::array<std::array<std::uint16_t, 100>, 3> exaq_grid_points{{
    {0,   17,  34,  49,  63,  77,  89,  100, 110, 119, 127, 134, 141, 146, 152, 156, 160, 163, 167, 170,
     172, 175, 176, 178, 180, 182, 183, 185, 186, 187, 188, 189, 190, 191, 192, 193, 194, 194, 195, 196,
     196, 197, 197, 198, 198, 199, 199, 200, 200, 200, 201, 201, 201, 202, 202, 202, 203, 203, 203, 203,
     204, 204, 204, 204, 204, 205, 205, 205, 205, 205, 206, 206, 206, 206, 206, 206, 206, 206, 207, 207,
     207, 207, 207, 207, 207, 207, 207, 207, 207, 208, 208, 208, 208, 208, 208, 208, 208, 208, 208, 208},
    {0,   20,  38,  55,  71,  85,  99,  111, 123, 133, 142, 150, 158, 164, 170, 176, 180, 184, 188, 191,
     194, 197, 199, 202, 204, 205, 207, 209, 210, 211, 212, 214, 215, 216, 217, 217, 218, 219, 220, 220,
     221, 222, 222, 223, 223, 224, 224, 225, 225, 225, 226, 226, 227, 227, 227, 227, 228, 228, 228, 229,
     229, 229, 229, 229, 230, 230, 230, 230, 230, 231, 231, 231, 231, 231, 231, 231, 232, 232, 232, 232,
     232, 232, 232, 232, 232, 232, 233, 233, 233, 233, 233, 233, 233, 233, 233, 233, 233, 233, 233, 233},
    {0,   21,  41,  60,  78,  94,  109, 122, 135, 146, 156, 166, 174, 181, 188, 194, 200, 204, 209, 213,
     216, 219, 222, 224, 227, 229, 231, 232, 234, 235, 237, 238, 239, 240, 241, 242, 243, 244, 244, 245,
     246, 247, 247, 248, 248, 249, 249, 250, 250, 251, 251, 251, 252, 252, 252, 253, 253, 253, 254, 254,
     254, 254, 255, 255, 255, 255, 255, 256, 256, 256, 256, 256, 257, 257, 257, 257, 257, 257, 257, 257,
     258, 258, 258, 258, 258, 258, 258, 258, 258, 258, 258, 259, 259, 259, 259, 259, 259, 259, 259, 259},
}};

}  // namespace detail

/// A row of that table.
struct exaq_clip_row {
  double sigma = 0;
  std::array<double, 3> clip{};  ///< for 2, 3 and 4 bits
};
/// The table as the authors print it: sigma in hundredths, clip values in thousandths.
inline constexpr auto exaq_clip_table = [] {
  std::array<exaq_clip_row, 100> table{};
  for (unsigned row = 0; row < table.size(); ++row) {
    table[row].sigma = ((2000 * row + 99) / 198) / 100.0;
    for (std::size_t i = 0; i < 3; ++i) {
      table[row].clip[i] = -((20000U * detail::exaq_grid_points[i][row] + 399) / 798 / 1000.0);
    }
  }
  return table;
}();

/// Which of EXAQ's two rules for x - max x. They differ by 0.2 to 0.9 for sigma of 1 to 2.
enum class exaq_rule : std::uint8_t {
  linear,  ///< the paper's: -1.66 sigma - 1.85 for 2 bits, -1.75 sigma - 2.06 for 3, -1.83 sigma - 2.27 for 4
  table,   ///< the table of the authors' code, exaq_clip_table, linear between its rows, constant beyond the last
};

/// The clip value, at most 0, for shifted inputs of standard deviation sigma (of a sample: sum / (N - 1)), in their
/// units. Throws std::invalid_argument for bits other than 2 to 4 and for sigma that is negative or not finite.
[[nodiscard]] constexpr double exaq_clip(double sigma, int bits, exaq_rule rule) {
  detail::check_enumerator(rule, exaq_rule::table, "rule");
  if (bits < 2 || bits > 4) detail::throw_argument({"bits is ", bits, "; it must be 2, 3 or 4"});
  detail::check_real_not_negative(sigma, "sigma");
  const auto column = static_cast<std::size_t>(bits - 2);
  if (rule == exaq_rule::linear) {
    constexpr std::array<int, 3> slope = {166, 175, 183};
    constexpr std::array<int, 3> offset = {185, 206, 227};
    return -(slope[column] * sigma / 100 + offset[column] / 100.0);
  }
  std::size_t row = 1;
  while (row < exaq_clip_table.size() && exaq_clip_table[row].sigma <= sigma) ++row;
  const exaq_clip_row& below = exaq_clip_table[row - 1];
  if (row == exaq_clip_table.size()) return below.clip[column];
  const exaq_clip_row& above = exaq_clip_table[row];
  return below.clip[column] +
         (sigma - below.sigma) * (above.clip[column] - below.clip[column]) / (above.sigma - below.sigma);
}

/// The authors' rule for a Laplace law with deviation = E |x - mean|: -4.01 deviation - 1.77 for 2 bits, -6.82
/// deviation
/// - 0.15 for 4. Throws std::invalid_argument for other bits and for deviation that is negative or not finite.
[[nodiscard]] constexpr double exaq_laplace_clip(double deviation, int bits) {
  if (bits != 2 && bits != 4) detail::throw_argument({"bits is ", bits, "; it must be 2 or 4"});
  detail::check_real_not_negative(deviation, "deviation");
  return bits == 2 ? -(401 * deviation / 100 + 1.77) : -(682 * deviation / 100 + 0.15);
}

/// EXAQ's grid of all codes from max(smallest, clip) to 0, smallest the least x - max x. Throws std::invalid_argument
/// if one of them is above 0 or not finite, and as quantizer_steps.
[[nodiscard]] constexpr uniform_grid make_exaq_grid(double smallest, double clip, int bits) {
  detail::check_real(smallest, "smallest");
  detail::check_real(clip, "clip");
  return make_uniform_grid(smallest > clip ? smallest : clip, 0, bits, level_steps::all_codes);
}

}  // namespace v0
}  // namespace nibble
