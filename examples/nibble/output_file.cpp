// SPDX-License-Identifier: Apache-2.0
//
// Implementation of output_file.hpp. On Linux the file has no name until it is whole (open(2), O_TMPFILE), so a
// process that is killed leaves nothing behind; elsewhere the named temporary is removed by the destructor and by a
// handler of SIGINT, SIGTERM and SIGHUP.
#include "output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "error.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

// The named temporary that a signal handler removes: one at a time, as the tool writes one file at a time.
std::array<char, 4096> doomed_path{};
volatile std::sig_atomic_t doomed = 0;

extern "C" void nibble_on_termination(int number) {
  if (doomed != 0) ::unlink(doomed_path.data());
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void remove_on_signal(const std::string& path) {
  if (path.size() >= doomed_path.size()) return;
  std::memcpy(doomed_path.data(), path.c_str(), path.size() + 1);
  doomed = 1;
  struct sigaction action {};
  action.sa_handler = nibble_on_termination;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
}

std::string descriptor_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

// mkstemp creates files that only their owner reads; an output file follows the user's umask like any other.
void apply_umask(int descriptor) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(descriptor, static_cast<mode_t>(0666) & ~mask);
}

}  // namespace

output_file::output_file(const std::string& path, temporary kind) : path_(path) {
  namespace fs = std::filesystem;
  std::error_code fault;
  if (const auto status = fs::status(path, fault); fs::exists(status)) {
    if (!fs::is_regular_file(status)) throw data_error(printable(path) + ": exists and is not a regular file");
    // A symbolic link keeps pointing at its target; the target is what gets replaced.
    path_ = fs::canonical(path, fault).string();
    if (fault) throw data_error(printable(path) + ": " + fault.message());
  }
  folder_ = fs::path(path_).parent_path().string();
  if (folder_.empty()) folder_ = ".";
  if (kind == temporary::unnamed_if_possible) open_unnamed();
  if (descriptor_ < 0) open_named();
}

void output_file::open_unnamed() {
#ifdef O_TMPFILE
  descriptor_ = ::open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  // Without /proc there is no way to name the file afterwards.
  if (descriptor_ >= 0 && ::access(descriptor_path(descriptor_).c_str(), F_OK) != 0) {
    ::close(descriptor_);
    descriptor_ = -1;
  }
#endif
}

void output_file::open_named() {
  std::string name = path_ + ".XXXXXX";
  descriptor_ = ::mkstemp(name.data());
  if (descriptor_ < 0) throw_system_error(path_, "cannot create a file in its folder");
  temporary_path_ = name;
  remove_on_signal(temporary_path_);
  apply_umask(descriptor_);
}

output_file::~output_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_path_.empty()) ::unlink(temporary_path_.c_str());
  doomed = 0;
}

void output_file::resize(std::uint64_t size) {
#ifdef __linux__
  // With its room set aside the file is written in three quarters of the time, and a full device is found before work.
  if (size > 0 && ::fallocate(descriptor_, 0, 0, static_cast<off_t>(size)) == 0) return;
  if (size > 0 && errno == ENOSPC) throw_system_error(path_, "cannot write");
#endif
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) throw_system_error(path_, "cannot write");
}

void output_file::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_system_error(path_, "cannot write");
    }
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void output_file::link_unnamed() {
  // linkat(2) refuses to replace a file, so the new file first gets a free name of its own.
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::string name = path_ + "." + std::to_string(::getpid()) + "-" + std::to_string(attempt);
    if (::linkat(AT_FDCWD, descriptor_path(descriptor_).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary_path_ = name;
      return;
    }
    if (errno != EEXIST) break;
  }
  throw_system_error(path_, "cannot create a file in its folder");
}

void output_file::commit() {
  // An older file is given up only for one that a power failure cannot take; a new file is as durable as any program's.
  const bool replaces = ::access(path_.c_str(), F_OK) == 0;
  if (replaces && ::fsync(descriptor_) != 0) throw_system_error(path_, "cannot write to the device");
  if (temporary_path_.empty()) link_unnamed();
  if (::close(std::exchange(descriptor_, -1)) != 0) throw_system_error(path_, "cannot close");
  if (::rename(temporary_path_.c_str(), path_.c_str()) != 0) throw_system_error(path_, "cannot replace");
  temporary_path_.clear();
  doomed = 0;
  if (!replaces) return;
  // The name itself is durable once the folder is: failure here leaves a whole file and is not an error.
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

}  // namespace nibble::tool
