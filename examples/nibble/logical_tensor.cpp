// SPDX-License-Identifier: Apache-2.0
//
// Implementation of logical_tensor.hpp.
#include "logical_tensor.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "block_codec.hpp"
#include "error.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

class joiner {
 public:
  joiner(const std::vector<stored_tensor>& stored, const std::map<std::string, std::string>& metadata,
         std::string_view path)
      : stored_(stored), metadata_(metadata), path_(printable(path)) {
    for (const stored_tensor& tensor : stored_) by_name_.emplace(tensor.name, &tensor);
  }

  std::vector<logical_tensor> run() {
    for (const auto& [key, text] : metadata_) {
      if (key == file_key) check_file_record(text, path_);
      if (key.starts_with(tensor_key_prefix)) add(key.substr(tensor_key_prefix.size()), text);
    }
    std::vector<logical_tensor> tensors;
    for (const stored_tensor& tensor : stored_) {
      if (const auto found = joined_.find(&tensor); found != joined_.end()) {
        tensors.push_back(std::move(found->second));
      } else if (!parts_.contains(&tensor)) {
        logical_tensor plain;
        plain.name = tensor.name;
        plain.shape = tensor.shape;
        plain.plain = &tensor;
        tensors.push_back(std::move(plain));
      }
    }
    return tensors;
  }

 private:
  void add(const std::string& name, const std::string& text) {
    if (!metadata_.contains(std::string(file_key))) {
      throw data_error(path_ + ": has a quantized tensor but no 'nibble' record in its __metadata__");
    }
    logical_tensor tensor = join(name, text);
    const stored_tensor* first = tensor.packed;
    for (const stored_tensor* piece : {tensor.packed, tensor.scale, tensor.global_scale}) {
      if (piece == nullptr) continue;
      parts_.insert(piece);
      first = std::min(first, piece);
    }
    joined_.emplace(first, std::move(tensor));
  }

  [[nodiscard]] logical_tensor join(const std::string& name, const std::string& text) const {
    const std::string subject = path_ + ": tensor '" + printable(name) + "'";
    logical_tensor tensor;
    tensor.name = name;
    tensor.record = parse_record(text, subject);
    tensor.shape = tensor.record->shape;
    const block_codec* codec = find_block_codec(tensor.record->format);
    if (codec == nullptr) throw data_error(subject + ": unknown format '" + printable(tensor.record->format) + "'");
    check_shape(tensor.shape, subject);
    if (by_name_.contains(name)) throw data_error(subject + " is there twice, plain and quantized");
    const block_format& f = codec->format;
    const auto [rows, cols] = fold(tensor.shape);
    tensor.packed = part(name + "_packed", "U8", {rows, f.row_bytes(cols)}, subject);
    if (codec->stores_scales) {
      tensor.scale = part(name + "_scale", "U8", {f.scale_rows(rows), f.scale_cols(cols)}, subject);
    }
    if (f.tensor_scale) tensor.global_scale = part(name + "_global_scale", "F32", {1}, subject);
    return tensor;
  }

  // Byte counts are computed from the shape: none of them may wrap around, not even beside a dimension of zero.
  static void check_shape(const std::vector<std::uint64_t>& shape, const std::string& subject) {
    constexpr std::uint64_t limit = std::uint64_t{1} << 60;
    bool fits = element_count(shape).value_or(limit) < limit;
    for (const std::uint64_t extent : shape) fits = fits && extent < limit;
    if (!fits) throw data_error(subject + ": the shape " + shape_text(shape) + " is too large");
  }

  // A part of a quantized tensor must be there with exactly this type and shape.
  [[nodiscard]] const stored_tensor* part(const std::string& name, std::string_view type,
                                          const std::vector<std::uint64_t>& shape, const std::string& subject) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) throw data_error(subject + ": '" + printable(name) + "' is missing");
    const stored_tensor* tensor = found->second;
    if (tensor->type != type || tensor->shape != shape) {
      throw data_error(subject + ": '" + printable(name) + "' is " + printable(tensor->type) + " " +
                       shape_text(tensor->shape) + ", not " + std::string(type) + " " + shape_text(shape));
    }
    return tensor;
  }

  const std::vector<stored_tensor>& stored_;
  const std::map<std::string, std::string>& metadata_;
  std::string path_;
  std::map<std::string_view, const stored_tensor*> by_name_;
  std::map<const stored_tensor*, logical_tensor> joined_;  // by the first part in the file
  std::set<const stored_tensor*> parts_;
};

}  // namespace

std::vector<logical_tensor> join_quantized(const std::vector<stored_tensor>& stored,
                                           const std::map<std::string, std::string>& metadata, std::string_view path) {
  return joiner(stored, metadata, path).run();
}

}  // namespace nibble::tool
