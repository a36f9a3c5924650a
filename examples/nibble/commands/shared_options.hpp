// SPDX-License-Identifier: Apache-2.0
//
// Options that several sub-commands have, and what every program does before its work.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <nibble/dispatch.hpp>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "../error.hpp"
#include "../npy.hpp"
#include "../tile.hpp"

namespace nibble::tool {

/// A wrong NIBBLE_ISA is found before any work.
inline void choose_instruction_set() {
  try {
    dispatch::kernels();
  } catch (const std::runtime_error& error) {
    throw usage_error(std::string(error.what()).substr(std::string("nibble: ").size()));
  }
}

inline void add_threads(CLI::App& command, unsigned& threads) {
  threads = default_threads();
  command.add_option("--threads", threads, "Threads to work on; the result is the same for every number")
      ->check(CLI::Range(1, 1024))
      ->default_str("all processors");
}

inline void add_seed(CLI::App& command, std::uint64_t& seed) {
  // CLI11 alone would read -1 and 2^64 as the largest number.
  const auto fits = [](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = fault == std::errc{} && end == text.data() + text.size();
    return whole ? "" : "'" + text + "' is not a whole number from 0 to 2^64 - 1";
  };
  command.add_option("--seed", seed, "Seed of stochastic rounding")->check(fits)->capture_default_str();
}

inline void add_npy_bf16(CLI::App& command, bool& is_bf16) {
  command.add_flag("--npy-bf16", is_bf16, "Read raw 16-bit elements of a .npy file (<V2) as bfloat16");
}

/// An option that takes one of a list of names. The list is long: it goes below the options, by name_list().
inline CLI::Option* add_name(CLI::App& command, const std::string& option, std::string& value,
                             const std::vector<std::string>& names, const std::string& text) {
  return command.add_option(option, value, text)->check(CLI::IsMember(names).description(""))->type_name("NAME");
}

/// "LABEL: first, second, ..." in lines of at most 110 letters.
inline std::string name_list(const std::string& label, const std::vector<std::string>& names) {
  std::string text, line = label + ":";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string word = " " + names[i] + (i + 1 < names.size() ? "," : "");
    if (line.size() + word.size() > 110) {
      text += line + "\n";
      line = " ";
    }
    line += word;
  }
  return text + line + "\n";
}

inline raw_elements raw_of(bool is_bf16) { return is_bf16 ? raw_elements::bfloat16 : raw_elements::refuse; }

}  // namespace nibble::tool
