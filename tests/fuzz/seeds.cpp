// SPDX-License-Identifier: Apache-2.0
//
// Small true files of every kind that the readers know, written after the descriptions of the formats.
#include <cstdint>

#include "targets.hpp"

namespace {

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

std::string npy(int major, const std::string& type, const std::string& order, const std::string& shape,
                std::size_t bytes) {
  const std::string text = "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }  \n";
  std::string file = "\x93NUMPY";
  file += static_cast<char>(major);
  file += '\0';
  return file + little_endian(text.size(), major == 1 ? 2 : 4) + text + std::string(bytes, '\x3c');
}

std::string safetensors(const std::string& header, std::size_t bytes) {
  return little_endian(header.size(), 8) + header + std::string(bytes, '\x35');
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape, std::size_t begin,
                  std::size_t end) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

std::string quantized(const std::string& format, std::size_t row_bytes, std::size_t row_scales, bool global) {
  const std::string record = "{\\\"dtype\\\":\\\"F32\\\",\\\"format\\\":\\\"" + format +
                             "\\\",\\\"recipe\\\":\\\"default\\\",\\\"rounding\\\":\\\"nearest-even\\\","
                             "\\\"seed\\\":0,\\\"shape\\\":[2,1,33],\\\"stream\\\":0}";
  const std::size_t packed = 2 * row_bytes, scales = 2 * row_scales;
  std::string header = "{\"__metadata__\":{\"nibble\":\"{\\\"layout\\\":1}\",\"nibble:t\":\"" + record + "\"}," +
                       entry("t_packed", "U8", "[2," + std::to_string(row_bytes) + "]", 0, packed) + "," +
                       entry("t_scale", "U8", "[2," + std::to_string(row_scales) + "]", packed, packed + scales);
  if (global) header += "," + entry("t_global_scale", "F32", "[1]", packed + scales, packed + scales + 4);
  return safetensors(header + "}  ", packed + scales + (global ? 4 : 0));
}

}  // namespace

std::vector<std::string> npy_seeds() {
  return {npy(1, "<f4", "False", "(2, 3)", 24), npy(2, "<f2", "True", "(2, 3, 1)", 12),
          npy(3, "<f8", "False", "(3,)", 24),   npy(1, "|u1", "False", "()", 1),
          npy(1, "<V2", "True", "(2, 2)", 8),   npy(1, "bfloat16", "False", "(0, 5)", 0),
          npy(1, "<f4", "False", "(1L, 2L)", 8)};
}

std::vector<std::string> safetensors_seeds() {
  return {safetensors("{}", 0),
          safetensors("{\"__metadata__\":{\"format\":\"pt\"}," + entry("a", "F32", "[2,3]", 0, 24) + "," +
                          entry("b\\u00e9", "BF16", "[]", 24, 26) + "," + entry("c", "F4", "[2]", 26, 27) + "}",
                      27),
          safetensors("{" + entry("e", "F16", "[0,7]", 0, 0) + "," + entry("x", "NEW", "[9]", 0, 5) + "," +
                          entry("d", "F64", "[1,1]", 5, 13) + "}   ",
                      13),
          quantized("nvfp4", 17, 3, true),
          quantized("nvfp4-2d", 17, 3, true),
          quantized("mxfp4", 17, 2, false),
          quantized("mxfp6-e3m2", 33, 2, false),
          quantized("mxint8", 33, 2, false)};
}
