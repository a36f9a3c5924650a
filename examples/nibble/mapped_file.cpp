// SPDX-License-Identifier: Apache-2.0
//
// Implementation of mapped_file.hpp on POSIX open, mmap and madvise.
#include "mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "error.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

// Closes a descriptor at the end of a scope: the mapping outlives it.
struct descriptor_guard {
  int value;
  explicit descriptor_guard(int descriptor) : value(descriptor) {}
  descriptor_guard(const descriptor_guard&) = delete;
  descriptor_guard& operator=(const descriptor_guard&) = delete;
  ~descriptor_guard() {
    if (value >= 0) ::close(value);
  }
};

extern "C" void nibble_on_bus_error(int) {
  constexpr char message[] = "nibble: an input file was shortened or became unreadable while it was read\n";
  const ssize_t ignored = ::write(STDERR_FILENO, message, sizeof message - 1);
  static_cast<void>(ignored);
  ::_exit(1);
}

}  // namespace

mapped_file::mapped_file(const std::string& path) : path_(path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const descriptor_guard file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.value < 0) throw_system_error(path, "cannot open");
  struct stat status {};
  if (::fstat(file.value, &status) != 0) throw_system_error(path, "cannot read its size");
  if (!S_ISREG(status.st_mode)) throw data_error(printable(path) + ": not a regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (address == MAP_FAILED) throw_system_error(path, "cannot map into memory");
  data_ = static_cast<const std::byte*>(address);
  ::madvise(address, size_, MADV_SEQUENTIAL);
}

mapped_file::~mapped_file() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void mapped_file::release(std::span<const std::byte> part) const noexcept {
  // A large page that is dropped in parts is first split, and dropping takes all threads' attention: so parts are put
  // together, and end where a large page does.
  constexpr std::size_t large_page = std::size_t{2} << 20, enough = 4 * large_page;
  if (part.empty()) return;
  const auto first = static_cast<std::size_t>(part.data() - data_), last = first + part.size();
  range apart, whole;
  {
    const std::lock_guard lock(mutex_);
    const range joined{std::min(released_.first, first), std::max(released_.last, last)};
    if (released_.first == released_.last) {
      released_ = {first, last};
    } else if (joined.last - joined.first <= 2 * enough) {
      released_ = joined;
    } else {
      apart = std::exchange(released_, {first, last});
    }
    if (released_.last - released_.first >= enough) {
      whole = {released_.first, released_.last / large_page * large_page};
      released_.first = whole.last;
    }
  }
  drop(apart);
  drop(whole);
}

// A fault on a page maps its neighbours, too: in a window of 64 KiB, or more where the system reads in larger pieces.
void mapped_file::drop(range bytes) const noexcept {
  constexpr std::size_t window = std::size_t{128} << 10;
  if (bytes.first == bytes.last) return;
  const std::size_t first = bytes.first / window * window;
  const std::size_t last = std::min((bytes.last + window - 1) / window * window, size_);
  ::madvise(const_cast<std::byte*>(data_ + first), last - first, MADV_DONTNEED);
}

void install_truncation_handler() {
  struct sigaction action {};
  action.sa_handler = nibble_on_bus_error;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace nibble::tool
