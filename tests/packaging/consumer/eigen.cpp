// SPDX-License-Identifier: Apache-2.0
// nibble::eigen brings the Eigen front door and Eigen.
#include <nibble/eigen.hpp>

int main() {
  const Eigen::Matrix<nibble::e4m3, 2, 2> narrow = Eigen::Matrix2f::Constant(448.0f).cast<nibble::e4m3>();
  return narrow.cast<float>().sum() == 4.0f * 448.0f ? 0 : 1;
}
