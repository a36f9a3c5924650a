// SPDX-License-Identifier: Apache-2.0
// Thread pools that people have, as executors: each adaptor is a line or two, and the bits are those of serial code.
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <vector>

#include <nibble/nibble.hpp>

#if NIBBLE_TEST_TBB
#include <tbb/parallel_for.h>
#endif
#if NIBBLE_TEST_EIGEN
#include <unsupported/Eigen/CXX11/ThreadPool>
#endif

namespace {

const auto openmp = [](std::size_t count, auto&& task) {
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < count; ++i) task(i);
};

#if NIBBLE_TEST_TBB
const auto tbb_pool = [](std::size_t count, auto&& task) { tbb::parallel_for(std::size_t{0}, count, task); };
#endif

#if NIBBLE_TEST_EIGEN
struct eigen_pool {
  Eigen::ThreadPool& pool;
  template <class Task>
  void operator()(std::size_t count, Task&& task) const {
    Eigen::Barrier done(static_cast<unsigned>(count));
    for (std::size_t i = 0; i < count; ++i) pool.Schedule([&, i] { task(i); done.Notify(); });
    done.Wait();
  }
};
#endif

template <class Executor>
bool same(const char* name, Executor&& run) {
  const std::size_t rows = 700, cols = 1000;
  std::vector<float> values(rows * cols);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 7919 % 10007) - 5000.0F;
  const nibble::matrix_view<float> x(values.data(), rows, cols);
  const nibble::quantize_options options{.rounding = nibble::stochastic{.seed = 3}};
  const auto wanted = nibble::quantize<nibble::nvfp4>(x, options);
  nibble::block_tensor<nibble::nvfp4> got(rows, cols);
  nibble::quantize(nibble::scalar{}, x, got.view(), options, run);
  std::printf("%s: %s\n", name, got == wanted ? "the same bits" : "different bits");
  return got == wanted;
}

}  // namespace

int main() {
  bool all = same("OpenMP", openmp);
#if NIBBLE_TEST_TBB
  all = same("TBB", tbb_pool) && all;
#endif
#if NIBBLE_TEST_EIGEN
  Eigen::ThreadPool pool(3);
  all = same("Eigen", eigen_pool{pool}) && all;
#endif
  return all ? 0 : 1;
}
