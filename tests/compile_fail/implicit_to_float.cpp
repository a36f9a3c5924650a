// SPDX-License-Identifier: Apache-2.0
// A value leaves its storage type by name only.
// expect(gcc): cannot convert
// expect(clang): no viable conversion from
#include <nibble/number/minifloat.hpp>

float value(nibble::e4m3 x) {
#ifndef RIGHT_USE
  float y = x;
#else
  float y = float(x);
#endif
  return y;
}
