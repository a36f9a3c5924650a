// SPDX-License-Identifier: Apache-2.0
//
// Implementation of output_plan.hpp.
#include "output_plan.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <span>
#include <utility>

#include "error.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

bool is_wanted(const quantize_request& request, const logical_tensor& tensor) {
  return tensor.plain != nullptr && is_floating(*tensor.plain) && element_count(tensor.shape).value_or(0) > 0 &&
         matches(request.patterns, tensor.name);
}

// A plan in the making.
struct plan_builder : output_plan {
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
    const std::uint64_t code_row = f.row_bytes(cols), scale_row = job.codec->stored_scales(cols);
    place.packed = add(tensor.name + "_packed", "U8", {rows, code_row}, rows * code_row);
    if (job.codec->stores_scales) place.scale = add(tensor.name + "_scale", "U8", {rows, scale_row}, rows * scale_row);
    if (f.tensor_scale) place.global_scale = add(tensor.name + "_global_scale", "F32", {1}, 4);
    metadata[std::string(tensor_key_prefix) + tensor.name] = record_text(
        {tensor.shape, request.format, request.recipe, rounding_text(job), job.seed, job.stream, tensor.plain->type});
    quantized.push_back(place);
    work += tensor.plain->bytes.size() * passes(job);
  }
};

}  // namespace

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
         });
}

std::uint64_t output_plan::quantized_bytes() const {
  std::uint64_t total = 0;
  for (const quantized_place& q : quantized) {
    total += tensors[q.packed].size + (q.job.codec->format.tensor_scale ? 4 : 0);
    if (q.job.codec->stores_scales) total += tensors[q.scale].size;
  }
  return total;
}

output_plan make_plan(const input_file& input, const quantize_request& request) {
  plan_builder plan;
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
                                                    ? ": no floating-point tensor with elements to quantize"
                                                    : ": no floating-point tensor matches --tensor"));
  }
  return plan;
}

void write_tile(safetensors_writer& writer, const quantized_place& place, std::uint64_t cols, const tile& part,
                const code_area<const std::uint8_t>& area) {
  const block_format& f = place.job.codec->format;
  const bool whole_rows = part.cols == cols;
  const std::uint64_t runs = whole_rows ? 1 : part.rows;
  const std::uint64_t rows = whole_rows ? part.rows : 1;
  for (std::uint64_t run = 0; run < runs; ++run) {
    const std::span codes(area.codes + run * area.code_stride, rows * area.code_stride);
    const std::span scales(area.scales + run * area.scale_stride, rows * area.scale_stride);
    writer.write(place.packed, (part.row + run) * f.row_bytes(cols) + f.row_bytes(part.col), std::as_bytes(codes));
    if (!place.job.codec->stores_scales) continue;
    writer.write(place.scale, (part.row + run) * f.scale_cols(cols) + f.scale_cols(part.col), std::as_bytes(scales));
  }
}

void check_codes(const input_file& input, const quantized_place& place, const error_sums& errors) {
  if (place.job.codec->stores_scales || errors.nonfinite == 0) return;
  throw data_error(printable(input.path()) + ": tensor '" + printable(place.source->name) + "' holds NaN or Inf, which " +
                   std::string(place.job.codec->name) + " has no code for");
}

}  // namespace nibble::tool
