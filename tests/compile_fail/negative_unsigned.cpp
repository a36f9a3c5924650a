// SPDX-License-Identifier: Apache-2.0
// A format without sign has no negative numbers.
// expect: a format without sign has no negative numbers: write -float(x)
#include <nibble/number/minifloat.hpp>

float negative(nibble::ue4m3 x) {
#ifndef RIGHT_USE
  return float(-x);
#else
  return -float(x);
#endif
}
