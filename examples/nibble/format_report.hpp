// SPDX-License-Identifier: Apache-2.0
//
// Which block format suits a tensor: the error of every format, as tables and as a picture.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "error_measure.hpp"
#include "progress.hpp"
#include "svg.hpp"
#include "tensor_reader.hpp"

namespace nibble::tool {

/// The errors of one tensor, in the order of block_codecs(): default recipe, nearest even; luq4 stochastic.
struct tensor_report {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<error_sums> errors;
};

/// Measures every block format in one pass over the tensor, after one for its amax.
std::vector<error_sums> measure_formats(const tensor_reader& tensor, unsigned threads, progress& bar);

/// The passes that measure_formats takes.
inline constexpr unsigned report_passes = 2;

/// Index of the format with the fewest bits whose SQNR reaches `threshold_db`, the better of two with as many bits;
/// -1 where none does.
int suitable_format(const std::vector<error_sums>& errors, double threshold_db);

/// Index of the format with the best SQNR among those with elements of `element_bits` bits.
int best_format(const std::vector<error_sums>& errors, int element_bits);

/// One row a tensor: the SQNR of every format and the one that suits.
std::string tensor_table(const std::vector<tensor_report>& reports, double threshold_db);

/// One row a format: bits, errors, counts and bias over all tensors. Errors weigh by energy, bias by elements.
std::string format_table(const std::vector<tensor_report>& reports);

/// Relative MSE on a logarithmic axis, one row a tensor, one dot a format.
svg_picture error_plot(const std::vector<tensor_report>& reports);

}  // namespace nibble::tool
