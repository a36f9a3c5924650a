// SPDX-License-Identifier: Apache-2.0
//
// The version macros.
#include <doctest/doctest.h>

#include <nibble/base/version.hpp>

#if !defined(NIBBLE_VERSION_MAJOR) || !defined(NIBBLE_VERSION_MINOR) || !defined(NIBBLE_VERSION_PATCH)
#error "the three parts of the version are macros"
#endif
#if NIBBLE_VERSION < 100
#error "NIBBLE_VERSION is an integer that the preprocessor compares"
#endif

TEST_CASE("NIBBLE_VERSION orders versions by major, then minor, then patch") {
  static_assert(NIBBLE_VERSION_MINOR < 100 && NIBBLE_VERSION_PATCH < 100);
  CHECK(NIBBLE_VERSION / 10000 == NIBBLE_VERSION_MAJOR);
  CHECK(NIBBLE_VERSION / 100 % 100 == NIBBLE_VERSION_MINOR);
  CHECK(NIBBLE_VERSION % 100 == NIBBLE_VERSION_PATCH);
}
