# SPDX-License-Identifier: Apache-2.0
#
# test_readme.py TOOL COMPILER FLAG...
# README.md against the code: the C++ of "In a program" compiles, every command of the tool runs, and the tables of
# formats, recipes, presets and options name what is there.
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TOOL, COMPILER, FLAGS = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


README = read("README.md")


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.M | re.S).group(1)


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def rows(text, first_column):
    """The rows of the table whose first column has this head, as lists of cells."""
    table = re.search(rf"^\| {first_column} \|.*\n\| --- .*\n((?:\|.*\n)+)", text, re.M).group(1)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def number(text):
    """The value of 0.25, 2^-3, or None."""
    power = re.fullmatch(r"2\^(-?\d+)", text)
    if power:
        return 2.0 ** int(power.group(1))
    try:
        return float(text)
    except ValueError:
        return None


# What is around the programs of "In a program", one after the other.
HEADERS = [f"nibble/{door}.hpp" for door in "nibble method emulate check simd dispatch".split()] + ["cstdio"]
# tests/packaging/executors has the pools themselves.
POOLS = """
namespace tbb { template <class F> void parallel_for(std::size_t i, std::size_t n, F&& f) { for (; i < n; ++i) f(i); } }
namespace Eigen { struct Barrier { explicit Barrier(unsigned) {} void Notify() {} void Wait() {} }; }
struct any_pool { template <class F> void Schedule(F&& f) { f(); } };
"""
MATRICES = "std::size_t rows = 16, cols = 64; const float* weights = nullptr; quantize_options options;"
CONTEXTS = [
    MATRICES + "const float* gradient = nullptr;",
    MATRICES + "matrix_view<float> x(weights, rows, cols); block_tensor<nvfp4> q(rows, cols); any_pool pool;",
    MATRICES,
    MATRICES + "std::vector<float> gradient(64), rotated(64), before(64), after(64);"
    "std::vector<std::uint8_t> packed(32);",
    MATRICES + "block_tensor<nvfp4> a(16, 64), b(16, 64); const float* x = weights;"
    "auto codes = a.codes(); auto scales = a.scales(); auto tensor_scale = a.tensor_scale();",
]


class Readme(unittest.TestCase):
    def test_programs_compile(self):
        programs = blocks(section("In a program"), "cpp")
        self.assertEqual(len(programs), len(CONTEXTS))
        unit = "".join(f"#include <{header}>\n" for header in HEADERS)
        unit += POOLS + "using namespace nibble;\n"
        for i, (context, program) in enumerate(zip(CONTEXTS, programs)):
            for header in re.findall(r"^#include <(.*)>", program, re.M):
                self.assertIn(header, HEADERS)
            body = re.sub(r"^(#include .*|using namespace nibble;)$", "", program, flags=re.M)
            unit += f"void program_{i}() {{\n{context}\n{body}}}\n"
        command = [COMPILER, *FLAGS, "-fsyntax-only", "-x", "c++", "-"]
        done = subprocess.run(command, input=unit, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_commands_run(self):
        commands = [line for block in blocks(README, "sh") for line in block.splitlines() if line.startswith("nibble ")]
        self.assertGreater(len(commands), 5)
        values = struct.pack("<4096f", *((i * 7919 % 10007 - 5000) / 1000 for i in range(4096)))
        header = json.dumps({"w": {"dtype": "F32", "shape": [32, 128], "data_offsets": [0, len(values)]}}).encode()
        with tempfile.TemporaryDirectory(prefix="nibble-test-") as folder:
            path = {**os.environ, "PATH": os.path.dirname(TOOL) + os.pathsep + os.environ["PATH"]}
            with open(os.path.join(folder, "model.safetensors"), "wb") as file:
                file.write(struct.pack("<Q", len(header)) + header + values)
            with open(os.path.join(folder, "numbers.f32"), "wb") as file:
                file.write(values)
            kernel = "nibble quantize model.safetensors -o kernel_output.safetensors --recipe transformer-engine"
            for command in [kernel, "nibble quantize", *commands]:
                done = subprocess.run(command, shell=True, cwd=folder, env=path, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, command + "\n" + done.stderr)

    def test_packages(self):
        text = section("Try it")
        tool, tests = (re.search(rf"`({first} [^`]*)`", text).group(1).split() for first in (r"g\+\+", "pkg-config"))
        for script, wanted in (("run.sh", tool), ("test.sh", tool + tests)):
            command = read("cmake", script).replace("\\\n", " ")
            installed = re.search(r"^install_packages (.*)$", command, re.M).group(1).split()
            self.assertEqual(sorted(installed), sorted(wanted))

    def test_formats(self):
        lines = subprocess.run([TOOL, "formats"], capture_output=True, text=True, check=True).stdout.splitlines()
        cells = {line.split()[0]: re.split(r" {2,}", line) for line in lines if line}
        listed = 0
        for row in rows(section("Formats"), "name"):
            if len(names(row[0])) != 1:
                continue  # the 16-bit ones, in one row
            tool = cells[names(row[0])[0]]
            self.assertEqual(row[1:3], tool[1:3], row[0])
            smallest = tool[5] if tool[5] != "-" else tool[4]
            self.assertEqual([number(x) for x in row[3:6]], [number(x) for x in (*tool[3:5], smallest)], row[0])
            listed += 1
        self.assertEqual(listed, 13)
        listed = 0
        for row in rows(section("Formats"), "block format"):
            each = [cell.split(", ") for cell in row]
            for i, name in enumerate(names(row[0])):
                tool = cells.get(name.replace("_", "-"))
                if not tool:
                    continue
                element, scale, block = (cell[min(i, len(cell) - 1)] for cell in each[1:4])
                element = element.replace("8-bit integer", "int8")
                self.assertEqual([element, scale, block, row[4] or "-"], tool[1:5], name)
                listed += 1
        self.assertEqual(listed, 8)

    def test_recipes(self):
        presets = set(re.findall(r'^    \{"(\w+)",', read("include", "nibble", "block", "recipe_presets.hpp"), re.M))
        named = set()
        for row in rows(section("Recipes"), "recipe"):
            first, *others = names(row[0])
            if first == "recipe{}":
                first = others[0]
            named.update(first + name if name.startswith("_") else name for name in [first, *others])
        self.assertEqual(named, presets)

    def test_presets_and_options(self):
        presets = json.loads(read("CMakePresets.json"))["configurePresets"]
        listed = {name for row in rows(section("Build it"), "preset") for name in names(row[0])}
        self.assertEqual(listed, {preset["name"] for preset in presets if not preset.get("hidden")})
        cmake = "".join(read(*path) for path in [("CMakeLists.txt",), ("tests", "CMakeLists.txt")])
        options = set(re.findall(r"option\((NIBBLE_\w+)", cmake))
        options |= {f"NIBBLE_WITH_{component}" for component in ("SIMD", "EIGEN", "CUDA")}
        self.assertEqual({name for row in rows(section("Build it"), "option") for name in names(row[0])}, options)
        used = {name for preset in presets for name in preset.get("cacheVariables", {}) if name.startswith("NIBBLE_")}
        self.assertLessEqual(used, options)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
