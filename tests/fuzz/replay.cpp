// SPDX-License-Identifier: Apache-2.0
//
// What the fuzzers do, without libFuzzer: every seed, every prefix of it, every seed with one byte changed, and the
// files named on the command line. It succeeds when nothing crashes and every seed is read. With --write FOLDER it
// writes the seeds for a fuzzer to start from.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "targets.hpp"

namespace {

using target = bool (*)(std::span<const std::byte>);

// The bytes in an allocation of exactly their size, so that a sanitizer sees a read behind the end.
bool run(target read, const std::string& file) {
  const auto* begin = reinterpret_cast<const std::byte*>(file.data());
  const std::vector<std::byte> copy(begin, begin + file.size());
  return read(copy);
}

bool replay(target read, const std::vector<std::string>& seeds) {
  bool all_read = true;
  for (const std::string& seed : seeds) {
    all_read = run(read, seed) && all_read;
    for (std::size_t i = 0; i < seed.size(); ++i) {
      run(read, seed.substr(0, i));
      for (const char byte : {'\0', '\1', '9', '-', '[', '{', '"', '\x7f', '\xff'}) {
        std::string changed = seed;
        changed[i] = byte;
        run(read, changed);
      }
      run(read, seed.substr(0, i) + seed.substr(i + 1));
      run(read, seed.substr(0, i) + seed[i] + seed.substr(i));
    }
  }
  return all_read;
}

void write(const std::filesystem::path& folder, const std::vector<std::string>& seeds) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream(folder / ("seed" + std::to_string(i)), std::ios::binary) << seeds[i];
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::strcmp(arguments[1], "--write") == 0) {
    write(std::filesystem::path(arguments[2]) / "npy", npy_seeds());
    write(std::filesystem::path(arguments[2]) / "safetensors", safetensors_seeds());
    return 0;
  }
  for (int i = 1; i < count; ++i) {
    std::ifstream file(arguments[i], std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    run(read_as_npy, bytes);
    run(read_as_safetensors, bytes);
  }
  const bool npy = replay(read_as_npy, npy_seeds());
  const bool safetensors = replay(read_as_safetensors, safetensors_seeds());
  if (!npy) std::puts("a .npy seed was refused");
  if (!safetensors) std::puts("a .safetensors seed was refused");
  return npy && safetensors ? 0 : 1;
}
