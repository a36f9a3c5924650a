// SPDX-License-Identifier: Apache-2.0
// A product with a float is no exception.
// expect: write float(x) * float(y)
#include <nibble/number/minifloat.hpp>

float product(nibble::e4m3 x, float y) {
#ifndef RIGHT_USE
  return float(x * y);
#else
  return float(x) * y;
#endif
}
