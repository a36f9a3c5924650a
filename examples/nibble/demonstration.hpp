// SPDX-License-Identifier: Apache-2.0
//
// What `nibble quantize` shows without a file.
#pragma once

#include <string>

#include "quantize_file.hpp"

namespace nibble::tool {

/// The built-in tensor in the requested format: one block in full, the error of the tensor, and every other format.
std::string demonstration(const quantize_request& request);

}  // namespace nibble::tool
