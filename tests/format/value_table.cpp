// SPDX-License-Identifier: Apache-2.0
//
// The tables of all values of small formats.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>

#include <nibble/format/value_table.hpp>

#include <format/subjects.hpp>

TEST_CASE("value_table holds the reference's value of every code") {
  int wrong = 0;
  int tables = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr nibble::float_format f = subjects::all[Index].format;
    if constexpr (f.bits() <= 8) {
      const auto& table = nibble::value_table<f>;
      ++tables;
      if (table.size() != std::size_t{1} << f.bits()) ++wrong;
      for (std::uint32_t code = 0; code < table.size(); ++code) {
        const double wanted = oracle::decode(subjects::all[Index].reference, code);
        const double got = oracle::float_value(oracle::float_bits(table[code]));
        const bool both_nan = oracle::is_nan(wanted) && oracle::is_nan(got);
        if (!both_nan && oracle::double_bits(got) != oracle::double_bits(wanted)) ++wrong;
      }
    }
  });
  CHECK(tables == 19);
  CHECK(wrong == 0);
}

TEST_CASE("the table of E2M1 by hand") {
  constexpr std::array<float, 16> values = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                            -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};
  static_assert(nibble::value_table<nibble::formats::e2m1> == values);
  CHECK(nibble::to_bits(nibble::value_table<nibble::formats::e2m1>[8]) == 0x80000000U);
}
