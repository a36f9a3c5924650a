// SPDX-License-Identifier: Apache-2.0
//
// Implementation of npy.hpp. The header is a Python dictionary literal; the parser below accepts exactly the three
// documented keys with values of the documented kinds and evaluates nothing.
#include "npy.hpp"

#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include "error.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

[[noreturn]] void fail(std::string_view path, const std::string& fault) {
  throw data_error(printable(path) + ": " + fault);
}

struct npy_description {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::uint64_t>> shape;
};

class literal_parser {
 public:
  literal_parser(std::string_view text, std::string_view path) : text_(text), path_(path) {}

  npy_description dictionary() {
    npy_description result;
    expect('{');
    while (!accept('}')) {
      const std::string key = string_literal();
      expect(':');
      entry(key, result);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (position_ != text_.size()) fail("text after the dictionary of its header");
    if (!result.descr || !result.fortran_order || !result.shape) {
      fail("its header lacks one of 'descr', 'fortran_order' and 'shape'");
    }
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& fault) const { tool::fail(path_, fault); }

  void skip_space() {
    while (position_ < text_.size() && std::string_view(" \t\n\r").find(text_[position_]) != std::string_view::npos) {
      ++position_;
    }
  }

  bool accept(char wanted) {
    skip_space();
    if (position_ == text_.size() || text_[position_] != wanted) return false;
    ++position_;
    return true;
  }

  void expect(char wanted) {
    if (accept(wanted)) return;
    fail(std::string("expected '") + wanted + "' at byte " + std::to_string(position_) + " of its header dictionary");
  }

  void entry(const std::string& key, npy_description& result) {
    const auto assign = [&](auto& field, auto value) {
      if (field) fail("the key '" + key + "' is in its header twice");
      field = std::move(value);
    };
    if (key == "descr") {
      assign(result.descr, type_literal());
    } else if (key == "fortran_order") {
      assign(result.fortran_order, boolean_literal());
    } else if (key == "shape") {
      assign(result.shape, tuple_literal());
    } else {
      fail("unknown key '" + printable(key) + "' in its header");
    }
  }

  std::string type_literal() {
    skip_space();
    if (position_ < text_.size() && text_[position_] == '[') fail("structured element types are not supported");
    return string_literal();
  }

  std::string string_literal() {
    skip_space();
    const char quote = position_ < text_.size() ? text_[position_] : '\0';
    if (quote != '\'' && quote != '"')
      fail("expected a string at byte " + std::to_string(position_) + " of its header");
    const std::size_t begin = ++position_;
    while (position_ < text_.size() && text_[position_] != quote) {
      if (text_[position_] == '\\') fail("escape sequence in a string of its header");
      ++position_;
    }
    if (position_ == text_.size()) fail("a string in its header does not end");
    return std::string(text_.substr(begin, position_++ - begin));
  }

  bool boolean_literal() {
    skip_space();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (text_.substr(position_).starts_with(word)) {
        position_ += word.size();
        return value;
      }
    }
    fail("'fortran_order' is neither True nor False in its header");
  }

  std::vector<std::uint64_t> tuple_literal() {
    std::vector<std::uint64_t> shape;
    expect('(');
    bool comma = true;
    while (!accept(')')) {
      if (!comma) fail("expected ',' or ')' in the shape in its header");
      shape.push_back(integer_literal());
      comma = accept(',');
    }
    // (7) is the number seven, not a tuple; only (7,) is one.
    if (shape.size() == 1 && !comma) fail("the shape in its header is not a tuple");
    return shape;
  }

  std::uint64_t integer_literal() {
    skip_space();
    std::uint64_t value = 0;
    const std::size_t begin = position_;
    for (; position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9'; ++position_) {
      const auto digit = static_cast<std::uint64_t>(text_[position_] - '0');
      if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) || __builtin_add_overflow(value, digit, &value)) {
        fail("a dimension in its header does not fit 64 bits");
      }
    }
    if (position_ == begin) fail("a dimension in its header is not a whole number");
    // Python 2 wrote long integers as 7L.
    if (position_ < text_.size() && text_[position_] == 'L') ++position_;
    return value;
  }

  std::string_view text_;
  std::string_view path_;
  std::size_t position_ = 0;
};

std::string_view type_of(const std::string& descr, raw_elements raw, std::string_view path) {
  if (descr == "<f4") return "F32";
  if (descr == "<f2") return "F16";
  if (descr == "<f8") return "F64";
  if (descr == "|u1") return "U8";
  if (descr == "<V2" || descr == "|V2" || descr == "bfloat16") {
    if (raw == raw_elements::bfloat16) return "BF16";
    fail(path, "elements of type '" + descr + "' are raw 16-bit words; say --npy-bf16 if they are bfloat16");
  }
  if (descr.starts_with('>')) {
    fail(path, "big-endian elements ('" + printable(descr) + "') are not supported");
  }
  fail(path, "elements of type '" + printable(descr) + "' are not supported; supported are <f2, <f4, <f8 and |u1");
}

// The part of the file between the fixed-size prefix and the elements.
std::string_view dictionary_text(std::span<const std::byte> file, std::string_view path) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const auto byte_at = [&](std::size_t i) { return std::to_integer<std::size_t>(file[i]); };
  if (!text.starts_with("\x93NUMPY")) fail(path, "not a .npy file (it does not begin with \\x93NUMPY)");
  if (text.size() < 12) fail(path, "the file ends inside its header");
  const std::size_t major = byte_at(6), minor = byte_at(7);
  if (major < 1 || major > 3 || minor != 0) {
    fail(path, "version " + std::to_string(major) + "." + std::to_string(minor) + " of the .npy format is not known");
  }
  const std::size_t prefix = major == 1 ? 10 : 12;
  std::size_t length = byte_at(8) | byte_at(9) << 8;
  if (major != 1) length |= byte_at(10) << 16 | byte_at(11) << 24;
  if (length > text.size() - prefix) fail(path, "the file ends inside its header");
  return text.substr(prefix, length);
}

}  // namespace

stored_tensor parse_npy(std::span<const std::byte> file, std::string_view path, raw_elements raw) {
  const std::string_view dictionary = dictionary_text(file, path);
  const npy_description header = literal_parser(dictionary, path).dictionary();
  stored_tensor result;
  result.name = "data";
  result.type = type_of(*header.descr, raw, path);
  result.shape = *header.shape;
  result.bytes = file.subspan(static_cast<std::size_t>(std::as_bytes(std::span(dictionary)).data() - file.data()) +
                              dictionary.size());
  result.column_major = *header.fortran_order && result.shape.size() > 1;
  const auto count = element_count(result.shape);
  std::uint64_t size = 0;
  if (!count || __builtin_mul_overflow(*count, type_bits(result.type).value_or(0) / 8, &size)) {
    fail(path, "the shape " + shape_text(result.shape) + " does not fit 64 bits");
  }
  if (size != result.bytes.size()) {
    fail(path, "shape " + shape_text(result.shape) + " of '" + *header.descr + "' takes " + std::to_string(size) +
                   " bytes, the file holds " + std::to_string(result.bytes.size()));
  }
  return result;
}

std::string npy_header(std::string_view type, std::span<const std::uint64_t> shape) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names{
      {{"F16", "<f2"}, {"F32", "<f4"}, {"F64", "<f8"}, {"U8", "|u1"}}};
  std::string_view descr;
  for (const auto& [name, spelled] : names) {
    if (name == type) descr = spelled;
  }
  if (descr.empty()) throw data_error("elements of type " + printable(type) + " cannot be written to a .npy file");
  std::string dictionary = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    dictionary += std::to_string(shape[i]) + (i + 1 < shape.size() ? ", " : shape.size() == 1 ? "," : "");
  }
  dictionary += "), }";
  // Prefix, dictionary, spaces and a newline together fill a multiple of 64 bytes.
  const bool large = dictionary.size() > 65000;
  const std::size_t prefix = large ? 12 : 10;
  dictionary.append((64 - (prefix + dictionary.size() + 1) % 64) % 64, ' ');
  dictionary += '\n';
  std::string header = "\x93NUMPY";
  header += static_cast<char>(large ? 2 : 1);
  header += '\0';
  for (std::size_t i = 0; i < (large ? 4U : 2U); ++i) header += static_cast<char>(dictionary.size() >> (8 * i) & 0xff);
  return header + dictionary;
}

}  // namespace nibble::tool
