// SPDX-License-Identifier: Apache-2.0
//
// The search for the rule of an instruction whose results differ from the emulation: every combination of some choices is
// run on the samples, and those that explain the most are printed.
#include <algorithm>
#include <atomic>
#include <span>
#include <string>
#include <vector>

#include <nibble/emulate/tensor_core.hpp>

#include "capture.hpp"

namespace capture {
namespace {

namespace em = nibble::emulate;
namespace formats = nibble::formats;

constexpr int none = -100000;

/// What takes part in the search for the largest exponent when it is zero: nothing, -126 (for each operand), or the exponent
/// of the smallest normal number.
const char* const zero_names[] = {"zero products at -126", "zero products out", "zero products at format minimum"};
const char* const c_zero_names[] = {"zero C at -126", "zero C out", "zero C at format minimum"};
const char* const shift_names[] = {"cut toward zero", "cut downward"};
const char* const f32_names[] = {"f32 cut", "f32 cut, subnormals flushed", "f32 cut, subnormals nearest", "f32 nearest",
                                 "f32 cut, subnormals flushed to +0", "f32 cut, underflow +0"};
const char* const f16_names[] = {"f16 nearest", "f32 cut then f16 nearest", "f16 cut", "11 bits nearest then f16 nearest",
                                 "f16 nearest away", "f16 nearest, subnormals flushed", "f16 nearest, largest for overflow",
                                 "13 bits cut then f16 nearest", "11 bits nearest then cut", "underflow +0",
                                 "f16 cut, largest for overflow"};

struct rule {
  int fraction = 0, zero = 0, c_zero = 0, normalise = 0, normalise_c = 0, floor = none, shift = 0, output = 0;

  [[nodiscard]] std::string text(bool f16) const {
    std::string s = "F " + std::to_string(fraction) + ", " + zero_names[zero] + ", " + c_zero_names[c_zero];
    if (normalise != 0) s += ", operands normalised";
    if (normalise_c != 0) s += ", C normalised";
    if (floor != none) s += ", exponent at least " + std::to_string(floor);
    return s + ", " + shift_names[shift] + ", " + (f16 ? f16_names[output] : f32_names[output]);
  }
};

int width(std::uint64_t x) { return em::detail::bit_width(x); }

/// Rounds a magnitude (a multiple of 2^unit) to a multiple of 2^step: 0 cut, 1 nearest even, 2 nearest away.
std::uint64_t round_at(std::uint64_t magnitude, int unit, int step, int mode) {
  const int drop = step - unit;
  if (drop <= 0) return magnitude << std::min(-drop, 40);
  if (drop > 62) return 0;
  const std::uint64_t kept = magnitude >> drop;
  const std::uint64_t rest = magnitude & ((std::uint64_t{1} << drop) - 1);
  const std::uint64_t half = std::uint64_t{1} << (drop - 1);
  const bool up = (mode == 1 && (rest > half || (rest == half && kept % 2 != 0))) || (mode == 2 && rest >= half);
  return kept + (up ? 1U : 0U);
}

std::uint32_t to_f32(std::int64_t sum, int unit, int output) {
  if (sum == 0) return 0;
  const std::uint32_t sign = sum < 0 ? 0x8000'0000U : 0U;
  const auto magnitude = static_cast<std::uint64_t>(sum < 0 ? -sum : sum);
  const int top = width(magnitude) - 1 + unit;
  const bool subnormal = top < -126;
  if (top > 127) return sign | 0x7f80'0000U;
  if (subnormal && output == 1) return sign;
  if (subnormal && output == 4) return 0;
  const int step = subnormal ? -149 : top - 23;
  const std::uint64_t kept = round_at(magnitude, unit, step, output == 3 || (output == 2 && subnormal) ? 1 : 0);
  if (kept == 0) return output == 5 ? 0U : sign;
  return sign | ((static_cast<std::uint32_t>(step + 149) << 23) + static_cast<std::uint32_t>(kept));
}

std::uint32_t to_f16(std::int64_t sum, int unit, int output) {
  if (sum == 0) return 0;
  const std::uint32_t sign = sum < 0 ? 0x8000U : 0U;
  auto magnitude = static_cast<std::uint64_t>(sum < 0 ? -sum : sum);
  const int top = width(magnitude) - 1 + unit;
  const int first_bits = output == 1 ? 23 : output == 7 ? 13 : output == 3 || output == 8 ? 10 : 0;
  if (first_bits != 0 && top - first_bits > unit) {
    magnitude = round_at(magnitude, unit, top - first_bits, output == 3 || output == 8 ? 1 : 0);
    unit = top - first_bits;
  }
  const bool largest = output == 6 || output == 10;
  const int new_top = width(magnitude) - 1 + unit;
  if (new_top < -14 && output == 5) return sign;
  const int step = new_top < -14 ? -24 : new_top - 10;
  const int mode = output == 2 || output == 8 || output == 10 ? 0 : output == 4 ? 2 : 1;
  const std::uint64_t kept = round_at(magnitude, unit, step, mode);
  if (kept == 0) return output == 9 ? 0U : sign;
  if (step > 6) return sign | (largest ? 0x7bffU : 0x7c00U);
  const std::uint32_t code = (static_cast<std::uint32_t>(step + 24) << 10) + static_cast<std::uint32_t>(kept);
  return sign | (code >= 0x7c00U ? (largest ? 0x7bffU : 0x7c00U) : code);
}

bool is_special(const nibble::float_format& f, std::uint32_t code) {
  const em::detail::operand x = em::detail::unpack(f, code, em::zero_exponent::lowest);
  return x.nan || x.infinite;
}

/// The factor of a product: value = significand * 2^(exponent - fraction).
struct factor {
  std::int64_t significand = 0;
  int exponent = 0;
  int fraction = 0;
};

factor prepare(const nibble::float_format& f, std::uint32_t code, int zero, bool normalise) {
  const em::detail::operand x = em::detail::unpack(f, code, em::zero_exponent::format_minimum);
  factor y{x.significand, x.exponent, f.mantissa_bits};
  if (y.significand == 0 && zero == 0) y.exponent = -126;
  if (y.significand == 0 && zero == 1) y.exponent = none;
  while (normalise && y.significand != 0 && std::abs(y.significand) < (std::int64_t{1} << f.mantissa_bits)) {
    y.significand *= 2;
    --y.exponent;
  }
  return y;
}

class tried_rule {
 public:
  tried_rule(const rule& r, const instruction& op, const nibble::float_format& a, const nibble::float_format& b,
             const em::tensor_unit& unit)
      : r_(r), op_(op), a_(a), b_(b), unit_(unit) {}

  [[nodiscard]] std::uint32_t operator()(const sample& s) const {
    std::uint32_t acc = unit_.accumulator_last ? 0U : s.c;
    for (int first = 0; first < unit_.k; first += unit_.group) {
      if (is_special(op_.f16_result ? formats::f16 : formats::f32, acc)) break;  // a first sum that became Inf
      acc = sum(s, first, acc);
    }
    return unit_.accumulator_last ? em::detail::add_accumulator(unit_.rule.output, s.c, acc) : acc;
  }

 private:
  [[nodiscard]] factor operand(const nibble::float_format& f, std::uint32_t code) const {
    if (!unit_.operands_as_f16) return prepare(f, code, r_.zero, r_.normalise != 0);
    const std::uint32_t half =
        nibble::encode(formats::f16, nibble::decode(f, code), nibble::nearest_even{}, nibble::overflow::special);
    return prepare(formats::f16, half, r_.zero, r_.normalise != 0);
  }

  [[nodiscard]] std::uint32_t sum(const sample& s, int first, std::uint32_t c) const {
    em::sum_term terms[65];
    for (int i = 0; i < unit_.group; ++i) {
      const bool pairs = unit_.grouping == em::sum_grouping::pairs;
      const int k = pairs ? i / 2 * 4 + i % 2 + (first == 0 ? 0 : 2) : first + i;
      const factor x = operand(a_, s.a[k]);
      const factor y = operand(b_, s.b[k]);
      const bool out = x.exponent == none || y.exponent == none;
      terms[i] = {x.significand * y.significand, out ? none : x.exponent + y.exponent, x.fraction + y.fraction};
    }
    const bool f16 = op_.f16_result;
    const factor z = prepare(f16 ? formats::f16 : formats::f32, c, r_.c_zero, r_.normalise_c != 0);
    terms[unit_.group] = {z.significand, z.exponent, z.fraction};
    int largest = r_.floor;
    for (int i = 0; i <= unit_.group; ++i) largest = std::max(largest, terms[i].exponent);
    if (largest == none) return 0;
    std::int64_t total = 0;
    for (int i = 0; i <= unit_.group; ++i) {
      if (terms[i].significand == 0) continue;
      const std::int64_t kept = em::detail::align_term(terms[i], r_.fraction, largest);
      total += kept;
      // Downward: one less where a negative term lost something.
      if (r_.shift == 1 && terms[i].significand < 0) {
        const int shift = r_.fraction + terms[i].exponent - largest - terms[i].fraction;
        const bool exact = shift >= 0 || (shift > -63 && kept * (std::int64_t{1} << -shift) == terms[i].significand);
        total -= exact ? 0 : 1;
      }
    }
    const int unit = largest - r_.fraction;
    if (unit_.rule.output == em::sum_output::f32_13_bits) {
      return em::detail::convert_sum(total, unit, unit_.rule);
    }
    return f16 ? to_f16(total, unit, r_.output) : to_f32(total, unit, r_.output);
  }

  rule r_;
  const instruction& op_;
  const nibble::float_format& a_;
  const nibble::float_format& b_;
  const em::tensor_unit& unit_;
};

std::vector<rule> rules_of(const instruction& op, const em::tensor_unit& unit) {
  std::vector<rule> all;
  const int outputs = op.f16_result ? 11 : 6;
  const int floors_f32[] = {none, -126, -128, -129, -130, -131, -132, -133, -134, -149};
  const int floors_f16[] = {none, -14, -15, -24, -25, -1, 0, -8};
  for (int floor : op.f16_result ? std::span<const int>(floors_f16) : std::span<const int>(floors_f32)) {
    for (int i = 0; i < 6 * 3 * 3 * 2 * 2 * 2 * outputs; ++i) {
      int rest = i;
      const auto digit = [&](int n) {
        const int d = rest % n;
        rest /= n;
        return d;
      };
      rule r;
      r.floor = floor;
      r.output = digit(outputs);
      r.fraction = unit.rule.fraction_bits - 2 + digit(6);
      r.zero = digit(3);
      r.c_zero = digit(3);
      r.normalise = digit(2);
      r.normalise_c = digit(2);
      r.shift = digit(2);
      all.push_back(r);
    }
  }
  return all;
}

}  // namespace

void learn(const instruction& op, const nibble::float_format& a, const nibble::float_format& b,
           const em::tensor_unit& unit, const std::vector<sample>& all_samples) {
  std::vector<sample> samples;
  for (const sample& s : all_samples) {
    bool special = is_special(op.f16_result ? formats::f16 : formats::f32, s.c);
    for (int k = 0; k < unit.k; ++k) special = special || is_special(a, s.a[k]) || is_special(b, s.b[k]);
    if (!special) samples.push_back(s);
  }
  const std::vector<rule> rules = rules_of(op, unit);
  std::vector<std::pair<std::size_t, std::size_t>> wrong(rules.size());
  on_all_cores(rules.size(), [&](std::size_t i) {
    const tried_rule tried(rules[i], op, a, b, unit);
    std::size_t count = 0;
    for (std::size_t j = 0; j < samples.size() && count < samples.size() / 2; ++j) {
      count += tried(samples[j]) != samples[j].d ? 1U : 0U;
    }
    wrong[i] = {count, i};
  });
  std::sort(wrong.begin(), wrong.end());
  std::printf("  of %zu samples without specials (half of them mismatches), wrong by rule:\n", samples.size());
  for (std::size_t i = 0; i < 3 && i < wrong.size(); ++i) {
    std::printf("  %6zu %s\n", wrong[i].first, rules[wrong[i].second].text(op.f16_result).c_str());
  }
}

}  // namespace capture
