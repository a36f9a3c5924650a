// SPDX-License-Identifier: Apache-2.0
//
// Quantized tensors are put together from their parts only where every part and every record is as it must be.
#include <logical_tensor.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "bytes.hpp"

using namespace nibble::tool;

namespace {

// The parts of a 3 x 33 tensor in nvfp4 between two plain tensors.
struct parts {
  std::string bytes = std::string(3 * 17 + 3 * 3 + 4 + 2, '\0');
  std::vector<stored_tensor> stored;
  std::map<std::string, std::string> metadata;

  parts() {
    add("before", "U8", {1}, 0);
    add("t_packed", "U8", {3, 17}, 1);
    add("t_scale", "U8", {3, 3}, 52);
    add("t_global_scale", "F32", {1}, 61);
    add("after", "U8", {1}, 65);
    metadata = {{"nibble", file_record_text()}, {"nibble:t", record()}, {"other", "text"}};
  }
  void add(const char* name, const char* type, std::vector<std::uint64_t> shape, std::size_t offset) {
    const std::size_t size = *element_count(shape) * *type_bits(type) / 8;
    stored.push_back({name, type, shape, bytes_of(bytes).subspan(offset, size), false});
  }
  static std::string record(const std::string& shape = "[3,33]", const std::string& format = "\"nvfp4\"") {
    return "{\"shape\":" + shape + ",\"format\":" + format +
           ",\"recipe\":\"default\",\"rounding\":\"nearest-even\",\"seed\":5,\"stream\":18446744073709551615,"
           "\"dtype\":\"BF16\"}";
  }
  [[nodiscard]] std::string fault() const {
    return fault_of([&] { join_quantized(stored, metadata, "in"); });
  }
  [[nodiscard]] std::string fault_with(const std::string& text) {
    metadata["nibble:t"] = text;
    return fault();
  }
};

}  // namespace

TEST_CASE("parts become one tensor in its place") {
  const parts p;
  const std::vector<logical_tensor> tensors = join_quantized(p.stored, p.metadata, "in");
  REQUIRE(tensors.size() == 3);
  CHECK(tensors[0].name == "before");
  CHECK(tensors[0].plain == &p.stored[0]);
  CHECK(tensors[2].name == "after");
  const logical_tensor& t = tensors[1];
  CHECK(t.name == "t");
  CHECK(t.shape == std::vector<std::uint64_t>{3, 33});
  CHECK(t.plain == nullptr);
  CHECK(t.packed == &p.stored[1]);
  CHECK(t.scale == &p.stored[2]);
  CHECK(t.global_scale == &p.stored[3]);
  CHECK(t.record->format == "nvfp4");
  CHECK(t.record->seed == 5);
  CHECK(t.record->stream == 18446744073709551615U);
  CHECK(t.record->source_type == "BF16");
}

TEST_CASE("a record is written as it is read") {
  const quantization_record record{{2, 0, 7}, "mxfp4", "floor", "up", 1, 2, "F64"};
  const quantization_record read = parse_record(record_text(record), "in");
  CHECK(read.shape == record.shape);
  CHECK(read.format == record.format);
  CHECK(read.recipe == record.recipe);
  CHECK(read.rounding == record.rounding);
  CHECK(read.seed == 1);
  CHECK(read.stream == 2);
  CHECK(read.source_type == "F64");
}

TEST_CASE("records that do not fit are refused") {
  parts p;
  CHECK(p.fault().empty());
  CHECK(contains(p.fault_with("{"), "in: tensor 't': its quantization record is not a JSON object"));
  CHECK(contains(p.fault_with("[]"), "not a JSON object"));
  CHECK(contains(p.fault_with("{}"), "lacks 'shape'"));
  CHECK(contains(p.fault_with(parts::record("5")), "'shape'"));
  CHECK(contains(p.fault_with(parts::record("[-1]")), "'shape'"));
  CHECK(contains(p.fault_with(parts::record("[1.5]")), "'shape'"));
  CHECK(contains(p.fault_with(parts::record("[3,33]", "7")), "'format'"));
  CHECK(contains(p.fault_with(parts::record("[3,33]", "\"fp3\"")), "unknown format 'fp3'"));
  CHECK(contains(p.fault_with(parts::record("[3,33]", "\"mxfp4\"")), "'t_scale' is U8 [3, 3], not U8 [3, 2]"));
  CHECK(contains(p.fault_with(parts::record("[3,35]")), "'t_packed' is U8 [3, 17], not U8 [3, 18]"));
  CHECK(contains(p.fault_with(parts::record("[4,33]")), "'t_packed'"));
  CHECK(contains(p.fault_with(parts::record("[4294967296,4294967296]")), "too large"));
  CHECK(contains(p.fault_with(parts::record("[18446744073709551615]")), "too large"));
  CHECK(contains(p.fault_with(parts::record("[0,18446744073709551615]")), "too large"));
  CHECK(contains(p.fault_with(std::string(100000, '[')), "too long"));
  CHECK(contains(p.fault_with(std::string(60000, '[')), "not a JSON object"));
}

TEST_CASE("an element count that wraps around to an empty row is refused") {
  parts p;
  p.stored.clear();
  p.add("t_packed", "U8", {1, 0}, 0);
  p.add("t_scale", "U8", {1, 0}, 0);
  p.add("t_global_scale", "F32", {1}, 0);
  CHECK_FALSE(p.fault_with(parts::record("[18446744073709551615]")).empty());
}

TEST_CASE("parts that are missing, of another type or doubled are refused") {
  for (const std::size_t part : {1U, 2U, 3U}) {
    parts p;
    const std::string name = p.stored[part].name;
    p.stored[part].type = "I8";
    CHECK(contains(p.fault(), "'" + name + "' is I8"));
    p.stored.erase(p.stored.begin() + static_cast<std::ptrdiff_t>(part));
    CHECK(contains(p.fault(), "'" + name + "' is missing"));
  }
  parts twice;
  twice.add("t", "U8", {1}, 0);
  CHECK(contains(twice.fault(), "plain and quantized"));
  parts unnamed;
  unnamed.metadata.erase("nibble");
  CHECK(contains(unnamed.fault(), "no 'nibble' record"));
  unnamed.metadata["nibble"] = "{\"version\":\"9\",\"layout\":2}";
  CHECK(contains(unnamed.fault(), "layout that this version does not know"));
  // t_packed cannot be a part of one quantized tensor and another one itself.
  parts nested;
  nested.metadata["nibble:t_packed"] = parts::record();
  CHECK(contains(nested.fault(), "'t_packed' is there twice, plain and quantized"));
}
