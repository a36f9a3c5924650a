// SPDX-License-Identifier: Apache-2.0
//
// The readers of outside bytes, as functions that take any bytes; and files that bring a fuzzer into their depths.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

/// Reads the bytes as a file and, where they are one, every value of its tensors. Returns whether they were one.
bool read_as_npy(std::span<const std::byte> file);
bool read_as_safetensors(std::span<const std::byte> file);

std::vector<std::string> npy_seeds();
std::vector<std::string> safetensors_seeds();
