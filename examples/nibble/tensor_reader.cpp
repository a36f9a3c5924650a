// SPDX-License-Identifier: Apache-2.0
//
// Implementation of tensor_reader.hpp.
#include "tensor_reader.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace nibble::tool {

tensor_reader::tensor_reader(const input_file* file, const logical_tensor& tensor)
    : file_(file), tensor_(&tensor), plain_(tensor.plain), shape_(fold(tensor.shape)) {
  if (plain_ != nullptr) return;
  codec_ = find_block_codec(tensor.record->format);
  if (tensor.global_scale != nullptr) std::memcpy(&tensor_scale_, tensor.global_scale->bytes.data(), sizeof(float));
}

tensor_reader::tensor_reader(const stored_tensor& tensor) : plain_(&tensor), shape_(fold(tensor.shape)) {}

std::uint64_t tensor_reader::bytes() const noexcept {
  if (plain_ != nullptr) return plain_->bytes.size();
  return tensor_->packed->bytes.size() + (tensor_->scale != nullptr ? tensor_->scale->bytes.size() : 0);
}

code_area<const std::uint8_t> tensor_reader::codes_at(const tile& part) const noexcept {
  const block_format& f = codec_->format;
  code_area<const std::uint8_t> area;
  area.code_stride = f.row_bytes(shape_.cols);
  area.codes = reinterpret_cast<const std::uint8_t*>(tensor_->packed->bytes.data()) + part.row * area.code_stride +
               f.row_bytes(part.col);
  if (tensor_->scale == nullptr) return area;
  area.scale_stride = f.scale_cols(shape_.cols);
  area.scales = reinterpret_cast<const std::uint8_t*>(tensor_->scale->bytes.data()) + part.row * area.scale_stride +
                f.scale_cols(part.col);
  return area;
}

template <class Value>
void tensor_reader::load_plain(const tile& part, std::span<Value> out) const {
  const bool whole_rows = part.cols == shape_.cols;
  const std::uint64_t runs = whole_rows ? 1 : part.rows;
  const std::uint64_t length = whole_rows ? part.size() : part.cols;
  for (std::uint64_t run = 0; run < runs; ++run) {
    const std::uint64_t first = (part.row + run) * shape_.cols + part.col;
    load_elements(*plain_, first, out.subspan(run * length, length));
  }
  release(part);
}

matrix_view<float> tensor_reader::view(const tile& part, std::vector<float>& buffer) const {
  if (plain_ != nullptr && plain_->type == "F32" && !plain_->column_major) {
    const std::byte* first = plain_->bytes.data() + (part.row * shape_.cols + part.col) * sizeof(float);
    if (reinterpret_cast<std::uintptr_t>(first) % alignof(float) == 0) {
      return {reinterpret_cast<const float*>(first), part.rows, part.cols, static_cast<std::ptrdiff_t>(shape_.cols)};
    }
  }
  buffer.resize(part.size());
  load(part, std::span<float>(buffer));
  return {buffer.data(), part.rows, part.cols};
}

template <class Use>
void tensor_reader::for_runs(const tile& part, const Use& use) const {
  if (file_ == nullptr || plain_ == nullptr) return;
  if (part.cols == shape_.cols) {
    use(element_bytes(*plain_, part.row * shape_.cols, part.size()));
    return;
  }
  for (std::uint64_t r = part.row; r < part.row + part.rows; ++r) {
    use(element_bytes(*plain_, r * shape_.cols + part.col, part.cols));
  }
}

void tensor_reader::release(const tile& part) const {
  for_runs(part, [&](std::span<const std::byte> run) { file_->release(run); });
}

void tensor_reader::load_quantized(const tile& part, float* out) const {
  const code_area<const std::uint8_t> area = codes_at(part);
  codec_->dequantize(area, tensor_scale_, part.rows, part.cols, out);
  // A band of whole rows is one run of bytes, a tile of columns has one in each row.
  const bool whole_rows = part.cols == shape_.cols;
  const std::uint64_t runs = whole_rows ? 1 : part.rows;
  const std::uint64_t rows = whole_rows ? part.rows : 1;
  for (std::uint64_t run = 0; run < runs; ++run) {
    release_codes(area.codes + run * area.code_stride, rows * codec_->format.row_bytes(part.cols));
    if (area.scales == nullptr) continue;
    release_codes(area.scales + run * area.scale_stride, rows * codec_->format.scale_cols(part.cols));
  }
}

void tensor_reader::release_codes(const std::uint8_t* begin, std::uint64_t size) const {
  if (file_ != nullptr) file_->release(std::as_bytes(std::span(begin, size)));
}

void tensor_reader::load(const tile& part, std::span<float> out) const {
  if (plain_ != nullptr) {
    load_plain(part, out);
  } else {
    load_quantized(part, out.data());
  }
}

void tensor_reader::load(const tile& part, std::span<double> out) const {
  if (plain_ != nullptr) {
    load_plain(part, out);
    return;
  }
  std::vector<float> values(part.size());
  load_quantized(part, values.data());
  std::copy(values.begin(), values.end(), out.begin());
}

}  // namespace nibble::tool
