// SPDX-License-Identifier: Apache-2.0
//
// check_kernel: a faulty NVFP4 kernel, and what nibble says about the bytes that it writes. Exit status 0 if the diagnosis
// names the mistake, 1 if not.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include <nibble/check.hpp>

#include "quantize_kernel.hpp"

namespace {

constexpr std::size_t rows = 256, cols = 512;

// Normal numbers in steps of 1/64, as activations of few bits are: numbers between two codes are no exception then.
std::vector<float> activations() {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(rows * cols);
  for (float& v : x) v = std::nearbyint(normal(generator) * 64.0F) / 64.0F;
  return x;
}

}  // namespace

int main() {
  const std::vector<float> x = activations();
  float amax = 0;
  for (const float v : x) amax = std::max(amax, std::fabs(v));
  std::vector<std::uint8_t> codes(rows * cols / 2), scales(rows * cols / 16);
  const example::task task{x.data(), rows, cols, 2688.0F / amax, codes.data(), scales.data()};
  if (example::run_on_device(task)) {
    std::printf("the kernel ran on a GPU\n\n");
  } else {
    for (std::size_t block = 0; block < rows * cols / 16; ++block) example::quantize_block(task, block);
    std::printf("no GPU: the body of the kernel ran on the host\n\n");
  }

  // First, why: the recipe that the kernel is meant to follow, and what it does differently.
  const nibble::matrix_view view{x.data(), rows, cols};
  const nibble::check::device_bytes bytes{.codes = codes, .scales = scales, .tensor_scale = 1.0F / task.encode};
  const auto diagnosis = nibble::check::explain<nibble::nvfp4>(
      view, bytes, {.recipe = nibble::recipe::transformer_engine_kernel, .recipe_name = "transformer_engine_kernel"});
  std::printf("%s\n", to_text(diagnosis).c_str());

  // Then, where: the first elements that differ, a being the kernel and b the recipe.
  const auto expected =
      nibble::quantize<nibble::nvfp4>(view, {.recipe = nibble::recipe::transformer_engine_kernel});
  nibble::block_tensor<nibble::nvfp4> stored(rows, cols);
  std::copy(codes.begin(), codes.end(), stored.codes().begin());
  std::copy(scales.begin(), scales.end(), stored.scales().begin());
  stored.set_tensor_scale(1.0F / task.encode);
  std::printf("%s", to_text(nibble::check::compare(stored, expected, view, 3)).c_str());

  const bool named = diagnosis.differences.size() == 1 && diagnosis.differences[0].name == "codes: ties away from zero";
  return named ? 0 : 1;
}
