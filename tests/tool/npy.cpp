// SPDX-License-Identifier: Apache-2.0
//
// The .npy reader and header writer against files written byte by byte after the format's description.
#include "bytes.hpp"

#include <doctest/doctest.h>

#include <npy.hpp>
#include <vector>

using namespace nibble::tool;

namespace {

std::string npy_file(int major, const std::string& dictionary, std::size_t data_bytes) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(major);
  file += '\0';
  return file + little_endian(dictionary.size(), major == 1 ? 2 : 4) + dictionary + std::string(data_bytes, '\1');
}

std::string fault(const std::string& file, raw_elements raw = raw_elements::refuse) {
  return fault_of([&] { parse_npy(bytes_of(file), "in.npy", raw); });
}

std::string dictionary(const std::string& descr, const std::string& shape, const std::string& order = "False") {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

}  // namespace

TEST_CASE("every version, type and rank that the format knows is read") {
  for (const int major : {1, 2, 3}) {
    const std::string file = npy_file(major, dictionary("'<f4'", "(2, 3)"), 24);
    const stored_tensor t = parse_npy(bytes_of(file), "in.npy", raw_elements::refuse);
    CHECK(t.type == "F32");
    CHECK(t.shape == std::vector<std::uint64_t>{2, 3});
    CHECK(t.bytes.size() == 24);
    CHECK(t.bytes.data() == bytes_of(file).data() + file.size() - 24);
    CHECK_FALSE(t.column_major);
    CHECK(t.name == "data");
  }
  const auto type = [](const std::string& descr, std::size_t size, raw_elements raw = raw_elements::refuse) {
    const std::string file = npy_file(1, dictionary(descr, "(5,)"), 5 * size);
    return parse_npy(bytes_of(file), "in.npy", raw).type;
  };
  CHECK(type("'<f2'", 2) == "F16");
  CHECK(type("\"<f8\"", 8) == "F64");
  CHECK(type("'|u1'", 1) == "U8");
  CHECK(type("'<V2'", 2, raw_elements::bfloat16) == "BF16");
  CHECK(type("'|V2'", 2, raw_elements::bfloat16) == "BF16");
  CHECK(type("'bfloat16'", 2, raw_elements::bfloat16) == "BF16");
  const auto shape = [](const std::string& tuple, std::size_t count) {
    const std::string file = npy_file(1, dictionary("'<f2'", tuple), 2 * count);
    return parse_npy(bytes_of(file), "in.npy", raw_elements::refuse).shape;
  };
  CHECK(shape("()", 1).empty());
  CHECK(shape("(7,)", 7) == std::vector<std::uint64_t>{7});
  CHECK(shape("(2L, 3L)", 6) == std::vector<std::uint64_t>{2, 3});
  CHECK(shape("(0, 18446744073709551615, 9)", 0) == std::vector<std::uint64_t>{0, 18446744073709551615U, 9});
  CHECK(shape("( 1,2 ,3, )", 6) == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("elements of a column-major array come out in row-major order") {
  // a[i][j][k] = 100 i + 10 j + k, the first index fastest.
  std::string data;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) {
        const auto value = static_cast<float>(100 * i + 10 * j + k);
        data.append(reinterpret_cast<const char*>(&value), 4);
      }
  const std::string file = npy_file(1, dictionary("'<f4'", "(2, 3, 4)", "True"), 0) + data;
  const stored_tensor t = parse_npy(bytes_of(file), "in.npy", raw_elements::refuse);
  CHECK(t.column_major);
  std::vector<float> values(20), expected;
  load_elements(t, 4, values);
  for (int index = 4; index < 24; ++index) {
    expected.push_back(static_cast<float>(100 * (index / 12) + 10 * (index / 4 % 3) + index % 4));
  }
  CHECK(values == expected);
}

TEST_CASE("a faulty file is named with its fault") {
  const std::string good = dictionary("'<f4'", "(2, 3)");
  CHECK(contains(fault(""), "in.npy: not a .npy file"));
  CHECK(contains(fault("\x93NUMPX" + std::string(100, ' ')), "not a .npy file"));
  CHECK(contains(fault("\x93NUMPY\1"), "ends inside its header"));
  CHECK(contains(fault(npy_file(1, good, 24).substr(0, 40)), "ends inside its header"));
  CHECK(contains(fault("\x93NUMPY" + std::string("\4\0\0\0\0\0", 6)), "version 4.0"));
  CHECK(contains(fault("\x93NUMPY" + std::string("\2\0\xff\xff\xff\xff", 6)), "ends inside its header"));
  CHECK(contains(fault(npy_file(1, good, 23)), "takes 24 bytes, the file holds 23"));
  CHECK(contains(fault(npy_file(1, good, 25)), "takes 24 bytes, the file holds 25"));
  CHECK(contains(fault(npy_file(1, dictionary("'>f4'", "(2, 3)"), 24)), "big-endian"));
  CHECK(contains(fault(npy_file(1, dictionary("'<i4'", "(2, 3)"), 24)), "'<i4' are not supported"));
  CHECK(contains(fault(npy_file(1, dictionary("'|O'", "(2, 3)"), 24)), "not supported"));
  CHECK(contains(fault(npy_file(1, dictionary("'<V2'", "(2, 3)"), 12)), "--npy-bf16"));
  CHECK(contains(fault(npy_file(1, dictionary("[('a', '<f4')]", "(6,)"), 24)), "structured"));
  CHECK(contains(fault(npy_file(1, dictionary("'<f4'", "(4294967296, 4294967296)"), 24)), "does not fit 64 bits"));
  CHECK(contains(fault(npy_file(1, dictionary("'<f4'", "(4611686018427387904,)"), 24)), "does not fit 64 bits"));
  CHECK(contains(fault(npy_file(1, dictionary("'<f4'", "(18446744073709551616,)"), 24)), "does not fit 64 bits"));
}

TEST_CASE("a header that is not the documented dictionary is refused") {
  const auto refused = [](const std::string& text) { return !fault(npy_file(1, text, 24)).empty(); };
  CHECK_FALSE(refused(dictionary("'<f4'", "(6,)")));
  CHECK_FALSE(refused("{\"shape\":(6,),'descr':'<f4','fortran_order':False}"));
  CHECK(refused(""));
  CHECK(refused("{}"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (6)}"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (6 1)}"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': [6]}"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'extra': 1}"));
  CHECK(refused("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}"));
  CHECK(refused("{'descr': '<f4', 'shape': (6,)}"));
  CHECK(refused("{'descr': '<f4, 'fortran_order': False, 'shape': (6,)}"));
  CHECK(refused("{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (6,)}"));
  CHECK(refused("{'descr': '<f' '4', 'fortran_order': False, 'shape': (6,)}"));
  CHECK(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1+5,)}"));
}

TEST_CASE("a written header is the documented one and is read back") {
  const std::string header = npy_header("F32", std::vector<std::uint64_t>{3, 5});
  CHECK(header.size() == 128);
  CHECK(header.substr(0, 10) == std::string("\x93NUMPY\1\0\x76\0", 10));
  CHECK(header.substr(10, 60) == "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5), } ");
  CHECK(header.back() == '\n');
  for (const std::string type : {"F16", "F32", "F64", "U8"}) {
    for (const auto& shape : {std::vector<std::uint64_t>{}, {1}, {7, 3}, {2, 1, 4, 1}}) {
      const std::uint64_t size = *element_count(shape) * *type_bits(type) / 8;
      const std::string file = npy_header(type, shape) + std::string(size, 'x');
      const stored_tensor t = parse_npy(bytes_of(file), "in.npy", raw_elements::refuse);
      CHECK(t.type == type);
      CHECK(t.shape == shape);
      CHECK((file.size() - size) % 64 == 0);
    }
  }
  const std::vector<std::uint64_t> many(30000, 1);
  const std::string wide = npy_header("U8", many) + "x";
  CHECK(wide[6] == 2);
  CHECK(parse_npy(bytes_of(wide), "in.npy", raw_elements::refuse).shape == many);
  CHECK(contains(fault_of([] { npy_header("BF16", {}); }), "BF16"));
}
