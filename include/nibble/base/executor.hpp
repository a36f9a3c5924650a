// SPDX-License-Identifier: Apache-2.0
//
// Threads are an argument: an executor runs a number of independent tasks, and the library makes none of its own.
#pragma once

#include <concepts>
#include <cstddef>

namespace nibble {
inline namespace v0 {

/// `run(count, task)` calls task(i) once for every i below count, in any order and on any threads, and returns when all
/// have returned. Tasks do not throw. Results never depend on the executor.
template <class T>
concept executor = requires(T& run, void (*task)(std::size_t)) { run(std::size_t{1}, task); };

/// One task after the other on the calling thread.
struct serial {
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    for (std::size_t i = 0; i < count; ++i) task(i);
  }
};

}  // namespace v0
}  // namespace nibble
