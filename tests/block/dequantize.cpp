// SPDX-License-Identifier: Apache-2.0
//
// dequantize: (element * scale) * tensor scale in float32, for every code and scale, into every type of number.
#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <vector>

#include <oracle/encode.hpp>
#include <oracle/tensors.hpp>

#include "support.hpp"

namespace {

using namespace block_test;
using nibble::block_format;
using nibble::block_tensor;

/// What dequantize should store for a float32 value held in a double.
template <class T>
std::uint64_t stored_bits(double value) {
  if constexpr (std::is_same_v<T, float>) {
    return comparable_bits(oracle::bits_float(oracle::bits_of_float(value)));
  } else if constexpr (std::is_same_v<T, double>) {
    return oracle::is_nan(value) ? 1 : oracle::double_bits(value);
  } else {
    const oracle::format f = T::format == nibble::formats::f16 ? oracle::f16 : oracle::bf16;
    return oracle::encode(f, value, oracle::rounding::nearest_even, oracle::overflow::special);
  }
}

template <class T>
std::uint64_t bits_of(const T& x) {
  if constexpr (std::is_same_v<T, float>) {
    return comparable_bits(x);
  } else if constexpr (std::is_same_v<T, double>) {
    return x == x ? oracle::double_bits(x) : 1;
  } else {
    return x.bits();
  }
}

/// Tensors filled with any codes and scales, read as T.
template <class T, block_format F>
void check_values(differences& found, const std::string& name, const oracle::format& element,
                  const oracle::format& scale) {
  oracle::generator g(17);
  for (const float tensor_scale : {1.0F, 0x1.8p-20F, 0x1.23456p+3F, 0x1p-140F, 0x1p120F}) {
    block_tensor<F> q(33, 51);
    for (auto& byte : q.codes()) byte = static_cast<std::uint8_t>(g.below(256));
    for (auto& s : q.scales()) s = static_cast<typename block_tensor<F>::scale_type>(g.next());
    if (F.tensor_scale) q.set_tensor_scale(tensor_scale);
    const std::vector<T> values = nibble::dequantize<T>(q);
    std::size_t wrong = 0;
    for (std::size_t r = 0; r < q.rows(); ++r) {
      for (std::size_t c = 0; c < q.cols(); ++c) {
        const std::size_t scale_row = F.replicate_scales ? r : r / F.rows_per_block(33);
        const auto scale_code = q.scales()[scale_row * F.scale_cols(51) + c / F.block_cols(51)];
        double d = 0;
        if constexpr (sizeof(scale_code) == 4) {
          d = oracle::float_value(scale_code);
        } else {
          d = oracle::decode(scale, scale_code & (scale.magnitude_codes() * (scale.has_sign ? 2U : 1U) - 1U));
        }
        double value = oracle::f32::mul(oracle::decode(element, q.code(r, c)), d);
        if (F.tensor_scale) value = oracle::f32::mul(value, static_cast<double>(tensor_scale));
        if (bits_of(values[r * 51 + c]) != stored_bits<T>(value)) ++wrong;
        if (comparable_bits(q.value(r, c)) != stored_bits<float>(value)) ++wrong;
      }
    }
    found.expect(wrong == 0, name);
  }
}

}  // namespace

TEST_CASE("dequantize: value = (element * scale) * tensor scale") {
  using namespace nibble;
  differences found;
  check_values<float, nvfp4>(found, "nvfp4", oracle::e2m1, oracle::e4m3);
  check_values<float, nvfp4_2d>(found, "nvfp4_2d", oracle::e2m1, oracle::e4m3);
  check_values<float, mxfp4>(found, "mxfp4", oracle::e2m1, oracle::e8m0);
  check_values<float, mxfp6_e2m3>(found, "mxfp6_e2m3", oracle::e2m3, oracle::e8m0);
  check_values<float, mxfp6_e3m2>(found, "mxfp6_e3m2", oracle::e3m2, oracle::e8m0);
  check_values<float, mxfp8_e4m3>(found, "mxfp8_e4m3", oracle::e4m3, oracle::e8m0);
  check_values<float, mxfp8_e5m2>(found, "mxfp8_e5m2", oracle::e5m2, oracle::e8m0);
  check_values<float, mxint8>(found, "mxint8", oracle::mxint8, oracle::e8m0);
  check_values<float, fp8_per_tensor>(found, "fp8_per_tensor", oracle::e4m3, {});
  check_values<float, fp8_per_row>(found, "fp8_per_row", oracle::e4m3, {});
  check_values<float, fp8_128x128>(found, "fp8_128x128", oracle::e4m3, {});
  check_values<float, ggml_mxfp4>(found, "ggml_mxfp4", oracle::e2m1, oracle::e8m0);
  check_values<float, ggml_nvfp4>(found, "ggml_nvfp4", oracle::e2m1, oracle::ue4m3);
  NIBBLE_CHECK_EQUAL(found, 13 * 5);
}

TEST_CASE("dequantize: into double, half and bfloat16") {
  differences found;
  check_values<double, nibble::nvfp4>(found, "nvfp4 double", oracle::e2m1, oracle::e4m3);
  check_values<nibble::f16, nibble::nvfp4>(found, "nvfp4 f16", oracle::e2m1, oracle::e4m3);
  check_values<nibble::bf16, nibble::nvfp4>(found, "nvfp4 bf16", oracle::e2m1, oracle::e4m3);
  check_values<double, nibble::mxfp8_e5m2>(found, "mxfp8_e5m2 double", oracle::e5m2, oracle::e8m0);
  check_values<nibble::f16, nibble::mxfp8_e5m2>(found, "mxfp8_e5m2 f16", oracle::e5m2, oracle::e8m0);
  check_values<nibble::bf16, nibble::fp8_per_row>(found, "fp8_per_row bf16", oracle::e4m3, {});
  NIBBLE_CHECK_EQUAL(found, 6 * 5);
}

TEST_CASE("dequantize: rows of the caller's storage may be further apart") {
  const source s(oracle::make_tensor(oracle::tensor_mode::gaussian, 7, 40, 1));
  const auto packed = nibble::quantize<nibble::nvfp4>(s.view());
  std::vector<std::uint8_t> codes(7 * 29, 0xA5);
  std::vector<std::uint8_t> scales(7 * 5, 0xA5);
  float tensor_scale = 0.0F;
  const nibble::block_view<nibble::nvfp4> wide{codes.data(), scales.data(), &tensor_scale, 7, 40, 29, 5};
  quantize(s.view(), wide);
  std::vector<float> values(7 * 40 + 1, -1.0F);
  nibble::dequantize(wide, values.data());
  CHECK(values.back() == -1.0F);
  values.pop_back();
  CHECK(values == nibble::dequantize(packed));
  const nibble::block_view<nibble::nvfp4, const std::uint8_t> reading = wide;
  std::vector<float> again(7 * 40);
  nibble::dequantize(nibble::scalar{}, reading, again.data());
  CHECK(again == values);
}
