// SPDX-License-Identifier: Apache-2.0
//
// `nibble encode`: raw numbers on standard input, codes on standard output.
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "../element_codec.hpp"
#include "../error.hpp"
#include "../names.hpp"
#include "../stored_tensor.hpp"
#include "../stream.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

struct encode_arguments {
  std::string to, from = "f32", rounding = "nearest-even", on_overflow = "saturate", nan = "cuda";
  std::uint64_t seed = 0;
};

std::string stored_type(const std::string& from) {
  if (from == "f16") return "F16";
  if (from == "bf16") return "BF16";
  return from == "f64" ? "F64" : "F32";
}

template <class Source>
void encode_stream(const element_codec& codec, const std::string& type, const encode_options& options) {
  const std::size_t size = type_bits(type).value_or(0) / 8;
  element_stream input(size);
  std::vector<Source> values;
  std::vector<std::byte> codes;
  for (auto bytes = input.next(); !bytes.empty(); bytes = input.next()) {
    const std::uint64_t count = bytes.size() / size;
    const stored_tensor chunk{"standard input", type, {count}, bytes, false};
    values.resize(count);
    codes.resize(count * codec.code_size);
    load_elements(chunk, 0, std::span<Source>(values));
    if constexpr (sizeof(Source) == 8) {
      codec.encode_doubles(values, codes.data(), input.position(), options);
    } else {
      codec.encode_floats(values, codes.data(), input.position(), options);
    }
    write_all(STDOUT_FILENO, codes.data(), codes.size(), "standard output");
  }
}

void run_encode(const encode_arguments& arguments) {
  encode_options options;
  options.rounding = rounding_by_name(arguments.rounding);
  options.on_overflow = overflow_by_name(arguments.on_overflow);
  options.specials = policy_by_name(arguments.nan);
  options.seed = arguments.seed;
  const element_codec* codec = find_element_codec(arguments.to);
  if (codec == nullptr) throw usage_error("no format is called '" + arguments.to + "'");
  const std::string type = stored_type(arguments.from);
  if (type == "F64") {
    encode_stream<double>(*codec, type, options);
  } else {
    encode_stream<float>(*codec, type, options);
  }
}

}  // namespace

void add_encode(CLI::App& program) {
  CLI::App* command = program.add_subcommand("encode", "Raw numbers on standard input to codes on standard output");
  const auto arguments = std::make_shared<encode_arguments>();
  add_name(*command, "--to", arguments->to, format_name_list(), "Format of the codes")->required();
  add_name(*command, "--from", arguments->from, {"f32", "f64", "f16", "bf16"},
           "Little-endian numbers on standard input: f32, f64, f16 or bf16")
      ->capture_default_str();
  add_name(*command, "--rounding", arguments->rounding, rounding_names(), "How a number between two codes is decided")
      ->capture_default_str();
  add_name(*command, "--overflow", arguments->on_overflow, overflow_names(), "What a number beyond the range becomes")
      ->capture_default_str();
  add_name(*command, "--nan", arguments->nan, policy_names(), "Whose rules for NaN, infinity and -0 apply")
      ->capture_default_str();
  add_seed(*command, arguments->seed);
  command->footer(
      name_list("Formats", format_name_list()) + name_list("Roundings", rounding_names()) +
      name_list("Overflows", overflow_names()) + name_list("NaN rules", policy_names()) +
      "\nOne byte a code, right-aligned; two bytes, little-endian, for bf16 and f16. Stochastic rounding of element i\n"
      "takes word i % 4 of block i / 4 of the seed's Philox4x32-10 stream 0.");
  command->callback([arguments] { run_encode(*arguments); });
}

}  // namespace nibble::tool
