// SPDX-License-Identifier: Apache-2.0
//
// compare on small tensors whose differences are known by construction.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <nibble/check/compare.hpp>
#include <nibble/block/quantize.hpp>

using namespace nibble;
using check::nearer;

namespace {

/// One row of MXFP4 codes under scales of 2^0.
block_tensor<mxfp4> tensor_of(const std::vector<std::uint8_t>& codes, std::size_t cols) {
  block_tensor<mxfp4> q(codes.size() / cols, cols);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    store_code(mxfp4.packing, q.codes().data() + i / cols * mxfp4.row_bytes(cols), i % cols, codes[i]);
  }
  for (auto& scale : q.scales()) scale = 127;
  return q;
}

TEST_CASE("Equal tensors have no differences") {
  const auto a = tensor_of({1, 2, 3, 4}, 4);
  const check::comparison c = check::compare(a, a);
  CHECK(c.is_equal());
  CHECK(c.elements == 4);
  CHECK(c.scales == 1);
  CHECK(c.first.empty());
}

TEST_CASE("A tie, a nearer code, and inputs without an answer") {
  // Magnitude codes: 0 0.5 1 1.5 2 3 4 6.
  const auto a = tensor_of({5, 5, 13, 6, 1}, 5);
  const auto b = tensor_of({6, 6, 14, 5, 1}, 5);
  const std::vector<float> x = {3.5F, 3.6F, -3.5F, std::numeric_limits<float>::quiet_NaN(), 0.5F};
  const check::comparison c = check::compare(a, b, matrix_view{x.data(), 1, 5});
  CHECK(c.different_codes == 4);
  CHECK(c.different_scales == 0);
  REQUIRE(c.first.size() == 4);
  CHECK(c.first[0].nearer == nearer::tie);
  CHECK(!c.first[0].a_is_away);
  CHECK(!c.first[0].a_is_even);
  CHECK(c.first[0].a_distance == 0.5);
  CHECK(c.first[0].b_value == 4.0);
  CHECK(c.first[1].nearer == nearer::b);
  CHECK(c.first[2].nearer == nearer::tie);
  CHECK(c.first[2].a_value == -3.0);
  CHECK(!c.first[2].a_is_away);
  CHECK(c.first[3].nearer == nearer::unknown);
  CHECK(to_text(c).find("a tie: b went away from zero, b has the even code") != std::string::npos);
}

TEST_CASE("The side of a tie is decided exactly") {
  // A tensor scale with 24 significant bits, and the floats next to the midpoint of 2 and 3.
  block_tensor<nvfp4> a(1, 16), b(1, 16);
  a.set_tensor_scale(0x1.fffffep-9F);
  b.set_tensor_scale(0x1.fffffep-9F);
  a.scales()[0] = b.scales()[0] = 0x39;  // 1.125
  a.codes()[0] = 0x04;
  b.codes()[0] = 0x05;
  std::vector<float> x(16);
  // 2.5 * 1.125 * T = 2.8125 * T has 30 significant bits: no float is the midpoint.
  x[0] = 0x1.67fffep-7F;
  CHECK(check::compare(a, b, matrix_view{x.data(), 1, 16}).first.at(0).nearer == nearer::a);
  x[0] = 0x1.68p-7F;
  CHECK(check::compare(a, b, matrix_view{x.data(), 1, 16}).first.at(0).nearer == nearer::b);
}

TEST_CASE("Scales and tensor scales that differ") {
  block_tensor<nvfp4> a(2, 32), b(2, 32);
  for (auto& s : a.scales()) s = 0x38;
  for (auto& s : b.scales()) s = 0x38;
  a.codes()[20] = b.codes()[20] = 0x02;
  b.scales()[2] = 0x40;
  b.set_tensor_scale(2.0F);
  std::vector<float> x(64, 1.0F);
  const check::comparison c = check::compare(a, b, matrix_view{x.data(), 2, 32}, 9);
  CHECK(c.different_codes == 0);
  CHECK(c.different_scales == 1);
  CHECK(c.tensor_scale_differs);
  REQUIRE(c.first.size() == 9);
  const check::code_difference& d = c.first[8];
  CHECK(d.row == 1);
  CHECK(d.col == 8);
  CHECK(d.block == 0);
  CHECK(d.a_scale == 1.0F);
  CHECK(d.b_scale == 2.0F);
  CHECK(d.a_value == 1.0);
  CHECK(d.b_value == 4.0);
  CHECK(d.nearer == nearer::a);
  CHECK(d.b_distance == 3.0);
}

TEST_CASE("Shapes that do not fit are refused, empty ones are equal") {
  const block_tensor<nvfp4> a(2, 32), b(2, 16), empty(0, 32);
  CHECK_THROWS_WITH_AS(static_cast<void>(check::compare(a, b)), "nibble: b is 2 x 16; it must be 2 x 32, as a is",
                       std::invalid_argument);
  const std::vector<float> x(32);
  CHECK_THROWS_WITH_AS(static_cast<void>(check::compare(a, a, matrix_view{x.data(), 1, 32})),
                       "nibble: x is 1 x 32; it must be 2 x 32, as a is", std::invalid_argument);
  CHECK(check::compare(empty, empty).is_equal());
}

TEST_CASE("float32 scales and dense FP6") {
  block_tensor<fp8_per_row> a(2, 3), b(2, 3);
  for (auto& scale : a.scales()) scale = to_bits(0.3F);
  for (auto& scale : b.scales()) scale = to_bits(0.3F);
  a.codes()[4] = 0x38;  // 1
  b.codes()[4] = 0x39;  // 1.125
  b.scales()[0] = to_bits(0.6F);
  const check::comparison c = check::compare(a, b);
  CHECK(c.different_codes == 1);
  CHECK(c.different_scales == 1);
  REQUIRE(c.first.size() == 4);  // the first row by its scale, one element of the second
  CHECK(c.first[3].col == 1);
  CHECK(c.first[3].b_value == 1.125 * static_cast<double>(0.3F));

  constexpr block_format dense = [] {
    block_format f = mxfp6_e2m3;
    f.packing = layouts::dense6;
    return f;
  }();
  block_tensor<dense> x(1, 32), y(1, 32);
  y.codes()[3] = 0x02;  // code 4 of the dense sequence begins there
  const check::comparison six = check::compare(x, y);
  CHECK(six.different_codes == 1);
  REQUIRE(six.first.size() == 1);
  CHECK(six.first[0].col == 4);
  CHECK(six.first[0].b_code == 2);
}

}  // namespace
