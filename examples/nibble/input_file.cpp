// SPDX-License-Identifier: Apache-2.0
//
// Implementation of input_file.hpp.
#include "input_file.hpp"

#include <utility>

#include "error.hpp"
#include "safetensors_reader.hpp"
#include "text.hpp"

namespace nibble::tool {

file_kind kind_of(const std::string& path) {
  if (path.ends_with(".npy")) return file_kind::npy;
  if (path.ends_with(".safetensors")) return file_kind::safetensors;
  throw usage_error(printable(path) + ": the name must end in .npy or .safetensors");
}

input_file::input_file(const std::string& path, raw_elements raw) : kind_(kind_of(path)), file_(path) {
  if (kind_ == file_kind::npy) {
    stored_.push_back(parse_npy(file_.bytes(), path, raw));
  } else {
    safetensors_contents contents = parse_safetensors(file_.bytes(), path);
    stored_ = std::move(contents.tensors);
    metadata_ = std::move(contents.metadata);
  }
  tensors_ = join_quantized(stored_, metadata_, path);
}

}  // namespace nibble::tool
