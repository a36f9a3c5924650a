// SPDX-License-Identifier: Apache-2.0
//
// quantize by two threads against one: 1 MiB of float32, which the second-level caches of two cores hold. "Of limit" is the
// factor that the second thread brings.
#include <atomic>
#include <thread>

#include "support.hpp"

namespace {

using namespace nibble;

/// An executor of the caller and one other thread, which waits for work without sleeping. One takes tasks from the first on,
/// the other from the last, so that their caches hold what they work on from call to call, and the one whose core is slower
/// at the time takes fewer.
class two_threads {
 public:
  two_threads() : other_([this] { serve(); }) {}
  two_threads(const two_threads&) = delete;
  two_threads& operator=(const two_threads&) = delete;
  ~two_threads() {
    task_ = nullptr;
    turn_.fetch_add(1, std::memory_order_release);
    other_.join();
  }

  template <class Task>
  void operator()(std::size_t count, Task&& task) {
    task_ = [](void* t, std::size_t i) { (*static_cast<std::remove_reference_t<Task>*>(t))(i); };
    argument_ = &task;
    count_ = count;
    taken_.store(0, std::memory_order_relaxed);
    turn_.fetch_add(1, std::memory_order_release);
    for (std::size_t i = 0; take(); ++i) task_(argument_, i);
    while (done_.load(std::memory_order_acquire) != turn_.load(std::memory_order_relaxed)) {
    }
  }

 private:
  bool take() { return taken_.fetch_add(1, std::memory_order_relaxed) < count_; }
  void serve() {
    for (std::uint64_t seen = 0;; ++seen) {
      while (turn_.load(std::memory_order_acquire) == seen) {
      }
      if (task_ == nullptr) return;
      for (std::size_t i = count_; take();) task_(argument_, --i);
      done_.store(seen + 1, std::memory_order_release);
    }
  }

  void (*task_)(void*, std::size_t) = nullptr;
  void* argument_ = nullptr;
  std::size_t count_ = 0;
  // Apart, or a thread that waits would take the line of one that works.
  alignas(64) std::atomic<std::uint64_t> turn_{0};
  alignas(64) std::atomic<std::uint64_t> done_{0};
  alignas(64) std::atomic<std::size_t> taken_{0};
  std::thread other_;
};

template <block_format F, class Executor>
void run(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::buffer<float> x = bench::data(state.range(0));
  const matrix_view view{x.data(), count / 1024, 1024};
  block_tensor<F> q(view.rows, view.cols);
  Executor executor;
  for (auto _ : state) {
    quantize(simd{}, view, q.view(), {.tensor_amax = 8.0F}, executor);
    benchmark::ClobberMemory();
  }
  bench::finish(state, state.range(0), 4.0 + F.bits_per_element() / 8);
}

[[maybe_unused]] const bool registered = [] {
  constexpr std::int64_t count = 1 << 18;
  bench::add_sized("threads/nvfp4_by_one", "", count, run<nvfp4, serial>);
  bench::add_sized("threads/nvfp4_by_two", "threads/nvfp4_by_one", count, run<nvfp4, two_threads>);
  return true;
}();

}  // namespace
