// SPDX-License-Identifier: Apache-2.0
//
// Implementation of dequantize_file.hpp.
#include "dequantize_file.hpp"

#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "copy_tensor.hpp"
#include "error.hpp"
#include "npy.hpp"
#include "output_file.hpp"
#include "progress.hpp"
#include "safetensors_writer.hpp"
#include "tensor_reader.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

using byte_sink = std::function<void(std::uint64_t offset, std::span<const std::byte> bytes)>;

std::uint64_t float_bytes(const logical_tensor& tensor, const std::string& path) {
  std::uint64_t size = 0;
  if (__builtin_mul_overflow(element_count(tensor.shape).value_or(0), std::uint64_t{4}, &size)) {
    throw data_error(printable(path) + ": tensor '" + printable(tensor.name) + "' is too large");
  }
  return size;
}

// Decodes tile by tile; `sink` takes bytes at offsets of the tensor, from several threads at once.
void write_values(const input_file& input, const logical_tensor& tensor, unsigned threads, const byte_sink& sink,
                  progress& bar) {
  const tensor_reader reader(input, tensor);
  const matrix_shape shape = reader.shape();
  const tiling tiles(shape, 1);
  std::vector<std::vector<float>> values(threads);
  std::mutex mutex;
  parallel_for(tiles.count(), threads, [&](std::uint64_t index, unsigned worker) {
    const tile part = tiles.at(index);
    std::vector<float>& buffer = values[worker];
    buffer.resize(part.size());
    reader.load(part, std::span<float>(buffer));
    // Tiles are whole rows, or parts of one row: either way one run of elements.
    sink((part.row * shape.cols + part.col) * sizeof(float), std::as_bytes(std::span(buffer)));
    const std::lock_guard lock(mutex);
    bar.advance(part.size() * reader.bytes() / shape.size());
  });
}

dequantize_summary to_npy(const input_file& input, const std::string& output, unsigned threads) {
  if (input.tensors().size() != 1) {
    throw data_error(printable(input.path()) + ": holds " + std::to_string(input.tensors().size()) +
                     " tensors, a .npy file holds one; name the output .safetensors");
  }
  const logical_tensor& tensor = input.tensors().front();
  float_bytes(tensor, input.path());
  output_file file(output);
  const std::string header = npy_header("F32", tensor.shape);
  file.write_at(0, std::as_bytes(std::span(header)));
  progress bar("dequantize", tensor_reader(input, tensor).bytes());
  write_values(
      input, tensor, threads,
      [&](std::uint64_t offset, std::span<const std::byte> bytes) { file.write_at(header.size() + offset, bytes); },
      bar);
  file.commit();
  return {1, 0};
}

dequantize_summary to_safetensors(const input_file& input, const std::string& output, unsigned threads) {
  std::vector<planned_tensor> plan;
  std::uint64_t work = 0;
  for (const logical_tensor& tensor : input.tensors()) {
    work += tensor_reader(input, tensor).bytes();
    if (tensor.plain != nullptr) {
      plan.push_back({tensor.name, tensor.plain->type, tensor.shape, tensor.plain->bytes.size()});
    } else {
      plan.push_back({tensor.name, "F32", tensor.shape, float_bytes(tensor, input.path())});
    }
  }
  auto metadata = input.metadata();
  std::erase_if(metadata, [](const auto& entry) {
    return entry.first == file_key || entry.first.starts_with(tensor_key_prefix);
  });
  safetensors_writer writer(output, plan, metadata);
  progress bar("dequantize", work);
  dequantize_summary summary;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const logical_tensor& tensor = input.tensors()[i];
    if (tensor.plain != nullptr) {
      copy_tensor(input, *tensor.plain, writer, i, bar);
      ++summary.copied;
    } else {
      write_values(
          input, tensor, threads,
          [&](std::uint64_t offset, std::span<const std::byte> bytes) { writer.write(i, offset, bytes); }, bar);
      ++summary.dequantized;
    }
  }
  writer.commit();
  return summary;
}

}  // namespace

dequantize_summary dequantize_file(const input_file& input, const std::string& output, unsigned threads) {
  bool any = false;
  for (const logical_tensor& tensor : input.tensors()) any = any || tensor.plain == nullptr;
  if (!any) throw data_error(printable(input.path()) + ": holds no tensor that nibble quantized");
  return kind_of(output) == file_kind::npy ? to_npy(input, output, threads) : to_safetensors(input, output, threads);
}

}  // namespace nibble::tool
