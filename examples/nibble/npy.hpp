// SPDX-License-Identifier: Apache-2.0
//
// The NPY array format, versions 1.0, 2.0 and 3.0 (numpy.lib.format, "NumPy Enhancement Proposal 1"): one array a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "stored_tensor.hpp"

namespace nibble::tool {

/// How 2-byte elements without a number type ('<V2', '|V2') are read: NumPy has no bfloat16 and writes it like that.
enum class raw_elements { refuse, bfloat16 };

/// Parses a whole file; the tensor's bytes point into `file` and its name is "data". Accepted element types are
/// '<f2' '<f4' '<f8' '|u1' and, with raw_elements::bfloat16, '<V2' '|V2' 'bfloat16'. Throws data_error, whose text
/// starts with `path`, for anything else: another type, big-endian elements, a header that is not the documented
/// dictionary, or a file that is longer or shorter than its shape asks for.
stored_tensor parse_npy(std::span<const std::byte> file, std::string_view path, raw_elements raw);

/// The header (magic string to the end of the padding, a multiple of 64 bytes) of a row-major array.
/// `type` is "F16", "F32", "F64" or "U8". Version 1.0 wherever it fits, else 2.0.
std::string npy_header(std::string_view type, std::span<const std::uint64_t> shape);

}  // namespace nibble::tool
