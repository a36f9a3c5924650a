// SPDX-License-Identifier: Apache-2.0
//
// The words of the command line and what they mean: roundings, overflows, NaN policies, recipes.
#pragma once

#include <nibble/block/block_format.hpp>
#include <nibble/block/recipe.hpp>
#include <nibble/format/policy.hpp>
#include <nibble/format/rounding.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace nibble::tool {

/// Throws usage_error for a name that is not in the list below it. The command line checks names first.
rounding_mode rounding_by_name(std::string_view name);
overflow overflow_by_name(std::string_view name);
const special_policy& policy_by_name(std::string_view name);

/// The recipe of that name for a block format. Throws usage_error also where the recipe says nothing about the format.
const recipe& recipe_by_name(std::string_view name, const block_format& format, std::string_view format_name);

/// The name of a rounding, also of those that only a recipe asks for.
std::string_view name_of(rounding_mode mode);

std::vector<std::string> rounding_names();
std::vector<std::string> overflow_names();
std::vector<std::string> policy_names();
std::vector<std::string> recipe_names();
std::vector<std::string> block_format_name_list();
std::vector<std::string> format_name_list();

}  // namespace nibble::tool
