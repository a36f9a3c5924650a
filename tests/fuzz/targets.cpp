// SPDX-License-Identifier: Apache-2.0
//
// Implementation of targets.hpp, but for the seeds.
#include "targets.hpp"

#include <error.hpp>
#include <logical_tensor.hpp>
#include <npy.hpp>
#include <safetensors_reader.hpp>
#include <tensor_reader.hpp>

namespace {

using namespace nibble::tool;

// A tensor's bytes are in the file, so that its size bounds the work; empty tensors can have any shape.
void read_values(const tensor_reader& reader) {
  if (!reader.has_values()) return;
  const tiling tiles(reader.shape(), 1, 1000);
  std::vector<double> values;
  for (std::uint64_t i = 0; i < tiles.count(); ++i) {
    values.resize(tiles.at(i).size());
    reader.load(tiles.at(i), std::span<double>(values));
  }
}

}  // namespace

bool read_as_npy(std::span<const std::byte> file) {
  try {
    read_values(tensor_reader(parse_npy(file, "in.npy", raw_elements::bfloat16)));
  } catch (const data_error&) {
    return false;
  }
  return true;
}

bool read_as_safetensors(std::span<const std::byte> file) {
  try {
    const safetensors_contents contents = parse_safetensors(file, "in.safetensors");
    for (const logical_tensor& tensor : join_quantized(contents.tensors, contents.metadata, "in.safetensors")) {
      read_values(tensor_reader(nullptr, tensor));
    }
  } catch (const data_error&) {
    return false;
  }
  return true;
}
