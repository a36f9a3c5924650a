// SPDX-License-Identifier: Apache-2.0
//
// The promises of the default recipe on hostile finite tensors of every named block format and of FP4 under every scale
// format and block size of "FP4 All the Way" (NeurIPS 2025). Usage: exhaustive_block_guarantees GROUP DIVISOR, where the
// divisor makes the number of blocks smaller; 1 is the whole test.
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <block/guarantees.hpp>

#include "report.hpp"

namespace {

using namespace block_test;
using nibble::block_format;

std::size_t million = 1'000'000;  ///< less where the second argument divides it

template <int BlockSize>
void sweep(differences& found, std::size_t blocks) {
  check_guarantees<sweep_format(plain_scale(1), BlockSize)>(found, "E1M6", blocks);
  check_guarantees<sweep_format(plain_scale(2), BlockSize)>(found, "E2M5", blocks);
  check_guarantees<sweep_format(plain_scale(3), BlockSize)>(found, "E3M4", blocks);
  check_guarantees<sweep_format(nibble::formats::e4m3, BlockSize)>(found, "E4M3", blocks);
  check_guarantees<sweep_format(plain_scale(5), BlockSize)>(found, "E5M2", blocks);
  check_guarantees<sweep_format(plain_scale(6), BlockSize)>(found, "E6M1", blocks);
  check_guarantees<sweep_format(nibble::formats::e8m0, BlockSize)>(found, "E8M0", blocks);
}

/// Runs a group; the number of blocks that it checks, or 0 for an unknown group.
std::size_t run(std::string_view group, differences& found) {
  if (group == "nvfp4") {
    check_guarantees<nibble::nvfp4>(found, "nvfp4", million);
    check_guarantees<nibble::nvfp4_2d>(found, "nvfp4-2d", million / 10);
  } else if (group == "mx4") {
    check_guarantees<nibble::mxfp4>(found, "mxfp4", million);
  } else if (group == "mx6") {
    check_guarantees<nibble::mxfp6_e2m3>(found, "mxfp6-e2m3", million);
    check_guarantees<nibble::mxfp6_e3m2>(found, "mxfp6-e3m2", million);
  } else if (group == "mx8") {
    check_guarantees<nibble::mxfp8_e4m3>(found, "mxfp8-e4m3", million);
    check_guarantees<nibble::mxfp8_e5m2>(found, "mxfp8-e5m2", million);
    check_guarantees<nibble::mxint8>(found, "mxint8", million);
  } else if (group == "fp8") {
    check_guarantees<nibble::fp8_per_tensor>(found, "fp8_per_tensor", million / 20);
    check_guarantees<nibble::fp8_per_row>(found, "fp8_per_row", million);
    check_guarantees<nibble::fp8_128x128>(found, "fp8_128x128", million / 200);
  } else if (group == "sweep_8") {
    sweep<8>(found, million / 2);
  } else if (group == "sweep_16") {
    sweep<16>(found, million / 2);
  } else if (group == "sweep_32") {
    sweep<32>(found, million / 4);
  } else if (group == "sweep_64") {
    sweep<64>(found, million / 8);
  } else if (group == "sweep_128") {
    sweep<128>(found, million / 16);
  } else {
    return 0;
  }
  return found.comparisons();
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t divisor = 0;
  if (argc == 3) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), divisor);
  if (divisor == 0) {
    std::fprintf(stderr, "usage: exhaustive_block_guarantees GROUP DIVISOR\n");
    return 2;
  }
  million /= divisor;
  exhaustive::report report(argv[1]);
  differences found;
  const std::size_t tensors = run(argv[1], found);
  report.compared(tensors);
  if (found.count() != 0) {
    std::printf("%s\n", found.first().c_str());
    report.difference("promise", found.count(), 1, 0);
  }
  return report.verdict(1000);
}
