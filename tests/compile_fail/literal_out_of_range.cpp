// SPDX-License-Identifier: Apache-2.0
// A literal beyond the range is not saturated.
// expect: this_literal_is_no_number_of_the_format__write_e4m3_of_a_float_to_round
#include <nibble/number/literals.hpp>

using namespace nibble::literals;

#ifndef RIGHT_USE
nibble::e2m1 x = 7_e2m1;
#else
nibble::e2m1 x = 6_e2m1;
#endif
