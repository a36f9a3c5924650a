// SPDX-License-Identifier: Apache-2.0
//
// The two ways in which the tool fails. A usage_error is a wrong command line (exit status 2); a data_error is a
// file, a stream or a system call that is not what it should be (exit status 1).
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace nibble::tool {

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct data_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Standard output was closed by its reader: the program ends without a word.
struct closed_output {};

/// Work that is done and whose answer is the exit status: `check` found differences.
struct exit_status {
  int value = 0;
};
inline constexpr int explained_status = 3;
inline constexpr int not_explained_status = 4;

/// Throws data_error "SUBJECT: FAULT: <text of errno>".
[[noreturn]] void throw_system_error(std::string_view subject, std::string_view fault);

}  // namespace nibble::tool
