// SPDX-License-Identifier: Apache-2.0
// A long double is not rounded twice in silence.
// expect: number_source
#include <nibble/number/minifloat.hpp>

nibble::e4m3 rounded(long double x) {
#ifndef RIGHT_USE
  return nibble::e4m3{x};
#else
  return nibble::e4m3{double(x)};
#endif
}
