// SPDX-License-Identifier: Apache-2.0

// Reference for block quantization: what the named implementations give for a matrix, written down operation by
// operation in emulated float32 (number.hpp) from their sources. Blocks run along rows; a tail that does not fill a
// block counts as padded with zeros. Codes come one a byte, scales one byte a block, row-major.
#pragma once

#include <oracle/mx.hpp>
#include <oracle/nvfp4.hpp>
