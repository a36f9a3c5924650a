// SPDX-License-Identifier: Apache-2.0
// Matrix units read one-byte scales only.
// expect: matrix units read one-byte scales
#include <nibble/nibble.hpp>

#ifndef RIGHT_USE
using tensor = nibble::block_tensor<nibble::fp8_per_row>;
#else
using tensor = nibble::block_tensor<nibble::mxfp8_e4m3>;
#endif

auto scales(const tensor& w) { return nibble::swizzled_scales(w); }
