// SPDX-License-Identifier: Apache-2.0
//
// Implementation of quantize_file.hpp.
#include "quantize_file.hpp"

#include <algorithm>
#include <utility>

#include "copy_tensor.hpp"
#include "error.hpp"
#include "names.hpp"
#include "output_plan.hpp"
#include "progress.hpp"
#include "safetensors_writer.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

error_sums write_quantized(const input_file& input, const quantized_place& place, safetensors_writer& writer,
                           unsigned threads, progress& bar) {
  const tensor_reader reader(input, *place.source);
  const block_format& f = place.job.codec->format;
  const std::uint64_t cols = reader.shape().cols;
  const auto sink = [&](const tile& part, const code_area<const std::uint8_t>& area) {
    write_tile(writer, place, cols, part, area);
  };
  const quantize_outcome outcome = quantize_tensor(reader, place.job, threads, sink, bar);
  if (f.tensor_scale) {
    writer.write(place.global_scale, 0, std::as_bytes(std::span(&outcome.tensor_scale, 1)));
  }
  check_codes(input, place, outcome.errors);
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
  if (!job.codec->stores_scales) {
    if (request.recipe != "default") {
      throw usage_error("the recipe '" + request.recipe + "' says nothing about " + request.format);
    }
    if (job.rounding.value_or(rounding_mode::stochastic) != rounding_mode::stochastic) {
      throw usage_error(request.format + " is rounded stochastically, not by '" + request.rounding + "'");
    }
    job.rounding = rounding_mode::stochastic;
  }
  job.seed = request.seed;
  job.is_measured = request.has_report;
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
