// SPDX-License-Identifier: Apache-2.0
//
// Cases timed in turns with a named kernel: what the programs for many formats share.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string_view>
#include <vector>

namespace bench {

/// A call to be timed.
using action = std::function<void()>;

/// Seconds of processor time a call, of as many calls as take about `target` seconds.
inline double seconds(const action& run, double target) {
  const std::clock_t start = std::clock();
  int calls = 0;
  double taken = 0;
  do {
    for (int i = 0; i < 4; ++i) run();
    calls += 4;
    taken = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  } while (taken < target);
  return taken / calls;
}

/// The command line: parts of the names of the cases wanted, all of which must occur, and "--rounds=N".
struct selection {
  int rounds = 9;
  std::vector<std::string_view> parts;

  void read(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      if (argument.substr(0, 9) == "--rounds=") {
        rounds = std::max(1, std::atoi(argv[i] + 9));
      } else {
        parts.push_back(argument);
      }
    }
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return std::all_of(parts.begin(), parts.end(), [&](std::string_view p) { return name.find(p) != name.npos; });
  }
};

}  // namespace bench
