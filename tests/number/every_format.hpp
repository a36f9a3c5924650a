// SPDX-License-Identifier: Apache-2.0
//
// Formats for tests of functions that take a format at run time: the subjects, every P3109 format of 3 to 8 bits, and
// some that nobody named.
#pragma once

#include <cstdint>
#include <vector>

#include <exhaustive/drawn_format.hpp>
#include <format/subjects.hpp>
#include <nibble/format/p3109.hpp>
#include <oracle/formats.hpp>

namespace every {

struct pair {
  nibble::float_format format;
  oracle::format reference;
};

inline std::vector<pair> p3109() {
  std::vector<pair> list;
  for (int width = 3; width <= 8; ++width) {
    for (int precision = 1; precision <= width; ++precision) {
      for (const bool has_sign : {true, false}) {
        if (has_sign && precision == width) continue;
        for (const bool extended : {true, false}) {
          const nibble::float_format f = nibble::formats::p3109(width, precision, has_sign, extended);
          if (f.is_valid()) list.push_back({f, oracle::p3109(width, precision, has_sign, extended)});
        }
      }
    }
  }
  return list;
}

inline std::vector<pair> formats() {
  std::vector<pair> list = p3109();
  for (const subjects::subject& s : subjects::all) list.push_back({s.format, s.reference});
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const nibble::float_format f = exhaustive::drawn_number(seed);
    if (f.bits() <= 10) list.push_back({f, subjects::reference_of(f)});
  }
  return list;
}

inline std::uint32_t codes(const pair& p) { return std::uint32_t{1} << p.reference.bits(); }

}  // namespace every
