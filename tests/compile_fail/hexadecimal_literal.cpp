// SPDX-License-Identifier: Apache-2.0
// Literals are decimal.
// expect: this_literal_is_not_a_decimal_number
#include <nibble/number/literals.hpp>

using namespace nibble::literals;

#ifndef RIGHT_USE
nibble::e4m3 x = 0x10_e4m3;
#else
nibble::e4m3 x = 16_e4m3;
#endif
