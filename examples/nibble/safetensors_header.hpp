// SPDX-License-Identifier: Apache-2.0
//
// The JSON header of a safetensors file as records: its grammar only, no file behind it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::tool {

struct safetensors_entry {
  std::string name, type;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes, counted from the end of the header
};

struct safetensors_header {
  std::vector<safetensors_entry> entries;  ///< in the order of the text
  std::map<std::string, std::string> metadata;
};

/// Throws data_error for JSON that is malformed, repeats a key or has anything but the documented structure.
safetensors_header parse_safetensors_header(std::string_view json, std::string_view path);

}  // namespace nibble::tool
