// SPDX-License-Identifier: Apache-2.0
//
// The tensors of a file under their logical names: plain ones, and quantized ones put together from their parts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quantization_record.hpp"
#include "stored_tensor.hpp"

namespace nibble::tool {

/// A tensor under its logical name: `plain`, or the parts of a quantized one.
struct logical_tensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  const stored_tensor* plain = nullptr;
  std::optional<quantization_record> record;
  const stored_tensor* packed = nullptr;
  const stored_tensor* scale = nullptr;         ///< only where the format stores block scales
  const stored_tensor* global_scale = nullptr;  ///< only where the format has a tensor scale
};

/// Every tensor once, in the order of `stored`; a quantized one stands where its first part is. The result points into
/// `stored`. Throws data_error, starting with `path`, where a record of `metadata` does not fit the tensors.
std::vector<logical_tensor> join_quantized(const std::vector<stored_tensor>& stored,
                                           const std::map<std::string, std::string>& metadata, std::string_view path);

}  // namespace nibble::tool
