// SPDX-License-Identifier: Apache-2.0
//
// Quantizing the tensors of a file into a safetensors file, and back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "error_measure.hpp"
#include "input_file.hpp"
#include "quantize_tensor.hpp"

namespace nibble::tool {

/// What `nibble quantize` is asked for.
struct quantize_request {
  std::string format = "nvfp4", recipe = "default";
  std::string rounding;  ///< empty: as the recipe says
  std::uint64_t seed = 0;
  unsigned threads = 1;
  std::vector<std::string> patterns;  ///< globs of the tensors to quantize; none: all
  bool has_report = true;             ///< whether to find out what quantization cost
};

/// The job for the tensor of that name. Throws usage_error for names that do not fit together.
quantize_job job_for(const quantize_request& request, const std::string& tensor_name);

/// The rounding that the job uses, by name.
std::string rounding_text(const quantize_job& job);

struct quantized_tensor_summary {
  std::string name, type;
  std::vector<std::uint64_t> shape;
  error_sums errors;  ///< where the request has a report
};

struct quantize_summary {
  std::vector<quantized_tensor_summary> tensors;
  std::uint64_t copied = 0;                         ///< tensors
  std::uint64_t bytes_before = 0, bytes_after = 0;  ///< of the quantized tensors
};

/// Writes `output`, a safetensors file: floating tensors with elements whose names match become NAME_packed,
/// NAME_scale and, where the format has one, NAME_global_scale; every other tensor is copied as it is.
quantize_summary quantize_file(const input_file& input, const std::string& output, const quantize_request& request);

/// The random stream of a tensor: the 64-bit FNV-1a hash of its name, so that tensors that share a seed
/// have different random words, whatever else is in the file.
std::uint64_t stream_of(const std::string& tensor_name);

}  // namespace nibble::tool
