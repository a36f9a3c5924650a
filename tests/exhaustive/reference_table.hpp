// SPDX-License-Identifier: Apache-2.0
//
// The reference's answers for a whole number line. Between two neighbouring marks, a mark being a value of the format
// or a midpoint of two, no deterministic rounding changes its answer; so the line falls into places (a mark, or the
// open stretch after it), and the reference is asked once for each place, sign, rounding and overflow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <oracle/encode.hpp>

namespace exhaustive {

/// Magnitudes that are values or midpoints of a format, rising from 0; the last two are the next value that the format
/// does not have any more, and the midpoint before it.
inline std::vector<double> marks_of(const oracle::format& f) {
  const std::uint32_t beyond = oracle::max_code(f) + 1;
  std::vector<double> marks{0};
  for (std::uint32_t code = 0; code <= beyond; ++code) {
    const long double value = oracle::magnitude_value(f, code);
    if (value > 0) marks.push_back(static_cast<double>(value));
    if (code == beyond) break;
    marks.push_back(static_cast<double>((value + oracle::magnitude_value(f, code + 1)) / 2));
  }
  return marks;
}

/// One conversion: what a column of the table holds.
struct conversion {
  oracle::rounding mode;
  oracle::overflow rule;
};

class reference_table {
 public:
  /// `from_double` marks conversions whose source type is double (their NaN may differ).
  reference_table(const oracle::format& f, oracle::policy who, std::vector<conversion> columns, bool from_double)
      : format_(f), who_(who), columns_(std::move(columns)), from_double_(from_double), marks_(marks_of(f)) {
    codes_.resize(places() * 2 * columns_.size());
    for (std::size_t place = 0; place < places(); ++place) {
      neighbours_.push_back(oracle::find_neighbours(format_, static_cast<long double>(inside(place))));
      for (int negative = 0; negative < 2; ++negative) fill(place, negative != 0);
    }
  }

  /// Mark i is place 2i, the stretch between it and the next mark is place 2i + 1; the last stretch ends before Inf.
  [[nodiscard]] const std::vector<double>& marks() const { return marks_; }
  [[nodiscard]] std::size_t places() const { return 2 * marks_.size(); }

  /// The place of a finite magnitude.
  [[nodiscard]] std::size_t place_of(double magnitude) const {
    const auto after = std::upper_bound(marks_.begin(), marks_.end(), magnitude);
    const auto mark = static_cast<std::size_t>(after - marks_.begin()) - 1;
    return 2 * mark + (marks_[mark] == magnitude ? 0U : 1U);
  }
  /// The neighbours of every magnitude of a place, on which stochastic rounding depends.
  [[nodiscard]] const oracle::neighbours& neighbours(std::size_t place) const { return neighbours_[place]; }
  /// The answers for a place, one for each column.
  [[nodiscard]] const std::uint32_t* codes(std::size_t place, bool negative) const {
    return &codes_[(2 * place + (negative ? 1U : 0U)) * columns_.size()];
  }
  /// The reference asked about one number; the only way for Inf and NaN, which have no place.
  [[nodiscard]] std::uint32_t ask(double x, std::size_t column) const {
    return oracle::encode(format_, x, columns_[column].mode, columns_[column].rule, who_, from_double_);
  }

 private:
  /// A magnitude of the place.
  [[nodiscard]] double inside(std::size_t place) const {
    const std::size_t mark = place / 2;
    if (place % 2 == 0) return marks_[mark];
    return mark + 1 < marks_.size() ? (marks_[mark] + marks_[mark + 1]) / 2 : 2 * marks_[mark];
  }

  void fill(std::size_t place, bool negative) {
    const double x = oracle::with_sign(inside(place), negative);
    std::uint32_t* codes = &codes_[(2 * place + (negative ? 1U : 0U)) * columns_.size()];
    for (std::size_t column = 0; column < columns_.size(); ++column) codes[column] = ask(x, column);
  }

  oracle::format format_;
  oracle::policy who_;
  std::vector<conversion> columns_;
  bool from_double_;
  std::vector<double> marks_;
  std::vector<std::uint32_t> codes_;
  std::vector<oracle::neighbours> neighbours_;
};

}  // namespace exhaustive
