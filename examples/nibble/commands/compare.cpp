// SPDX-License-Identifier: Apache-2.0
//
// `nibble compare`: what differs between the tensors of two files.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../compare_tensors.hpp"
#include "../error.hpp"
#include "../input_file.hpp"
#include "../text.hpp"
#include "command.hpp"
#include "shared_options.hpp"

namespace nibble::tool {
namespace {

struct compare_arguments {
  std::string a, b;
  unsigned threads = 1;
  bool npy_bf16 = false;
};

std::string index_text(std::uint64_t index, std::vector<std::uint64_t> shape) {
  for (std::size_t d = shape.size(); d-- > 0;) {
    const std::uint64_t extent = shape[d];
    shape[d] = index % extent;
    index /= extent;
  }
  return shape_text(shape);
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (part == whole) return "all";
  return std::to_string(part) + " of " + std::to_string(whole);
}

std::string hexadecimal(unsigned code) {
  constexpr char digits[] = "0123456789abcdef";
  return std::string("0x") + digits[code >> 4 & 15] + digits[code & 15];
}

std::string first_difference_text(const comparison& c, const std::vector<std::uint64_t>& shape) {
  std::string text;
  if (c.first_code_difference) {
    text =
        index_text(*c.first_code_difference, shape) + " code " + hexadecimal(c.a_code) + " | " + hexadecimal(c.b_code);
  }
  if (c.first_difference) {
    if (!text.empty()) text += "; ";
    text += index_text(*c.first_difference, shape);
    if (c.has_values) text += " " + significant(c.a_there, 9) + " | " + significant(c.b_there, 9);
  }
  return text.empty() ? "-" : text;
}

std::vector<std::string> row_of(const logical_tensor& tensor, const comparison& c) {
  const std::string db = c.sqnr_db > 0 && c.sqnr_db > 1e6 ? "exact" : fixed(c.sqnr_db, 2);
  return {printable(tensor.name),
          shape_text(tensor.shape),
          share_text(c.equal, c.elements),
          c.has_codes ? share_text(c.equal_codes, c.elements) : "-",
          c.has_codes ? share_text(c.equal_scales, c.scales) : "-",
          c.has_values ? significant(c.mse) : "-",
          c.has_values ? db : "-",
          c.has_values ? significant(c.largest_error) : "-",
          first_difference_text(c, tensor.shape)};
}

// Why two tensors of one name cannot be compared, "" where they can.
std::string mismatch(const logical_tensor& a, const tensor_reader& in_a, const logical_tensor& b,
                     const tensor_reader& in_b) {
  if (a.shape != b.shape) return "shapes " + shape_text(a.shape) + " and " + shape_text(b.shape);
  if (in_a.has_values() && in_b.has_values()) return "";
  const std::string type_a = a.plain != nullptr ? a.plain->type : "quantized";
  const std::string type_b = b.plain != nullptr ? b.plain->type : "quantized";
  if (type_a == type_b && a.plain->bytes.size() == b.plain->bytes.size()) return "";
  return "types " + printable(type_a) + " and " + printable(type_b);
}

// The table and the notes of one run.
class file_comparison {
 public:
  file_comparison(const input_file& a, const input_file& b, unsigned threads)
      : file_a_(a), file_b_(b), threads_(threads), bar_("compare", total_bytes(a)) {
    for (const logical_tensor& tensor : b.tensors()) only_in_b_.emplace(tensor.name, &tensor);
    for (const logical_tensor& tensor : a.tensors()) add(tensor);
    for (const auto& [name, tensor] : only_in_b_) notes_ += "only in B: " + printable(name) + "\n";
  }

  [[nodiscard]] std::string str() const {
    return (compared_ > 0 ? table_.str() : std::string()) + notes_ + std::to_string(compared_) + " compared, " +
           std::to_string(identical_) + " identical\n";
  }

 private:
  static std::uint64_t total_bytes(const input_file& file) {
    std::uint64_t total = 0;
    for (const logical_tensor& tensor : file.tensors()) total += tensor_reader(file, tensor).bytes();
    return total;
  }

  void add(const logical_tensor& a) {
    const auto found = only_in_b_.find(a.name);
    if (found == only_in_b_.end()) {
      notes_ += "only in A: " + printable(a.name) + "\n";
      return;
    }
    const logical_tensor& b = *found->second;
    only_in_b_.erase(found);
    const tensor_reader in_a(file_a_, a), in_b(file_b_, b);
    if (const std::string why = mismatch(a, in_a, b, in_b); !why.empty()) {
      notes_ += "not comparable: " + printable(a.name) + ", " + why + "\n";
      return;
    }
    const comparison result = in_a.has_values() ? compare_tensors(in_a, in_b, threads_, bar_)
                                                : compare_bytes(*a.plain, *b.plain, file_a_, file_b_, bar_);
    table_.add(row_of(a, result));
    ++compared_;
    const bool differs =
        result.first_difference || result.first_code_difference || result.equal_scales != result.scales;
    identical_ += differs ? 0U : 1U;
  }

  const input_file& file_a_;
  const input_file& file_b_;
  unsigned threads_;
  progress bar_;
  std::map<std::string_view, const logical_tensor*> only_in_b_;
  text_table table_{{"tensor", "shape", "equal values", "equal codes", "equal scales", "MSE", "SQNR dB",
                     "largest error", "first difference (A | B)"},
                    {true, false, false, false, false, false, false, false, true}};
  std::string notes_;
  std::uint64_t compared_ = 0, identical_ = 0;
};

void run_compare(const compare_arguments& arguments) {
  const input_file a(arguments.a, raw_of(arguments.npy_bf16)), b(arguments.b, raw_of(arguments.npy_bf16));
  // The progress bar goes with the comparison, before the text appears.
  const std::string text = file_comparison(a, b, arguments.threads).str();
  print(text);
}

}  // namespace

void add_compare(CLI::App& program) {
  CLI::App* command = program.add_subcommand("compare", "What differs between the tensors of two files");
  const auto arguments = std::make_shared<compare_arguments>();
  command->add_option("A", arguments->a, "A .npy or .safetensors file: the reference")->required();
  command->add_option("B", arguments->b, "Another one")->required();
  add_threads(*command, arguments->threads);
  add_npy_bf16(*command, arguments->npy_bf16);
  command->footer(
      "Tensors are matched by name; quantized ones are decoded, and their codes are compared as well where both have\n"
      "one format. Values are equal where number and sign of zero are the same, or both are NaN. MSE, SQNR (dB,\n"
      "relative to A) and the largest error count the elements that are finite in both; SQNR is nan where those are\n"
      "equal, but others are finite in one file only. Tensors of integer or unknown types are compared by their bytes.\n"
      "The exit status is 0 whether they differ or not.");
  command->callback([arguments] { run_compare(*arguments); });
}

}  // namespace nibble::tool
