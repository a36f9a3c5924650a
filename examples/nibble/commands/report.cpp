// SPDX-License-Identifier: Apache-2.0
//
// `nibble report`: the error of every block format for every tensor of a file.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../format_report.hpp"
#include "../input_file.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

struct report_arguments {
  std::string input, plot;
  double threshold = 20;
  unsigned threads = 1;
  bool npy_bf16 = false;
};

std::vector<tensor_report> measure_file(const input_file& input, unsigned threads) {
  std::vector<std::pair<const logical_tensor*, tensor_reader>> readers;
  std::uint64_t work = 0;
  for (const logical_tensor& tensor : input.tensors()) {
    const tensor_reader reader(input, tensor);
    if (!reader.has_values() || reader.shape().size() == 0) continue;
    readers.emplace_back(&tensor, reader);
    work += report_passes * reader.bytes();
  }
  if (readers.empty())
    throw data_error(printable(input.path()) + ": no floating-point tensor with elements to report on");
  progress bar("report", work);
  std::vector<tensor_report> reports;
  for (const auto& [tensor, reader] : readers) {
    reports.push_back({tensor->name, tensor->shape, measure_formats(reader, threads, bar)});
  }
  return reports;
}

std::string nonfinite_note(const std::vector<tensor_report>& reports) {
  std::uint64_t count = 0;
  for (const tensor_report& report : reports) count += report.errors.front().nonfinite;
  if (count == 0) return "";
  return "\n" + counted(count, "element") +
         " NaN or Inf: their blocks decode to NaN, and the SQNR of their tensors is nan.\n";
}

void run_report(const report_arguments& arguments) {
  if (std::isnan(arguments.threshold)) throw usage_error("--threshold: NaN is no SQNR to keep");
  const input_file input(arguments.input, raw_of(arguments.npy_bf16));
  const std::vector<tensor_report> reports = measure_file(input, arguments.threads);
  if (!arguments.plot.empty()) error_plot(reports).save(arguments.plot);
  print(
      "Signal to quantization noise (SQNR) in dB; * is the best of its bit width. 'suits' is the format with the\n"
      "fewest bits that keeps " +
      significant(arguments.threshold) + " dB (--threshold).\n\n" + tensor_table(reports, arguments.threshold) +
      "\nAll tensors together:\n\n" + format_table(reports) + nonfinite_note(reports));
}

}  // namespace

void add_report(CLI::App& program) {
  CLI::App* command = program.add_subcommand("report", "Which format suits these tensors: the error of every format");
  const auto arguments = std::make_shared<report_arguments>();
  command->add_option("IN", arguments->input, "A .npy or .safetensors file")->required();
  command->add_option("--plot", arguments->plot, "Also draw the errors as SVG");
  command->add_option("--threshold", arguments->threshold, "SQNR in dB that a suitable format keeps")
      ->capture_default_str();
  add_threads(*command, arguments->threads);
  add_npy_bf16(*command, arguments->npy_bf16);
  command->footer(
      "Every format is measured with the default recipe and nearest-even rounding, luq4 with its stochastic one. "
      "'bits'\n"
      "counts an element and its share of the scale; 'zeroed' are nonzero elements that became zero; 'clipped' are\n"
      "elements beyond the largest number of their block. 'bias %' is the mean error along the value (negative:\n"
      "magnitudes shrink) over the root mean square of the values, '+-' its standard error, z their ratio: beyond 5 it "
      "is\n"
      "no accident.");
  command->callback([arguments] { run_report(*arguments); });
}

}  // namespace nibble::tool
