// SPDX-License-Identifier: Apache-2.0
//
// The sub-commands: each adds itself to the program and runs when the command line names it.
#pragma once

#include <CLI/CLI.hpp>

namespace nibble::tool {

void add_formats(CLI::App& program);
void add_encode(CLI::App& program);
void add_decode(CLI::App& program);
void add_quantize(CLI::App& program);
void add_dequantize(CLI::App& program);
void add_sparsify(CLI::App& program);
void add_compare(CLI::App& program);
void add_check(CLI::App& program);
void add_report(CLI::App& program);

}  // namespace nibble::tool
