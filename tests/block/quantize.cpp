// SPDX-License-Identifier: Apache-2.0
//
// quantize as a function of a matrix: orientation, strides, source types, shapes of every kind, ragged tiles, storage of
// the caller, slices that share an amax, and rounding modes against the oracle.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::block_tensor;
using nibble::matrix_view;
using nibble::quantize;
using nibble::recipe;
using oracle::matrix;
using oracle::tensor_mode;

/// 16x16 tiles of NVFP4 whose scale is stored once.
constexpr block_format single_scale_tiles{.element = nibble::formats::e2m1,
                                          .scale = nibble::formats::e4m3,
                                          .block_size = 16,
                                          .tensor_scale = true,
                                          .block_rows = 16,
                                          .packing = nibble::layouts::nibbles_low_first};

constexpr tensor_mode modes[] = {tensor_mode::ties, tensor_mode::zeros, tensor_mode::specials, tensor_mode::wide};

template <class T>
std::vector<T> transposed_copy(const std::vector<T>& x, std::size_t rows, std::size_t cols) {
  std::vector<T> y(x.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) y[c * rows + r] = x[r * cols + c];
  }
  return y;
}

template <block_format F>
void check_orientation(differences& found, const std::string& name) {
  for (const tensor_mode mode : modes) {
    for (const auto& [rows, cols] : {shape{1, 40}, {37, 1}, {33, 35}, {130, 20}}) {
      const auto x = floats_of(oracle::make_tensor(mode, rows, cols, 3).bits);
      const auto y = transposed_copy(x, rows, cols);
      for (const recipe& r : {recipe{}, recipe::transformer_engine, recipe::unbiased}) {
        const auto by_columns = quantize<F>(matrix_view{x.data(), rows, cols},
                                            {.recipe = r, .orientation = nibble::orientation::column_wise});
        found.expect(by_columns == quantize<F>(matrix_view{y.data(), cols, rows}, {.recipe = r}), name);
        found.expect(by_columns.rows() == cols && by_columns.cols() == rows, name + " shape");
      }
    }
  }
}

/// The same numbers in memory with gaps, backwards, and repeated, against a plain copy of what the view shows.
template <block_format F>
void check_strides(differences& found, const std::string& name) {
  constexpr std::size_t rows = 19;
  constexpr std::size_t cols = 45;
  constexpr std::ptrdiff_t pitch = 51;
  const auto data = floats_of(oracle::make_tensor(tensor_mode::ties, rows + 1, pitch, 5).bits);
  const float* corner = data.data() + (rows - 1) * pitch + cols - 1;
  const matrix_view<float> views[] = {{data.data() + 3, rows, cols, pitch},
                                      {corner, rows, cols, -pitch, -1},
                                      {data.data(), cols, rows, 1, pitch},
                                      {data.data() + 2 * cols, rows, 20, pitch, -2},
                                      {data.data() + 7, rows, cols, 0, 1},
                                      {data.data() + 7, rows, cols, 0, 0}};
  for (const auto& view : views) {
    std::vector<float> copy;
    for (std::size_t r = 0; r < view.rows; ++r) {
      for (std::size_t c = 0; c < view.cols; ++c) {
        copy.push_back(view.data[static_cast<std::ptrdiff_t>(r) * view.row_stride +
                                 static_cast<std::ptrdiff_t>(c) * view.col_stride]);
      }
    }
    found.expect(quantize<F>(view) == quantize<F>(matrix_view{copy.data(), view.rows, view.cols}), name);
  }
}

/// Narrow sources count with their value.
template <block_format F, class T>
void check_narrow_source(differences& found, const oracle::format& format, const std::string& name) {
  constexpr std::size_t rows = 64;
  constexpr std::size_t cols = 70;
  std::vector<T> codes;
  std::vector<std::uint32_t> widened;
  oracle::generator g(9);
  for (std::size_t i = 0; i < rows * cols; ++i) {
    // Rows of small numbers, of anything, and of ordinary numbers.
    std::uint32_t code = g.below(0x10000U);
    if (i / cols % 4 == 1) code &= 0x83FFU;
    if (i / cols % 4 >= 2) code = oracle::encode(format, g.gaussian());
    codes.push_back(T::from_bits(code));
    widened.push_back(oracle::bits_of_float(oracle::decode(format, code)));
  }
  const auto values = floats_of(widened);
  for (const recipe& r : {recipe{}, recipe::transformer_engine_kernel, recipe::rceil}) {
    if (!F.power_of_two_scale() && r == recipe::rceil) continue;
    found.expect(quantize<F>(matrix_view{codes.data(), rows, cols}, {.recipe = r}) ==
                     quantize<F>(matrix_view{values.data(), rows, cols}, {.recipe = r}),
                 name);
  }
}

/// A double counts as the float32 nearest to it.
template <block_format F>
void check_double_source(differences& found, const std::string& name) {
  constexpr std::size_t rows = 16;
  constexpr std::size_t cols = 50;
  for (const tensor_mode mode : modes) {
    std::vector<double> doubles;
    std::vector<std::uint32_t> rounded;
    oracle::generator g(11);
    for (const std::uint32_t bits : oracle::make_tensor(mode, rows, cols, 7).bits) {
      // Near a float32, halfway between two, beyond the largest, below the smallest.
      double x = oracle::float_value(bits);
      const double step = oracle::float_value((bits & 0x7FFFFFFFU) + 1) - oracle::magnitude(x);
      if (oracle::magnitude(x) < 0x1p127) x += step * (0.25 * g.below(5));
      if (g.one_in(40)) x *= 0x1p-30;
      doubles.push_back(x);
      rounded.push_back(oracle::bits_of_float(oracle::round_to_float(x)));
    }
    const auto floats = floats_of(rounded);
    found.expect(quantize<F>(matrix_view{doubles.data(), rows, cols}) ==
                     quantize<F>(matrix_view{floats.data(), rows, cols}),
                 name);
  }
}

/// A tail behaves as if the block went on with zeros.
template <block_format F>
void check_tails(differences& found, const std::string& name) {
  constexpr std::size_t padded = 64;
  for (const std::size_t rows : {std::size_t{1}, std::size_t{3}, std::size_t{17}}) {
    for (std::size_t cols = 1; cols <= 40; ++cols) {
      const matrix x = oracle::make_tensor(cols % 2 == 0 ? tensor_mode::ties : tensor_mode::zeros, rows, cols, cols);
      std::vector<float> wide(32 * padded);
      const auto values = floats_of(x.bits);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) wide[r * padded + c] = values[r * cols + c];
      }
      const auto q = quantize<F>(matrix_view{values.data(), rows, cols});
      const auto whole = quantize<F>(matrix_view{wide.data(), 32, padded});
      std::size_t wrong = 0;
      const auto v = q.view();
      const auto w = whole.view();
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) {
          const bool same = v.code(r, c) == w.code(r, c) &&
                            oracle::float_bits(v.scale(r, c)) == oracle::float_bits(w.scale(r, c));
          if (!same) ++wrong;
        }
      }
      found.expect(wrong == 0 && q.tensor_scale() == whole.tensor_scale(), name + " " + std::to_string(cols));
    }
  }
}

template <block_format F>
void check_small_shapes(differences& found, const std::string& name) {
  const float one = -1.0F;
  for (const auto& [rows, cols] : {shape{0, 0}, {0, 5}, {5, 0}}) {
    const auto q = quantize<F>(matrix_view<float>{nullptr, rows, cols});
    found.expect(q.rows() == rows && q.cols() == cols && q.codes().empty() && dequantize(q).empty(), name);
    found.expect(q.tensor_scale() == 1.0F, name + " empty tensor scale");
  }
  const auto q = quantize<F>(matrix_view{&one, 1, 1});
  found.expect(q.scales().size() == 1 && dequantize(q).size() == 1, name + " one element");
  // The one element is the maximum of its block, so that it is off by rounding of the scale at most.
  found.expect(oracle::magnitude(static_cast<double>(dequantize(q)[0]) + 1.0) <= 1.0 / 15, name + " its value");
}

template <template <block_format> class Check>
void for_formats(differences& found) {
  Check<nibble::nvfp4>::run(found, "nvfp4");
  Check<nibble::nvfp4_2d>::run(found, "nvfp4_2d");
  Check<nibble::mxfp4>::run(found, "mxfp4");
  Check<nibble::mxfp8_e4m3>::run(found, "mxfp8_e4m3");
  Check<nibble::mxint8>::run(found, "mxint8");
  Check<nibble::fp8_per_tensor>::run(found, "fp8_per_tensor");
  Check<nibble::fp8_per_row>::run(found, "fp8_per_row");
  Check<nibble::fp8_128x128>::run(found, "fp8_128x128");
}

template <block_format F>
struct orientations {
  static void run(differences& found, const std::string& name) { check_orientation<F>(found, name); }
};
template <block_format F>
struct strides {
  static void run(differences& found, const std::string& name) { check_strides<F>(found, name); }
};
template <block_format F>
struct tails {
  static void run(differences& found, const std::string& name) { check_tails<F>(found, name); }
};
template <block_format F>
struct small_shapes {
  static void run(differences& found, const std::string& name) { check_small_shapes<F>(found, name); }
};

}  // namespace

TEST_CASE("quantize: by columns is by rows of the transpose") {
  differences found;
  for_formats<orientations>(found);
  NIBBLE_CHECK_EQUAL(found, 8 * 4 * 4 * 3 * 2);
}

TEST_CASE("quantize: strides only say where the elements are") {
  differences found;
  for_formats<strides>(found);
  NIBBLE_CHECK_EQUAL(found, 8 * 6);
}

TEST_CASE("quantize: a tail is a block of zeros from there on") {
  differences found;
  for_formats<tails>(found);
  NIBBLE_CHECK_EQUAL(found, 8 * 3 * 40);
}

TEST_CASE("quantize: empty matrices and one element") {
  differences found;
  for_formats<small_shapes>(found);
  NIBBLE_CHECK_EQUAL(found, 8 * 8);
}

TEST_CASE("quantize: half, bfloat16 and double count with their value, double rounded once to float32") {
  differences found;
  check_narrow_source<nibble::nvfp4, nibble::f16>(found, oracle::f16, "nvfp4 f16");
  check_narrow_source<nibble::nvfp4, nibble::bf16>(found, oracle::bf16, "nvfp4 bf16");
  check_narrow_source<nibble::mxfp8_e5m2, nibble::f16>(found, oracle::f16, "mxfp8_e5m2 f16");
  check_narrow_source<nibble::mxfp8_e5m2, nibble::bf16>(found, oracle::bf16, "mxfp8_e5m2 bf16");
  check_narrow_source<nibble::fp8_per_row, nibble::bf16>(found, oracle::bf16, "fp8_per_row bf16");
  check_double_source<nibble::nvfp4>(found, "nvfp4 double");
  check_double_source<nibble::mxfp4>(found, "mxfp4 double");
  check_double_source<nibble::fp8_per_tensor>(found, "fp8_per_tensor double");
  NIBBLE_CHECK_EQUAL(found, 2 * 2 + 2 * 3 + 2 + 3 * 4);
}

TEST_CASE("quantize: the scale of a tile is stored once, or once for each of its rows") {
  differences found;
  for (const auto& [rows, cols] : {shape{16, 16}, {17, 33}, {40, 5}, {1, 1}, {31, 48}}) {
    const source s(oracle::make_tensor(tensor_mode::wide, rows, cols, rows));
    for (const recipe& r : {recipe{}, recipe::transformer_engine}) {
      const auto once = quantize<single_scale_tiles>(s.view(), {.recipe = r});
      const auto replicated = quantize<nibble::nvfp4_2d>(s.view(), {.recipe = r});
      const std::size_t across = (cols + 15) / 16;
      found.expect(once.scales().size() == (rows + 15) / 16 * across, "scales stored once");
      found.expect(replicated.scales().size() == rows * across, "scales stored for each row");
      bool equal = true;
      for (std::size_t i = 0; i < rows * across; ++i) {
        equal = equal && replicated.scales()[i] == once.scales()[i / across / 16 * across + i % across];
      }
      found.expect(equal, "scales");
      found.compare("codes", codes_of(replicated), codes_of(once));
      found.expect(dequantize(replicated).size() == rows * cols, "values");
    }
  }
  NIBBLE_CHECK_EQUAL(found, 5 * 2 * 5);
}

TEST_CASE("quantize: slices that share an amax are the rows of the whole") {
  differences found;
  const source s(oracle::make_tensor(tensor_mode::ties, 48, 50, 2));
  for (const recipe& r : {recipe{}, recipe::unbiased, recipe::torchao_tensor_scale, recipe::transformer_engine}) {
    const auto whole = quantize<nibble::nvfp4>(s.view(), {.recipe = r});
    const float amax = nibble::amax(s.view());
    found.expect(quantize<nibble::nvfp4>(s.view(), {.recipe = r, .tensor_amax = amax}) == whole, "given amax");
    std::vector<std::uint8_t> codes;
    for (std::size_t row = 0; row < 48; row += 12) {
      const auto q = quantize<nibble::nvfp4>(s.view().row_slice(row, 12), {.recipe = r, .tensor_amax = amax});
      codes.insert(codes.end(), q.codes().begin(), q.codes().end());
      found.expect(q.tensor_scale() == whole.tensor_scale(), "tensor scale of a slice");
    }
    found.compare("codes", codes, std::vector(whole.codes().begin(), whole.codes().end()));
  }
  NIBBLE_CHECK_EQUAL(found, 4 * 6);
}
