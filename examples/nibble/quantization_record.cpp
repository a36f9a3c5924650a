// SPDX-License-Identifier: Apache-2.0
//
// Implementation of quantization_record.hpp. The text comes from outside: every field is checked.
#include "quantization_record.hpp"

#include <nibble/base/version.hpp>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

using json = nlohmann::json;

constexpr std::size_t max_text = 1U << 16;  // more than any record has, and little to parse
constexpr std::size_t max_rank = 64;

[[noreturn]] void fail(const std::string& subject, const std::string& fault) {
  throw data_error(subject + ": its quantization record " + fault);
}

const json& field(const json& object, const char* key, const std::string& subject) {
  const auto found = object.find(key);
  if (found == object.end()) fail(subject, std::string("lacks '") + key + "'");
  return *found;
}

std::string text_field(const json& object, const char* key, const std::string& subject) {
  const json& value = field(object, key, subject);
  if (!value.is_string()) fail(subject, std::string("has a '") + key + "' that is not a string");
  return value.get<std::string>();
}

std::uint64_t number_value(const json& value, const char* key, const std::string& subject) {
  if (!value.is_number_unsigned()) fail(subject, std::string("has a '") + key + "' that is not a whole number");
  return value.get<std::uint64_t>();
}

constexpr std::uint64_t layout = 1;

}  // namespace

std::string file_record_text() {
  const std::string version = std::to_string(NIBBLE_VERSION_MAJOR) + "." + std::to_string(NIBBLE_VERSION_MINOR) + "." +
                              std::to_string(NIBBLE_VERSION_PATCH);
  return json{{"version", version}, {"layout", layout}}.dump();
}

void check_file_record(std::string_view text, const std::string& subject) {
  const json object = text.size() > max_text ? json() : json::parse(text.begin(), text.end(), nullptr, false);
  if (!object.is_object()) fail(subject, "is not a JSON object");
  if (number_value(field(object, "layout", subject), "layout", subject) != layout) {
    fail(subject, "names a layout that this version does not know");
  }
}

std::string record_text(const quantization_record& record) {
  return json{{"shape", json(record.shape)}, {"format", record.format}, {"recipe", record.recipe},
              {"rounding", record.rounding}, {"seed", record.seed},     {"stream", record.stream},
              {"dtype", record.source_type}}
      .dump();
}

quantization_record parse_record(std::string_view text, const std::string& subject) {
  if (text.size() > max_text) fail(subject, "is too long");
  const json object = json::parse(text.begin(), text.end(), nullptr, false);
  if (!object.is_object()) fail(subject, "is not a JSON object");
  quantization_record record;
  const json& shape = field(object, "shape", subject);
  if (!shape.is_array() || shape.size() > max_rank) fail(subject, "has a 'shape' that is not a list of numbers");
  for (const json& extent : shape) record.shape.push_back(number_value(extent, "shape", subject));
  record.format = text_field(object, "format", subject);
  record.recipe = text_field(object, "recipe", subject);
  record.rounding = text_field(object, "rounding", subject);
  record.source_type = text_field(object, "dtype", subject);
  record.seed = number_value(field(object, "seed", subject), "seed", subject);
  record.stream = number_value(field(object, "stream", subject), "stream", subject);
  return record;
}

}  // namespace nibble::tool
