// SPDX-License-Identifier: Apache-2.0
//
// gemm(native{}) gives the bits of gemm(scalar{}): every kernel on random and hostile operands, ragged shapes, all output
// types, under flush-to-zero, and by tasks in reverse. Where the machine has AVX2 this file is compiled for it.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include <nibble/emulate/gemm_native.hpp>

namespace {

using namespace nibble;
namespace em = nibble::emulate;

/// What operands hold.
enum class data { plain, sparse, any_code, wide_scales, any_scale, tiny_scales };

template <block_format F>
block_tensor<F> tensor(std::size_t rows, std::size_t cols, std::uint32_t seed, data kind) {
  std::mt19937 random(seed);
  block_tensor<F> x(rows, cols);
  const bool keeps_specials = kind == data::any_code;
  for (std::uint8_t& byte : x.codes()) {
    auto code = static_cast<std::uint32_t>(random());
    if (kind == data::sparse && random() % 8 != 0) code = random() % 2 != 0 ? 0U : F.element.sign_mask();
    code &= F.packing.slot_bits == 4 ? 0xffU : F.element.code_mask();
    const bool special = F.element.has_nan() && (code & F.element.magnitude_mask()) > F.element.max_code();
    // Few NaN and Inf, so that some rows and columns have none.
    byte = static_cast<std::uint8_t>(special && !(keeps_specials && random() % 64 == 0) ? code & 1U : code);
  }
  for (auto& scale : x.scales()) {
    const bool wide = kind == data::wide_scales;
    const auto any = static_cast<std::uint32_t>(random());
    if constexpr (F.scale.bits() > 16) {
      const std::uint32_t field = wide ? any % 254U : 120U + any % 14U;
      scale = kind == data::any_scale ? any : field << 23 | (any >> 9);
    } else if constexpr (F.scale.mantissa_bits == 0) {
      const std::uint32_t finite = kind == data::tiny_scales ? any % 60 : wide ? any % 255 : 110 + any % 30;
      const std::uint32_t often_nan = any % 61 == 0 ? 255U : any % 255;
      scale = static_cast<std::uint8_t>(kind == data::any_scale ? often_nan : finite);
    } else {
      const std::uint32_t rarely_nan = any % 97 == 0 ? 0x7fU : any % 127 | (any & 0x80U);
      scale = static_cast<std::uint8_t>(kind == data::any_scale ? rarely_nan : wide ? any % 127 : 0x30 + any % 32);
    }
  }
  if (F.tensor_scale) x.set_tensor_scale(0.37F);
  return x;
}

/// Tasks in reverse. One type for all, so that the kernels are compiled once for each output type.
struct backwards {
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    for (std::size_t i = count; i > 0; --i) task(i - 1);
  }
};

template <block_format A, block_format B, class T = float>
std::size_t differences(const em::accumulation& how, std::size_t m, std::size_t n, std::size_t k, data kind,
                        std::uint32_t seed, float beta = 0.0F) {
  const auto a = tensor<A>(m, k, seed, kind);
  const auto b = tensor<B>(n, k, seed + 1000, kind);
  const std::vector<T> c(m * n, T(1.5F));
  std::vector<T> got(m * n, T(7.0F));
  std::vector<T> want(m * n);
  const em::gemm_options options{.accumulate = how, .alpha = 1.1F, .beta = beta};
  em::gemm(em::native{}, a.view(), b.view(), matrix_view{c.data(), m, n}, got.data(), options, backwards{});
  em::gemm(scalar{}, a.view(), b.view(), matrix_view{c.data(), m, n}, want.data(), options);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if constexpr (std::is_same_v<T, float>) {
      wrong += to_bits(got[i]) != to_bits(want[i]) ? 1U : 0U;
    } else {
      wrong += got[i].bits() != want[i].bits() ? 1U : 0U;
    }
  }
  return wrong;
}

constexpr data kinds[] = {data::plain,       data::sparse,    data::any_code,
                          data::wide_scales, data::any_scale, data::tiny_scales};

template <block_format A, block_format B = A>
void check(const em::accumulation& how) {
  for (const data kind : kinds) {
    CAPTURE(static_cast<int>(kind));
    CHECK(differences<A, B>(how, 35, 19, 96, kind, 1) == 0);
    CHECK(differences<A, B>(how, 5, 33, 150, kind, 2, 0.5F) == 0);
    CHECK(differences<A, B>(how, 1, 1, 7, kind, 3) == 0);
  }
  CHECK(differences<A, B, bf16>(how, 6, 17, 130, data::plain, 4) == 0);
  CHECK(differences<A, B, f16>(how, 6, 17, 130, data::plain, 5) == 0);
  CHECK(differences<A, B>(how, 3, 130, 0, data::plain, 6) == 0);
}

TEST_CASE("gemm native: float32 in order") {
  check<nvfp4>(em::accumulate::float32_in_order);
  check<nvfp4, mxfp4>(em::accumulate::float32_in_order);
  check<fp8_per_row, fp8_per_tensor>(em::accumulate::float32_in_order);
  check<fp8_128x128>(em::accumulate::float32_in_order);
  check<mxfp8_e5m2, mxfp4>(em::accumulate::float32_in_order);
  check<mxint8>(em::accumulate::float32_in_order);
}

TEST_CASE("gemm native: FP8 chains") {
  check<fp8_per_tensor>(em::accumulate::by(em::units::hopper_wgmma_fp8));
  check<fp8_128x128>(em::accumulate::by(em::units::hopper_wgmma_fp8));
  check<mxfp8_e5m2, mxfp8_e4m3>(em::accumulate::by(em::units::hopper_wgmma_fp8));
  check<nvfp4>(em::accumulate::by(em::units::hopper_wgmma_fp8));
  check<fp8_per_row>(em::accumulate::by(em::units::ada_mma_fp8));
  check<fp8_per_row>(em::accumulate::by(em::units::blackwell_f8f6f4));
  check<mxfp6_e3m2, mxfp8_e5m2>(em::accumulate::by(em::units::blackwell_f8f6f4));
  em::tensor_unit u = em::units::blackwell_f8f6f4;
  u.rule.zeros = em::zero_exponent::format_minimum;
  check<fp8_per_row>(em::accumulate::by(u));
  // Scalar ways.
  check<fp8_per_row>(em::accumulate::by(em::units::hopper_mma_fp8));
  check<fp8_per_row>(em::accumulate::by(em::units::hopper_wgmma_fp8_f16));
}

TEST_CASE("gemm native: block-scaled chains") {
  check<nvfp4>(em::accumulate::by(em::units::blackwell_mxf4nvf4));
  check<nvfp4_2d, nvfp4>(em::accumulate::by(em::units::blackwell_mxf4nvf4));
  check<mxfp4>(em::accumulate::by(em::units::blackwell_mxf4));
  check<mxfp4>(em::accumulate::by(em::units::blackwell_mxf8f6f4));
  check<mxfp6_e2m3>(em::accumulate::by(em::units::blackwell_mxf8f6f4));
  check<mxfp8_e4m3, mxfp8_e5m2>(em::accumulate::by(em::units::blackwell_mxf8f6f4));
}

#if defined(NIBBLE_EMULATE_AVX2)
TEST_CASE("gemm native: flush-to-zero and another rounding do not matter, and come back") {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0xe040U);  // FTZ, DAZ, toward zero
  const em::accumulation in_order = em::accumulate::float32_in_order;
  const em::accumulation fp4 = em::accumulate::by(em::units::blackwell_mxf4);
  const em::accumulation fp8 = em::accumulate::by(em::units::blackwell_f8f6f4);
  const std::size_t wrong = differences<mxfp8_e5m2, mxfp8_e4m3>(in_order, 9, 40, 96, data::tiny_scales, 7) +
                            differences<mxfp4, mxfp4>(fp4, 9, 40, 96, data::wide_scales, 8) +
                            differences<fp8_per_row, fp8_per_row>(fp8, 9, 40, 96, data::plain, 9);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK(wrong == 0);
  CHECK((after & ~0x3fU) == ((before | 0xe040U) & ~0x3fU));
}
#endif

TEST_CASE("gemm native: wrong arguments") {
  block_tensor<nvfp4> a(2, 32);
  block_tensor<nvfp4> b(2, 48);
  float d[4] = {};
  CHECK_THROWS_AS(em::gemm(em::native{}, a.view(), b.view(), matrix_view<float>{}, d), std::invalid_argument);
}

}  // namespace
