// SPDX-License-Identifier: Apache-2.0
//
// `nibble quantize`: a file to a smaller one, or, without a file, a built-in tensor and what every format makes of it.
#include <memory>
#include <string>

#include "../builtin_tensor.hpp"
#include "../demonstration.hpp"
#include "../error.hpp"
#include "../names.hpp"
#include "../quantize_file.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

struct quantize_arguments {
  std::string input, output;
  quantize_request request;
  bool npy_bf16 = false;
};

std::string summary_text(const quantize_summary& summary, const quantize_arguments& arguments) {
  const bool has_report = arguments.request.has_report;
  std::vector<std::string> titles{"tensor", "type", "shape"};
  if (has_report) titles.insert(titles.end(), {"SQNR dB", "largest error", "zeroed", "clipped"});
  text_table table(titles, {true, true, false});
  error_sums total;
  const auto percent = [](double share) { return fixed(100 * share, 2) + " %"; };
  for (const quantized_tensor_summary& t : summary.tensors) {
    std::vector<std::string> row{printable(t.name), t.type, shape_text(t.shape)};
    if (has_report) {
      row.insert(row.end(), {sqnr_text(t.errors), significant(t.errors.largest), percent(t.errors.zeroed_share()),
                             percent(t.errors.clipped_share())});
    }
    table.add(row);
    total.add(t.errors);
  }
  const quantize_job job = job_for(arguments.request, "");
  std::string text = table.str() + "\n" + counted(summary.tensors.size(), "tensor") + " quantized to " +
                     arguments.request.format + " (recipe " + arguments.request.recipe + ", rounding " +
                     rounding_text(job) + "), " + std::to_string(summary.copied) + " copied\n" +
                     byte_count(summary.bytes_before) + " became " + byte_count(summary.bytes_after);
  if (has_report) text += ", SQNR " + sqnr_text(total) + (total.noise == 0 ? "" : " dB");
  text += "\n";
  if (has_report && total.nonfinite > 0) {
    text += counted(total.nonfinite, "element") + " NaN or Inf: their blocks decode to NaN, and the SQNR is nan\n";
  }
  return text + "wrote " + printable(arguments.output) + "\n";
}

void run_quantize(const quantize_arguments& arguments) {
  job_for(arguments.request, "");  // names that do not fit together are found before any work
  if (arguments.input.empty() != arguments.output.empty()) {
    throw usage_error("quantize takes a file together with -o OUT, or neither");
  }
  if (arguments.input.empty()) {
    if (!arguments.request.patterns.empty()) throw usage_error("--tensor chooses among the tensors of a file");
    if (!arguments.request.has_report) throw usage_error("--no-report is for a file; the demonstration is a report");
    print(demonstration(arguments.request));
    return;
  }
  if (kind_of(arguments.output) != file_kind::safetensors) {
    throw usage_error(printable(arguments.output) + ": quantized tensors go to a .safetensors file");
  }
  const input_file input(arguments.input, raw_of(arguments.npy_bf16));
  const quantize_summary summary = quantize_file(input, arguments.output, arguments.request);
  print(summary_text(summary, arguments));
}

}  // namespace

void add_quantize(CLI::App& program) {
  CLI::App* command =
      program.add_subcommand("quantize", "A file's tensors to a block format; without a file, a demonstration");
  const auto arguments = std::make_shared<quantize_arguments>();
  quantize_request& request = arguments->request;
  command->add_option("IN", arguments->input, "A .npy or .safetensors file with F16, BF16, F32 or F64 tensors");
  command->add_option("-o,--output", arguments->output, "The .safetensors file to write");
  add_name(*command, "--format", request.format, block_format_name_list(), "Block format")->capture_default_str();
  add_name(*command, "--recipe", request.recipe, recipe_names(), "Whose choice of scales and special cases")
      ->capture_default_str();
  add_name(*command, "--rounding", request.rounding, rounding_names(),
           "How elements are rounded; left out: as the recipe says");
  add_seed(*command, request.seed);
  command->add_option("--tensor", request.patterns, "Only tensors whose name matches this glob; may be repeated")
      ->allow_extra_args(false);
  command->add_flag_callback(
      "--no-report", [&request] { request.has_report = false; },
      "Leave out what it costs, SQNR and the like: finding that out takes a fifth to a quarter of the time");
  add_threads(*command, request.threads);
  add_npy_bf16(*command, arguments->npy_bf16);
  command->footer(
      name_list("Formats", block_format_name_list()) + name_list("Recipes", recipe_names()) +
      name_list("Roundings", rounding_names()) +
      "\nEvery floating-point tensor with elements is quantized, the others are copied as they are. Blocks run along "
      "the\n"
      "last dimension; leading dimensions are folded into rows, and a tensor of one dimension is one row. A tensor T\n"
      "becomes T_packed, T_scale and, where the format has one, T_global_scale (luq4: T_packed and T_global_scale, "
      "its\n"
      "alpha, rounded stochastically by the default recipe alone); its shape, format, recipe and rounding\n"
      "go into the file's __metadata__. The array of a .npy file is called 'data'. In a glob, * also matches '/' and\n"
      "'.'. Stochastic rounding draws a word for each element from its index, the seed and the tensor's name.");
  command->callback([arguments] { run_quantize(*arguments); });
}

}  // namespace nibble::tool
