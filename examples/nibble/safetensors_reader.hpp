// SPDX-License-Identifier: Apache-2.0
//
// The safetensors format (huggingface/safetensors, "Format"): eight bytes with the length of the header, the header as
// JSON, then the bytes of the tensors without gaps. Every number in the header is checked before it is used.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stored_tensor.hpp"

namespace nibble::tool {

struct safetensors_contents {
  std::vector<stored_tensor> tensors;           ///< in the order of their bytes, which point into the parsed file
  std::map<std::string, std::string> metadata;  ///< "__metadata__", empty where it is absent
};

/// Parses a whole file. Throws data_error, whose text starts with `path`, where the header is longer than the file or
/// than 100,000,000 bytes (the limit of the reference reader), is not the documented JSON, names a key twice, or gives
/// a tensor a range that is outside the file, overlaps another, leaves a gap, or disagrees with its type and shape.
/// A type that is not known is accepted as it is: only its range is checked.
safetensors_contents parse_safetensors(std::span<const std::byte> file, std::string_view path);

}  // namespace nibble::tool
