// SPDX-License-Identifier: Apache-2.0
//
// Implementation of builtin_tensor.hpp. Integers and exact float steps only: no function whose last bit depends on
// the system's mathematical library.
#include "builtin_tensor.hpp"

#include <nibble/base/philox.hpp>

namespace nibble::tool {
namespace {

// The sum of eight uniform 16-bit integers (Irwin-Hall), centred: deviation sqrt(8 * (2^32 - 1) / 12), about 53,510.
std::int32_t nearly_normal(const philox_block& words) {
  std::int32_t sum = 0;
  for (const std::uint32_t word : words.words) sum += static_cast<std::int32_t>((word & 0xffffU) + (word >> 16));
  return sum - 4 * 65535;
}

}  // namespace

builtin_tensor make_builtin_tensor() {
  constexpr float unit = 0x1.9p-22F;  // 53,510 * unit is about 0.02
  constexpr std::uint64_t seed = 1;
  builtin_tensor tensor;
  tensor.values.resize(tensor.rows * tensor.cols);
  for (std::uint64_t i = 0; i < tensor.values.size(); ++i) {
    const std::int32_t number = nearly_normal(random_block(seed, 0, i));
    const bool outlier = random_block(seed, 1, i).words[0] % 4096 == 0;
    const std::int32_t factor = outlier ? 30 : i % tensor.cols % 128 == 0 ? 8 : 1;
    tensor.values[i] = static_cast<float>(number * factor) * unit;
  }
  return tensor;
}

}  // namespace nibble::tool
