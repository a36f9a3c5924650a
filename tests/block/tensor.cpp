// SPDX-License-Identifier: Apache-2.0
//
// block_tensor and block_view: shapes, storage, single elements, equality, and indices out of range.
#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_tensor;
using nibble::block_view;

block_tensor<nibble::nvfp4> example() {
  const source s(oracle::make_tensor(oracle::tensor_mode::gaussian, 5, 35, 1));
  return nibble::quantize<nibble::nvfp4>(s.view());
}

/// The message of an exception of type Error that `action` throws; empty if it throws none.
template <class Error, class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("block_tensor: a new one holds code 0 and tensor scale 1") {
  const block_tensor<nibble::nvfp4> empty;
  CHECK(empty.rows() == 0);
  CHECK(empty.cols() == 0);
  CHECK(empty.codes().empty());
  const block_tensor<nibble::nvfp4_2d> q(20, 35);
  CHECK(q.codes().size() == 20 * 18);
  CHECK(q.scales().size() == 20 * 3);
  CHECK(q.tensor_scale() == 1.0F);
  CHECK(std::vector(q.codes().begin(), q.codes().end()) == std::vector<std::uint8_t>(20 * 18));
  CHECK(nibble::dequantize(q) == std::vector<float>(20 * 35));
  CHECK(block_tensor<nibble::fp8_128x128>(130, 300).scales().size() == 2 * 3);
  CHECK(block_tensor<nibble::fp8_per_tensor>(130, 300).scales().size() == 1);
  CHECK(block_tensor<nibble::fp8_per_row>(130, 300).scales().size() == 130);
  static_assert(std::is_same_v<block_tensor<nibble::fp8_per_row>::scale_type, std::uint32_t>);
  static_assert(block_tensor<nibble::mxfp4>::format == nibble::mxfp4);
}

TEST_CASE("block_tensor: equality is of every bit") {
  const auto q = example();
  auto other = q;
  CHECK(other == q);
  other.codes()[7] = static_cast<std::uint8_t>(other.codes()[7] ^ 0x10U);
  CHECK_FALSE(other == q);
  other = q;
  other.scales()[3] = static_cast<std::uint8_t>(other.scales()[3] ^ 1U);
  CHECK_FALSE(other == q);
  other = q;
  other.set_tensor_scale(2 * q.tensor_scale());
  CHECK_FALSE(other == q);
  CHECK(other.tensor_scale() == 2 * q.tensor_scale());
  block_tensor<nibble::nvfp4> zero(2, 3);
  block_tensor<nibble::nvfp4> minus_zero(2, 3);
  zero.set_tensor_scale(0.0F);
  minus_zero.set_tensor_scale(-0.0F);
  CHECK_FALSE(zero == minus_zero);
  CHECK_FALSE(block_tensor<nibble::mxfp4>(2, 3) == block_tensor<nibble::mxfp4>(3, 2));
  auto moved = std::move(other);
  CHECK(moved.rows() == 5);
  CHECK(moved.view().codes == moved.codes().data());
}

TEST_CASE("block_tensor: what was moved from is empty in all respects") {
  const block_tensor<nibble::nvfp4> empty, q = example();
  block_tensor<nibble::nvfp4> from = q;
  from.set_tensor_scale(3.0F);
  block_tensor<nibble::nvfp4> to = std::move(from);
  CHECK(from == empty);
  CHECK(from.rows() == 0);
  CHECK(from.scales().empty());
  CHECK(nibble::dequantize(from).empty());
  CHECK_THROWS_AS(static_cast<void>(from.code(0, 0)), std::out_of_range);
  CHECK(to.tensor_scale() == 3.0F);
  from = q;
  to = std::move(from);
  CHECK(to == q);
  CHECK(from == empty);
  block_tensor<nibble::nvfp4>& itself = to;
  to = std::move(itself);
  CHECK(to == q);
  static_assert(std::is_nothrow_move_constructible_v<block_tensor<nibble::nvfp4>>);
  static_assert(std::is_nothrow_move_assignable_v<block_tensor<nibble::nvfp4>>);
}

TEST_CASE("block_tensor: one element") {
  const auto q = example();
  const auto values = nibble::dequantize(q);
  std::size_t wrong = 0;
  for (std::size_t r = 0; r < 5; ++r) {
    for (std::size_t c = 0; c < 35; ++c) {
      const unsigned byte = q.codes()[r * 18 + c / 2];
      if (q.code(r, c) != (c % 2 == 0 ? byte & 15U : byte >> 4)) ++wrong;
      if (q.value(r, c) != values[r * 35 + c]) ++wrong;
      if (q.view().scale(r, c) != nibble::decode<nibble::formats::e4m3>(q.scales()[r * 3 + c / 16])) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("block_tensor: indices out of range and shapes that do not fit") {
  const auto q = example();
  const auto code = message_of<std::out_of_range>([&] { (void)q.code(5, 0); });
  CHECK(code.find("(5, 0)") != std::string::npos);
  CHECK(code.find("5 x 35") != std::string::npos);
  CHECK(message_of<std::out_of_range>([&] { (void)q.value(0, 35); }).find("(0, 35)") != std::string::npos);
  CHECK_NOTHROW((void)q.value(4, 34));
  const std::size_t huge = std::numeric_limits<std::size_t>::max() / 2;
  const auto shape = message_of<std::invalid_argument>([&] { block_tensor<nibble::mxfp8_e4m3> t(huge, 3); });
  CHECK(shape.find(std::to_string(huge)) != std::string::npos);
  CHECK(shape.find("3") != std::string::npos);
  // Fewer elements than std::size_t counts, more than a vector holds.
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS((block_tensor<nibble::mxfp8_e4m3>(1, huge + 1)), std::invalid_argument);
  CHECK_THROWS_AS((block_tensor<nibble::nvfp4>(1, most)), std::invalid_argument);
  const float zero = 0.0F;
  const nibble::matrix_view<float> wide(&zero, 1, huge + 1, 0, 0);
  CHECK_THROWS_AS((void)nibble::quantize<nibble::mxfp8_e4m3>(wide), std::invalid_argument);
  CHECK(block_tensor<nibble::fp8_per_row>(most, 0).rows() == most);
}

TEST_CASE("block_view: strides default to rows without gaps") {
  std::uint8_t codes[1] = {};
  std::uint8_t scales[1] = {};
  const block_view<nibble::mxfp4> q{codes, scales, nullptr, 3, 70};
  CHECK(q.code_stride == 35);
  CHECK(q.scale_stride == 3);
  const block_view<nibble::mxfp4, const std::uint8_t> reading = q;
  CHECK(reading.codes == codes);
  CHECK(reading.scales == scales);
  CHECK(reading.rows == 3);
  CHECK(reading.cols == 70);
  CHECK(reading.code_stride == 35);
  CHECK(reading.scale_stride == 3);
  static_assert(block_view<nibble::mxfp4, const std::uint8_t>::is_const);
}
