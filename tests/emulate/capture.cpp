// SPDX-License-Identifier: Apache-2.0
//
// What an H200 and an H100 gave (hopper.txt, written by device/capture.cu): dot products of every tensor-core instruction
// that the capture program issues, among them those that earlier models missed and those that tell the least exponent of
// alignment, and conversions at specials and ends of ranges.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <nibble/emulate/ptx_cvt.hpp>
#include <nibble/emulate/ptx_cvt_half.hpp>
#include <nibble/emulate/ptx_cvt_tf32.hpp>
#include <nibble/emulate/tensor_core.hpp>

namespace {

namespace em = nibble::emulate;
namespace formats = nibble::formats;
using namespace nibble::emulate::ptx;

nibble::float_format format_of(const std::string& name) {
  const std::map<std::string, nibble::float_format> all{{"e4m3", formats::e4m3}, {"e5m2", formats::e5m2},
                                                        {"f16", formats::f16},   {"bf16", formats::bf16},
                                                        {"tf32", em::tf32}};
  return all.at(name);
}

em::tensor_unit unit_of(const std::string& instruction, const std::string& a, bool f16) {
  if (a == "tf32") return em::units::hopper_tf32;
  if (a == "f16" || a == "bf16") return f16 ? em::units::hopper_f16_f16 : em::units::hopper_f16;
  if (instruction == "wgmma") return f16 ? em::units::hopper_wgmma_fp8_f16 : em::units::hopper_wgmma_fp8;
  return f16 ? em::units::hopper_mma_fp8_f16 : em::units::hopper_mma_fp8;
}

std::uint32_t hexadecimal(const std::string& text) { return static_cast<std::uint32_t>(std::stoul(text, nullptr, 16)); }

/// "wgmma e4m3 e5m2 f32 A B C D", rows of codes in hexadecimal.
bool is_dot_right(const std::string& line) {
  std::istringstream words(line);
  std::string instruction, a, b, result, a_codes, b_codes, c, d;
  words >> instruction >> a >> b >> result >> a_codes >> b_codes >> c >> d;
  const std::size_t digits = a == "tf32" ? 8 : a == "f16" || a == "bf16" ? 4 : 2;
  std::uint32_t x[32] = {};
  std::uint32_t y[32] = {};
  for (std::size_t k = 0; k < 64 / digits; ++k) {
    x[k] = hexadecimal(a_codes.substr(k * digits, digits));
    y[k] = hexadecimal(b_codes.substr(k * digits, digits));
  }
  const em::tensor_unit u = unit_of(instruction, a, result == "f16");
  return em::multiply_accumulate(u, format_of(a), format_of(b), x, y, hexadecimal(c)) == hexadecimal(d);
}

using conversion = std::uint32_t (*)(std::uint32_t, std::uint32_t);
float number(std::uint32_t bits) { return nibble::bit_cast<float>(bits); }

#define NIBBLE_TEST_TWO(NAME, TEXT) \
  {"cvt." TEXT, [](std::uint32_t x, std::uint32_t y) -> std::uint32_t { return cvt_##NAME(number(x), number(y)); }}
#define NIBBLE_TEST_ONE(NAME, TEXT) \
  {"cvt." TEXT, [](std::uint32_t x, std::uint32_t) -> std::uint32_t { return cvt_##NAME(number(x)); }}
#define NIBBLE_TEST_PATTERN(NAME, TEXT, TYPE) \
  {"cvt." TEXT, [](std::uint32_t x, std::uint32_t) -> std::uint32_t { return cvt_##NAME(static_cast<TYPE>(x)); }}
#define NIBBLE_TEST_FP8(FORMAT)                                                                                \
  NIBBLE_TEST_TWO(rn_satfinite_##FORMAT##x2_f32, "rn.satfinite." #FORMAT "x2.f32"),                            \
      NIBBLE_TEST_TWO(rn_satfinite_relu_##FORMAT##x2_f32, "rn.satfinite.relu." #FORMAT "x2.f32"),              \
      NIBBLE_TEST_PATTERN(rn_satfinite_##FORMAT##x2_f16x2, "rn.satfinite." #FORMAT "x2.f16x2", std::uint32_t), \
      NIBBLE_TEST_PATTERN(rn_satfinite_relu_##FORMAT##x2_f16x2, "rn.satfinite.relu." #FORMAT "x2.f16x2",       \
                          std::uint32_t),                                                                      \
      NIBBLE_TEST_PATTERN(rn_f16x2_##FORMAT##x2, "rn.f16x2." #FORMAT "x2", std::uint16_t),                     \
      NIBBLE_TEST_PATTERN(rn_relu_f16x2_##FORMAT##x2, "rn.relu.f16x2." #FORMAT "x2", std::uint16_t)
#define NIBBLE_TEST_HALF(R, TYPE)                                                                                \
  NIBBLE_TEST_ONE(R##_##TYPE##_f32, #R "." #TYPE ".f32"),                                                        \
      NIBBLE_TEST_ONE(R##_satfinite_##TYPE##_f32, #R ".satfinite." #TYPE ".f32"),                                \
      NIBBLE_TEST_ONE(R##_relu_##TYPE##_f32, #R ".relu." #TYPE ".f32"),                                          \
      NIBBLE_TEST_ONE(R##_relu_satfinite_##TYPE##_f32, #R ".relu.satfinite." #TYPE ".f32"),                      \
      NIBBLE_TEST_TWO(R##_##TYPE##x2_f32, #R "." #TYPE "x2.f32"),                                                \
      NIBBLE_TEST_TWO(R##_satfinite_##TYPE##x2_f32, #R ".satfinite." #TYPE "x2.f32"),                            \
      NIBBLE_TEST_TWO(R##_relu_##TYPE##x2_f32, #R ".relu." #TYPE "x2.f32"),                                      \
      NIBBLE_TEST_TWO(R##_relu_satfinite_##TYPE##x2_f32, #R ".relu.satfinite." #TYPE "x2.f32")

const std::map<std::string, conversion> conversions{
    NIBBLE_TEST_FP8(e4m3), NIBBLE_TEST_FP8(e5m2), NIBBLE_TEST_HALF(rn, f16), NIBBLE_TEST_HALF(rz, f16),
    NIBBLE_TEST_HALF(rn, bf16), NIBBLE_TEST_HALF(rz, bf16), NIBBLE_TEST_ONE(rna_tf32_f32, "rna.tf32.f32"),
    NIBBLE_TEST_ONE(rna_satfinite_tf32_f32, "rna.satfinite.tf32.f32"), NIBBLE_TEST_ONE(rn_tf32_f32, "rn.tf32.f32"),
    NIBBLE_TEST_ONE(rn_relu_tf32_f32, "rn.relu.tf32.f32"), NIBBLE_TEST_ONE(rz_tf32_f32, "rz.tf32.f32"),
    NIBBLE_TEST_ONE(rz_relu_tf32_f32, "rz.relu.tf32.f32")};

/// "cvt.NAME x y result": the first operand (or the only one), the second, and the register.
bool is_conversion_right(const std::string& line) {
  std::istringstream words(line);
  std::string name, x, y, result;
  words >> name >> x >> y >> result;
  return conversions.at(name)(hexadecimal(x), hexadecimal(y)) == hexadecimal(result);
}

TEST_CASE("capture: what Hopper devices gave") {
  std::ifstream file(std::string(NIBBLE_TEST_SOURCE_DIR) + "/emulate/hopper.txt");
  REQUIRE(file.good());
  std::map<std::string, int> dots;
  std::map<std::string, int> converted;
  std::string line;
  std::getline(file, line);  // the device
  while (std::getline(file, line)) {
    const bool is_conversion = line.rfind("cvt", 0) == 0;
    CAPTURE(line);
    CHECK((is_conversion ? is_conversion_right(line) : is_dot_right(line)));
    if (is_conversion) {
      ++converted[line.substr(0, line.find(' '))];
    } else {
      ++dots[line.substr(0, line.find(' ', line.find(' ', line.find(' ', line.find(' ') + 1) + 1) + 1))];
    }
  }
  CHECK(dots.size() == 24);
  CHECK(converted.size() == conversions.size());
}

}  // namespace
