// SPDX-License-Identifier: Apache-2.0
// Storage types have no arithmetic.
// expect: write float(x) + float(y)
#include <nibble/number/minifloat.hpp>

float sum(nibble::e2m1 x, nibble::e2m1 y) {
#ifndef RIGHT_USE
  return float(x + y);
#else
  return float(x) + float(y);
#endif
}
