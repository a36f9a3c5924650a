// SPDX-License-Identifier: Apache-2.0
//
// Implementation of demonstration.hpp.
#include "demonstration.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nibble/format/decode.hpp>
#include <vector>

#include "builtin_tensor.hpp"
#include "format_report.hpp"
#include "progress.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

constexpr std::uint64_t shown = 16;  // elements of the block that is printed

std::string code_text(unsigned code, int bits) {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "0x%0*x", bits <= 4 ? 1 : 2, code);
  return buffer.data();
}

// The first elements of the tensor: value, code, and what the code means.
std::string block_text(const quantize_job& job, const builtin_tensor& tensor, const tensor_reader& reader,
                       std::optional<float> amax) {
  const block_format& f = job.codec->format;
  const tile part{0, std::min<std::uint64_t>(tensor.rows, 16), 0, tensor.cols};
  const matrix_view<float> values(tensor.values.data(), part.rows, part.cols);
  tile_quantizer quantizer(job, reader.shape(), amax);
  const code_area<const std::uint8_t> area = quantizer.quantize(part, values, nullptr);
  std::vector<float> back(part.size());
  job.codec->dequantize(area, quantizer.tensor_scale(), part.rows, part.cols, back.data());
  text_table table({"value", "code", "element", "decoded"});
  for (std::uint64_t i = 0; i < shown; ++i) {
    const unsigned code = f.packing.slot_bits == 8 ? area.codes[i] : (area.codes[i / 2] >> (4 * (i % 2))) & 15U;
    table.add({significant(values(0, i), 5), code_text(code, f.element.bits()),
               significant(decode_double(f.element, code), 5), significant(back[i], 5)});
  }
  std::string text = "Its first " + std::to_string(shown) + " values. decoded = element * scale";
  if (!job.codec->stores_scales) {
    return text + "; scale = " + significant(quantizer.tensor_scale(), 6) + " for the whole tensor\n\n" + table.str();
  }
  if (f.tensor_scale) text += " * tensor scale";
  text += "; scale = " + significant(decode_double(f.scale, area.scales[0]), 6) + " (" + code_text(area.scales[0], 8) +
          ") for " + std::to_string(f.block_size) + (f.block_rows > 1 ? " columns of 16 rows" : " values");
  if (f.tensor_scale) text += ", tensor scale = " + significant(quantizer.tensor_scale(), 6);
  return text + "\n\n" + table.str();
}

}  // namespace

std::string demonstration(const quantize_request& request) {
  const builtin_tensor tensor = make_builtin_tensor();
  const stored_tensor stored{
      "built-in", "F32", {tensor.rows, tensor.cols}, std::as_bytes(std::span(tensor.values)), false};
  const tensor_reader reader(stored);
  const quantize_job job = job_for(request, stored.name);
  progress bar("quantize", (passes(job) + report_passes + 1) * reader.bytes());
  const auto amax = find_tensor_amax(reader, job, request.threads, [&](std::uint64_t bytes) { bar.advance(bytes); });
  const quantize_outcome outcome = quantize_tensor(
      reader, job, request.threads, [](const tile&, const code_area<const std::uint8_t>&) {}, bar);
  const std::vector<tensor_report> reports{{stored.name, stored.shape, measure_formats(reader, request.threads, bar)}};
  const error_sums& errors = outcome.errors;
  const block_format& f = job.codec->format;
  const std::uint64_t size =
      tensor.rows * (f.row_bytes(tensor.cols) + job.codec->stored_scales(tensor.cols)) + (f.tensor_scale ? 4 : 0);
  return "A built-in tensor, " + std::to_string(tensor.rows) + " x " + std::to_string(tensor.cols) +
         " float32: nearly normal, with some columns and single values much larger.\n" + "Quantized to " +
         request.format + ", recipe " + request.recipe + ", rounding " + rounding_text(job) + ": " +
         byte_count(reader.bytes()) + " became " + byte_count(size) + ".\n\n" + block_text(job, tensor, reader, amax) +
         "\nWhat it cost: SQNR " + sqnr_text(errors) + (errors.noise == 0 ? "" : " dB") +
         " (relative mean squared error " + significant(errors.relative_mse(), 4) + "), largest error " +
         significant(errors.largest, 4) + ",\n" + fixed(100 * errors.zeroed_share(), 2) +
         " % of the values became zero, " + fixed(100 * errors.clipped_share(), 2) +
         " % were clipped.\n\nEvery format, default recipe:\n\n" + format_table(reports) +
         "\nA file of your own:\n"
         "  nibble report model.safetensors\n"
         "  nibble quantize model.safetensors -o small.safetensors --format " +
         request.format + "\n";
}

}  // namespace nibble::tool
