// SPDX-License-Identifier: Apache-2.0
//
// Implementation of quantize_file.hpp.
#include "quantize_file.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

#include "copy_tensor.hpp"
#include "error.hpp"
#include "names.hpp"
#include "progress.hpp"
#include "safetensors_writer.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
         });
}

bool is_wanted(const quantize_request& request, const logical_tensor& tensor) {
  return tensor.plain != nullptr && is_floating(*tensor.plain) && element_count(tensor.shape).value_or(0) > 0 &&
         matches(request.patterns, tensor.name);
}

struct quantized_place {
  const logical_tensor* source;
  quantize_job job;
  std::size_t packed, scale, global_scale;
};

struct copied_place {
  const stored_tensor* source;
  std::size_t index;
};

// The output in the making: a list of tensors to hand to the writer, and where each part of the input goes in it.
struct output_plan {
  std::vector<planned_tensor> tensors;
  std::map<std::string, std::string> metadata;
  std::vector<quantized_place> quantized;
  std::vector<copied_place> copied;
  std::uint64_t work = 0;  // bytes that are read

  std::size_t add(std::string name, std::string type, std::vector<std::uint64_t> shape, std::uint64_t size) {
    tensors.push_back({std::move(name), std::move(type), std::move(shape), size});
    return tensors.size() - 1;
  }

  void copy(const stored_tensor* tensor) {
    if (tensor == nullptr) return;
    copied.push_back({tensor, add(tensor->name, tensor->type, tensor->shape, tensor->bytes.size())});
    work += tensor->bytes.size();
  }

  void quantize(const logical_tensor& tensor, const quantize_request& request) {
    quantized_place place{&tensor, job_for(request, tensor.name), 0, 0, 0};
    const quantize_job& job = place.job;
    const block_format& f = job.codec->format;
    const auto [rows, cols] = fold(tensor.shape);
    const std::uint64_t code_row = f.row_bytes(cols), scale_row = f.scale_cols(cols);
    place.packed = add(tensor.name + "_packed", "U8", {rows, code_row}, rows * code_row);
    place.scale = add(tensor.name + "_scale", "U8", {rows, scale_row}, rows * scale_row);
    if (f.tensor_scale) place.global_scale = add(tensor.name + "_global_scale", "F32", {1}, 4);
    metadata[std::string(tensor_key_prefix) + tensor.name] = record_text(
        {tensor.shape, request.format, request.recipe, rounding_text(job), job.seed, job.stream, tensor.plain->type});
    quantized.push_back(place);
    work += tensor.plain->bytes.size() * passes(job);
  }

  [[nodiscard]] std::uint64_t quantized_bytes() const {
    std::uint64_t total = 0;
    for (const quantized_place& q : quantized) {
      total += tensors[q.packed].size + tensors[q.scale].size + (q.job.codec->format.tensor_scale ? 4 : 0);
    }
    return total;
  }
};

output_plan make_plan(const input_file& input, const quantize_request& request) {
  output_plan plan;
  plan.metadata = input.metadata();
  plan.metadata[std::string(file_key)] = file_record_text();
  for (const logical_tensor& tensor : input.tensors()) {
    if (is_wanted(request, tensor)) {
      plan.quantize(tensor, request);
    } else {
      for (const stored_tensor* t : {tensor.plain, tensor.packed, tensor.scale, tensor.global_scale}) plan.copy(t);
    }
  }
  if (plan.quantized.empty()) {
    throw data_error(printable(input.path()) + (request.patterns.empty()
                                                    ? ": no floating-point tensor to quantize"
                                                    : ": no floating-point tensor matches --tensor"));
  }
  return plan;
}

error_sums write_quantized(const input_file& input, const quantized_place& place, safetensors_writer& writer,
                           unsigned threads, progress& bar) {
  const tensor_reader reader(input, *place.source);
  const block_format& f = place.job.codec->format;
  const std::uint64_t cols = reader.shape().cols;
  const auto sink = [&](const tile& part, const code_area<const std::uint8_t>& area) {
    const bool whole_rows = part.cols == cols;
    const std::uint64_t runs = whole_rows ? 1 : part.rows;
    const std::uint64_t rows = whole_rows ? part.rows : 1;
    for (std::uint64_t run = 0; run < runs; ++run) {
      const std::span codes(area.codes + run * area.code_stride, rows * area.code_stride);
      const std::span scales(area.scales + run * area.scale_stride, rows * area.scale_stride);
      writer.write(place.packed, (part.row + run) * f.row_bytes(cols) + f.row_bytes(part.col), std::as_bytes(codes));
      writer.write(place.scale, (part.row + run) * f.scale_cols(cols) + f.scale_cols(part.col), std::as_bytes(scales));
    }
  };
  const quantize_outcome outcome = quantize_tensor(reader, place.job, threads, sink, bar);
  if (f.tensor_scale) {
    writer.write(place.global_scale, 0, std::as_bytes(std::span(&outcome.tensor_scale, 1)));
  }
  return outcome.errors;
}

}  // namespace

std::uint64_t stream_of(const std::string& tensor_name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : tensor_name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

quantize_job job_for(const quantize_request& request, const std::string& tensor_name) {
  quantize_job job;
  job.codec = find_block_codec(request.format);
  if (job.codec == nullptr) throw usage_error("no block format is called '" + request.format + "'");
  job.rules = recipe_by_name(request.recipe, job.codec->format, job.codec->name);
  if (!request.rounding.empty()) job.rounding = rounding_by_name(request.rounding);
  job.seed = request.seed;
  job.stream = stream_of(tensor_name);
  return job;
}

std::string rounding_text(const quantize_job& job) {
  return std::string(name_of(job.rounding.value_or(job.rules.rounding)));
}

quantize_summary quantize_file(const input_file& input, const std::string& output, const quantize_request& request) {
  const output_plan plan = make_plan(input, request);
  quantize_summary summary;
  safetensors_writer writer(output, plan.tensors, plan.metadata);
  progress bar("quantize", plan.work);
  for (const copied_place& c : plan.copied) copy_tensor(input, *c.source, writer, c.index, bar);
  for (const quantized_place& q : plan.quantized) {
    const error_sums errors = write_quantized(input, q, writer, request.threads, bar);
    summary.tensors.push_back({q.source->name, q.source->plain->type, q.source->shape, errors});
    summary.bytes_before += q.source->plain->bytes.size();
  }
  writer.commit();
  summary.copied = plan.copied.size();
  summary.bytes_after = plan.quantized_bytes();
  return summary;
}

}  // namespace nibble::tool
