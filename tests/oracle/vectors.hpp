// SPDX-License-Identifier: Apache-2.0

// Reads tests/vectors: what published implementations give for three tensors (vectors/README.md).
#pragma once

#include <oracle/blocks.hpp>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace oracle {

inline std::vector<std::uint8_t> read_vector(const std::string& name) {
  std::ifstream file(std::string(NIBBLE_TEST_SOURCE_DIR "/vectors/") + name, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read tests/vectors/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::vector<std::uint32_t> words_of(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint32_t> words(bytes.size() / 4);
  for (std::size_t i = 0; i < bytes.size(); ++i) words[i / 4] |= std::uint32_t{bytes[i]} << (8 * (i % 4));
  return words;
}

/// One of the inputs `gauss`, `gauss_outlier`, `zero_blocks`: 64 x 256.
inline matrix vector_input(const std::string& tensor) {
  return {64, 256, words_of(read_vector("inputs/" + tensor + ".f32"))};
}

/// Low half first.
inline std::vector<std::uint8_t> halves_of(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint8_t> codes;
  for (const std::uint8_t byte : bytes) {
    codes.push_back(byte & 0xFU);
    codes.push_back(static_cast<std::uint8_t>(byte >> 4));
  }
  return codes;
}

/// Codes, one a byte. `packed` tells FP4 files (.u4) from the others (.u8).
inline std::vector<std::uint8_t> vector_codes(const std::string& tensor, const std::string& recipe, bool packed) {
  const std::string stem = "outputs/" + tensor + "." + recipe + ".codes.";
  return packed ? halves_of(read_vector(stem + "u4")) : read_vector(stem + "u8");
}

inline std::vector<std::uint8_t> vector_scales(const std::string& tensor, const std::string& recipe) {
  return read_vector("outputs/" + tensor + "." + recipe + ".scales.u8");
}

/// Bits of the float32 numbers in a `global` file.
inline std::vector<std::uint32_t> vector_global(const std::string& tensor, const std::string& recipe) {
  return words_of(read_vector("outputs/" + tensor + "." + recipe + ".global.f32"));
}

}  // namespace oracle
