// SPDX-License-Identifier: Apache-2.0
//
// The lane operations of a single unsigned integer.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include <nibble/base/lanes.hpp>
#include <oracle/number.hpp>

namespace {

template <class Word>
void check_selection() {
  using operations = nibble::lane_operations<Word>;
  static_assert(std::is_same_v<nibble::lane_word<Word>, Word>);
  static_assert(std::is_same_v<typename operations::mask, bool>);
  static_assert(operations::select(true, Word{1}, Word{2}) == 1 && operations::select(false, Word{1}, Word{2}) == 2);
  static_assert(operations::both(true, true) && !operations::both(true, false) && !operations::both(false, true));
  static_assert(operations::either(true, false) && operations::either(false, true) &&
                !operations::either(false, false));
  // Unsigned order: the top bit is no sign.
  constexpr Word top = Word{1} << (sizeof(Word) * 8 - 1);
  static_assert(operations::minimum(top, Word{3}) == 3 && operations::maximum(Word{3}, top) == top);
  static_assert(operations::minimum(Word{7}, Word{7}) == 7 && operations::maximum(Word{7}, Word{7}) == 7);
}

}  // namespace

TEST_CASE("lanes select and compare as unsigned integers") {
  check_selection<std::uint32_t>();
  check_selection<std::uint64_t>();
}

TEST_CASE("bits_of_integer is the float that equals the integer, up to the mantissa's bits") {
  using narrow = nibble::lane_operations<std::uint32_t>;
  using wide = nibble::lane_operations<std::uint64_t>;
  int wrong = 0;
  for (std::uint32_t i = 0; i < (1U << 23); i += i < 70000 ? 1 : 61) {
    if (oracle::float_value(narrow::bits_of_integer(i)) != static_cast<double>(i)) ++wrong;
  }
  for (int bits = 0; bits < 52; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    for (const std::uint64_t i : {power - 1, power, power + 1}) {
      const double x = oracle::bits_double(wide::bits_of_integer(i));
      if (static_cast<std::uint64_t>(x) != i || x != std::floor(x)) ++wrong;
    }
  }
  CHECK(narrow::bits_of_integer((1U << 23) - 1) == 0x4afffffeU);
  CHECK(wide::bits_of_integer((std::uint64_t{1} << 52) - 1) == 0x432ffffffffffffeU);
  CHECK(wrong == 0);
}
