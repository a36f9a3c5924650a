// SPDX-License-Identifier: Apache-2.0
//
// `nibble dequantize`: quantized tensors back to float32.
#include <memory>
#include <string>

#include "../dequantize_file.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

struct dequantize_arguments {
  std::string input, output;
  unsigned threads = 1;
};

void run_dequantize(const dequantize_arguments& arguments) {
  kind_of(arguments.output);  // a wrong name is found before any work
  const input_file input(arguments.input);
  const dequantize_summary summary = dequantize_file(input, arguments.output, arguments.threads);
  print(counted(summary.dequantized, "tensor") + " dequantized to F32, " + std::to_string(summary.copied) +
        " copied\nwrote " + printable(arguments.output) + "\n");
}

}  // namespace

void add_dequantize(CLI::App& program) {
  CLI::App* command = program.add_subcommand("dequantize", "Quantized tensors of a file back to float32");
  const auto arguments = std::make_shared<dequantize_arguments>();
  command->add_option("IN", arguments->input, "A .safetensors file that 'nibble quantize' wrote")->required();
  command->add_option("-o,--output", arguments->output, "A .safetensors file, or .npy for a single tensor")->required();
  add_threads(*command, arguments->threads);
  command->footer("Format and shape are in the file; tensors that are not quantized are copied as they are.");
  command->callback([arguments] { run_dequantize(*arguments); });
}

}  // namespace nibble::tool
