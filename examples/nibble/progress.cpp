// SPDX-License-Identifier: Apache-2.0
//
// Implementation of progress.hpp.
#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "text.hpp"

namespace nibble::tool {
namespace {

bool is_terminal() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

}  // namespace

progress::progress(std::string label, std::uint64_t total)
    : label_(std::move(label)), total_(total), on_terminal_(is_terminal()) {}

progress::~progress() {
  if (visible_) std::fputs("\r\x1b[K", stderr);
}

void progress::advance(std::uint64_t bytes) {
  done_ += bytes;
  if (!on_terminal_) return;
  const auto now = clock::now();
  // Ten times a second, so that drawing costs nothing and short work shows no bar at all.
  if (now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  draw(now);
}

void progress::draw(clock::time_point now) {
  constexpr double width = 30;
  const double share = total_ == 0 ? 1.0 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const auto filled = static_cast<std::size_t>(share * width);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done_) / seconds;
  const double left = share > 0 ? seconds * (1 - share) / share : 0;
  const std::string bar = std::string(filled, '#') + std::string(static_cast<std::size_t>(width) - filled, '.');
  const std::string line = label_ + " [" + bar + "] " + fixed(100 * share, 0) + " %  " +
                           byte_count(static_cast<std::uint64_t>(rate)) + "/s  " + fixed(left, 0) + " s left";
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  std::fflush(stderr);
  visible_ = true;
}

}  // namespace nibble::tool
