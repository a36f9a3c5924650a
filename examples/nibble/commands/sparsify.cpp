// SPDX-License-Identifier: Apache-2.0
//
// `nibble sparsify`: at most N of every M elements of a file's tensors stay.
#include "../sparsify_file.hpp"

#include <memory>
#include <string>

#include "../error.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

struct sparsify_arguments {
  std::string input, output;
  sparsify_request request;
  bool npy_bf16 = false;
};

std::string summary_text(const sparsify_summary& summary, const sparsify_arguments& arguments) {
  text_table table({"tensor", "type", "shape", "nonzero", "magnitude kept"}, {true, true, false});
  const auto percent = [](double part, double whole) { return whole > 0 ? fixed(100 * part / whole, 2) + " %" : "-"; };
  for (const sparse_tensor_summary& t : summary.tensors) {
    table.add({printable(t.name), t.type, shape_text(t.shape),
               percent(static_cast<double>(t.kept), static_cast<double>(t.elements)), percent(t.after, t.before)});
  }
  return table.str() + "\n" + counted(summary.tensors.size(), "tensor") + " pruned to " + arguments.request.pattern +
         " by " + arguments.request.method + ", " + std::to_string(summary.copied) + " copied\nwrote " +
         printable(arguments.output) + "\n";
}

void run_sparsify(const sparsify_arguments& arguments) {
  parse_pattern(arguments.request.pattern);  // wrong names are found before any work
  kind_of(arguments.output);
  const input_file input(arguments.input, raw_of(arguments.npy_bf16));
  const sparsify_summary summary = sparsify_file(input, arguments.output, arguments.request);
  print(summary_text(summary, arguments));
}

}  // namespace

void add_sparsify(CLI::App& program) {
  CLI::App* command = program.add_subcommand("sparsify", "Prune a file's tensors: of every M elements at most N stay");
  const auto arguments = std::make_shared<sparsify_arguments>();
  sparsify_request& request = arguments->request;
  command->add_option("IN", arguments->input, "A .npy or .safetensors file with F16, BF16, F32 or F64 tensors")->required();
  command->add_option("-o,--output", arguments->output, "A .safetensors file, or .npy for a single tensor")->required();
  command->add_option("--pattern", request.pattern, "How many of how many stay, such as 2:4; M is at most 16")
      ->type_name("N:M")
      ->required();
  add_name(*command, "--method", request.method, sparsify_method_names(), "Which ones stay")->capture_default_str();
  add_seed(*command, request.seed);
  command->add_option("--tensor", request.patterns, "Only tensors whose name matches this glob; may be repeated")
      ->allow_extra_args(false);
  add_threads(*command, request.threads);
  add_npy_bf16(*command, arguments->npy_bf16);
  command->footer(
      name_list("Methods", sparsify_method_names()) +
      "\nmagnitude keeps the N largest of each M elements of a row. minimum-variance keeps a random choice, scaled so that\n"
      "its expectation is the tensor, with the least variance that is possible; the result is F32. transposable keeps at\n"
      "most N in each row and each column of every M x M block, so that their sum is largest. Every floating-point tensor\n"
      "with elements is pruned, the others are copied as they are. Blocks run along the last dimension; leading\n"
      "dimensions are folded into rows, and the last block of a row may be cut. The random choice depends on the block's\n"
      "number, the seed and the tensor's name. The array of a .npy file is called 'data'.");
  command->callback([arguments] { run_sparsify(*arguments); });
}

}  // namespace nibble::tool
