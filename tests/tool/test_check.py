# SPDX-License-Identifier: Apache-2.0
#
# `nibble check` on bytes that the tool wrote and that were then spoiled in a known way.
import random
import struct

import harness
from harness import ToolTest, pack_floats, read_safetensors, run, write_npy, write_safetensors


class Check(ToolTest):
    def setUp(self):
        super().setUp()
        generator = random.Random(1)
        values = pack_floats([generator.gauss(0, 1) for _ in range(128 * 256)])
        self.input = ("F32", [2, 64, 256], values)
        write_safetensors(self.path("in.safetensors"), {"w": self.input})
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), "--format", "nvfp4")
        self.tensors, self.metadata = read_safetensors(self.path("q.safetensors"))

    def write(self, name, part, change):
        dtype, shape, data = self.tensors[part]
        tensors = dict(self.tensors)
        tensors[part] = (dtype, shape, bytes(change(data)))
        write_safetensors(self.path(name), tensors)

    def check(self, name, *options, status):
        out, err = run("check", self.path("in.safetensors"), self.path(name), *options, status=status)
        self.assertEqual(err, b"")
        return out.decode()

    def test_equal(self):
        out = self.check("q.safetensors", status=0)
        self.assertIn("w [2, 64, 256] as nvfp4\nnothing differs: the bytes are those of recipe default\n", out)
        self.check("q.safetensors", "--recipe", "default", "--threads", "1", status=0)

    def test_explained(self):
        self.write("swapped.safetensors", "w_packed", lambda data: [b << 4 & 255 | b >> 4 for b in data])
        out = self.check("swapped.safetensors", "--format", "nvfp4", status=3)
        self.assertIn("explained by 1 difference:\n  code order: neighbours exchanged\n", out)

    def test_tiled_scales(self):
        rows, cols = 128, 16

        def tiled(data):
            out = bytearray(rows * cols)
            for r in range(rows):
                for c in range(cols):
                    out[c // 4 * 512 + r % 32 * 16 + r // 32 * 4 + c % 4] = data[r * cols + c]
            return out

        self.write("tiled.safetensors", "w_scale", tiled)
        out = self.check("tiled.safetensors", "--format", "nvfp4", "--recipe", "default", status=3)
        self.assertIn("differs from recipe default", out)
        self.assertIn("explained by 1 difference:\n  scale layout: 128x4 tiles\n", out)
        self.check("tiled.safetensors", "--format", "nvfp4", "--scale-layout", "tiled", status=0)

    def test_rounding(self):
        for rounding in ("toward-zero", "stochastic"):
            run("quantize", self.path("in.safetensors"), "-o", self.path("r.safetensors"), "--rounding", rounding)
            self.check("r.safetensors", "--rounding", "toward-zero", status=0 if rounding == "toward-zero" else 3)
        out = self.check("r.safetensors", "--recipe", "default", status=3)
        self.assertIn("codes: stochastic with unknown random bits", out)

    def test_stochastic(self):
        # The tool draws from a stream of the tensor's name, which it writes down; a kernel draws from stream 0.
        command = ["quantize", self.path("in.safetensors"), "-o", self.path("r.safetensors"), "--rounding", "stochastic"]
        run(*command, "--seed", "9")
        self.check("r.safetensors", "--rounding", "stochastic", "--seed", "9", status=0)
        self.check("r.safetensors", "--rounding", "stochastic", "--seed", "8", status=3)
        self.tensors, _ = read_safetensors(self.path("r.safetensors"))
        self.write("foreign.safetensors", "w_packed", lambda data: data)
        self.check("foreign.safetensors", "--format", "nvfp4", "--rounding", "stochastic", "--seed", "9", status=3)

    def test_not_explained(self):
        def one_wrong(data):
            return data[:500] + bytes([data[500] ^ 0x33]) + data[501:]

        self.write("wrong.safetensors", "w_packed", one_wrong)
        out = self.check("wrong.safetensors", "--format", "nvfp4", "--recipe", "default", status=4)
        self.assertIn("not explained", out)
        self.assertIn("first failure: row 3, column 232, block 14: code", out)

    def test_tensor_scale(self):
        self.write("nan.safetensors", "w_global_scale", lambda data: struct.pack("<f", float("nan")))
        out = self.check("nan.safetensors", "--format", "nvfp4", "--recipe", "default", status=4)
        self.assertIn("not explained: the tensor scale; all scales and codes follow from the predicted one\n", out)
        self.assertIn("first failure: tensor scale: bits 0x7fc00000", out)
        self.assertNotIn("difference", out)
        del self.tensors["w_global_scale"]
        self.write("none.safetensors", "w_scale", lambda data: data)
        out = self.check("none.safetensors", "--format", "nvfp4", status=0)
        self.assertIn("no w_global_scale: the predicted tensor scale is taken for granted\n", out)

    def test_two_faults(self):
        run("quantize", self.path("in.safetensors"), "-o", self.path("r.safetensors"), "--rounding", "toward-zero")
        self.tensors, _ = read_safetensors(self.path("r.safetensors"))
        self.write("two.safetensors", "w_packed", lambda data: [b << 4 & 255 | b >> 4 for b in data])
        out = self.check("two.safetensors", "--format", "nvfp4", "--recipe", "default", status=3)
        self.assertIn("explained by 2 differences:\n  code order: neighbours exchanged\n", out)
        self.assertIn("\n  codes: truncated\n", out)

    def test_rows_moved(self):
        # Rows exchanged in pairs: nothing that fits by chance is named.
        for part, size in (("w_packed", 128), ("w_scale", 16)):
            dtype, shape, data = self.tensors[part]
            rows = [data[(r ^ 1) * size : (r ^ 1) * size + size] for r in range(128)]
            self.tensors[part] = (dtype, shape, b"".join(rows))
        self.write("moved.safetensors", "w_packed", lambda data: data)
        out = self.check("moved.safetensors", "--format", "nvfp4", "--recipe", "default", status=4)
        self.assertIn("not explained by any set of differences\n", out)
        self.assertIn("first failure: row 0, column 0, block 0: scale", out)

    def test_input(self):
        dtype, shape, data = self.input
        halves = b"".join(data[i + 2 : i + 4] for i in range(0, len(data), 4))
        write_safetensors(self.path("half.safetensors"), {"w": ("BF16", shape, halves)})
        run("quantize", self.path("half.safetensors"), "-o", self.path("h.safetensors"), "--format", "nvfp4")
        run("check", self.path("half.safetensors"), self.path("h.safetensors"))
        out = self.check("h.safetensors", "--recipe", "default", status=3)
        self.assertIn("explained by 1 difference:\n  input: truncated to bfloat16\n", out)
        write_safetensors(self.path("empty.safetensors"), {"w": (dtype, [0, 256], b"")})
        parts = {"w_packed": ("U8", [0, 128], b""), "w_scale": ("U8", [0, 16], b"")}
        write_safetensors(self.path("none.safetensors"), parts)
        out, _ = run("check", self.path("empty.safetensors"), self.path("none.safetensors"), "--format", "mxfp4")
        self.assertIn(b"w [0, 256] as mxfp4\nnothing differs", out)

    def test_refused(self):
        def complaint(*arguments, status):
            out, err = run("check", *arguments, status=status)
            self.assertEqual(out, b"")
            return err.decode()

        source, good = self.path("in.safetensors"), self.path("q.safetensors")
        run("quantize", source, "-o", self.path("luq.safetensors"), "--format", "luq4")
        self.assertIn("'w' is luq4, which is not checked", complaint(source, self.path("luq.safetensors"), status=1))
        self.assertIn("luq4", complaint(source, good, "--format", "luq4", status=2))
        self.assertNotIn(b"luq4", run("check", "--help")[0])
        self.write("short.safetensors", "w_packed", lambda data: data)
        dtype, shape, data = self.tensors["w_packed"]
        tensors = dict(self.tensors, w_packed=(dtype, [10], data[:10]))
        write_safetensors(self.path("short.safetensors"), tensors)
        short = self.path("short.safetensors")
        self.assertIn("name it with --format", complaint(source, short, status=2))
        self.assertIn("bytes.codes has 10 bytes; 128 x 256 codes take 16384",
                      complaint(source, short, "--format", "nvfp4", status=1))
        self.assertIn("no floating-point tensor T", complaint(source, source, status=1))
        # Also where another tensor is whole.
        tensors = dict(self.tensors, v_scale=self.tensors["w_scale"])
        write_safetensors(self.path("half.safetensors"), tensors)
        write_safetensors(self.path("both.safetensors"), {"w": self.input, "v": self.input})
        self.assertIn("tensor 'v': 'v_packed' is missing",
                      complaint(self.path("both.safetensors"), self.path("half.safetensors"), "--format", "nvfp4",
                                status=1))
        self.assertIn("says nothing about nvfp4", complaint(source, good, "--recipe", "floor", status=2))
        write_npy(self.path("x.npy"), "<f4", (1, 4), struct.pack("<4f", 1, 2, 3, 4))
        self.assertIn("come in a .safetensors file", complaint(source, self.path("x.npy"), status=2))


if __name__ == "__main__":
    harness.main()
