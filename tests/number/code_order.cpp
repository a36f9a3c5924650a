// SPDX-License-Identifier: Apache-2.0
//
// Classes, signs and order of codes against the values that the reference gives them.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include <nibble/number/code_order.hpp>
#include <number/every_format.hpp>

namespace {

bool same_bits(double a, double b) { return oracle::double_bits(a) == oracle::double_bits(b); }

/// What negation does to a value: NaN keeps being NaN, a zero without a negative partner stays, and the most negative
/// integer of two's complement gives the largest.
double negated(const oracle::format& f, double value) {
  if (!f.has_sign || (oracle::is_zero(value) && !f.has_negative_zero())) return value;
  const auto limit = static_cast<double>(oracle::max_value(f));
  if (f.twos_complement && -value > limit) return limit;
  return oracle::with_sign(value, !oracle::is_negative(value));
}

/// Every value of a format that is no NaN, rising, the two zeros as one.
std::vector<double> sorted_values(const oracle::format& f) {
  std::vector<double> values;
  for (std::uint32_t code = 0; code < std::uint32_t{1} << f.bits(); ++code) {
    const double value = oracle::decode(f, code);
    if (!oracle::is_nan(value)) values.push_back(oracle::is_zero(value) ? 0.0 : value);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

TEST_CASE("NaN, infinity and sign") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    for (std::uint32_t code = 0; code < every::codes(p); ++code) {
      const oracle::meaning m = oracle::classify(p.reference, code);
      if (nibble::is_nan_code(p.format, code) != (m.kind == oracle::code_class::nan)) ++wrong;
      if (nibble::is_infinity_code(p.format, code) != (m.kind == oracle::code_class::infinite)) ++wrong;
      if (nibble::is_negative_code(p.format, code) != m.negative) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the rank of a code is the position of its value") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    const std::vector<double> values = sorted_values(p.reference);
    const std::int32_t lowest = nibble::lowest_rank(p.format);
    if (nibble::highest_rank(p.format) - lowest + 1 != static_cast<std::int32_t>(values.size())) ++wrong;
    for (std::uint32_t code = 0; code < every::codes(p); ++code) {
      const double value = oracle::decode(p.reference, code);
      if (oracle::is_nan(value)) continue;
      const std::int32_t rank = nibble::code_rank(p.format, code);
      if (values[static_cast<std::size_t>(rank - lowest)] != value) ++wrong;
      if (rank == 0 && value != 0.0 && p.reference.has_zero) ++wrong;
      const std::uint32_t back = nibble::code_of_rank(p.format, rank);
      if (back != code && !(value == 0.0 && back == 0)) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("negation and magnitude") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    for (std::uint32_t code = 0; code < every::codes(p); ++code) {
      const double value = oracle::decode(p.reference, code);
      const bool one_nan = oracle::is_nan(value) && !oracle::is_negative(value) &&
                           !oracle::is_negative(oracle::decode(p.reference, code | p.reference.sign_code()));
      const std::uint32_t opposite = nibble::negated_code(p.format, code);
      const std::uint32_t absolute = nibble::absolute_code(p.format, code);
      if (opposite >= every::codes(p) || absolute >= every::codes(p)) ++wrong;
      const double expected = one_nan ? value : negated(p.reference, value);
      if (!same_bits(oracle::decode(p.reference, opposite), expected)) ++wrong;
      const double magnitude = oracle::is_negative(value) ? expected : value;
      if (!same_bits(oracle::decode(p.reference, absolute), magnitude)) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("neighbours") {
  int wrong = 0;
  for (const every::pair& p : every::formats()) {
    const std::vector<double> values = sorted_values(p.reference);
    for (std::uint32_t code = 0; code < every::codes(p); ++code) {
      const std::uint32_t up = nibble::next_up_code(p.format, code);
      const std::uint32_t down = nibble::next_down_code(p.format, code);
      const double value = oracle::decode(p.reference, code);
      if (oracle::is_nan(value)) {
        if (up != code || down != code) ++wrong;
        continue;
      }
      const auto place = std::lower_bound(values.begin(), values.end(), value);
      double above = place + 1 == values.end() ? value : *(place + 1);
      const double below = place == values.begin() ? value : *(place - 1);
      // IEEE 754 5.3.1: nextUp of the negative number of least magnitude is -0.
      if (above == 0.0 && value < 0.0 && p.reference.has_negative_zero()) above = -0.0;
      if (!same_bits(oracle::decode(p.reference, up), above)) ++wrong;
      if (!same_bits(oracle::decode(p.reference, down), below)) ++wrong;
    }
  }
  CHECK(wrong == 0);
}
