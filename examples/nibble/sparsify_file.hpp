// SPDX-License-Identifier: Apache-2.0
//
// Pruning the tensors of a file to an N:M pattern.
#pragma once

#include <cstdint>
#include <nibble/method/sparsify.hpp>
#include <string>
#include <vector>

#include "input_file.hpp"

namespace nibble::tool {

/// What `nibble sparsify` is asked for.
struct sparsify_request {
  std::string pattern;
  std::string method = "magnitude";
  std::uint64_t seed = 0;  ///< of minimum-variance
  unsigned threads = 1;
  std::vector<std::string> patterns;  ///< globs of the tensors to prune; none: all
};

std::vector<std::string> sparsify_method_names();

/// "N:M" as numbers. Throws usage_error for anything else, and where not 1 <= N <= M and 2 <= M <= 16.
sparsity_pattern parse_pattern(const std::string& text);

struct sparse_tensor_summary {
  std::string name, type;
  std::vector<std::uint64_t> shape;
  std::uint64_t elements = 0, kept = 0;  ///< kept: not zero afterwards
  double before = 0, after = 0;          ///< sums of magnitudes, without NaN and Inf
};

struct sparsify_summary {
  std::vector<sparse_tensor_summary> tensors;
  std::uint64_t copied = 0;  ///< tensors
};

/// Writes `output`: floating tensors with elements whose names match are pruned under their own name, every other tensor is
/// copied as it is. Blocks run along the last dimension, leading dimensions are folded into rows. Kept values stay as they
/// are, in the tensor's own type; minimum-variance changes them and gives F32. A safetensors file says in "__metadata__"
/// under "nibble.sparsity:NAME" how each was pruned; a .npy file holds a single tensor and says nothing. Throws data_error
/// where nothing is to be pruned, and usage_error for a pattern or method that is none.
sparsify_summary sparsify_file(const input_file& input, const std::string& output, const sparsify_request& request);

}  // namespace nibble::tool
