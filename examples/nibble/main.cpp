// SPDX-License-Identifier: Apache-2.0
//
// The nibble tool: low-precision number formats and block quantization on the command line.
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <nibble/base/version.hpp>
#include <sstream>
#include <string>

#include "commands/command.hpp"
#include "commands/shared_options.hpp"
#include "error.hpp"
#include "mapped_file.hpp"
#include "text.hpp"

namespace {

constexpr int data_status = 1;
constexpr int usage_status = 2;

std::string version_text() {
  return "nibble " + std::to_string(NIBBLE_VERSION_MAJOR) + "." + std::to_string(NIBBLE_VERSION_MINOR) + "." +
         std::to_string(NIBBLE_VERSION_PATCH);
}

int complain(int status, const char* message) {
  std::fprintf(stderr, "nibble: %s\n", message);
  return status;
}

int run(int count, char** arguments) {
  using namespace nibble::tool;
  choose_instruction_set();
  CLI::App program("Low-precision number formats and block quantization: NVFP4, MXFP4, MXFP6, MXFP8 and their parts.",
                   "nibble");
  program.set_version_flag("--version", version_text());
  program.require_subcommand(1);
  program.footer("Exit status: 0 done, 1 a file or stream is not what it should be, 2 a wrong command line.");
  add_formats(program);
  add_encode(program);
  add_decode(program);
  add_quantize(program);
  add_dequantize(program);
  add_sparsify(program);
  add_compare(program);
  add_check(program);
  add_report(program);
  try {
    program.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = program.exit(error, out, std::cerr);
    print(out.str());
    return status == 0 ? 0 : usage_status;
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  // A reader that closes the pipe is met where the write fails, not by a signal.
  std::signal(SIGPIPE, SIG_IGN);
  nibble::tool::install_truncation_handler();
  try {
    return run(count, arguments);
  } catch (const nibble::tool::closed_output&) {
    return 0;
  } catch (const nibble::tool::exit_status& status) {
    return status.value;
  } catch (const nibble::tool::usage_error& error) {
    return complain(usage_status, error.what());
  } catch (const std::bad_alloc&) {
    return complain(data_status, "out of memory");
  } catch (const std::exception& error) {
    return complain(data_status, error.what());
  }
}
