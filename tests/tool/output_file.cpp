// SPDX-License-Identifier: Apache-2.0
//
// Output files: whole or absent, whatever stops the writer; and the safetensors writer on top of them.
#include <output_file.hpp>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mapped_file.hpp>
#include <safetensors_reader.hpp>
#include <safetensors_writer.hpp>
#include <stdexcept>
#include <vector>

#include "bytes.hpp"

using namespace nibble::tool;
namespace fs = std::filesystem;

namespace {

// A folder of its own, removed with everything in it.
struct scratch_folder {
  fs::path path;
  scratch_folder() {
    std::string name = (fs::temp_directory_path() / "nibble-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() { fs::remove_all(path); }
  [[nodiscard]] std::string operator()(const char* name) const { return (path / name).string(); }
  [[nodiscard]] auto entries() const { return std::distance(fs::directory_iterator(path), {}); }
};

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr output_file::temporary kinds[] = {output_file::temporary::unnamed_if_possible, output_file::temporary::named};

}  // namespace

TEST_CASE("a committed file has its bytes and leaves nothing else") {
  for (const auto kind : kinds) {
    const scratch_folder folder;
    {
      output_file file(folder("out"), kind);
      file.write_at(3, bytes_of("def"));
      file.write_at(0, bytes_of("abc"));
      CHECK_FALSE(fs::exists(folder("out")));
      file.commit();
    }
    CHECK(content(folder("out")) == "abcdef");
    CHECK(folder.entries() == 1);
    output_file second(folder("out"), kind);
    second.write_at(0, bytes_of("new"));
    CHECK(content(folder("out")) == "abcdef");
    second.commit();
    CHECK(content(folder("out")) == "new");
    CHECK(folder.entries() == 1);
    CHECK((fs::status(folder("out")).permissions() & fs::perms::owner_all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
  }
}

TEST_CASE("a file that is not committed never was") {
  for (const auto kind : kinds) {
    const scratch_folder folder;
    std::ofstream(folder("old")) << "old";
    {
      output_file fresh(folder("fresh"), kind);
      fresh.write_at(0, bytes_of("half"));
      output_file replaced(folder("old"), kind);
      replaced.write_at(0, bytes_of("half"));
    }
    CHECK(folder.entries() == 1);
    CHECK(content(folder("old")) == "old");
  }
}

TEST_CASE("a writer that is told to end leaves nothing") {
  for (const auto kind : kinds) {
    const scratch_folder folder;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      output_file file(folder("out"), kind);
      file.write_at(0, bytes_of("half"));
      ::raise(SIGTERM);
      ::_exit(0);
    }
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(folder.entries() == 0);
  }
}

TEST_CASE("a link keeps pointing at its replaced target; a folder or a device is refused") {
  const scratch_folder folder;
  std::ofstream(folder("target")) << "old";
  fs::create_symlink("target", folder.path / "link");
  {
    output_file file(folder("link"));
    file.write_at(0, bytes_of("new"));
    file.commit();
  }
  CHECK(fs::is_symlink(folder("link")));
  CHECK(content(folder("target")) == "new");
  CHECK(contains(fault_of([&] { output_file file(folder.path.string()); }), "not a regular file"));
  CHECK(contains(fault_of([] { output_file file("/dev/null"); }), "not a regular file"));
  CHECK(contains(fault_of([&] { output_file file(folder("absent/out")); }), "absent/out"));
}

TEST_CASE("mapped files: content, empty file, folder, absent file, released pages") {
  const scratch_folder folder;
  const std::string text(300000, 'x');
  std::ofstream(folder("in")) << text;
  std::ofstream{folder("empty")};
  const mapped_file file(folder("in"));
  file.release(file.bytes().subspan(5000, 200000));
  CHECK(std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()) == text);
  CHECK(mapped_file(folder("empty")).bytes().empty());
  CHECK(contains(fault_of([&] { mapped_file absent(folder("absent")); }), "cannot open"));
  CHECK(contains(fault_of([&] { mapped_file directory(folder.path.string()); }), "not a regular file"));
}

// Bytes of files that are in the memory of this process.
std::size_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::size_t kilobytes = 0;
  while (status >> word && word != "RssFile:") {
  }
  status >> kilobytes;
  return kilobytes << 10;
}

TEST_CASE("parts of a mapped file that were read leave memory, in whatever order, and can be read again") {
  const scratch_folder folder;
  constexpr std::size_t part = std::size_t{1} << 20, parts = 64;
  {
    std::ofstream out(folder("in"), std::ios::binary);
    for (std::size_t i = 0; i < parts; ++i) out << std::string(part, static_cast<char>('a' + i % 26));
  }
  const mapped_file file(folder("in"));
  const auto sum = [&](std::size_t first) {
    std::size_t total = 0;
    for (std::size_t i = first; i < first + part; i += 1024) total += static_cast<std::size_t>(file.bytes()[i]);
    return total;
  };
  // Forward by turns of two, as threads do it; backward; far apart.
  for (const auto order : {0, 1, 2}) {
    for (std::size_t i = 0; i < parts; ++i) REQUIRE(sum(i * part) == 1024 * ('a' + i % 26));
    const std::size_t before = resident_bytes();
    REQUIRE(before >= parts * part);
    for (std::size_t i = 0; i < parts; ++i) {
      const std::size_t at = order == 0 ? i ^ 1U : order == 1 ? parts - 1 - i : i * 29 % parts;
      file.release(file.bytes().subspan(at * part, part));
    }
    CAPTURE(order);
    CHECK(resident_bytes() + 48 * part < before);
  }
}

TEST_CASE("the safetensors writer writes what the reader reads, aligned by element size") {
  const scratch_folder folder;
  const std::string path = folder("out.safetensors");
  {
    safetensors_writer writer(path, {{"odd", "U8", {3}, 3}, {"wide\n\"", "F64", {1, 1}, 8}, {"half", "F16", {}, 2}},
                              {{"key", "value"}});
    writer.write(1, 0, bytes_of("01234567"));
    writer.write(0, 1, bytes_of("bc"));
    writer.write(0, 0, bytes_of("a"));
    CHECK_THROWS_AS(writer.commit(), std::logic_error);
    CHECK_THROWS_AS(writer.write(2, 1, bytes_of("xy")), std::logic_error);
    writer.write(2, 0, bytes_of("hh"));
    writer.commit();
  }
  const std::string file = content(path);
  const safetensors_contents read = parse_safetensors(bytes_of(file), "out");
  CHECK(read.metadata == std::map<std::string, std::string>{{"key", "value"}});
  CHECK(read.tensors.size() == 3);
  CHECK(read.tensors[0].name == "wide\n\"");
  CHECK(file.size() % 8 == 5);
  CHECK(file.substr(file.size() - 13) == "01234567hhabc");
  for (const stored_tensor& t : read.tensors) {
    CHECK((t.bytes.data() - bytes_of(file).data()) % (*type_bits(t.type) / 8) == 0);
  }
  CHECK(contains(fault_of([&] {
                   safetensors_writer twice(path, {{"a", "U8", {}, 1}, {"a", "U8", {}, 1}}, {});
                 }),
                 "two tensors would be called 'a'"));
  CHECK(content(path) == file);
  CHECK(folder.entries() == 1);
}
