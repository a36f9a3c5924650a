// SPDX-License-Identifier: Apache-2.0
//
// Places of nibbles against the byte layouts that each order's producers document.
#include <doctest/doctest.h>

#include <set>
#include <utility>

#include <nibble/packed/nibble_order.hpp>

using nibble::locate;
using nibble::nibble_bytes;
using nibble::nibble_order;

TEST_CASE("pairs") {
  // CUDA cuda_fp4.h: float2{x, y} puts x in bits 3:0 and y in bits 7:4.
  CHECK(locate(nibble_order::low_first, 0) == nibble::code_place{0, 0});
  CHECK(locate(nibble_order::low_first, 1) == nibble::code_place{0, 4});
  CHECK(locate(nibble_order::low_first, 6) == nibble::code_place{3, 0});
  CHECK(locate(nibble_order::high_first, 0) == nibble::code_place{0, 4});
  CHECK(locate(nibble_order::high_first, 7) == nibble::code_place{3, 0});
}

TEST_CASE("split halves as ggml: byte j of a block holds elements j and j + half") {
  // block_mxfp4: 32 elements, 16 bytes.
  CHECK(locate(nibble_order::split_halves, 5, 32) == nibble::code_place{5, 0});
  CHECK(locate(nibble_order::split_halves, 21, 32) == nibble::code_place{5, 4});
  CHECK(locate(nibble_order::split_halves, 32 + 31, 32) == nibble::code_place{16 + 15, 4});
  // block_nvfp4: sub-blocks of 16 elements, 8 bytes.
  CHECK(locate(nibble_order::split_halves, 7, 16) == nibble::code_place{7, 0});
  CHECK(locate(nibble_order::split_halves, 8, 16) == nibble::code_place{0, 4});
  CHECK(locate(nibble_order::split_halves, 3 * 16 + 9, 16) == nibble::code_place{3 * 8 + 1, 4});
}

TEST_CASE("every element has a place of its own inside the bytes") {
  int wrong = 0;
  for (const auto order : {nibble_order::low_first, nibble_order::high_first, nibble_order::split_halves}) {
    for (const std::size_t group : {2U, 4U, 16U, 32U, 64U}) {
      for (std::size_t count = 0; count < 140; ++count) {
        std::set<std::pair<std::size_t, int>> places;
        for (std::size_t i = 0; i < count; ++i) {
          const nibble::code_place p = locate(order, i, group);
          places.insert({p.byte, p.shift});
          if (p.byte >= nibble_bytes(order, count, group) || (p.shift != 0 && p.shift != 4)) ++wrong;
        }
        if (places.size() != count) ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("bytes are rounded up to a byte or to a group") {
  CHECK(nibble_bytes(nibble_order::low_first, 0) == 0);
  CHECK(nibble_bytes(nibble_order::low_first, 7) == 4);
  CHECK(nibble_bytes(nibble_order::high_first, 8) == 4);
  CHECK(nibble_bytes(nibble_order::split_halves, 0, 32) == 0);
  CHECK(nibble_bytes(nibble_order::split_halves, 1, 32) == 16);
  CHECK(nibble_bytes(nibble_order::split_halves, 33, 32) == 32);
  CHECK(nibble_bytes(nibble_order::split_halves, 17, 16) == 16);
  CHECK(nibble_bytes(nibble_order::low_first, ~std::size_t{0}) == ~std::size_t{0} / 2 + 1);
}
