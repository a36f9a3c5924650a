// SPDX-License-Identifier: Apache-2.0
//
// Random inputs that look for trouble: values and midpoints of a format, their neighbours, numbers that a detour
// through a narrower type would turn into midpoints, ties, subnormals, and NaN with payloads. Gaussian data alone meets
// none.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <exhaustive/random_words.hpp>
#include <exhaustive/reference_table.hpp>
#include <oracle/number.hpp>

namespace exhaustive {

class input_source {
 public:
  input_source(const oracle::format& f, std::uint64_t seed) : marks_(marks_of(f)), words_(seed) {
    low_ = std::ilogb(marks_[1]) - 2;
    high_ = std::ilogb(marks_.back()) + 2;
  }

  /// Eight kinds in turn.
  double next_double() {
    const std::uint64_t word = words_.next();
    const std::uint64_t sign = word << 63;
    switch (turn_++ % 8) {
      case 0: return of_bits(word);
      case 1: return of_bits(in_range(word) | sign);
      // A tie, or nearly: a number in the range with few significant bits.
      case 2: return of_bits((in_range(word) & (~std::uint64_t{0} << (40 + words_.below(13)))) | sign);
      // A mark and its neighbours.
      case 3: return of_bits((mark() + words_.below(5) - 2) | sign);
      // Beside a mark by less than half a step of float32: a detour through float32 would land on it.
      case 4: return of_bits((mark() + words_.below(1U << 29) - (1U << 28)) | sign);
      // As far from a mark as a tie between two float32, and its neighbours.
      case 5: return of_bits((mark() + (words_.below(2) << 29) - (1U << 28) + words_.below(3) - 1) | sign);
      case 6: return static_cast<double>(next_float_kind(word));
      default: return special(word);
    }
  }

  /// Four kinds in turn.
  float next_float() {
    const std::uint64_t word = words_.next();
    return next_float_kind(word);
  }

  std::uint64_t next_word() { return words_.next(); }
  std::uint64_t below(std::uint64_t bound) { return words_.below(bound); }

 private:
  static double of_bits(std::uint64_t bits) { return oracle::bits_double(bits); }

  /// The pattern of a positive double about the range of the format.
  std::uint64_t in_range(std::uint64_t word) {
    const auto exponents = static_cast<std::uint64_t>(high_ - low_ + 1);
    const auto field = static_cast<std::uint64_t>(low_ + 1023) + words_.below(exponents);
    return (field << 52) | (word >> 12);
  }
  /// The pattern of a mark other than 0.
  std::uint64_t mark() { return oracle::double_bits(marks_[1 + words_.below(marks_.size() - 1)]); }

  float next_float_kind(std::uint64_t word) {
    const auto bits = static_cast<std::uint32_t>(word >> 32);
    const std::uint32_t sign = static_cast<std::uint32_t>(word) << 31;
    switch (word >> 1 & 3) {
      case 0: return oracle::bits_float(bits);
      case 1: return static_cast<float>(of_bits(in_range(word)) * (sign != 0 ? -1 : 1));
      case 2: {
        const std::uint32_t near = oracle::float_bits(static_cast<float>(of_bits(mark())));
        return oracle::bits_float((near + static_cast<std::uint32_t>(words_.below(3))) | sign);
      }
      default: {
        const std::uint32_t near = oracle::float_bits(static_cast<float>(of_bits(in_range(word))));
        return oracle::bits_float((near & (~0U << (12 + words_.below(12)))) | sign);
      }
    }
  }

  double special(std::uint64_t word) {
    const std::uint64_t sign = word << 63;
    const std::uint64_t infinity = std::uint64_t{0x7ff} << 52;
    switch (word >> 1 & 7) {
      case 0: return of_bits(sign);
      case 1: return of_bits(infinity | sign);
      case 2: return of_bits((word >> 12) | sign);                      // subnormal
      case 3: return of_bits((infinity - 1 - words_.below(3)) | sign);  // the largest
      case 4: return of_bits((oracle::double_bits(0x1.fffffep127) + words_.below(1U << 30)) | sign);
      default: return of_bits(infinity | (word >> 12) | sign);  // NaN with a payload, or Inf
    }
  }

  std::vector<double> marks_;
  random_words words_;
  std::uint64_t turn_ = 0;
  int low_ = 0;
  int high_ = 0;
};

}  // namespace exhaustive
