# SPDX-License-Identifier: Apache-2.0
#
# The tool gives the same bytes and the same report on every instruction set that build and machine have.
import os
import random
import re
import struct

import harness
from harness import ToolTest, pack_floats, run, write_safetensors


class InstructionSets(ToolTest):
    def tearDown(self):
        os.environ.pop("NIBBLE_ISA", None)
        super().tearDown()

    def available(self):
        os.environ["NIBBLE_ISA"] = "none"
        complaint = run("formats", status=2)[1].decode()
        names = re.search("available here: (.*)", complaint).group(1).split(", ")
        self.assertIn("base", names)
        return names

    def test_missing_one_is_refused(self):
        missing = {"avx2", "avx512", "avx512vbmi"} - set(self.available())
        for name in missing:
            os.environ["NIBBLE_ISA"] = name
            self.assertIn("does not have", run("formats", status=2)[1].decode())

    def on_each(self, *arguments):
        """Runs the tool on each instruction set; all print the same and write the same bytes to out.safetensors."""
        results = {}
        for name in self.available():
            os.environ["NIBBLE_ISA"] = name
            out = run(*arguments, "-o", self.path("out.safetensors"))[0]
            with open(self.path("out.safetensors"), "rb") as file:
                results[name] = (file.read(), out)
        for name, result in results.items():
            self.assertEqual(result[1], results["base"][1], name)
            self.assertTrue(result[0] == results["base"][0], f"{arguments}: {name} writes other bytes")

    def test_same_everywhere(self):
        generator = random.Random(11)
        values = [generator.gauss(0, 1) * 2.0 ** generator.choice((0, 0, 0, 3, -9, -40, 60, -120)) for _ in range(36000)]
        for i in range(0, len(values), 7):
            values[i] = generator.choice((0.0, -0.0, 1.0, 6.0, 5.0, 0.25, 2.5, 1e-45, -1e-39, 3e38))
        data = pack_floats(values)
        bf16 = b"".join(data[i + 2 : i + 4] for i in range(0, len(data), 4))
        f16 = struct.pack("<6000e", *(max(min(v, 6e4), -6e4) for v in values[:6000]))
        plain = pack_floats([generator.gauss(0, 1) for _ in range(33000)])
        write_safetensors(self.path("in.safetensors"), {
            "wild": ("F32", [9, 4000], data), "b": ("BF16", [12, 3000], bf16), "h": ("F16", [3, 2000], f16),
            "plain": ("F32", [33, 1000], plain), "zeros": ("F32", [2, 2048], bytes(16384)),
        })
        source = self.path("in.safetensors")
        for form in ("nvfp4", "nvfp4-2d", "mxfp4", "mxfp6-e2m3", "mxfp8-e4m3", "mxint8"):
            self.on_each("quantize", source, "--format", form, "--threads", "2")
            self.on_each("quantize", source, "--format", form, "--rounding", "stochastic", "--seed", "3")
            os.replace(self.path("out.safetensors"), self.path("q.safetensors"))
            self.on_each("dequantize", self.path("q.safetensors"))
        self.on_each("quantize", source, "--format", "luq4", "--seed", "3")


if __name__ == "__main__":
    harness.main()
