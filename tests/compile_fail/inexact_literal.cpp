// SPDX-License-Identifier: Apache-2.0
// A literal is exact or does not compile.
// expect: this_literal_is_no_number_of_the_format__write_e4m3_of_a_float_to_round
#include <nibble/number/literals.hpp>

using namespace nibble::literals;

#ifndef RIGHT_USE
nibble::e4m3 x = 1.6_e4m3;
#else
nibble::e4m3 x = 1.625_e4m3;
#endif
