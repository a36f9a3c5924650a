// SPDX-License-Identifier: Apache-2.0
//
// Eigen matrices through quantize and dequantize: the same as plain row-major memory, whatever holds them.
#include <doctest/doctest.h>

#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/eigen/matrix.hpp>

namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Values with ties, zeros and huge ones among normal ones.
row_major sample(int rows, int cols) {
  std::mt19937 random(static_cast<unsigned>(100 * rows + cols));
  row_major x(rows, cols);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      const auto word = static_cast<int>(random() % 4096);
      x(r, c) = word % 11 == 0 ? 0.0F : static_cast<float>(word - 2048) / 64.0F;
    }
  }
  return x;
}

/// What plain memory gives.
template <nibble::block_format F>
nibble::block_tensor<F> expected(const row_major& x, const nibble::quantize_options& options = {}) {
  const nibble::matrix_view<float> view(x.data(), static_cast<std::size_t>(x.rows()),
                                        static_cast<std::size_t>(x.cols()));
  return nibble::quantize<F>(view, options);
}

template <nibble::block_format F>
int differences(const row_major& x) {
  const Eigen::MatrixXf column_major = x;
  const nibble::quantize_options columns{.orientation = nibble::orientation::column_wise};
  int wrong = 0;
  const auto whole = expected<F>(x);
  if (!(nibble::quantize<F>(x) == whole)) ++wrong;
  if (!(nibble::quantize<F>(column_major) == whole)) ++wrong;
  if (!(nibble::quantize<F>(nibble::scalar{}, column_major) == whole)) ++wrong;
  if (!(nibble::quantize<F>(column_major.array()) == whole)) ++wrong;
  if (!(nibble::quantize<F>(column_major, columns) == expected<F>(x, columns))) ++wrong;
  if (!(nibble::quantize<F>(column_major.transpose(), columns) == whole)) ++wrong;
  if (!(nibble::quantize<F>(column_major.cast<double>()) == whole)) ++wrong;
  const row_major doubled = 2.0F * x;
  if (!(nibble::quantize<F>(2.0F * column_major) == expected<F>(doubled))) ++wrong;
  if (x.rows() > 3 && x.cols() > 3) {
    const row_major part = x.block(1, 2, x.rows() - 2, x.cols() - 3);
    if (!(nibble::quantize<F>(column_major.block(1, 2, x.rows() - 2, x.cols() - 3)) == expected<F>(part))) ++wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("storage order, blocks, maps and expressions do not matter") {
  int wrong = 0;
  for (const auto& [rows, cols] : {std::pair{1, 1}, {3, 16}, {5, 40}, {17, 33}, {64, 64}}) {
    const row_major x = sample(rows, cols);
    wrong += differences<nibble::nvfp4>(x);
    wrong += differences<nibble::mxfp8_e4m3>(x);
    const Eigen::Map<const Eigen::MatrixXf, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> map(
        x.data(), rows, cols, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(1, cols));
    if (!(nibble::quantize<nibble::nvfp4>(map) == expected<nibble::nvfp4>(x))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("narrow scalars are read exactly") {
  const row_major x = sample(8, 48);
  const auto halves = x.cast<Eigen::half>().eval();
  const auto bfloats = (0x1p100F * x).cast<Eigen::bfloat16>().eval();  // beyond half's range
  const Eigen::Matrix<nibble::e4m3, Eigen::Dynamic, Eigen::Dynamic> small = x.cast<nibble::e4m3>();
  CHECK(nibble::quantize<nibble::nvfp4>(halves) == expected<nibble::nvfp4>(halves.cast<float>()));
  CHECK(nibble::quantize<nibble::nvfp4>(bfloats) == expected<nibble::nvfp4>(bfloats.cast<float>()));
  CHECK(nibble::quantize<nibble::nvfp4>(small) == expected<nibble::nvfp4>(small.cast<float>()));
}

TEST_CASE("dequantize gives a matrix in its own storage order") {
  const row_major x = sample(9, 37);
  const auto q = nibble::quantize<nibble::nvfp4>(x);
  const std::vector<float> values = nibble::dequantize(q);
  const Eigen::Map<const row_major> plain(values.data(), 9, 37);
  CHECK(nibble::dequantize<Eigen::MatrixXf>(q) == plain);
  CHECK(nibble::dequantize<row_major>(q) == plain);
  CHECK(nibble::dequantize<Eigen::MatrixXd>(q) == plain.cast<double>());
  CHECK((nibble::dequantize<Eigen::ArrayXXf>(q) == plain.array()).all());
  CHECK(nibble::dequantize<Eigen::Matrix<float, 9, 37>>(q) == plain);
  using three_rows = Eigen::Matrix<float, 3, Eigen::Dynamic>;
  using three_columns = Eigen::Matrix<float, Eigen::Dynamic, 3>;
  CHECK_THROWS_AS((void)nibble::dequantize<three_rows>(q), std::invalid_argument);
  CHECK_THROWS_AS((void)nibble::dequantize<three_columns>(q), std::invalid_argument);
  CHECK_THROWS_WITH_AS((void)nibble::dequantize<Eigen::Matrix3f>(q),
                       "nibble: q is 9 x 37; a matrix of fixed size must have its shape", std::invalid_argument);
}

TEST_CASE("empty matrices") {
  const auto q = nibble::quantize<nibble::nvfp4>(Eigen::MatrixXf(0, 5));
  CHECK(q.rows() == 0);
  CHECK(q.cols() == 5);
  CHECK(nibble::dequantize<Eigen::MatrixXf>(q).cols() == 5);
}

TEST_CASE("packed codes are a matrix expression") {
  std::vector<std::uint8_t> bytes{0x21, 0x43, 0x65};
  const nibble::packed_span<nibble::formats::e2m1> codes(bytes, 6);
  const Eigen::MatrixXf values = nibble::packed_matrix(codes, 2, 3).cast<float>();
  CHECK(values == (Eigen::MatrixXf(2, 3) << 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F).finished());
  const Eigen::Vector3f x(1.0F, 2.0F, 3.0F);
  CHECK(nibble::packed_matrix(codes, 2, 3).cast<float>() * x == Eigen::Vector2f(7.0F, 20.0F));
  CHECK_THROWS_WITH_AS((void)nibble::packed_matrix(codes, 2, 2), "nibble: rows x cols is 2 x 2; codes has 6 elements",
                       std::invalid_argument);
  CHECK_THROWS_AS((void)nibble::packed_matrix(codes, -2, -3), std::invalid_argument);
}
