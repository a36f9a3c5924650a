// SPDX-License-Identifier: Apache-2.0
// One program, units for two instruction sets: unit.cpp is compiled twice, and both run in main.cpp.
#pragma once

#include <cstdint>
#include <vector>

/// Everything that a unit computes of `values`, in one row of bytes.
namespace small {
std::vector<std::uint8_t> results(const std::vector<float>& values);
}
namespace large {
std::vector<std::uint8_t> results(const std::vector<float>& values);
}
