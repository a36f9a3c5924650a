// SPDX-License-Identifier: Apache-2.0
//
// Block-scaled GEMM: exact sums against long double, every accumulation against its own definition written out on decoded
// doubles, alpha, beta, outputs, ragged shapes, specials, executors and wrong arguments.
#include <doctest/doctest.h>

#include <oracle/number.hpp>

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/block/quantize.hpp>
#include <nibble/emulate/gemm.hpp>

namespace {

using namespace nibble;
namespace em = nibble::emulate;

template <block_format F>
block_tensor<F> random_tensor(std::size_t rows, std::size_t cols, std::uint32_t seed, float tensor_scale = 1.0F) {
  std::mt19937 random(seed);
  block_tensor<F> x(rows, cols);
  for (std::uint8_t& byte : x.codes()) {
    const auto code = static_cast<std::uint32_t>(random());
    byte = static_cast<std::uint8_t>(code & (F.packing.slot_bits == 4 ? 0xffU : F.element.code_mask()));
    if (F.element.has_nan() && (byte & F.element.magnitude_mask()) > F.element.max_code()) byte = 0x3c;
  }
  for (auto& scale : x.scales()) {
    // Numbers near one, whatever the format of the scale.
    const auto value = std::ldexp(static_cast<float>(256 + random() % 256), static_cast<int>(random() % 7) - 12);
    if constexpr (F.scale.bits() > 16) {
      scale = to_bits(value);
    } else {
      scale = encode<F.scale>(value);
    }
  }
  if (F.tensor_scale) x.set_tensor_scale(tensor_scale);
  return x;
}

/// Elements and scales as doubles.
template <block_format F>
double element(const block_tensor<F>& x, std::size_t r, std::size_t k) {
  return static_cast<double>(decode<F.element>(x.view().code(r, k)));
}
template <block_format F>
double scale(const block_tensor<F>& x, std::size_t r, std::size_t k) {
  return static_cast<double>(x.view().scale(r, k));
}

template <block_format A, block_format B>
void check_exact(std::size_t m, std::size_t n, std::size_t k) {
  const auto a = random_tensor<A>(m, k, 1, 0.75F);
  const auto b = random_tensor<B>(n, k, 2, -1.5F);
  std::vector<float> c(m * n);
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<float>(static_cast<int>(i * 37 % 64) - 32);
  std::vector<float> d(m * n, -1.0F);
  em::gemm(a.view(), b.view(), matrix_view{c.data(), m, n}, d.data(), {.alpha = 1.25F, .beta = -3.0F});
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      long double sum = 0;  // 64 bits hold every sum here
      for (std::size_t p = 0; p < k; ++p) {
        sum += static_cast<long double>(element(a, i, p) * scale(a, i, p)) *
               static_cast<long double>(element(b, j, p) * scale(b, j, p));
      }
      sum = sum * 1.25L * static_cast<long double>(a.tensor_scale()) * static_cast<long double>(b.tensor_scale());
      sum -= 3.0L * static_cast<long double>(c[i * n + j]);
      wrong += to_bits(d[i * n + j]) != to_bits(static_cast<float>(sum)) ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("gemm: exact sums against long double") {
  check_exact<nvfp4, nvfp4>(9, 7, 200);
  check_exact<nvfp4, nvfp4>(3, 5, 40);
  check_exact<nvfp4_2d, nvfp4>(17, 3, 33);
  check_exact<mxfp4, mxfp4>(5, 4, 96);
  check_exact<mxfp6_e2m3, mxfp6_e3m2>(4, 6, 70);
  check_exact<mxfp8_e4m3, mxfp8_e4m3>(6, 5, 100);
  check_exact<mxint8, mxfp4>(3, 3, 65);
  check_exact<fp8_per_row, fp8_128x128>(3, 130, 150);
  check_exact<fp8_per_tensor, fp8_per_tensor>(2, 2, 31);
}

/// float32 in order, by its definition, on doubles that hold float32 numbers.
template <block_format A, block_format B>
std::uint32_t in_order(const block_tensor<A>& a, const block_tensor<B>& b, std::size_t i, std::size_t j, float alpha,
                       float beta, float c) {
  namespace f32 = oracle::f32;
  double acc = 0;
  std::size_t k = 0;
  while (k < a.cols()) {
    const std::size_t first = k;
    double sum = 0;
    do {
      sum = f32::add(sum, element(a, i, k) * element(b, j, k));
      ++k;
    } while (k < a.cols() && k % A.block_cols(a.cols()) != 0 && k % B.block_cols(b.cols()) != 0);
    const double scaled = f32::mul(sum, f32::mul(scale(a, i, first), scale(b, j, first)));
    acc = first == 0 ? scaled : f32::add(acc, scaled);
  }
  const double ta = static_cast<double>(a.tensor_scale());
  const double tb = static_cast<double>(b.tensor_scale());
  double d = f32::mul(f32::mul(f32::mul(static_cast<double>(alpha), ta), tb), acc);
  if (beta != 0.0F) d = f32::add(d, f32::mul(static_cast<double>(beta), static_cast<double>(c)));
  return oracle::bits_of_float(d);
}

template <block_format A, block_format B>
void check_in_order(std::size_t m, std::size_t n, std::size_t k) {
  const auto a = random_tensor<A>(m, k, 3, 0.3F);
  const auto b = random_tensor<B>(n, k, 4, 0.7F);
  const std::vector<float> c(m * n, 0.1F);
  std::vector<float> d(m * n);
  em::gemm(scalar{}, a.view(), b.view(), matrix_view{c.data(), m, n}, d.data(),
           {.accumulate = em::accumulate::float32_in_order, .alpha = 0.9F, .beta = 0.6F});
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      wrong += to_bits(d[i * n + j]) != in_order(a, b, i, j, 0.9F, 0.6F, 0.1F) ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("gemm: float32 in order by its definition") {
  check_in_order<nvfp4, nvfp4>(5, 6, 77);
  check_in_order<mxfp8_e5m2, mxfp8_e4m3>(4, 5, 100);
  check_in_order<fp8_per_row, fp8_per_tensor>(3, 4, 70);
  check_in_order<fp8_128x128, fp8_128x128>(3, 4, 300);
  check_in_order<mxfp4, nvfp4>(3, 4, 100);  // blocks of 32 beside blocks of 16
}

TEST_CASE("gemm: float64 in order") {
  const auto a = random_tensor<fp8_128x128>(4, 300, 5);
  const auto b = random_tensor<fp8_per_row>(5, 300, 6);
  const auto d = em::gemm(a, b, {.accumulate = em::accumulate::float64_in_order, .alpha = 0.3F});
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 5; ++j) {
      volatile double acc = 0;
      for (std::size_t first = 0; first < 300; first += 128) {
        volatile double sum = 0;
        for (std::size_t k = first; k < 300 && k < first + 128; ++k) sum = sum + element(a, i, k) * element(b, j, k);
        const double s = scale(a, i, first) * scale(b, j, first);
        volatile double scaled = sum * s;
        acc = first == 0 ? scaled : acc + scaled;
      }
      CHECK(d[i * 5 + j] == static_cast<float>(static_cast<double>(0.3F) * acc));
    }
  }
}

/// Codes of a row, padded with zeros to whole instructions.
template <block_format F>
std::vector<std::uint8_t> codes_of(const block_tensor<F>& x, std::size_t r, std::size_t first, std::size_t last) {
  std::vector<std::uint8_t> codes;
  for (std::size_t k = first; k < last; ++k) codes.push_back(x.code(r, k));
  codes.resize((codes.size() + 63) / 64 * 64);
  return codes;
}

TEST_CASE("gemm: chains of a tensor-core instruction") {
  const em::tensor_unit& u = em::units::hopper_wgmma_fp8;
  const auto a = random_tensor<fp8_per_tensor>(3, 200, 7);
  const auto b = random_tensor<fp8_per_row>(4, 200, 8);
  const auto d = em::gemm(a, b, {.accumulate = em::accumulate::by(u)});
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      const auto x = codes_of(a, i, 0, 200);
      const auto y = codes_of(b, j, 0, 200);
      std::uint32_t acc = 0;
      for (std::size_t k = 0; k < 224; k += 32) {
        acc = em::multiply_accumulate(u, formats::e4m3, formats::e4m3, &x[k], &y[k], acc);
      }
      const double scaled = oracle::f32::mul(oracle::float_value(acc), oracle::f32::mul(scale(a, i, 0), scale(b, j, 0)));
      CHECK(to_bits(d[i * 4 + j]) == oracle::bits_of_float(scaled));
    }
  }
  // Blocks of 128 are chains of four instructions, added in float32.
  const auto p = random_tensor<fp8_128x128>(2, 300, 9);
  const auto q = random_tensor<fp8_128x128>(2, 300, 10);
  const auto e = em::gemm(p, q, {.accumulate = em::accumulate::by(u)});
  double acc = 0;
  for (std::size_t first = 0; first < 300; first += 128) {
    const std::size_t last = first + 128 < 300 ? first + 128 : 300;
    const auto x = codes_of(p, 1, first, last);
    const auto y = codes_of(q, 0, first, last);
    std::uint32_t part = 0;
    for (std::size_t k = 0; k < last - first; k += 32) {
      part = em::multiply_accumulate(u, formats::e4m3, formats::e4m3, &x[k], &y[k], part);
    }
    const double s = oracle::f32::mul(scale(p, 1, first), scale(q, 0, first));
    const double scaled = oracle::f32::mul(oracle::float_value(part), s);
    acc = first == 0 ? scaled : oracle::f32::add(acc, scaled);
  }
  CHECK(to_bits(e[2]) == oracle::bits_of_float(acc));
  // A block of 16 leaves half of an instruction of 32 products empty.
  const auto r = random_tensor<nvfp4>(1, 64, 17);
  const auto g = em::gemm(r, r, {.accumulate = em::accumulate::by(u)});
  double total = 0;
  for (std::size_t first = 0; first < 64; first += 16) {
    const auto z = codes_of(r, 0, first, first + 16);
    const std::uint32_t part = em::multiply_accumulate(u, formats::e2m1, formats::e2m1, z.data(), z.data(), 0U);
    const double square = oracle::f32::mul(scale(r, 0, first), scale(r, 0, first));
    const double scaled = oracle::f32::mul(oracle::float_value(part), square);
    total = first == 0 ? scaled : oracle::f32::add(total, scaled);
  }
  CHECK(to_bits(g[0]) == oracle::bits_of_float(total));
  // f16 accumulators.
  const em::tensor_unit& h = em::units::hopper_wgmma_fp8_f16;
  const auto f = em::gemm(a, a, {.accumulate = em::accumulate::by(h)});
  const auto x = codes_of(a, 2, 0, 200);
  std::uint32_t half = 0;
  for (std::size_t k = 0; k < 224; k += 32) {
    half = em::multiply_accumulate(h, formats::e4m3, formats::e4m3, &x[k], &x[k], half);
  }
  const double s = oracle::f32::mul(scale(a, 2, 0), scale(a, 2, 0));
  CHECK(to_bits(f[8]) == oracle::bits_of_float(oracle::f32::mul(static_cast<double>(decode<formats::f16>(half)), s)));
}

TEST_CASE("gemm: chains of block-scaled instructions") {
  const em::scaled_unit& u = em::units::blackwell_mxf4nvf4;
  const auto a = random_tensor<nvfp4>(3, 200, 11, 0.5F);
  const auto b = random_tensor<nvfp4>(4, 200, 12, 4.0F);
  const auto d = em::gemm(a, b, {.accumulate = em::accumulate::by(u)});
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      const auto x = codes_of(a, i, 0, 200);
      const auto y = codes_of(b, j, 0, 200);
      std::vector<std::uint8_t> s(16);
      std::vector<std::uint8_t> t(16);
      for (std::size_t k = 0; k < 13; ++k) s[k] = a.scales()[i * 13 + k];
      for (std::size_t k = 0; k < 13; ++k) t[k] = b.scales()[j * 13 + k];
      std::uint32_t acc = 0;
      for (std::size_t k = 0; k < 256; k += 64) {
        const em::scale_operands scales{formats::e4m3, 16, &s[k / 16], &t[k / 16]};
        acc = em::multiply_accumulate(u, formats::e2m1, formats::e2m1, &x[k], &y[k], scales, acc);
      }
      CHECK(d[i * 4 + j] == 2.0F * bit_cast<float>(acc));
    }
  }
}

TEST_CASE("gemm: outputs, NaN in C, threads") {
  const auto a = random_tensor<nvfp4>(6, 64, 13);
  const auto b = random_tensor<nvfp4>(5, 64, 14);
  const em::gemm_options options{.accumulate = em::accumulate::float32_in_order, .alpha = 0.1F};
  const auto wide = em::gemm(a, b, options);
  const auto narrow = em::gemm<bf16>(a, b, options);
  const auto half = em::gemm<f16>(a, b, options);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    CHECK(narrow[i].bits() == encode<formats::bf16>(wide[i], nearest_even{}, overflow::special));
    CHECK(half[i].bits() == encode<formats::f16>(wide[i], nearest_even{}, overflow::special));
  }
  // An exact sum is rounded once: 1 + 2^-8 + 2^-30 is above a tie of bfloat16, but a tie after float32.
  block_tensor<fp8_per_row> x(1, 3);
  block_tensor<fp8_per_row> y(1, 3);
  for (std::size_t k = 0; k < 3; ++k) x.codes()[k] = 0x38;
  x.scales()[0] = y.scales()[0] = to_bits(1.0F);
  y.codes()[0] = 0x38;
  const float c = 0x1.01p0F;
  bf16 d[1] = {};
  y.codes()[0] = 0x01;
  em::gemm(x.view(), y.view(), matrix_view<bf16>{}, d, {.alpha = 1.0F});
  CHECK(float(d[0]) == 0x1p-9F);
  float once[1] = {};
  em::gemm(x.view(), y.view(), matrix_view{&c, 1, 1}, once, {.alpha = 0x1p-40F, .beta = 1.0F});
  CHECK(once[0] == c);
  // beta = 0 does not read C.
  const std::vector<float> nan(30, std::nanf(""));
  std::vector<float> without(30);
  em::gemm(a.view(), b.view(), matrix_view{nan.data(), 6, 5}, without.data(), options);
  CHECK(without == wide);
  // Tasks in reverse.
  const auto backwards = [](std::size_t count, auto&& task) {
    for (std::size_t i = count; i > 0; --i) task(i - 1);
  };
  CHECK(em::gemm(scalar{}, a, b, options, backwards) == wide);
}

TEST_CASE("gemm: the sign of zero") {
  // A sum of nothing is +0; the first block is not added to anything, so that a negative scale makes it -0.
  block_tensor<fp8_per_row> x(1, 4);
  x.scales()[0] = to_bits(1.0F);
  block_tensor<fp8_per_row> y = x;
  y.scales()[0] = to_bits(-1.0F);
  const auto bits = [&](const em::accumulation& how) { return to_bits(em::gemm(x, y, {.accumulate = how})[0]); };
  CHECK(bits(em::accumulate::float32_in_order) == 0x8000'0000U);
  CHECK(bits(em::accumulate::float64_in_order) == 0x8000'0000U);
  CHECK(bits(em::accumulate::by(em::units::hopper_wgmma_fp8)) == 0x8000'0000U);
  CHECK(bits(em::accumulate::exact) == 0U);
}

TEST_CASE("gemm: NaN and Inf under every accumulation") {
  auto a = random_tensor<mxfp8_e5m2>(2, 64, 15);
  auto b = random_tensor<mxfp8_e5m2>(2, 64, 16);
  a.codes()[5] = 0x7c;  // Inf in row 0
  b.codes()[5] = 0x40;
  b.codes()[64 + 5] = 0x00;  // Inf * 0 for column 1
  a.scales()[3] = 0xff;      // NaN in row 1
  for (const em::accumulation& how :
       {em::accumulate::exact, em::accumulate::float32_in_order, em::accumulate::float64_in_order,
        em::accumulate::by(em::units::hopper_wgmma_fp8), em::accumulate::by(em::units::blackwell_mxf8f6f4)}) {
    const auto d = em::gemm(a, b, {.accumulate = how});
    CHECK(to_bits(d[0]) == 0x7f80'0000U);
    CHECK(to_bits(d[1]) == 0x7fff'ffffU);
    CHECK(to_bits(d[2]) == 0x7fff'ffffU);
    CHECK(em::gemm<bf16>(a, b, {.accumulate = how})[2].bits() == 0x7fffU);
  }
}

TEST_CASE("gemm: wrong arguments") {
  block_tensor<nvfp4> a(2, 32);
  block_tensor<nvfp4> b(2, 48);
  CHECK_THROWS_AS((void)em::gemm(a, b), std::invalid_argument);
  block_tensor<nvfp4> c(3, 32);
  float d[6] = {};
  CHECK_THROWS_AS(em::gemm(a.view(), c.view(), matrix_view{d, 2, 2}, d, {.beta = 1.0F}), std::invalid_argument);
  CHECK_THROWS_AS(em::gemm(a.view(), c.view(), matrix_view<float>{}, static_cast<float*>(nullptr)), std::invalid_argument);
  em::accumulation how = em::accumulate::by(em::units::hopper_wgmma_fp8);
  how.unit.k = 65;
  CHECK_THROWS_AS((void)em::gemm(a, c, {.accumulate = how}), std::invalid_argument);
  block_tensor<mxint8> i(2, 32);
  CHECK_THROWS_AS((void)em::gemm(i, i, {.accumulate = em::accumulate::by(em::units::blackwell_mxf8f6f4)}),
                  std::invalid_argument);
  block_tensor<mxfp8_e4m3> e(2, 32);
  const em::accumulation fp4_only = em::accumulate::by(em::units::blackwell_mxf4);
  CHECK_THROWS_AS((void)em::gemm(e, e, {.accumulate = fp4_only}), std::invalid_argument);
  block_tensor<fp8_per_row> f(2, 32);
  CHECK_THROWS_AS((void)em::gemm(f, f, {.accumulate = em::accumulate::by(em::units::blackwell_mxf8f6f4)}),
                  std::invalid_argument);
  CHECK(em::gemm(block_tensor<nvfp4>(0, 32), c).empty());
  const auto nothing = em::gemm(block_tensor<nvfp4>(2, 0), block_tensor<nvfp4>(3, 0));
  CHECK(nothing == std::vector<float>(6, 0.0F));
}

}  // namespace
