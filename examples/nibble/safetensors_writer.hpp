// SPDX-License-Identifier: Apache-2.0
//
// Writes a safetensors file whose tensors are all planned first: the header goes out before the data, and the data in
// any order and in pieces of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "output_file.hpp"

namespace nibble::tool {

struct planned_tensor {
  std::string name;
  std::string type;  ///< safetensors spelling, known or not
  std::vector<std::uint64_t> shape;
  std::uint64_t size = 0;  ///< bytes
};

class safetensors_writer {
 public:
  /// Lays the tensors out with wide elements first, so that each begins at a multiple of its element size, and writes
  /// the header. Throws data_error where two tensors have one name or a name is "__metadata__".
  safetensors_writer(const std::string& path, std::vector<planned_tensor> plan,
                     const std::map<std::string, std::string>& metadata);

  /// Writes bytes [offset, offset + bytes.size()) of the plan's tensor number `index`. Threads may call it at once.
  void write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes);

  /// Gives the file its name. Throws std::logic_error where a tensor was not written in full.
  void commit();

 private:
  struct destination {
    std::uint64_t begin = 0, size = 0, written = 0;
  };

  output_file file_;
  std::mutex mutex_;
  std::vector<destination> destinations_;
};

}  // namespace nibble::tool
