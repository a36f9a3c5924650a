// SPDX-License-Identifier: Apache-2.0
//
// The value grids of the 4-, 6- and 8-bit formats as number lines.
#pragma once

#include <string>

#include "svg.hpp"

namespace nibble::tool {

/// Every finite number of each format as a tick: 4 and 6 bits on a linear scale, 8 bits by magnitude on a log2 scale.
svg_picture grid_plot();

void write_grid_plot(const std::string& path);

}  // namespace nibble::tool
