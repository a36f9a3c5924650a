# SPDX-License-Identifier: Apache-2.0
#
# `nibble sparsify` on files: masks by brute force, random choices by their expectation, what is stored, and faults.
import itertools
import json
import os
import random
import struct

import harness
from harness import (
    ToolTest,
    floats,
    pack_floats,
    read_npy,
    read_safetensors,
    run,
    write_npy,
    write_safetensors,
)


def keep_largest(values, cols, n, m):
    """At most n of every m elements of a row, of equal magnitudes the first."""
    out = [0.0] * len(values)
    for row in range(0, len(values), cols):
        for first in range(row, row + cols, m):
            block = range(first, min(first + m, row + cols))
            for i in sorted(block, key=lambda i: (-abs(values[i]), i))[:n]:
                out[i] = values[i]
    return out


def best_two_four():
    """The 4 x 4 masks with sums of 2, each as a list of kept places."""
    pairs = list(itertools.combinations(range(4), 2))
    for rows in itertools.product(pairs, repeat=4):
        if all(sum(c in row for row in rows) == 2 for c in range(4)):
            yield [4 * r + c for r, row in enumerate(rows) for c in row]


class Sparsify(ToolTest):
    def test_magnitude(self):
        generator = random.Random(1)
        values = [float(generator.randint(-4, 4)) for _ in range(6 * 37)]
        write_npy(self.path("in.npy"), "<f4", (2, 3, 37), pack_floats(values))
        for n, m in ((2, 4), (1, 2), (4, 8), (3, 5), (8, 16)):
            out, err = run("sparsify", self.path("in.npy"), "-o", self.path("out.npy"), "--pattern", f"{n}:{m}")
            self.assertEqual(err, b"")
            self.assertIn(f"1 tensor pruned to {n}:{m} by magnitude, 0 copied".encode(), out)
            header, data = read_npy(self.path("out.npy"))
            self.assertIn("'shape': (2, 3, 37)", header)
            self.assertEqual(floats(data), keep_largest(values, 37, n, m))

    def test_types_and_metadata(self):
        values = [1.0, -2.0, 3.0, -4.0, 0.5, 0.25, 8.0, 6.0]
        expected = [0.0, 0.0, 3.0, -4.0, 0.0, 0.0, 8.0, 6.0]
        bf16 = lambda numbers: b"".join(struct.pack("<f", v)[2:] for v in numbers)
        tenth = [0.1 * v for v in values]
        tensors = {
            "double": ("F64", [8], struct.pack("<8d", *tenth)),
            "float": ("F32", [2, 4], pack_floats(values)),
            "half": ("F16", [8], struct.pack("<8e", *values)),
            "brain": ("BF16", [8], bf16(values)),
            "ids": ("I64", [1], bytes(8)),
        }
        write_safetensors(self.path("in.safetensors"), tensors, {"note": "kept"})
        arguments = ["sparsify", self.path("in.safetensors"), "-o", self.path("out.safetensors"), "--pattern", "2:4"]
        self.assertIn(b"4 tensors pruned to 2:4 by magnitude, 1 copied", run(*arguments)[0])
        made, metadata = read_safetensors(self.path("out.safetensors"))
        self.assertEqual(made["float"], ("F32", [2, 4], pack_floats(expected)))
        self.assertEqual(made["half"], ("F16", [8], struct.pack("<8e", *expected)))
        self.assertEqual(made["brain"], ("BF16", [8], bf16(expected)))
        kept = [v if e else 0.0 for v, e in zip(tenth, expected)]
        self.assertEqual(made["double"], ("F64", [8], struct.pack("<8d", *kept)))
        self.assertEqual(made["ids"], tensors["ids"])
        self.assertEqual(metadata["note"], "kept")
        record = json.loads(metadata["nibble.sparsity:float"])
        self.assertEqual((record["pattern"], record["method"], record["dtype"]), ("2:4", "magnitude", "F32"))
        # What is random is float32; what is not wanted is copied.
        run(*arguments, "--method", "minimum-variance", "--tensor", "h*", "--seed", "3")
        made, metadata = read_safetensors(self.path("out.safetensors"))
        self.assertEqual(made["half"][:2], ("F32", [8]))
        self.assertEqual(made["brain"], tensors["brain"])
        self.assertEqual(json.loads(metadata["nibble.sparsity:half"])["seed"], 3)
        self.assertNotIn("nibble.sparsity:brain", metadata)
        # A pruned file is a file like any other.
        run("quantize", self.path("out.safetensors"), "-o", self.path("q.safetensors"), "--format", "mxfp4")
        run("sparsify", self.path("q.safetensors"), "-o", self.path("x.safetensors"), "--pattern", "2:4", status=1)
        run("dequantize", self.path("q.safetensors"), "-o", self.path("d.safetensors"))

    def test_minimum_variance(self):
        # Two kept of each four; 1, 2, 3, 4 stay as 5 with probability 0.2, 0.4, 0.6, 0.8.
        count = 20000
        write_npy(self.path("in.npy"), "<f4", (count // 8, 32), pack_floats([1, -2, 3, -4] * count))
        arguments = ["sparsify", self.path("in.npy"), "--pattern", "2:4", "--method", "minimum-variance", "-o"]
        results = {}
        for name, options in (("a", ["--seed", "5"]), ("b", ["--seed", "5", "--threads", "1"]), ("c", ["--seed", "6"])):
            run(*arguments, self.path(name + ".npy"), *options)
            results[name] = floats(read_npy(self.path(name + ".npy"))[1])
        self.assertEqual(results["a"], results["b"])
        self.assertNotEqual(results["a"], results["c"])
        for i, value in enumerate((1, -2, 3, -4)):
            column = results["a"][i::4]
            self.assertEqual({abs(v) for v in column}, {0.0, 5.0})
            share = sum(v != 0 for v in column) / count
            p = abs(value) / 5
            self.assertLess(abs(share - p), 5 * (p * (1 - p) / count) ** 0.5)
        self.assertTrue(all(sum(v != 0 for v in results["a"][k : k + 4]) == 2 for k in range(0, 4 * count, 4)))

    def test_position_decides_about_random_words(self):
        # One row of 600,000 elements is cut into tiles of columns, six rows of 100,000 are not: 3:5 divides both.
        generator = random.Random(3)
        data = pack_floats([generator.gauss(0, 1) for _ in range(600000)])
        made = []
        for shape in ([600000], [6, 100000]):
            write_safetensors(self.path("in.safetensors"), {"t": ("F32", shape, data)})
            run("sparsify", self.path("in.safetensors"), "-o", self.path("out.safetensors"), "--pattern", "3:5",
                "--method", "minimum-variance")
            made.append(read_safetensors(self.path("out.safetensors"))[0]["t"][2])
        self.assertEqual(made[0], made[1])

    def test_transposable(self):
        generator = random.Random(2)
        values = [float(generator.randint(-50, 50)) for _ in range(16 * 20)]
        write_npy(self.path("in.npy"), "<f8", (16, 20), struct.pack("<320d", *values))
        run("sparsify", self.path("in.npy"), "-o", self.path("out.npy"), "--pattern", "2:4", "--method", "transposable")
        header, data = read_npy(self.path("out.npy"))
        self.assertIn("'descr': '<f8'", header)
        out = struct.unpack("<320d", data)
        masks = list(best_two_four())
        self.assertEqual(len(masks), 90)
        for r in range(0, 16, 4):
            for c in range(0, 20, 4):
                places = [(r + i) * 20 + c + j for i in range(4) for j in range(4)]
                best = max(sum(abs(values[places[k]]) for k in mask) for mask in masks)
                self.assertEqual(sum(abs(out[p]) for p in places), best)
                self.assertTrue(all(out[p] in (0.0, values[p]) for p in places))
        run("sparsify", self.path("in.npy"), "-o", self.path("b.npy"), "--pattern", "3:7", "--method", "transposable",
            "--threads", "1")
        cut = struct.unpack("<320d", read_npy(self.path("b.npy"))[1])
        for r in range(0, 16, 7):
            for c in range(0, 20, 7):
                rows, cols = range(r, min(r + 7, 16)), range(c, min(c + 7, 20))
                self.assertTrue(all(sum(cut[i * 20 + j] != 0 for j in cols) <= 3 for i in rows))
                self.assertTrue(all(sum(cut[i * 20 + j] != 0 for i in rows) <= 3 for j in cols))

    def test_faults(self):
        write_npy(self.path("in.npy"), "<f4", (4,), bytes(16))
        write_npy(self.path("b.npy"), "<V2", (4,), bytes(8))
        before = self.names()
        for pattern in ("2", "2:", ":4", "0:4", "5:4", "2:17", "1:1", "-1:4", "2:4:8", "a:b", "02:004", "2;4", ""):
            err = run("sparsify", self.path("in.npy"), "-o", self.path("o.npy"), "--pattern", pattern, status=2)[1]
            self.assertIn(b"attern", err)
        two = ["sparsify", self.path("in.npy"), "--pattern", "2:4", "-o"]
        run(*two, self.path("o.npy"), "--method", "random", status=2)
        run(*two, self.path("o.npy"), "--seed", "-1", status=2)
        run(*two, self.path("o.txt"), status=2)
        run("sparsify", self.path("in.npy"), "-o", self.path("o.npy"), status=2)
        self.assertIn(b"matches --tensor", run(*two, self.path("o.npy"), "--tensor", "x", status=1)[1])
        err = run("sparsify", self.path("b.npy"), "--npy-bf16", "--pattern", "2:4", "-o", self.path("o.npy"), status=1)[1]
        self.assertIn(b"bfloat16", err)
        self.assertIn(b"absent.npy", run("sparsify", self.path("absent.npy"), "-o", self.path("o.npy"), "--pattern", "2:4",
                                         status=1)[1])
        with open(self.path("in.npy"), "rb") as file:
            content = file.read()
        with open(self.path("cut.npy"), "wb") as file:
            file.write(content[:-1])
        self.assertIn(b"cut.npy", run("sparsify", self.path("cut.npy"), "-o", self.path("o.npy"), "--pattern", "2:4",
                                      status=1)[1])
        os.remove(self.path("cut.npy"))
        self.assertEqual(self.names(), before)


if __name__ == "__main__":
    harness.main()
