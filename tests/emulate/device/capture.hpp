// SPDX-License-Identifier: Apache-2.0
//
// What the two halves of the capture program share: the device half issues instructions, the host half makes operands and
// compares results with the emulation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <vector>

#include <nibble/emulate/tensor_core.hpp>

namespace capture {

inline constexpr int row_bytes = 32;  // every instruction here reads rows of 32 bytes: k elements of 32 / k bytes

/// The instructions, in the order of the device table.
struct instruction {
  const char* name;
  bool wgmma;      // m64n8, else m16n8
  int a, b;        // 0 e4m3, 1 e5m2, 2 f16, 3 bf16, 4 tf32
  bool f16_result;
};
inline constexpr instruction instructions[] = {
    {"wgmma e4m3 e4m3 f32", true, 0, 0, false}, {"wgmma e4m3 e5m2 f32", true, 0, 1, false},
    {"wgmma e5m2 e4m3 f32", true, 1, 0, false}, {"wgmma e5m2 e5m2 f32", true, 1, 1, false},
    {"wgmma e4m3 e4m3 f16", true, 0, 0, true},  {"wgmma e4m3 e5m2 f16", true, 0, 1, true},
    {"wgmma e5m2 e4m3 f16", true, 1, 0, true},  {"wgmma e5m2 e5m2 f16", true, 1, 1, true},
    {"wgmma f16 f16 f32", true, 2, 2, false},   {"wgmma f16 f16 f16", true, 2, 2, true},
    {"wgmma bf16 bf16 f32", true, 3, 3, false}, {"wgmma tf32 tf32 f32", true, 4, 4, false},
    {"mma e4m3 e4m3 f32", false, 0, 0, false},  {"mma e4m3 e5m2 f32", false, 0, 1, false},
    {"mma e5m2 e4m3 f32", false, 1, 0, false},  {"mma e5m2 e5m2 f32", false, 1, 1, false},
    {"mma e4m3 e4m3 f16", false, 0, 0, true},   {"mma e4m3 e5m2 f16", false, 0, 1, true},
    {"mma e5m2 e4m3 f16", false, 1, 0, true},   {"mma e5m2 e5m2 f16", false, 1, 1, true},
    {"mma f16 f16 f32", false, 2, 2, false},    {"mma f16 f16 f16", false, 2, 2, true},
    {"mma bf16 bf16 f32", false, 3, 3, false},  {"mma tf32 tf32 f32", false, 4, 4, false}};
inline constexpr int instruction_count = sizeof(instructions) / sizeof(instructions[0]);

/// Tiles of operands: a[tile][m][32 bytes], b[tile][8][32 bytes], c and d[tile][m][8], one word an element.
struct tiles {
  int m = 64;
  std::size_t count = 0;
  std::vector<std::uint8_t> a, b;
  std::vector<std::uint32_t> c, d;
};

// Device half.
bool run_tiles(int instruction, tiles& t, bool swapped_strides);
// Runs every conversion over all inputs; appends samples to `file`; returns the number of conversions that differ.
int run_conversions(std::FILE* file);

// Host half.
bool layout_is_right(int instruction, bool swapped_strides);
// Returns the number of mismatches of the default unit; appends samples to `file` and mismatches to `differences`.
std::size_t check_instruction(int instruction, std::size_t dots, bool swapped_strides, std::FILE* file,
                              std::FILE* differences);
void on_all_cores(std::size_t count, const std::function<void(std::size_t)>& task);

/// One dot product and its result on the device, one word an operand.
struct sample {
  std::uint32_t a[32] = {};
  std::uint32_t b[32] = {};
  std::uint32_t c = 0;
  std::uint32_t d = 0;
};
// Prints the rules, of some thousands, that explain the most samples.
void learn(const instruction& op, const nibble::float_format& a, const nibble::float_format& b,
           const nibble::emulate::tensor_unit& unit, const std::vector<sample>& samples);

// GEMMs of the vendor's library (K = 4096) against chains of emulated instructions; linked only where that is found.
__attribute__((weak)) void check_gemms(std::FILE* differences);

}  // namespace capture
