// SPDX-License-Identifier: Apache-2.0

// The oracle's reading of formats against hand-made tables and against the decoders of other projects.
#include <doctest/doctest.h>

#include <oracle/formats.hpp>
#include <oracle/vectors.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace {

using oracle::format;

/// One row of the table of formats (OCP MX 1.0, OFP8, ml_dtypes float8.h and mxfloat.h, PTX ISA 9.0 section 5.2.3).
struct row {
  const char* name;
  format f;
  int bits;
  double max;
  std::uint32_t max_code;
  double min_normal;
  std::uint32_t min_normal_code;
  double min_subnormal;
};

const row rows[] = {
    {"e2m1", oracle::e2m1, 4, 6.0, 0x7, 1.0, 0x2, 0.5},
    {"e2m3", oracle::e2m3, 6, 7.5, 0x1F, 1.0, 0x08, 0x1p-3},
    {"e3m2", oracle::e3m2, 6, 28.0, 0x1F, 0x1p-2, 0x04, 0x1p-4},
    {"e4m3", oracle::e4m3, 8, 448.0, 0x7E, 0x1p-6, 0x08, 0x1p-9},
    {"e4m3fnuz", oracle::e4m3fnuz, 8, 240.0, 0x7F, 0x1p-7, 0x08, 0x1p-10},
    {"e4m3b11fnuz", oracle::e4m3b11fnuz, 8, 30.0, 0x7F, 0x1p-10, 0x08, 0x1p-13},
    {"e4m3ieee", oracle::e4m3ieee, 8, 240.0, 0x77, 0x1p-6, 0x08, 0x1p-9},
    {"e3m4", oracle::e3m4, 8, 15.5, 0x6F, 0x1p-2, 0x10, 0x1p-6},
    {"e5m2", oracle::e5m2, 8, 57344.0, 0x7B, 0x1p-14, 0x04, 0x1p-16},
    {"e5m2fnuz", oracle::e5m2fnuz, 8, 57344.0, 0x7F, 0x1p-15, 0x04, 0x1p-17},
    {"ue4m3", oracle::ue4m3, 7, 448.0, 0x7E, 0x1p-6, 0x08, 0x1p-9},
    {"bf16", oracle::bf16, 16, 0x1.FEp127, 0x7F7F, 0x1p-126, 0x0080, 0x1p-133},
    {"f16", oracle::f16, 16, 65504.0, 0x7BFF, 0x1p-14, 0x0400, 0x1p-24},
    {"binary8p4se", oracle::p3109(8, 4, true, true), 8, 224.0, 0x7E, 0x1p-7, 0x08, 0x1p-10},
    {"binary8p3se", oracle::p3109(8, 3, true, true), 8, 49152.0, 0x7E, 0x1p-15, 0x04, 0x1p-17},
    {"binary4p2sf", oracle::p3109(4, 2, true, false), 4, 3.0, 0x7, 0.5, 0x2, 0.25},
    {"binary8p1uf", oracle::p3109(8, 1, false, false), 8, 0x1p126, 0xFE, 0x1p-127, 0x01, 0x1p-127},
};

std::vector<std::uint32_t> codes_of_class(const format& f, oracle::code_class kind) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t code = 0; code < (1U << f.bits()); ++code) {
    if (oracle::classify(f, code).kind == kind) codes.push_back(code);
  }
  return codes;
}

std::vector<std::uint32_t> range(std::uint32_t first, std::uint32_t last) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t code = first; code <= last; ++code) codes.push_back(code);
  return codes;
}

std::vector<std::uint32_t> both_signs(std::vector<std::uint32_t> codes, std::uint32_t sign) {
  const std::size_t n = codes.size();
  for (std::size_t i = 0; i < n; ++i) codes.push_back(codes[i] | sign);
  return codes;
}

}  // namespace

TEST_CASE("oracle: limits of the formats") {
  for (const row& r : rows) {
    CAPTURE(r.name);
    CHECK(r.f.bits() == r.bits);
    CHECK(oracle::max_code(r.f) == r.max_code);
    CHECK(oracle::decode(r.f, r.max_code) == r.max);
    CHECK(oracle::decode(r.f, r.min_normal_code) == r.min_normal);
    CHECK(oracle::decode(r.f, 1) == r.min_subnormal);
    CHECK(oracle::double_bits(oracle::decode(r.f, 0)) == 0);
  }
}

TEST_CASE("oracle: E8M0 and MXINT8") {
  CHECK(oracle::decode(oracle::e8m0, 0x00) == 0x1p-127);
  CHECK(oracle::decode(oracle::e8m0, 0x7F) == 1.0);
  CHECK(oracle::decode(oracle::e8m0, 0xFE) == 0x1p127);
  CHECK(codes_of_class(oracle::e8m0, oracle::code_class::nan) == range(0xFF, 0xFF));
  CHECK(oracle::decode(oracle::mxint8, 0x01) == 0x1p-6);
  CHECK(oracle::decode(oracle::mxint8, 0x7F) == 127.0 / 64);
  CHECK(oracle::decode(oracle::mxint8, 0xFF) == -0x1p-6);
  CHECK(oracle::decode(oracle::mxint8, 0x81) == -127.0 / 64);
  CHECK(oracle::decode(oracle::mxint8, 0x80) == -2.0);
  CHECK(codes_of_class(oracle::mxint8, oracle::code_class::nan).empty());
}

TEST_CASE("oracle: codes of NaN") {
  const auto nans = [](const format& f) { return codes_of_class(f, oracle::code_class::nan); };
  for (const format& f : {oracle::e2m1, oracle::e2m3, oracle::e3m2, oracle::e3m0}) CHECK(nans(f).empty());
  CHECK(nans(oracle::e4m3) == both_signs({0x7F}, 0x80));
  CHECK(nans(oracle::ue4m3) == range(0x7F, 0x7F));
  CHECK(nans(oracle::e5m2) == both_signs(range(0x7D, 0x7F), 0x80));
  CHECK(nans(oracle::e4m3ieee) == both_signs(range(0x79, 0x7F), 0x80));
  CHECK(nans(oracle::e3m4) == both_signs(range(0x71, 0x7F), 0x80));
  CHECK(nans(oracle::e4m3fnuz) == range(0x80, 0x80));
  CHECK(nans(oracle::p3109(8, 3, true, true)) == range(0x80, 0x80));
  CHECK(nans(oracle::p3109(4, 2, true, false)) == range(0x8, 0x8));
  CHECK(nans(oracle::p3109(8, 1, false, false)) == range(0xFF, 0xFF));
}

TEST_CASE("oracle: codes of infinity") {
  const auto infinities = [](const format& f) { return codes_of_class(f, oracle::code_class::infinite); };
  for (const format& f :
       {oracle::e2m1, oracle::e4m3, oracle::e8m0, oracle::e4m3fnuz, oracle::p3109(8, 3, true, false)}) {
    CHECK(infinities(f).empty());
  }
  CHECK(infinities(oracle::e5m2) == both_signs({0x7C}, 0x80));
  CHECK(infinities(oracle::e4m3ieee) == both_signs({0x78}, 0x80));
  CHECK(infinities(oracle::e3m4) == both_signs({0x70}, 0x80));
  CHECK(infinities(oracle::bf16) == both_signs({0x7F80}, 0x8000));
  CHECK(infinities(oracle::p3109(8, 3, true, true)) == both_signs({0x7F}, 0x80));
  CHECK(infinities(oracle::p3109(8, 3, false, true)) == range(0xFE, 0xFE));
  CHECK(oracle::decode(oracle::e5m2, 0xFC) == -oracle::infinity());
}

TEST_CASE("oracle: 1.0 in the formats of P3109 is 2^(K-2) signed and 2^(K-1) unsigned") {
  bool signed_ones = true;
  bool unsigned_ones = true;
  for (int k = 3; k <= 12; ++k) {
    for (int p = 1; p <= k; ++p) {
      for (const bool extended : {false, true}) {
        const auto s = oracle::p3109(k, p, true, extended);
        const auto u = oracle::p3109(k, p, false, extended);
        if (p < k) signed_ones = signed_ones && oracle::decode(s, 1U << (k - 2)) == 1.0 && s.bits() == k;
        unsigned_ones = unsigned_ones && oracle::decode(u, 1U << (k - 1)) == 1.0 && u.bits() == k;
      }
    }
  }
  CHECK(signed_ones);
  CHECK(unsigned_ones);
}

TEST_CASE("oracle: decode agrees with ml_dtypes, the CUDA headers and gfloat on every code") {
  const std::vector<std::pair<std::string, format>> formats = {
      {"e2m1", oracle::e2m1},         {"e2m3", oracle::e2m3},         {"e3m2", oracle::e3m2},
      {"e3m4", oracle::e3m4},         {"e4m3", oracle::e4m3ieee},     {"e4m3b11fnuz", oracle::e4m3b11fnuz},
      {"e4m3fn", oracle::e4m3},       {"e4m3fnuz", oracle::e4m3fnuz}, {"e5m2", oracle::e5m2},
      {"e5m2fnuz", oracle::e5m2fnuz}, {"e8m0fnu", oracle::e8m0}};
  const auto bytes = oracle::read_vector("decode.csv");
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  std::string line;
  std::getline(lines, line);
  int compared = 0;
  int wrong = 0;
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    std::string name;
    std::string code;
    std::string value;
    std::getline(cells, name, ',');
    std::getline(cells, code, ',');
    const auto entry = std::find_if(formats.begin(), formats.end(), [&](const auto& f) { return f.first == name; });
    REQUIRE(entry != formats.end());
    const double ours = oracle::decode(entry->second, static_cast<std::uint32_t>(std::stoul(code, nullptr, 16)));
    while (std::getline(cells, value, ',')) {
      if (value.empty() || value == "\r") continue;
      const double theirs = oracle::float_value(static_cast<std::uint32_t>(std::stoul(value, nullptr, 16)));
      const bool both_nan = oracle::is_nan(ours) && oracle::is_nan(theirs);
      if (!both_nan && oracle::double_bits(ours) != oracle::double_bits(theirs)) ++wrong;
      ++compared;
    }
  }
  CHECK(compared == 4016);
  CHECK(wrong == 0);
}
