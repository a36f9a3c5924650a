// SPDX-License-Identifier: Apache-2.0
//
// A libFuzzer target. NIBBLE_FUZZ_TARGET names the reader that it feeds.
#include <cstdint>

#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  NIBBLE_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
  return 0;
}
