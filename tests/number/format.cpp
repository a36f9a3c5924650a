// SPDX-License-Identifier: Apache-2.0
//
// std::formatter, where the standard library has it; elsewhere only that the header says nothing.
#include <doctest/doctest.h>

#include <nibble/number/format.hpp>

#if defined(__cpp_lib_format)
#include <format>

TEST_CASE("a number is formatted as its text, or as a double on request") {
  CHECK(std::format("{}", nibble::e4m3{448.0F}) == "448");
  CHECK(std::format("[{}]", nibble::e4m3::from_bits(1)) == "[0.002]");
  CHECK(std::format("{:.9f}", nibble::e4m3::from_bits(1)) == "0.001953125");
  CHECK(std::format("{:>6}", nibble::e4m3{1.5F}) == "   1.5");
}
#else
TEST_CASE("without <format> the header still gives streams and to_chars") {
  char text[nibble::max_text_size];
  CHECK(nibble::to_chars(text, text + sizeof text, nibble::e4m3{1.5F}).ptr == text + 3);
}
#endif
