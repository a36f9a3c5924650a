// SPDX-License-Identifier: Apache-2.0
//
// What the function macros expand to outside a CUDA compiler.
#include <doctest/doctest.h>

#include <string_view>

#include <nibble/base/config.hpp>

#define NIBBLE_TEST_TEXT(...) #__VA_ARGS__
#define NIBBLE_TEST_EXPANSION(...) NIBBLE_TEST_TEXT(__VA_ARGS__)

namespace {

NIBBLE_FUNCTION int twice(int x) noexcept {
  const auto again = [&](int y) NIBBLE_INLINE_LAMBDA { return x + y; };
  return again(x);
}
NIBBLE_CONSTANT int four = twice(2);

}  // namespace

TEST_CASE("functions and constants of the library work in constant expressions") {
  static_assert(four == 4);
  CHECK(twice(four) == 8);
}

#if !defined(__CUDACC__)
TEST_CASE("without a CUDA compiler no function is marked for a device") {
  CHECK(std::string_view(NIBBLE_TEST_EXPANSION(NIBBLE_HD)).empty());
  CHECK(std::string_view(NIBBLE_TEST_EXPANSION(NIBBLE_FUNCTION)).find("device") == std::string_view::npos);
}
#endif
