// SPDX-License-Identifier: Apache-2.0
//
// `nibble decode`: codes on standard input, raw float32 on standard output.
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "../element_codec.hpp"
#include "../error.hpp"
#include "../names.hpp"
#include "../stream.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

void run_decode(const std::string& from) {
  const element_codec* codec = find_element_codec(from);
  if (codec == nullptr) throw usage_error("no format is called '" + from + "'");
  element_stream input(codec->code_size);
  std::vector<float> values;
  for (auto bytes = input.next(); !bytes.empty(); bytes = input.next()) {
    values.resize(bytes.size() / codec->code_size);
    const std::size_t decoded = codec->decode(bytes.data(), values);
    write_all(STDOUT_FILENO, values.data(), decoded * sizeof(float), "standard output");
    if (decoded != values.size()) {
      throw data_error("standard input: code number " + std::to_string(input.position() + decoded) +
                       " has more bits than " + from + " has");
    }
  }
}

}  // namespace

void add_decode(CLI::App& program) {
  CLI::App* command = program.add_subcommand("decode", "Codes on standard input to raw float32 on standard output");
  const auto from = std::make_shared<std::string>();
  add_name(*command, "--from", *from, format_name_list(), "Format of the codes")->required();
  command->footer(
      name_list("Formats", format_name_list()) +
      "\nOne byte a code, right-aligned; two bytes, little-endian, for bf16 and f16. Every value is exact.");
  command->callback([from] { run_decode(*from); });
}

}  // namespace nibble::tool
