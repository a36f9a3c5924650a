// SPDX-License-Identifier: Apache-2.0
//
// `nibble check`: why the bytes of a kernel are not those of a recipe.
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "../error.hpp"
#include "../input_file.hpp"
#include "../kernel_check.hpp"
#include "../names.hpp"
#include "../tensor_reader.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

struct check_arguments {
  std::string input, bytes;
  std::string format, recipe, rounding, layout = "row-major";
  std::uint64_t seed = 0;
  unsigned threads = 1;
  bool npy_bf16 = false;
};

constexpr struct {
  const char* name;
  check::scale_layout layout;
} layouts[] = {{"row-major", check::scale_layout::row_major}, {"tiled", check::scale_layout::tiled_128x4}};

const stored_tensor* find_stored(const input_file& file, const std::string& name) {
  for (const stored_tensor& tensor : file.stored()) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

std::span<const std::uint8_t> bytes_of(const stored_tensor& tensor) {
  return {reinterpret_cast<const std::uint8_t*>(tensor.bytes.data()), tensor.bytes.size()};
}

bool has_tensor_scale(std::string_view format) {
  for (const named_block_format& f : named_block_formats) {
    if (f.name == format) return f.format.tensor_scale;
  }
  return false;
}

// The checks of one run.
class kernel_checks {
 public:
  explicit kernel_checks(const check_arguments& arguments)
      : arguments_(arguments), input_(arguments.input, raw_of(arguments.npy_bf16)), foreign_(arguments.bytes) {
    for (const logical_tensor& tensor : input_.tensors()) add(tensor);
    if (checked_ == 0) {
      throw data_error(printable(foreign_.path()) + ": no floating-point tensor T of " + printable(input_.path()) +
                       " has a T_packed and a T_scale here");
    }
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] check::verdict worst() const noexcept { return worst_; }

 private:
  void add(const logical_tensor& tensor) {
    const tensor_reader reader(input_, tensor);
    const stored_tensor* packed = find_stored(foreign_, tensor.name + "_packed");
    const stored_tensor* scale = find_stored(foreign_, tensor.name + "_scale");
    if (!reader.has_values() || (packed == nullptr && scale == nullptr)) return;
    const quantization_record* record = record_of(tensor.name);
    if (record != nullptr && record->format == "luq4") {
      throw data_error(printable(foreign_.path()) + ": tensor '" + printable(tensor.name) +
                       "' is luq4, which is not checked");
    }
    if (packed == nullptr || scale == nullptr) {
      throw data_error(printable(foreign_.path()) + ": tensor '" + printable(tensor.name) + "': '" +
                       printable(tensor.name) + (scale == nullptr ? "_scale" : "_packed") + "' is missing");
    }
    std::vector<float> values(reader.shape().size());
    const tile whole{0, reader.shape().rows, 0, reader.shape().cols};
    reader.load(whole, std::span<float>(values));
    const matrix_view<float> x(values.data(), reader.shape().rows, reader.shape().cols);
    const check::device_bytes bytes{
        .codes = bytes_of(*packed), .scales = bytes_of(*scale), .tensor_scale = tensor_scale(tensor.name)};
    const std::string format = format_of(tensor.name);
    try {
      const check::diagnosis d = check_kernel(format, x, bytes, options_for(format, record), arguments_.threads);
      text_ += printable(tensor.name) + " " + shape_text(tensor.shape) + " as " + format + "\n" + to_text(d);
      if (!bytes.tensor_scale && has_tensor_scale(format)) {
        text_ += "no " + printable(tensor.name) + "_global_scale: the predicted tensor scale is taken for granted\n";
      }
      worst_ = std::max(worst_, d.verdict);
      ++checked_;
    } catch (const std::invalid_argument& error) {
      const std::string what = error.what();
      throw data_error(printable(foreign_.path()) + ": tensor '" + printable(tensor.name) +
                       "': " + what.substr(std::string("nibble: ").size()));
    }
  }

  [[nodiscard]] std::optional<float> tensor_scale(const std::string& name) const {
    const stored_tensor* stored = find_stored(foreign_, name + "_global_scale");
    if (stored == nullptr) return std::nullopt;
    if (stored->type != "F32" || stored->bytes.size() != sizeof(float)) {
      throw data_error(printable(foreign_.path()) + ": '" + printable(stored->name) + "' is not one F32");
    }
    float value = 0;
    std::memcpy(&value, stored->bytes.data(), sizeof value);
    return value;
  }

  // What the file itself says about a tensor, where nibble wrote it.
  [[nodiscard]] const quantization_record* record_of(const std::string& name) const {
    for (const logical_tensor& tensor : foreign_.tensors()) {
      if (tensor.name == name && tensor.record) return &*tensor.record;
    }
    return nullptr;
  }

  [[nodiscard]] std::string format_of(const std::string& name) const {
    if (!arguments_.format.empty()) return arguments_.format;
    if (const quantization_record* record = record_of(name)) return record->format;
    throw usage_error(printable(foreign_.path()) + " does not say what format '" + printable(name) +
                      "' has; name it with --format");
  }

  [[nodiscard]] check::explain_options options_for(const std::string& format, const quantization_record* record) const {
    check::explain_options options;
    for (const named_block_format& f : named_block_formats) {
      if (f.name != format || arguments_.recipe.empty()) continue;
      options.recipe = recipe_by_name(arguments_.recipe, f.format, format);
      options.recipe_name = arguments_.recipe;
    }
    if (!arguments_.rounding.empty()) {
      const rounding_mode mode = rounding_by_name(arguments_.rounding);
      const stochastic random{.seed = arguments_.seed, .stream = record != nullptr ? record->stream : 0};
      options.rounding = mode == rounding_mode::stochastic ? element_rounding(random) : element_rounding(mode);
    }
    for (const auto& entry : layouts) {
      if (arguments_.layout == entry.name) options.scale_layout = entry.layout;
    }
    return options;
  }

  const check_arguments& arguments_;
  input_file input_, foreign_;
  std::string text_;
  check::verdict worst_ = check::verdict::nothing_differs;
  std::uint64_t checked_ = 0;
};

void run_check(const check_arguments& arguments) {
  if (kind_of(arguments.bytes) != file_kind::safetensors) {
    throw usage_error(printable(arguments.bytes) + ": the bytes of a kernel come in a .safetensors file");
  }
  const kernel_checks checks(arguments);
  print(checks.text());
  if (checks.worst() == check::verdict::explained) throw exit_status{explained_status};
  if (checks.worst() == check::verdict::not_explained) throw exit_status{not_explained_status};
}

}  // namespace

void add_check(CLI::App& program) {
  CLI::App* command = program.add_subcommand("check", "Why the bytes of a kernel are not those of a recipe");
  const auto arguments = std::make_shared<check_arguments>();
  command->add_option("IN", arguments->input, "The tensors that the kernel quantized: a .npy or .safetensors file")
      ->required();
  command->add_option("BYTES", arguments->bytes, "What it wrote: a .safetensors file with T_packed and T_scale")
      ->required();
  std::vector<std::string> format_names;
  for (const named_block_format& f : named_block_formats) format_names.emplace_back(f.name);
  add_name(*command, "--format", arguments->format, format_names, "Block format; left out: as BYTES says");
  add_name(*command, "--recipe", arguments->recipe, recipe_names(),
           "The recipe that differences are counted from; left out: the one that fits best");
  add_name(*command, "--rounding", arguments->rounding, rounding_names(),
           "How elements should be rounded; left out: as the recipe says");
  add_seed(*command, arguments->seed);
  std::vector<std::string> layout_names;
  for (const auto& entry : layouts) layout_names.emplace_back(entry.name);
  add_name(*command, "--scale-layout", arguments->layout, layout_names, "How scales should lie: row-major or tiled")
      ->capture_default_str();
  add_threads(*command, arguments->threads);
  add_npy_bf16(*command, arguments->npy_bf16);
  command->footer(
      name_list("Formats", format_names) + name_list("Recipes", recipe_names()) +
      name_list("Roundings", rounding_names()) +
      "\nA tensor T of IN is checked where BYTES holds T_packed (codes, row after row) and T_scale (a byte a block),\n"
      "whatever their types and shapes, and T_global_scale (F32) where the format has one and the kernel stores it;\n"
      "where it does not, the tensor scale is taken for granted. The smallest set of differences from the recipe that\n"
      "predicts every byte is printed: scale rules, roundings, NaN and -0, orders of operations, flushed subnormals,\n"
      "nibble orders, scale layouts and other faults, or the closest set, if there is one, and the first byte where it\n"
      "fails. Without --recipe, presets have their C++ names. Stochastic rounding draws from the stream that nibble wrote\n"
      "down in BYTES, else from stream 0 of the seed.\n"
      "Exit status: 0 nothing differs, 3 what differs is explained, 4 it is not; of several tensors, the largest.");
  command->callback([arguments] { run_check(*arguments); });
}

}  // namespace nibble::tool
