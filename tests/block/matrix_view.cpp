// SPDX-License-Identifier: Apache-2.0
//
// matrix_view: which element is where, transposed views, slices of rows, and deduction of the element type.
#include <doctest/doctest.h>

#include <type_traits>
#include <vector>

#include <nibble/block/matrix_view.hpp>

namespace {

using nibble::matrix_view;

std::vector<int> elements_of(const matrix_view<float>& x) {
  std::vector<int> list;
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; ++c) list.push_back(static_cast<int>(x(r, c)));
  }
  return list;
}

using list = std::vector<int>;

}  // namespace

TEST_CASE("matrix_view: elements") {
  const float data[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  CHECK(elements_of({data, 3, 4}) == list{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(elements_of({data, 3, 2, 4}) == list{0, 1, 4, 5, 8, 9});
  CHECK(elements_of({data, 2, 3, 1, 4}) == list{0, 4, 8, 1, 5, 9});
  CHECK(elements_of({data + 11, 2, 2, -4, -1}) == list{11, 10, 7, 6});
  CHECK(elements_of({data + 5, 2, 2, 0, 0}) == list{5, 5, 5, 5});
  CHECK(elements_of({}).empty());
}

TEST_CASE("matrix_view: transposed and sliced") {
  const float data[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const matrix_view x{data, 3, 4};
  CHECK(elements_of(x.transposed()) == list{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
  CHECK(elements_of(x.transposed().transposed()) == elements_of(x));
  CHECK(elements_of(x.row_slice(1, 2)) == list{4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(elements_of(x.transposed().row_slice(3, 1)) == list{3, 7, 11});
  CHECK(elements_of(x.row_slice(3, 0)).empty());
  CHECK(x.size() == 12);
  CHECK(matrix_view<float>{}.row_slice(0, 0).data == nullptr);
}

TEST_CASE("matrix_view: the type follows from the pointer") {
  std::vector<double> values(6);
  const nibble::bf16 codes[6] = {};
  static_assert(std::is_same_v<decltype(matrix_view{values.data(), 2, 3}), matrix_view<double>>);
  static_assert(std::is_same_v<decltype(matrix_view{codes, 2, 3, 3, 1}), matrix_view<nibble::bf16>>);
  constexpr matrix_view<float> empty;
  static_assert(empty.size() == 0 && empty.data == nullptr);
  CHECK(matrix_view{values.data(), 2, 3}.row_stride == 3);
  CHECK(matrix_view{values.data(), 2, 3}.col_stride == 1);
}
