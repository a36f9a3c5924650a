// SPDX-License-Identifier: Apache-2.0
//
// std::hash: equal values have equal hashes, and different ones of a format differ.
#include <doctest/doctest.h>

#include <set>
#include <unordered_map>

#include <nibble/number/hash.hpp>
#include <number/every_format.hpp>

TEST_CASE("hashes are equal for equal values and for no others") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr subjects::subject s = subjects::all[Index];
    using number = nibble::minifloat<s.format>;
    std::set<double> values;
    std::set<std::size_t> hashes;
    bool nan = false;
    for (std::uint32_t code = 0; code < std::uint32_t{1} << s.format.bits(); ++code) {
      const double value = oracle::decode(s.reference, code);
      if (oracle::is_nan(value)) {
        nan = true;
      } else {
        values.insert(value);
      }
      hashes.insert(std::hash<number>{}(number::from_bits(code)));
    }
    if (hashes.size() != values.size() + (nan ? 1 : 0)) ++wrong;
  });
  CHECK(wrong == 0);
}

TEST_CASE("-0 finds what +0 stored") {
  std::unordered_map<nibble::e4m3, int> map;
  map[nibble::e4m3{0.0F}] = 1;
  map[nibble::e4m3{2.0F}] = 2;
  CHECK(map.at(nibble::e4m3{-0.0F}) == 1);
  CHECK(map.size() == 2);
}
