// SPDX-License-Identifier: Apache-2.0
//
// Implementation of safetensors_header.hpp on the event interface of nlohmann-json: the tree it would build by itself
// keeps the last of two equal keys and so hides a lying header.
#include "safetensors_header.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "error.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

using json = nlohmann::json;

// More dimensions than any array library has; a header cannot make the tool store more per tensor.
constexpr std::size_t max_rank = 64;

class header_events : public nlohmann::json_sax<json> {
 public:
  explicit header_events(std::string_view path) : path_(path) {}

  safetensors_header take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (where_ == place::outside) {
      where_ = place::root;
    } else if (where_ == place::root) {
      open_entry();
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(string_t& text) override {
    if (where_ == place::root) {
      if (!names_.insert(text).second) fail("the tensor '" + printable(text) + "' is in its header twice");
      key_ = text;
    } else if (where_ == place::metadata) {
      if (header_.metadata.contains(text)) fail("the key '" + printable(text) + "' is in its __metadata__ twice");
      key_ = text;
    } else {
      if (text != "dtype" && text != "shape" && text != "data_offsets") {
        fail("unknown key '" + printable(text) + "'" + of_tensor());
      }
      if (!fields_.insert(text).second) fail("the key '" + text + "' appears twice" + of_tensor());
      key_ = text;
    }
    return true;
  }

  bool string(string_t& text) override {
    if (where_ == place::metadata) {
      header_.metadata.emplace(key_, text);
    } else if (where_ == place::entry && key_ == "dtype") {
      entry_.type = text;
    } else {
      unexpected("a string");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (where_ != place::entry || key_ == "dtype") unexpected("an array");
    where_ = place::list;
    list_.clear();
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (where_ != place::list) unexpected("a number");
    if (list_.size() == max_rank) fail("more than 64 numbers in '" + key_ + "'" + of_tensor());
    list_.push_back(value);
    return true;
  }

  bool end_array() override {
    if (key_ == "shape") {
      entry_.shape = list_;
    } else {
      if (list_.size() != 2) fail("'data_offsets' is not a pair" + of_tensor());
      entry_.begin = list_[0];
      entry_.end = list_[1];
    }
    where_ = place::entry;
    return true;
  }

  bool end_object() override {
    if (where_ == place::entry) {
      if (fields_.size() != 3) fail("one of 'dtype', 'shape' and 'data_offsets' is missing" + of_tensor());
      header_.entries.push_back(std::move(entry_));
    }
    where_ = where_ == place::root ? place::outside : place::root;
    return true;
  }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("true or false"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return unexpected("a number that is not a whole one of 64 bits");
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail("its header is not JSON (byte " + std::to_string(position) + " of the header)");
  }

 private:
  enum class place { outside, root, metadata, entry, list };

  void open_entry() {
    fields_.clear();
    entry_ = {};
    entry_.name = key_;
    where_ = key_ == "__metadata__" ? place::metadata : place::entry;
  }

  [[noreturn]] void fail(const std::string& fault) const { throw data_error(printable(path_) + ": " + fault); }

  [[noreturn]] bool unexpected(const std::string& what) const {
    if (where_ == place::outside) fail("its header is " + what + ", not an object");
    if (where_ == place::root) fail("the entry '" + printable(key_) + "' of its header is " + what);
    fail(what + " stands in its header under '" + printable(key_) + "'" +
         (where_ == place::metadata ? " of __metadata__" : of_tensor()));
  }

  std::string of_tensor() const { return " of tensor '" + printable(entry_.name) + "'"; }

  std::string_view path_;
  safetensors_header header_;
  place where_ = place::outside;
  std::string key_;
  safetensors_entry entry_;
  std::vector<std::uint64_t> list_;
  std::set<std::string> names_, fields_;
};

}  // namespace

safetensors_header parse_safetensors_header(std::string_view text, std::string_view path) {
  // The reference writer pads the header with spaces; anything else around the object is refused by the parser.
  header_events events(path);
  json::sax_parse(text.begin(), text.end(), &events);
  return events.take();
}

}  // namespace nibble::tool
