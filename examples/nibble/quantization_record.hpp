// SPDX-License-Identifier: Apache-2.0
//
// What "__metadata__" of a safetensors file keeps about quantized tensors, so that they can be decoded without flags.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::tool {

/// How a quantized tensor came about, as "__metadata__" keeps it under "nibble:NAME".
struct quantization_record {
  std::vector<std::uint64_t> shape;  ///< logical
  std::string format, recipe, rounding;
  std::uint64_t seed = 0, stream = 0;  ///< of stochastic rounding
  std::string source_type;             ///< safetensors type before quantization
};

/// The record as JSON text, and back. Reading throws data_error, starting with `subject`, for any other text.
std::string record_text(const quantization_record& record);
quantization_record parse_record(std::string_view text, const std::string& subject);

/// The keys of "__metadata__": one for the file, one for each quantized tensor.
inline constexpr std::string_view file_key = "nibble";
inline constexpr std::string_view tensor_key_prefix = "nibble:";

/// What the file key holds: the version of the tool, and the number of the layout that the tensors are stored in.
std::string file_record_text();
void check_file_record(std::string_view text, const std::string& subject);

}  // namespace nibble::tool
