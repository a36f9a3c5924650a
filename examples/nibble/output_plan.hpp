// SPDX-License-Identifier: Apache-2.0
//
// What a quantized file will hold: the tensors to hand to the writer, and where each part of the input goes in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "input_file.hpp"
#include "quantize_file.hpp"
#include "safetensors_writer.hpp"

namespace nibble::tool {

struct quantized_place {
  const logical_tensor* source;
  quantize_job job;
  std::size_t packed, scale, global_scale;  ///< numbers of planned tensors, where the format has them
};

struct copied_place {
  const stored_tensor* source;
  std::size_t index;
};

struct output_plan {
  std::vector<planned_tensor> tensors;
  std::map<std::string, std::string> metadata;
  std::vector<quantized_place> quantized;
  std::vector<copied_place> copied;
  std::uint64_t work = 0;  ///< bytes that are read

  [[nodiscard]] std::uint64_t quantized_bytes() const;
};

/// Whether a name matches one of the globs; without any, every name does.
bool matches(const std::vector<std::string>& patterns, const std::string& name);

/// The plan for a file; it points into `input`. Throws data_error where nothing is to be quantized, usage_error for names
/// that do not fit together.
output_plan make_plan(const input_file& input, const quantize_request& request);

/// Writes the codes and scales of a tile of a tensor with `cols` columns to their places.
void write_tile(safetensors_writer& writer, const quantized_place& place, std::uint64_t cols, const tile& part,
                const code_area<const std::uint8_t>& area);

/// Throws data_error where the tensor holds NaN or Inf and its format has no code for them.
void check_codes(const input_file& input, const quantized_place& place, const error_sums& errors);

}  // namespace nibble::tool
