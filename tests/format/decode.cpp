// SPDX-License-Identifier: Apache-2.0
//
// decode of every code: against the reference, against tests/vectors/decode.csv (what ml_dtypes, the CUDA headers and
// gfloat give), and for formats known at run time only.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>

#include <nibble/format/decode.hpp>

#include <format/subjects.hpp>

namespace {

/// Equal bits, or both NaN.
bool same(double a, double b) {
  if (oracle::is_nan(a) || oracle::is_nan(b)) return oracle::is_nan(a) && oracle::is_nan(b);
  return oracle::double_bits(a) == oracle::double_bits(b);
}

double widen(float x) { return oracle::float_value(oracle::float_bits(x)); }

}  // namespace

TEST_CASE("every code of every format decodes to the reference's value") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr nibble::float_format f = subjects::all[Index].format;
    for (std::uint32_t code = 0; code <= f.code_mask(); ++code) {
      const double wanted = oracle::decode(subjects::all[Index].reference, code);
      if (!same(nibble::decode_double<f>(code), wanted)) ++wrong;
      if (!same(nibble::decode_double(f, code), wanted)) ++wrong;
      if constexpr (f.fits_binary32()) {
        if (!same(widen(nibble::decode<f>(code)), wanted)) ++wrong;
        if (!same(widen(nibble::decode(f, code)), wanted)) ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("integers whose unit is a subnormal float32 decode to the reference's value") {
  int wrong = 0;
  for (int bias = 100; bias <= 150 - 7; ++bias) {
    const nibble::float_format f{.mantissa_bits = 7, .bias = bias, .twos_complement = true};
    const oracle::format reference{0, 7, bias, oracle::specials::none, true, true, true};
    for (std::uint32_t code = 0; code < 256; ++code) {
      const double wanted = oracle::decode(reference, code);
      if (!same(widen(nibble::decode(f, code)), wanted)) ++wrong;
      if (!same(nibble::decode_double(f, code), wanted)) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("every code of the published table decodes to its value") {
  using namespace nibble::formats;
  const std::map<std::string, nibble::float_format> formats = {
      {"e2m1", e2m1}, {"e2m3", e2m3},         {"e3m2", e3m2},         {"e4m3fn", e4m3},
      {"e5m2", e5m2}, {"e4m3fnuz", e4m3fnuz}, {"e5m2fnuz", e5m2fnuz}, {"e4m3b11fnuz", e4m3b11fnuz},
      {"e3m4", e3m4}, {"e4m3", e4m3ieee},     {"e8m0fnu", e8m0}};
  std::ifstream file(NIBBLE_TEST_SOURCE_DIR "/vectors/decode.csv");
  std::string line;
  std::getline(file, line);
  int compared = 0;
  int wrong = 0;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::string name;
    std::string cell;
    std::getline(cells, name, ',');
    std::getline(cells, cell, ',');
    const auto code = static_cast<std::uint32_t>(std::stoul(cell, nullptr, 16));
    const float value = nibble::decode(formats.at(name), code);
    while (std::getline(cells, cell, ',')) {
      if (cell.empty() || cell == "\r") continue;
      const double wanted = oracle::float_value(static_cast<std::uint32_t>(std::stoul(cell, nullptr, 16)));
      if (!same(widen(value), wanted)) ++wrong;
      ++compared;
    }
  }
  CHECK(compared == 4016);
  CHECK(wrong == 0);
}

TEST_CASE("bits above a code are ignored") {
  int wrong = 0;
  subjects::for_each([&]<std::size_t Index>() {
    constexpr nibble::float_format f = subjects::all[Index].format;
    const std::uint32_t above = ~f.code_mask();
    for (std::uint32_t code = 0; code <= f.code_mask(); code += f.bits() > 8 ? 97 : 1) {
      if (!same(nibble::decode_double<f>(code | above), nibble::decode_double<f>(code))) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("NaN decodes to the quiet NaN, signed where the code is") {
  using namespace nibble;
  CHECK(to_bits(decode<formats::e4m3>(0x7f)) == 0x7fc00000U);
  CHECK(to_bits(decode<formats::e4m3>(0xff)) == 0xffc00000U);
  CHECK(to_bits(decode<formats::e5m2>(0x7d)) == 0x7fc00000U);
  CHECK(to_bits(decode<formats::e5m2>(0xfe)) == 0xffc00000U);
  CHECK(to_bits(decode<formats::e4m3fnuz>(0x80)) == 0x7fc00000U);
  CHECK(to_bits(decode<formats::e8m0>(0xff)) == 0x7fc00000U);
  CHECK(to_bits(decode_double<formats::e4m3>(0xff)) == 0xfff8000000000000U);
  CHECK(to_bits(decode<formats::binary8p4se>(0x80)) == 0x7fc00000U);
}

TEST_CASE("worked values, in constant expressions") {
  using namespace nibble;
  static_assert(decode<formats::e2m1>(0x7) == 6.0f && decode<formats::e2m1>(0x9) == -0.5f);
  static_assert(decode<formats::e2m3>(0x1f) == 7.5f && decode<formats::e3m2>(0x21) == -0x1p-4f);
  static_assert(decode<formats::e4m3>(0x7e) == 448.0f && decode<formats::e4m3>(0x01) == 0x1p-9f);
  static_assert(decode<formats::e5m2>(0x7b) == 57344.0f && decode<formats::e5m2>(0x01) == 0x1p-16f);
  static_assert(decode<formats::e8m0>(0x00) == 0x1p-127f && decode<formats::e8m0>(0xfe) == 0x1p127f);
  static_assert(decode<formats::bf16>(0x0001) == 0x1p-133f && decode<formats::f16>(0x7bff) == 65504.0f);
  static_assert(decode<formats::mxint8>(0x7f) == 127.0f / 64 && decode<formats::mxint8>(0x80) == -2.0f);
  static_assert(decode_double<subjects::tiny>(0x001) == 0x1p-152);
  CHECK(std::signbit(decode<formats::e2m1>(0x8)));
  CHECK(decode<formats::e5m2>(0xfc) == -std::numeric_limits<float>::infinity());
}

TEST_CASE("binary32, as a scale, is its own bits") {
  using namespace nibble;
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0xffff0000U; bits += 65521) {
    if (to_bits(decode<formats::f32>(bits)) != bits || to_bits(decode(formats::f32, bits)) != bits) ++wrong;
    const double wanted = oracle::float_value(bits);
    if (!same(decode_double<formats::f32>(bits), wanted) || !same(decode_double(formats::f32, bits), wanted)) ++wrong;
  }
  CHECK(wrong == 0);
}
