// SPDX-License-Identifier: Apache-2.0
// A running sum in a narrow type stops growing.
// expect: keep the sum in float or double
#include <nibble/number/minifloat.hpp>

#ifndef RIGHT_USE
void add(nibble::e4m3& sum, nibble::e4m3 x) { sum += x; }
#else
void add(float& sum, nibble::e4m3 x) { sum += float(x); }
#endif
