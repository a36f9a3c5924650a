// SPDX-License-Identifier: Apache-2.0
//
// The traffic limits: the bytes of each kind of operation moved with no arithmetic.
#include "support.hpp"

namespace {
[[maybe_unused]] const bool registered = [] {
  bench::add("limit/f32_to_8bit", "", bench::limit_encode<4>);
  bench::add("limit/f32_to_4bit", "", bench::limit_encode<8>);
  bench::add("limit/8bit_to_f32", "", bench::limit_decode<4>);
  bench::add("limit/4bit_to_f32", "", bench::limit_decode<8>);
  bench::add("limit/16bit_to_8bit", "", bench::limit_encode<2, 2>);
  bench::add("limit/f32_to_16bit", "", bench::limit_encode<2>);
  bench::add("limit/8bit_to_16bit", "", bench::limit_decode<2, 2>);
  bench::add("limit/16bit_to_f32", "", bench::limit_decode<2>);
  return true;
}();
}  // namespace
