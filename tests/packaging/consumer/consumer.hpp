// SPDX-License-Identifier: Apache-2.0
// What the two translation units of the consumer share.
#pragma once

#include <vector>

#include <nibble/nibble.hpp>

#ifndef NIBBLE_VERSION
#error "nibble.hpp does not tell its version"
#endif

/// Quantizes `values` as one row in the other translation unit.
nibble::block_tensor<nibble::mxfp4> quantize_elsewhere(const std::vector<float>& values);
