// SPDX-License-Identifier: Apache-2.0
//
// Literals of every named format.
#include <doctest/doctest.h>

#include <nibble/number/literals.hpp>

using namespace nibble::literals;

TEST_CASE("literals have the codes of their values") {
  CHECK((1.5_e2m1).bits() == 0x3);
  CHECK((7.5_e2m3).bits() == 0x1f);
  CHECK((28_e3m2).bits() == 0x1f);
  CHECK((448_e4m3).bits() == 0x7e);
  CHECK((0.001953125_e4m3).bits() == 0x01);
  CHECK((57'344_e5m2).bits() == 0x7b);
  CHECK((1_e8m0).bits() == 0x7f);
  CHECK((170141183460469231731687303715884105728_e8m0).bits() == 0xfe);
  CHECK((448_ue4m3).bits() == 0x7e);
  CHECK((16_e3m0).bits() == 0x7);
  CHECK((240_e4m3fnuz).bits() == 0x7f);
  CHECK((57344_e5m2fnuz).bits() == 0x7f);
  CHECK((30_e4m3b11fnuz).bits() == 0x7f);
  CHECK((15.5_e3m4).bits() == 0x6f);
  CHECK((240_e4m3ieee).bits() == 0x77);
  CHECK((1.0_bf16).bits() == 0x3f80);
  CHECK((65504_f16).bits() == 0x7bff);
  CHECK((5.9604644775390625e-8_f16).bits() == 0x0001);
  CHECK((1.984375_mxint8).bits() == 0x7f);
}

TEST_CASE("a minus is applied to the number") {
  CHECK((-1.5_e4m3).bits() == 0xbc);
  CHECK((-0_e4m3).bits() == 0x80);
  CHECK((-0_e4m3fnuz).bits() == 0x00);
  CHECK((-1_mxint8).bits() == 0xc0);
}

TEST_CASE("the same value may be written in many ways") {
  CHECK((1.5_e4m3).bits() == (15e-1_e4m3).bits());
  CHECK((1.5_e4m3).bits() == (0.15E1_e4m3).bits());
  CHECK((1.5_e4m3).bits() == (1.500'000_e4m3).bits());
}
