// SPDX-License-Identifier: Apache-2.0
//
// Minifloats as scalars of Eigen's matrices.
#include <doctest/doctest.h>

#include <sstream>
#include <type_traits>

#include <nibble/eigen/num_traits.hpp>

namespace {

using matrix = Eigen::Matrix<nibble::e4m3, Eigen::Dynamic, Eigen::Dynamic>;

}  // namespace

TEST_CASE("traits") {
  using traits = Eigen::NumTraits<nibble::e4m3>;
  CHECK(int(traits::IsSigned) == 1);
  CHECK(int(traits::IsInteger) == 0);
  CHECK(int(traits::IsComplex) == 0);
  CHECK(int(traits::RequireInitialization) == 0);
  CHECK(std::is_same_v<traits::Real, nibble::e4m3>);
  CHECK(float(traits::highest()) == 448.0F);
  CHECK(float(traits::lowest()) == -448.0F);
  CHECK(float(traits::epsilon()) == 0.125F);
  CHECK(isnan(traits::quiet_NaN()));
  CHECK(int(Eigen::NumTraits<nibble::e8m0>::IsSigned) == 0);
  CHECK(float(Eigen::NumTraits<nibble::e8m0>::lowest()) == 0x1p-127F);
  CHECK(isinf(Eigen::NumTraits<nibble::f16>::infinity()));
  CHECK(Eigen::NumTraits<nibble::f16>::digits10() == 3);
}

TEST_CASE("matrices hold, copy, slice and compare") {
  matrix m = matrix::Zero(3, 4);
  m(1, 2) = nibble::e4m3{1.5F};
  m.row(2).setConstant(nibble::e4m3{-2.0F});
  const matrix t = m.transpose();
  CHECK(float(t(2, 1)) == 1.5F);
  CHECK(float(t(3, 2)) == -2.0F);
  CHECK(m == t.transpose());
  CHECK(m.block(0, 0, 1, 4) == matrix::Zero(1, 4));
  CHECK((m.array() < nibble::e4m3{0.0F}).count() == 4);
  CHECK(m.cwiseEqual(nibble::e4m3{1.5F}).count() == 1);
  CHECK(float(m.maxCoeff()) == 1.5F);
  CHECK(float(m.minCoeff()) == -2.0F);
}

TEST_CASE("a map reads codes in memory") {
  const std::uint8_t codes[] = {0x38, 0x3c, 0x40, 0xb8};
  nibble::e4m3 numbers[4];
  for (int i = 0; i < 4; ++i) numbers[i] = nibble::e4m3::from_bits(codes[i]);
  const Eigen::Map<const Eigen::Matrix<nibble::e4m3, 2, 2, Eigen::RowMajor>> map(numbers);
  CHECK(map.cast<float>() == (Eigen::Matrix2f() << 1.0F, 1.5F, 2.0F, -1.0F).finished());
}

TEST_CASE("matrices print") {
  Eigen::Matrix<nibble::e4m3, 2, 2> m;
  m << nibble::e4m3{1.5F}, nibble::e4m3{-448.0F}, nibble::e4m3{0.25F}, nibble::e4m3{2.0F};
  std::ostringstream out;
  out << m;
  CHECK(out.str() == " 1.5 -448\n0.25    2");
}
