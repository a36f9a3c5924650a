// SPDX-License-Identifier: Apache-2.0
//
// Copying a tensor from file to file as it is.
#pragma once

#include <cstddef>

#include "input_file.hpp"
#include "progress.hpp"
#include "safetensors_writer.hpp"

namespace nibble::tool {

/// Writes all bytes of a row-major tensor as the plan's tensor number `index`, piece by piece.
void copy_tensor(const input_file& input, const stored_tensor& tensor, safetensors_writer& writer, std::size_t index,
                 progress& bar);

}  // namespace nibble::tool
