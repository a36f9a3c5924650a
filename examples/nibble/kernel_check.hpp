// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a kernel against the matrix that it quantized, for every block format.
#pragma once

#include <cstdint>
#include <nibble/base/executor.hpp>
#include <nibble/check/explain.hpp>
#include <string_view>

#include "tile.hpp"

namespace nibble::tool {

/// Runs the tasks of the library on threads.
struct thread_executor {
  unsigned threads = 1;
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    parallel_for(count, threads, [&](std::uint64_t index, unsigned) { task(static_cast<std::size_t>(index)); });
  }
};

/// check::explain for the format of that name. Throws usage_error for a format that has no such check, and
/// std::invalid_argument where the bytes do not fit the matrix.
check::diagnosis check_kernel(std::string_view format, const matrix_view<float>& x, const check::device_bytes& bytes,
                              const check::explain_options& options, unsigned threads);

}  // namespace nibble::tool
