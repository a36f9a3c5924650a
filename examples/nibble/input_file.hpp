// SPDX-License-Identifier: Apache-2.0
//
// An input file of either kind as named tensors.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "logical_tensor.hpp"
#include "mapped_file.hpp"
#include "npy.hpp"
#include "stored_tensor.hpp"

namespace nibble::tool {

enum class file_kind { npy, safetensors };

/// By the end of the name. Throws usage_error for another end.
file_kind kind_of(const std::string& path);

class input_file {
 public:
  /// Maps and parses the file. Throws usage_error for a name with another end and data_error for a faulty file.
  explicit input_file(const std::string& path, raw_elements raw = raw_elements::refuse);

  [[nodiscard]] const std::string& path() const noexcept { return file_.path(); }
  [[nodiscard]] file_kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::vector<stored_tensor>& stored() const noexcept { return stored_; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  /// Every tensor once, in the order of the file; a quantized one stands where its first part is.
  [[nodiscard]] const std::vector<logical_tensor>& tensors() const noexcept { return tensors_; }

  /// As mapped_file::release.
  void release(std::span<const std::byte> part) const noexcept { file_.release(part); }

 private:
  file_kind kind_;
  mapped_file file_;
  std::vector<stored_tensor> stored_;
  std::map<std::string, std::string> metadata_;
  std::vector<logical_tensor> tensors_;
};

}  // namespace nibble::tool
