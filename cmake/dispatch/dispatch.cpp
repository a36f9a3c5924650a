// SPDX-License-Identifier: Apache-2.0
//
// The choice of an instruction set at run time. This file is compiled for the smallest one.
#include <nibble/dispatch_kernels.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "tables.hpp"

namespace nibble {
inline namespace v0 {
namespace dispatch {
namespace {

#if NIBBLE_DISPATCH_HAS_AVX2
bool machine_has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c >> 29 & 1U) != 0;
}

bool machine_has_avx2() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && machine_has_f16c();
}

bool machine_has_avx512() {
  return machine_has_avx2() && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0;
}

bool machine_has_avx512vbmi() {
  return machine_has_avx512() && __builtin_cpu_supports("avx512ifma") != 0 && __builtin_cpu_supports("avx512vbmi") != 0;
}
#endif

kernel_table make_table(const char* name, const block_kernels* fp4, const block_kernels* fp6, const block_kernels* bytes,
                        const element_kernels* elements, const all_source_kernels& sources) {
  kernel_table table{name, {&fp4[0], &fp4[1], &fp4[2], &fp6[0], &fp6[1], &bytes[0], &bytes[1], &bytes[2]}, {}, &sources};
  for (std::size_t i = 0; i < format_count; ++i) table.elements[i] = &elements[i];
  return table;
}
static_assert(block_format_count == 8 && named_block_formats[2].format == mxfp4 &&
              named_block_formats[4].format == mxfp6_e3m2 && named_block_formats[7].format == mxint8);

const kernel_table& base_table() {
  static const kernel_table table =
      make_table("base", base::fp4_kernels, base::fp6_kernels, base::byte_kernels, base::elements, base::sources);
  return table;
}

#if NIBBLE_DISPATCH_HAS_AVX2
const kernel_table& avx2_table() {
  static const kernel_table table =
      make_table("avx2", avx2::fp4_kernels, avx2::fp6_kernels, avx2::byte_kernels, avx2::elements, avx2::sources);
  return table;
}

// Half as many units to compile: AVX-512 has kernels of its own for the 4-bit formats.
const kernel_table& avx512_table() {
  static const kernel_table table =
      make_table("avx512", avx512::fp4_kernels, avx2::fp6_kernels, avx2::byte_kernels, avx2::elements, avx512::sources);
  return table;
}

// VBMI looks up bytes in 64 others: the codes of E2M1, and nothing else here.
const kernel_table& avx512vbmi_table() {
  static const kernel_table table = make_table("avx512vbmi", avx512vbmi::fp4_kernels, avx2::fp6_kernels,
                                               avx2::byte_kernels, avx2::elements, avx512::sources);
  return table;
}
#endif

// From the smallest to the largest.
constexpr const char* isa_names[] = {"base", "avx2", "avx512", "avx512vbmi"};

// nullptr where this build or machine has no such instruction set.
const kernel_table* find_table(const std::string& name) {
  if (name == "base") return &base_table();
#if NIBBLE_DISPATCH_HAS_AVX2
  if (name == "avx2" && machine_has_avx2()) return &avx2_table();
  if (name == "avx512" && machine_has_avx512()) return &avx512_table();
  if (name == "avx512vbmi" && machine_has_avx512vbmi()) return &avx512vbmi_table();
#endif
  return nullptr;
}

[[noreturn]] void refuse(const std::string& name, const std::string& subject) {
  bool known = false;
  std::string available;
  for (const char* other : isa_names) {
    known = known || name == other;
    if (find_table(other) != nullptr) available += (available.empty() ? "" : ", ") + std::string(other);
  }
  throw std::runtime_error("nibble: " + subject + " is '" + name + "', which " +
                           (known ? "this build or machine does not have" : "names no instruction set") +
                           "; available here: " + available);
}

const kernel_table& choose() {
  if (const char* name = std::getenv("NIBBLE_ISA"); name != nullptr && *name != '\0') {
    const kernel_table* table = find_table(name);
    if (table == nullptr) refuse(name, "the environment variable NIBBLE_ISA");
    return *table;
  }
  const kernel_table* largest = &base_table();
  for (const char* name : isa_names) {
    if (const kernel_table* table = find_table(name)) largest = table;
  }
  return *largest;
}

}  // namespace

const kernel_table& kernels() {
  static const kernel_table& table = choose();
  return table;
}

const kernel_table& kernels_of(const char* name) {
  const kernel_table* table = find_table(name);
  if (table == nullptr) refuse(name, "the instruction set");
  return *table;
}

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
