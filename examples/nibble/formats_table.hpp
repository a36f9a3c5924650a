// SPDX-License-Identifier: Apache-2.0
//
// The tables that `nibble formats` prints.
#pragma once

#include <string>

namespace nibble::tool {

/// One row a named format, then one row a block format.
std::string formats_table();

}  // namespace nibble::tool
