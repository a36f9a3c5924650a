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
        write_safetensors(self.path("in.safetensors"), {"w": ("F32", [2, 64, 256], values)})
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

    def test_not_explained(self):
        def one_wrong(data):
            return data[:500] + bytes([data[500] ^ 0x33]) + data[501:]

        self.write("wrong.safetensors", "w_packed", one_wrong)
        out = self.check("wrong.safetensors", "--format", "nvfp4", "--recipe", "default", status=4)
        self.assertIn("not explained", out)
        self.assertIn("first failure: row 3, column 232, block 14: code", out)

    def test_refused(self):
        def complaint(*arguments, status):
            out, err = run("check", *arguments, status=status)
            self.assertEqual(out, b"")
            return err.decode()

        source, good = self.path("in.safetensors"), self.path("q.safetensors")
        self.write("short.safetensors", "w_packed", lambda data: data)
        dtype, shape, data = self.tensors["w_packed"]
        tensors = dict(self.tensors, w_packed=(dtype, [10], data[:10]))
        write_safetensors(self.path("short.safetensors"), tensors)
        short = self.path("short.safetensors")
        self.assertIn("name it with --format", complaint(source, short, status=2))
        self.assertIn("bytes.codes has 10 bytes; 128 x 256 codes take 16384",
                      complaint(source, short, "--format", "nvfp4", status=1))
        self.assertIn("no floating-point tensor T", complaint(source, source, status=1))
        self.assertIn("says nothing about nvfp4", complaint(source, good, "--recipe", "floor", status=2))
        write_npy(self.path("x.npy"), "<f4", (1, 4), struct.pack("<4f", 1, 2, 3, 4))
        self.assertIn("come in a .safetensors file", complaint(source, self.path("x.npy"), status=2))


if __name__ == "__main__":
    harness.main()
