// SPDX-License-Identifier: Apache-2.0
//
// The safetensors reader against files written byte by byte, true ones and lying ones.
#include "bytes.hpp"

#include <doctest/doctest.h>

#include <safetensors_reader.hpp>
#include <vector>

using namespace nibble::tool;

namespace {

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return little_endian(header.size(), 8) + header + std::string(data_bytes, '\1');
}

std::string fault(const std::string& header, std::size_t data_bytes) {
  const std::string file = file_of(header, data_bytes);
  return fault_of([&] { parse_safetensors(bytes_of(file), "in.safetensors"); });
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

}  // namespace

TEST_CASE("tensors, types and metadata are read in the order of their bytes") {
  const std::string header = "{\"__metadata__\":{\"format\":\"pt\",\"k\\u0001\":\"\"}," +
                             entry("b", "F32", "[2,3]", "[4,28]") + "," + entry("", "BF16", "[]", "[2,4]") + "," +
                             entry("a\\nb", "U8", "[1,2]", "[0,2]") + "," + entry("e", "I64", "[0,5]", "[4,4]") + "," +
                             entry("new", "F3_E9", "[77]", "[28,31]") + "," + entry("four", "F4", "[3,2]", "[31,34]") +
                             "}   ";
  const std::string file = file_of(header, 34);
  const safetensors_contents contents = parse_safetensors(bytes_of(file), "in.safetensors");
  std::vector<std::string> names, types;
  std::vector<std::size_t> sizes;
  for (const stored_tensor& t : contents.tensors) {
    names.push_back(t.name);
    types.push_back(t.type);
    sizes.push_back(t.bytes.size());
  }
  CHECK(names == std::vector<std::string>{"a\nb", "", "e", "b", "new", "four"});
  CHECK(types == std::vector<std::string>{"U8", "BF16", "I64", "F32", "F3_E9", "F4"});
  CHECK(sizes == std::vector<std::size_t>{2, 2, 0, 24, 3, 3});
  CHECK(contents.tensors[3].shape == std::vector<std::uint64_t>{2, 3});
  CHECK(contents.tensors[1].shape.empty());
  CHECK(contents.tensors[0].bytes.data() == bytes_of(file).data() + 8 + header.size());
  CHECK(contents.metadata == std::map<std::string, std::string>{{"format", "pt"}, {"k\x01", ""}});
  const std::string empty = file_of("{}", 0);
  CHECK(parse_safetensors(bytes_of(empty), "in.safetensors").tensors.empty());
}

TEST_CASE("a header that does not fit the file is refused") {
  const auto of_bytes = [](const std::string& file) {
    return fault_of([&] { parse_safetensors(bytes_of(file), "in.safetensors"); });
  };
  CHECK(contains(of_bytes(""), "in.safetensors: not a .safetensors file"));
  CHECK(contains(of_bytes(std::string(7, '\0')), "shorter than 8 bytes"));
  CHECK(contains(of_bytes(little_endian(3, 8) + "{}"), "claims 3 bytes, the file holds 2"));
  CHECK(contains(of_bytes(std::string(8, '\xff') + "{}"), "more than the format allows"));
  CHECK(contains(of_bytes(little_endian(100'000'001, 8) + "{}"), "more than the format allows"));
  CHECK(contains(of_bytes(little_endian(100'000'000, 8) + "{}"), "the file holds 2"));
  CHECK(contains(of_bytes(std::string(8, '\0')), "does not begin with '{'"));
  CHECK(contains(of_bytes(little_endian(3, 8) + " {}"), "does not begin with '{'"));
}

TEST_CASE("ranges that lie are refused") {
  const auto one = [](const std::string& type, const std::string& shape, const std::string& offsets, std::size_t size) {
    return fault("{" + entry("t", type, shape, offsets) + "}", size);
  };
  CHECK(one("F32", "[2]", "[0,8]", 8).empty());
  CHECK(contains(one("F32", "[2]", "[0,8]", 7), "not inside the 7 bytes"));
  CHECK(contains(one("F32", "[2]", "[0,8]", 9), "belong to no tensor"));
  CHECK(contains(one("F32", "[2]", "[8,0]", 8), "not inside"));
  CHECK(contains(one("F32", "[2]", "[1,9]", 9), "after a gap"));
  CHECK(contains(one("F32", "[2]", "[18446744073709551608,0]", 8), "not inside"));
  CHECK(contains(one("F32", "[3]", "[0,8]", 8), "takes 12 bytes, its range holds 8"));
  CHECK(contains(one("F32", "[4294967296,4294967296]", "[0,0]", 0), "does not fit 64 bits"));
  CHECK(contains(one("F32", "[1152921504606846976]", "[0,0]", 0), "does not fit 64 bits"));
  CHECK(one("F32", "[0,4294967296,4294967296]", "[0,0]", 0).empty());
  CHECK(contains(one("F4", "[3]", "[0,2]", 2), "whole number of bytes"));
  CHECK(contains(one("UNKNOWN", "[4294967296,4294967296]", "[0,2]", 2), "does not fit 64 bits"));
  const std::string overlap = "{" + entry("a", "U8", "[4]", "[0,4]") + "," + entry("b", "U8", "[4]", "[2,6]") + "}";
  CHECK(contains(fault(overlap, 6), "'b' begins at byte 2 of the data, inside the one before it"));
  const std::string gap = "{" + entry("a", "U8", "[4]", "[0,4]") + "," + entry("b", "U8", "[4]", "[5,9]") + "}";
  CHECK(contains(fault(gap, 9), "after a gap"));
  const std::string same = "{" + entry("a", "U8", "[4]", "[0,4]") + "," + entry("b", "U8", "[4]", "[0,4]") + "}";
  CHECK(contains(fault(same, 4), "inside"));
}

TEST_CASE("a header with another structure is refused") {
  const std::string good = entry("t", "U8", "[1]", "[0,1]");
  CHECK(fault("{" + good + "}", 1).empty());
  CHECK(contains(fault("{" + good + "," + good + "}", 1), "'t' is in its header twice"));
  CHECK(contains(fault("{" + good + "," + entry("\\u0074", "U8", "[1]", "[1,2]") + "}", 2), "twice"));
  CHECK(contains(fault("{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,1]}}", 1), "twice"));
  CHECK(contains(fault("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," + good + "}", 1), "__metadata__ twice"));
  CHECK(contains(fault("{\"__metadata__\":{\"a\":1}," + good + "}", 1), "of __metadata__"));
  CHECK(contains(fault("{\"__metadata__\":[]," + good + "}", 1), "is an array"));
  CHECK(contains(fault("{\"t\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1), "missing"));
  CHECK(contains(fault("{\"t\":{}}", 0), "missing"));
  CHECK(contains(fault("{\"t\":5}", 0), "'t' of its header is a number"));
  CHECK(contains(fault("{" + good.substr(0, good.size() - 1) + ",\"x\":1}}", 1), "unknown key 'x'"));
  for (const std::string shape :
       {"[-1]", "[1.0]", "[1e0]", "[\"1\"]", "[[1]]", "[null]", "[true]", "{}", "1", "[18446744073709551616]"}) {
    CAPTURE(shape);
    CHECK_FALSE(fault("{" + entry("t", "U8", shape, "[0,1]") + "}", 1).empty());
  }
  for (const std::string offsets : {"[0]", "[0,1,1]", "[]", "[0,-1]", "\"01\"", "{\"0\":1}"}) {
    CAPTURE(offsets);
    CHECK_FALSE(fault("{" + entry("t", "U8", "[1]", offsets) + "}", 1).empty());
  }
  for (const std::string text : {"{", "{]", "{\"t\"}", "{}{}", "{} x", "{\"t\":{\"dtype\":[]}}", "{\"\xff\":{}}",
                                 "{\"t\":[]}", "{\"a\":{\"a\":{\"a\":{}}}}"}) {
    CAPTURE(text);
    CHECK_FALSE(fault(text, 0).empty());
  }
  CHECK_FALSE(fault("{" + entry("t", "U8", "[" + std::string(200, '1') + "]", "[0,1]") + "}", 1).empty());
  std::string ranks = "1";
  for (int i = 0; i < 63; ++i) ranks += ",1";
  CHECK(fault("{" + entry("t", "U8", "[" + ranks + "]", "[0,1]") + "}", 1).empty());
  CHECK_FALSE(fault("{" + entry("t", "U8", "[" + ranks + ",1]", "[0,1]") + "}", 1).empty());
}

TEST_CASE("every prefix of a true file is refused, and none crashes") {
  const std::string file = file_of("{" + entry("t", "F32", "[2]", "[0,8]") + "}", 8);
  std::size_t refused = 0;
  for (std::size_t size = 0; size < file.size(); ++size) {
    refused += fault_of([&] { parse_safetensors(bytes_of(file).first(size), "in"); }).empty() ? 0U : 1U;
  }
  CHECK(refused == file.size());
}
