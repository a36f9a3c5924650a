// SPDX-License-Identifier: Apache-2.0
//
// Implementation of names.hpp.
#include "names.hpp"

#include <nibble/block/block_format.hpp>
#include <nibble/block/recipe_presets.hpp>
#include <nibble/format/catalogue.hpp>

#include "error.hpp"

namespace nibble::tool {
namespace {

template <class Value>
struct named {
  std::string_view name;
  Value value;
};

constexpr named<rounding_mode> roundings[] = {
    {"nearest-even", rounding_mode::nearest_even},
    {"nearest-away", rounding_mode::nearest_away},
    {"toward-zero", rounding_mode::toward_zero},
    {"up", rounding_mode::upward},
    {"down", rounding_mode::downward},
    {"odd", rounding_mode::to_odd},
    {"stochastic", rounding_mode::stochastic},
};

constexpr named<overflow> overflows[] = {{"saturate", overflow::saturate}, {"special", overflow::special}};

constexpr named<const special_policy*> policies[] = {{"cuda", &policy::cuda}, {"ml-dtypes", &policy::ml_dtypes}};

constexpr recipe default_recipe{};

constexpr named<const recipe*> recipes[] = {
    {"default", &default_recipe},
    {"unbiased", &recipe::unbiased},
    {"transformer-engine", &recipe::transformer_engine},
    {"transformer-engine-kernel", &recipe::transformer_engine_kernel},
    {"transformer-engine-cpp", &recipe::transformer_engine_cpp},
    {"transformer-engine-2.14", &recipe::transformer_engine_2_14},
    {"torchao", &recipe::torchao},
    {"torchao-tensor-scale", &recipe::torchao_tensor_scale},
    {"floor", &recipe::floor},
    {"rceil", &recipe::rceil},
    {"ceil", &recipe::ceil},
    {"even", &recipe::even},
    {"microxcaling", &recipe::microxcaling},
    {"ggml", &recipe::ggml},
    {"compressed-tensors", &recipe::compressed_tensors},
};

template <class Table>
auto find(const Table& table, std::string_view name, const char* kind) {
  for (const auto& entry : table) {
    if (entry.name == name) return entry.value;
  }
  throw usage_error("no " + std::string(kind) + " is called '" + std::string(name) + "'");
}

template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  return names;
}

}  // namespace

rounding_mode rounding_by_name(std::string_view name) { return find(roundings, name, "rounding"); }
overflow overflow_by_name(std::string_view name) { return find(overflows, name, "overflow"); }
const special_policy& policy_by_name(std::string_view name) { return *find(policies, name, "NaN policy"); }

const recipe& recipe_by_name(std::string_view name, const block_format& format, std::string_view format_name) {
  const recipe* found = find(recipes, name, "recipe");
  const bool silent = format.power_of_two_scale() ? found->exponent == exponent_rule::unspecified
                                                  : found->scale == scale_rule::unspecified;
  if (silent) {
    throw usage_error("the recipe '" + std::string(name) + "' says nothing about " + std::string(format_name));
  }
  // The C++ reference of Transformer Engine treats 16x16 tiles by another formula than 1x16 blocks.
  if (found == &recipe::transformer_engine_cpp && format.block_rows > 1) return recipe::transformer_engine_cpp_2d;
  return *found;
}

std::string_view name_of(rounding_mode mode) {
  for (const auto& [name, value] : roundings) {
    if (value == mode) return name;
  }
  return "nearest-toward-zero";
}

std::vector<std::string> rounding_names() { return names_of(roundings); }
std::vector<std::string> overflow_names() { return names_of(overflows); }
std::vector<std::string> policy_names() { return names_of(policies); }
std::vector<std::string> recipe_names() { return names_of(recipes); }
std::vector<std::string> block_format_name_list() {
  std::vector<std::string> names = names_of(named_block_formats);
  names.emplace_back("luq4");
  return names;
}
std::vector<std::string> format_name_list() { return names_of(named_formats); }

}  // namespace nibble::tool
