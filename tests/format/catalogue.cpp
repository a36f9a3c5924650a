// SPDX-License-Identifier: Apache-2.0
//
// The table of named formats.
#include <doctest/doctest.h>

#include <iterator>
#include <set>
#include <string_view>

#include <nibble/format/catalogue.hpp>

#include <format/subjects.hpp>

using nibble::find_format;
using nibble::format_names;
using nibble::named_formats;

TEST_CASE("every name finds its own format, and that is the reference's") {
  std::set<std::string_view> names;
  int wrong = 0;
  for (const format_names& entry : named_formats) {
    names.insert(entry.name);
    if (find_format(entry.name) != &entry || !entry.format.is_valid()) ++wrong;
    const subjects::subject* found = nullptr;
    for (const subjects::subject& s : subjects::all) found = s.name == entry.name ? &s : found;
    REQUIRE(found != nullptr);
    const oracle::format& r = found->reference;
    if (entry.format != found->format || entry.format.exponent_bits != r.exponent_bits) ++wrong;
    if (entry.format.mantissa_bits != r.mantissa_bits || entry.format.bias != r.bias) ++wrong;
    if (static_cast<int>(entry.format.specials) != static_cast<int>(r.special)) ++wrong;
    if (entry.format.has_sign != r.has_sign || entry.format.has_zero != r.has_zero) ++wrong;
    if (entry.format.twos_complement != r.twos_complement) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(names.size() == std::size(named_formats));
}

TEST_CASE("the fifteen names of the catalogue, no others") {
  const std::string_view wanted[] = {"e2m1",     "e2m3",        "e3m2", "e4m3",     "e5m2", "e8m0", "ue4m3", "e4m3fnuz",
                                     "e5m2fnuz", "e4m3b11fnuz", "e3m4", "e4m3ieee", "e3m0", "bf16", "f16"};
  CHECK(std::size(named_formats) == std::size(wanted));
  for (const std::string_view name : wanted) CHECK(find_format(name) != nullptr);
  CHECK(find_format("") == nullptr);
  CHECK(find_format("E2M1") == nullptr);
  CHECK(find_format("e2m1 ") == nullptr);
}

TEST_CASE("other projects' names") {
  static_assert(find_format("e4m3")->ml_dtypes == "float8_e4m3fn" &&
                find_format("e4m3ieee")->ml_dtypes == "float8_e4m3");
  CHECK(find_format("e2m1")->torch == "float4_e2m1fn_x2");
  CHECK(find_format("e2m1")->onnx == "FLOAT4E2M1");
  CHECK(find_format("e8m0")->ml_dtypes == "float8_e8m0fnu");
  CHECK(find_format("e5m2")->onnx == "FLOAT8E5M2");
  CHECK(find_format("e4m3")->safetensors == "F8_E4M3");
  CHECK(find_format("e5m2")->safetensors == "F8_E5M2");
  CHECK(find_format("bf16")->safetensors == "BF16");
  CHECK(find_format("f16")->safetensors == "F16");
  CHECK(find_format("e3m0")->torch.empty());
  CHECK(find_format("ue4m3")->safetensors.empty());
}
