// SPDX-License-Identifier: Apache-2.0
//
// A progress bar on standard error, drawn only where that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nibble::tool {

class progress {
 public:
  /// `total` is the number of bytes that advance() will report.
  progress(std::string label, std::uint64_t total);
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  /// Wipes the bar.
  ~progress();

  void advance(std::uint64_t bytes);

 private:
  using clock = std::chrono::steady_clock;
  void draw(clock::time_point now);

  std::string label_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  clock::time_point start_ = clock::now();
  clock::time_point drawn_ = start_;
  bool on_terminal_;
  bool visible_ = false;
};

}  // namespace nibble::tool
