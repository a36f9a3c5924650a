// SPDX-License-Identifier: Apache-2.0
// A number is never rounded without a word.
// expect(gcc): conversion from 'float' to non-scalar type
// expect(clang): no viable conversion from 'float' to
#include <nibble/number/minifloat.hpp>

nibble::e4m3 rounded(float x) {
#ifndef RIGHT_USE
  nibble::e4m3 y = x;
#else
  nibble::e4m3 y{x};
#endif
  return y;
}
