# SPDX-License-Identifier: Apache-2.0
#
# `nibble quantize`, `dequantize`, `compare` and `report` on files, read and written by code that shares nothing with
# the tool: what is stored, what comes back, and what wrong input gets.
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

E2M1 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
FORMATS = "nvfp4 nvfp4-2d mxfp4 mxfp6-e2m3 mxfp6-e3m2 mxfp8-e4m3 mxfp8-e5m2 mxint8".split()


def small_float(code, exponent_bits, mantissa_bits, bias):
    """The value of a code without special ones, by the definition of the format."""
    sign = -1.0 if code >> (exponent_bits + mantissa_bits) else 1.0
    field = code >> mantissa_bits & ((1 << exponent_bits) - 1)
    fraction = (code & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    return sign * (fraction * 2.0 ** (1 - bias) if field == 0 else (1 + fraction) * 2.0 ** (field - bias))


ELEMENT = {
    "nvfp4": lambda c: small_float(c, 2, 1, 1),
    "nvfp4-2d": lambda c: small_float(c, 2, 1, 1),
    "mxfp4": lambda c: small_float(c, 2, 1, 1),
    "mxfp6-e2m3": lambda c: small_float(c, 2, 3, 1),
    "mxfp6-e3m2": lambda c: small_float(c, 3, 2, 3),
    "mxfp8-e4m3": lambda c: small_float(c, 4, 3, 7),
    "mxfp8-e5m2": lambda c: small_float(c, 5, 2, 15),
    "mxint8": lambda c: (c - 256 if c > 127 else c) / 64,
}


def decode(tensors, name, form, rows, cols):
    """The values of a quantized tensor, as float32 bytes."""
    nvfp4 = form.startswith("nvfp4")
    packed, scale = tensors[name + "_packed"], tensors[name + "_scale"]
    four_bits = form in ("nvfp4", "nvfp4-2d", "mxfp4")
    width, block = ((cols + 1) // 2 if four_bits else cols), (16 if nvfp4 else 32)
    blocks = -(-cols // block)
    assert packed[:2] == ("U8", [rows, width]) and scale[:2] == ("U8", [rows, blocks])
    factor = floats(tensors[name + "_global_scale"][2])[0] if nvfp4 else 1.0
    values = []
    for r in range(rows):
        for c in range(cols):
            code = packed[2][r * width + (c // 2 if four_bits else c)]
            if four_bits:
                code = code >> 4 if c % 2 else code & 15
            s = scale[2][r * blocks + c // block]
            s = small_float(s, 4, 3, 7) if nvfp4 else 2.0 ** (s - 127)
            values.append(ELEMENT[form](code) * s * factor)
        if four_bits and cols % 2:
            assert packed[2][r * width + width - 1] >> 4 == 0, "the padding is not zero"
    return pack_floats(values)


class Quantize(ToolTest):
    def test_golden_block(self):
        # Transformer Engine up to 2.14: S = 2688 / 5, scale (amax / 6) * S; worked by hand.
        block = [0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8, 1, -1.5, 2, -2.5, 3, -3.5, 4, -5]
        factor = floats(pack_floats([0.037]))[0]
        values = floats(pack_floats(block + [x * factor for x in floats(pack_floats(block))]))
        write_npy(self.path("in.npy"), "<f4", (2, 16), pack_floats(values))
        run("quantize", self.path("in.npy"), "-o", self.path("out.safetensors"), "--recipe", "transformer-engine-2.14")
        tensors, metadata = read_safetensors(self.path("out.safetensors"))
        self.assertEqual(sorted(tensors), ["data_global_scale", "data_packed", "data_scale"])
        self.assertEqual(tensors["data_packed"], ("U8", [2, 8], bytes.fromhex("809191a2c2d4e6f6" * 2)))
        self.assertEqual(tensors["data_scale"], ("U8", [2, 1], b"\x7e\x58"))
        self.assertEqual(tensors["data_global_scale"][:2], ("F32", [1]))
        self.assertAlmostEqual(floats(tensors["data_global_scale"][2])[0], 0.00186011917, delta=1e-11)
        record = json.loads(metadata["nibble:data"])
        self.assertEqual(record["shape"], [2, 16])
        self.assertEqual(record["format"], "nvfp4")
        self.assertEqual(record["recipe"], "transformer-engine-2.14")
        self.assertEqual(record["rounding"], "nearest-even")
        self.assertEqual(record["dtype"], "F32")
        self.assertIn("version", json.loads(metadata["nibble"]))

    def test_golden_mxfp4(self):
        # OCP MX 1.0 section 6.3: amax 3.5 gives the scale 2^(1 - 2), so that the elements are twice the values.
        values = [3.5, -0.25, 0.5, 1.0, 2.0, 0.13, 0.12, 0.0] + [0.0] * 25
        write_npy(self.path("in.npy"), "<f4", (33,), pack_floats(values))
        run("quantize", self.path("in.npy"), "-o", self.path("out.safetensors"), "--format", "mxfp4")
        tensors, _ = read_safetensors(self.path("out.safetensors"))
        self.assertEqual(tensors["data_packed"], ("U8", [1, 17], bytes([0x97, 0x42, 0x16]) + bytes(14)))
        self.assertEqual(tensors["data_scale"][:2], ("U8", [1, 2]))
        self.assertEqual(tensors["data_scale"][2][0], 126)

    def test_every_format_decodes_as_defined(self):
        generator = random.Random(1)
        shapes = {"one": [], "line": [37], "m": [5, 64], "deep": [2, 3, 33], "tall": [35, 1]}
        tensors = {}
        for name, shape in shapes.items():
            count = 1
            for extent in shape:
                count *= extent
            values = [generator.gauss(0, 1) * 2.0 ** generator.randint(-3, 3) for _ in range(count)]
            tensors[name] = ("F32", shape, pack_floats(values))
        write_safetensors(self.path("in.safetensors"), tensors)
        for form in FORMATS:
            with self.subTest(form):
                out, err = run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), "--format", form)
                self.assertEqual(err, b"")
                self.assertIn(b"5 tensors quantized to " + form.encode(), out)
                run("dequantize", self.path("q.safetensors"), "-o", self.path("d.safetensors"))
                quantized, _ = read_safetensors(self.path("q.safetensors"))
                back, metadata = read_safetensors(self.path("d.safetensors"))
                self.assertEqual(metadata, {})
                self.assertEqual(sorted(back), sorted(shapes))
                for name, shape in shapes.items():
                    cols = shape[-1] if shape else 1
                    rows = len(tensors[name][2]) // 4 // cols
                    self.assertEqual(back[name], ("F32", shape, decode(quantized, name, form, rows, cols)))
                    # No element is off by more than half the widest step, a quarter of the block's largest value.
                    for x, y in zip(floats(tensors[name][2]), floats(back[name][2])):
                        self.assertLessEqual(abs(x - y), 0.26 * max(abs(v) for v in floats(tensors[name][2])))

    def test_types_and_copies(self):
        values = [1.0, -2.0, 0.5, 4.0, 6.0, -6.0, 3.0, 1.5]
        bf16 = b"".join(struct.pack("<f", v)[2:] for v in values)
        tensors = {
            "h": ("F16", [8], struct.pack("<8e", *values)),
            "b": ("BF16", [8], bf16),
            "f": ("F32", [8], pack_floats(values)),
            "d": ("F64", [8], struct.pack("<8d", *values)),
            "ids": ("I64", [3], bytes(range(24))),
            "flag": ("BOOL", [1], b"\1"),
            "empty": ("F32", [0, 4], b""),
        }
        write_safetensors(self.path("in.safetensors"), tensors, {"format": "pt", "ünï": "\u0001"})
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), "--format", "mxfp4")
        run("dequantize", self.path("q.safetensors"), "-o", self.path("d.safetensors"))
        quantized, metadata = read_safetensors(self.path("q.safetensors"))
        back, back_metadata = read_safetensors(self.path("d.safetensors"))
        self.assertEqual(back_metadata, {"format": "pt", "ünï": "\u0001"})
        self.assertEqual(metadata["ünï"], "\u0001")
        for name in "hbfd":
            # Every value is a multiple of the scale 2^(2 - 2) that E2M1 has.
            self.assertEqual(back[name], ("F32", [8], pack_floats(values)))
            self.assertEqual(quantized[name + "_packed"], quantized["f_packed"])
        for name in ("ids", "flag", "empty"):
            self.assertEqual(quantized[name], tensors[name])
            self.assertEqual(back[name], tensors[name])

    def test_chosen_tensors(self):
        tensors = {name: ("F32", [4], pack_floats([1, 2, 3, 4])) for name in ("a.weight", "a.bias", "b/weight")}
        write_safetensors(self.path("in.safetensors"), tensors)
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), "--tensor", "*weight")
        names = read_safetensors(self.path("q.safetensors"))[0]
        self.assertEqual([n for n in names if n.endswith("packed")], ["a.weight_packed", "b/weight_packed"])
        self.assertEqual(names["a.bias"], tensors["a.bias"])
        # A second pass takes what the first one left and keeps what it made.
        run("quantize", self.path("q.safetensors"), "-o", self.path("q2.safetensors"), "--format", "mxint8")
        twice = read_safetensors(self.path("q2.safetensors"))[0]
        self.assertIn("a.bias_packed", twice)
        self.assertEqual(twice["a.weight_packed"], names["a.weight_packed"])
        run("dequantize", self.path("q2.safetensors"), "-o", self.path("d.safetensors"))
        self.assertEqual(sorted(read_safetensors(self.path("d.safetensors"))[0]), sorted(tensors))
        options = ["--tensor", "a.w*", "--tensor", "a.b*"]
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), *options)
        self.assertIn("b/weight", read_safetensors(self.path("q.safetensors"))[0])
        err = run("quantize", self.path("in.safetensors"), "-o", self.path("n"), "--tensor", "x", status=2)[1]
        self.assertIn(b".safetensors", err)
        err = run("quantize", self.path("in.safetensors"), "-o", self.path("n.safetensors"), "--tensor", "x", status=1)[1]
        self.assertIn(b"matches --tensor", err)
        self.assertNotIn("n.safetensors", self.names())

    def test_npy(self):
        values = [float(i % 7 - 3) for i in range(6 * 40)]
        write_npy(self.path("c.npy"), "<f4", (6, 40), pack_floats(values))
        columns = [values[r * 40 + c] for c in range(40) for r in range(6)]
        write_npy(self.path("f.npy"), "<f8", (6, 40), struct.pack("<240d", *columns), fortran=True)
        raw = b"".join(struct.pack("<f", v)[2:] for v in values)
        write_npy(self.path("b.npy"), "<V2", (6, 40), raw)
        results = []
        for name, options in (("c", []), ("f", []), ("b", ["--npy-bf16"])):
            run("quantize", self.path(name + ".npy"), "-o", self.path("q.safetensors"), *options)
            results.append(read_safetensors(self.path("q.safetensors"))[0])
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0], results[2])
        run("dequantize", self.path("q.safetensors"), "-o", self.path("d.npy"))
        header, data = read_npy(self.path("d.npy"))
        self.assertIn("'descr': '<f4', 'fortran_order': False, 'shape': (6, 40)", header)
        self.assertEqual(data, decode(results[0], "data", "nvfp4", 6, 40))
        self.assertIn(b"--npy-bf16", run("quantize", self.path("b.npy"), "-o", self.path("x.safetensors"), status=1)[1])

    def test_position_decides_about_random_words(self):
        # The same elements as 2 rows of 300,000 and as 6 of 100,000: tiles differ, indices and blocks do not.
        generator = random.Random(3)
        data = pack_floats([generator.gauss(0, 1) for _ in range(600000)])
        packed = []
        for shape, threads in (([2, 300000], "1"), ([6, 100000], "1"), ([6, 100000], "3")):
            write_safetensors(self.path("in.safetensors"), {"t": ("F32", shape, data)})
            run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), "--rounding", "stochastic",
                "--seed", "5", "--threads", threads)
            packed.append(read_safetensors(self.path("q.safetensors"))[0]["t_packed"][2])
        self.assertEqual(packed[0], packed[1])
        self.assertEqual(packed[1], packed[2])
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), "--rounding", "stochastic")
        self.assertNotEqual(read_safetensors(self.path("q.safetensors"))[0]["t_packed"][2], packed[0])

    def test_without_report(self):
        # More than a tile, whose pieces are quantized together where nothing is measured.
        generator = random.Random(4)
        data = pack_floats([generator.gauss(0, 1) for _ in range(300 * 1000)])
        for options in ([], ["--format", "nvfp4-2d", "--rounding", "stochastic"], ["--format", "luq4"]):
            write_safetensors(self.path("in.safetensors"), {"t": ("F32", [300, 1000], data)})
            with_report, _ = run("quantize", self.path("in.safetensors"), "-o", self.path("a.safetensors"), *options)
            out, _ = run("quantize", self.path("in.safetensors"), "-o", self.path("b.safetensors"), "--no-report", *options)
            self.assertEqual(read_safetensors(self.path("a.safetensors")), read_safetensors(self.path("b.safetensors")))
            self.assertIn(b"SQNR", with_report)
            self.assertNotIn(b"SQNR", out)
            self.assertIn(b"t       F32   [300, 1000]\n", out)
        self.assertIn(b"--no-report is for a file", run("quantize", "--no-report", status=2)[1])

    def test_demonstration(self):
        out, err = run("quantize")
        self.assertEqual(err, b"")
        for form in FORMATS:
            self.assertIn(form.encode() + b" ", out)
        self.assertEqual(run("quantize", "--threads", "1")[0], out)
        for form in FORMATS:
            self.assertIn(b"Quantized to " + form.encode() + b",", run("quantize", "--format", form)[0])


class Compare(ToolTest):
    def test_figures(self):
        write_npy(self.path("a.npy"), "<f4", (2, 3), pack_floats([1, 2, 3, 4, 0.0, float("nan")]))
        write_npy(self.path("b.npy"), "<f4", (2, 3), pack_floats([1, 2, 3.5, 4, -0.0, float("nan")]))
        out = run("compare", self.path("a.npy"), self.path("b.npy"))[0].decode().splitlines()
        # The NaN counts in neither: MSE 0.25 / 5, SQNR 10 log10(30 / 0.25).
        self.assertEqual(
            out[1].split(),
            "data [2, 3] 4 of 6 - - 0.05 20.79 0.5 [0, 2] 3 | 3.5".split(),
        )
        self.assertEqual(out[-1], "1 compared, 0 identical")
        self.assertIn(b"1 compared, 1 identical", run("compare", self.path("a.npy"), self.path("a.npy"))[0])

    def test_what_became_nan(self):
        # Elements that are finite in one file only have no error, but nothing is exact about them.
        def figures(a, b):
            write_npy(self.path("a.npy"), "<f4", (1, len(a)), pack_floats(a))
            write_npy(self.path("b.npy"), "<f4", (1, len(b)), pack_floats(b))
            row = run("compare", self.path("a.npy"), self.path("b.npy"))[0].decode().splitlines()[1]
            return row.split("-")[2].split()[:3]

        nan, infinity = float("nan"), float("inf")
        self.assertEqual(figures([1, nan], [nan, nan]), ["nan", "nan", "nan"])
        self.assertEqual(figures([infinity, nan], [2, nan]), ["nan", "nan", "nan"])
        self.assertEqual(figures([1, 2], [1, infinity]), ["0", "nan", "0"])
        self.assertEqual(figures([1, 2, 4], [1, nan, 4.5]), ["0.125", "18.33", "0.5"])
        self.assertEqual(figures([nan, infinity], [nan, infinity]), ["0", "exact", "0"])

    def test_codes_and_strangers(self):
        write_safetensors(self.path("in.safetensors"), {"t": ("F32", [2, 16], pack_floats(range(32)))})
        run("quantize", self.path("in.safetensors"), "-o", self.path("a.safetensors"), "--format", "mxfp4")
        tensors, metadata = read_safetensors(self.path("a.safetensors"))
        changed = bytearray(tensors["t_packed"][2])
        changed[9] ^= 0x10  # row 1, column 3
        tensors["t_packed"] = ("U8", tensors["t_packed"][1], bytes(changed))
        tensors["extra"] = ("I64", [1], bytes(8))
        write_safetensors(self.path("b.safetensors"), tensors, metadata)
        out = run("compare", self.path("a.safetensors"), self.path("b.safetensors"))[0].decode()
        row = out.splitlines()[1]
        self.assertIn("31 of 32", row)
        self.assertIn("[1, 3] code 0x0", row)
        self.assertIn("only in B: extra", out)
        self.assertIn("1 compared, 0 identical", out)
        out = run("compare", self.path("b.safetensors"), self.path("in.safetensors"))[0].decode()
        self.assertIn("only in A: extra", out)
        self.assertIn("1 compared", out)

    def test_what_cannot_be_compared(self):
        write_safetensors(self.path("a.safetensors"), {"s": ("F32", [2], bytes(8)), "i": ("I64", [1], bytes(8)),
                                                       "u": ("U8", [3], b"abc")})
        write_safetensors(self.path("b.safetensors"), {"s": ("F32", [1, 2], bytes(8)), "i": ("F64", [1], bytes(8)),
                                                       "u": ("U8", [3], b"abd")})
        out = run("compare", self.path("a.safetensors"), self.path("b.safetensors"))[0].decode()
        self.assertIn("not comparable: s, shapes [2] and [1, 2]", out)
        self.assertIn("not comparable: i, types I64 and F64", out)
        self.assertIn("2 of 3", out)
        self.assertIn("1 compared, 0 identical", out)


class Report(ToolTest):
    def test_table_and_plot(self):
        import xml.etree.ElementTree

        generator = random.Random(2)
        normal = pack_floats([generator.gauss(0, 1) for _ in range(64 * 64)])
        grid = pack_floats([generator.choice(E2M1) for _ in range(64)] + [6.0] * 64)
        write_safetensors(self.path("in.safetensors"), {"normal": ("F32", [64, 64], normal), "<grid>&": ("F32", [128], grid),
                                                        "ids": ("I64", [1], bytes(8))})
        out, err = run("report", self.path("in.safetensors"), "--plot", self.path("p.svg"))
        self.assertEqual(err, b"")
        rows = {line.split()[0]: line for line in out.decode().splitlines() if line}
        self.assertIn("exact*", rows["<grid>&"])
        self.assertTrue(rows["normal"].endswith("nvfp4"), rows["normal"])
        self.assertNotIn("ids", rows)
        # N(0, 1) in blocks of 16 with nearest even has a relative MSE near 0.00905, 20.4 dB.
        self.assertAlmostEqual(float(rows["normal"].split()[3].rstrip("*")), 20.4, delta=0.3)
        svg = xml.etree.ElementTree.parse(self.path("p.svg")).getroot()
        words = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
        self.assertIn("<grid>&", words)
        dots = list(svg.iter("{http://www.w3.org/2000/svg}circle"))
        self.assertEqual(len(dots), 9 + 2 * 9)
        strict = run("report", self.path("in.safetensors"), "--threshold", "1000")[0].decode()
        self.assertTrue(any(line.startswith("normal") and line.endswith("none") for line in strict.splitlines()))

    def test_bias(self):
        # Every value just below the middle between 4 and 6, in blocks that 6 leads: NVFP4 loses, LUQ does not.
        data = pack_floats(([6.0, -6.0] + [4.9, -4.9] * 7) * 256)
        write_npy(self.path("a.npy"), "<f4", (64, 64), data)
        rows = {line.split()[0]: line.split() for line in run("report", self.path("a.npy"))[0].decode().splitlines() if line}
        root_mean_square = (36 / 8 + 4.9**2 * 7 / 8) ** 0.5
        bias, error, z = (float(word) for word in rows["nvfp4"][-3:])
        self.assertAlmostEqual(bias, -100 * 0.9 * 7 / 8 / root_mean_square, delta=0.1)
        self.assertAlmostEqual(z, bias / error, delta=0.02 * abs(z))
        self.assertLess(z, -5)
        self.assertLess(abs(float(rows["luq4"][-1])), 5)

    def test_nan(self):
        write_npy(self.path("a.npy"), "<f4", (64,), pack_floats([float("nan")] + [1.0] * 63))
        out = run("report", self.path("a.npy"))[0]
        self.assertIn(b"1 element NaN or Inf", out)
        # No format suits a tensor that none can hold, and none is the best.
        row = next(line for line in out.decode().splitlines() if line.startswith("data"))
        self.assertEqual(row.split()[2:], ["nan"] * 9 + ["none"])
        self.assertIn(" none", run("report", self.path("a.npy"), "--threshold", "-inf")[0].decode())
        luq = next(line for line in out.decode().splitlines() if line.startswith("luq4"))
        self.assertEqual(luq.split()[2:4] + luq.split()[-3:], ["nan"] * 5)
        for recipe in ("default", "unbiased", "transformer-engine", "transformer-engine-kernel", "torchao-tensor-scale",
                       "compressed-tensors", "ggml"):
            run("quantize", self.path("a.npy"), "-o", self.path("q.safetensors"), "--recipe", recipe)


class Luq(ToolTest):
    def quantized(self, shape, values, *options):
        write_safetensors(self.path("in.safetensors"), {"t": ("F32", shape, pack_floats(values))})
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"), "--format", "luq4", *options)
        return read_safetensors(self.path("q.safetensors"))

    def test_powers_are_exact(self):
        values = [64.0, -32.0, 16.0, 8.0, -4.0, 2.0, -1.0, 0.0, -0.0]
        tensors, metadata = self.quantized([3, 3], values)
        self.assertEqual(sorted(tensors), ["t_global_scale", "t_packed"])
        self.assertEqual(floats(tensors["t_global_scale"][2]), [1.0])
        # 1 + k for 2^k, 8 for the sign; even columns low, a last half byte of zero.
        self.assertEqual(tensors["t_packed"][2], bytes([0xE7, 0x05, 0xB4, 0x02, 0x09, 0x00]))
        record = json.loads(metadata["nibble:t"])
        self.assertEqual((record["format"], record["recipe"], record["rounding"]), ("luq4", "default", "stochastic"))
        run("dequantize", self.path("q.safetensors"), "-o", self.path("back.safetensors"))
        self.assertEqual(floats(read_safetensors(self.path("back.safetensors"))[0]["t"][2]), values)
        out = run("compare", self.path("q.safetensors"), self.path("q.safetensors"))[0]
        self.assertIn(b"1 compared, 1 identical", out)

    def test_neighbours_and_mean(self):
        generator = random.Random(8)
        values = [generator.gauss(0, 1) for _ in range(40000)]
        values = list(struct.unpack("<40000f", pack_floats(values)))
        tensors, _ = self.quantized([8, 5000], values, "--seed", "3", "--threads", "1")
        again, _ = self.quantized([8, 5000], values, "--seed", "3", "--threads", "3")
        other, _ = self.quantized([8, 5000], values, "--seed", "4")
        self.assertEqual(tensors, again)
        self.assertNotEqual(tensors["t_packed"], other["t_packed"])
        alpha = max(abs(v) for v in values) / 64
        self.assertEqual(floats(tensors["t_global_scale"][2]), [alpha])
        run("dequantize", self.path("q.safetensors"), "-o", self.path("back.npy"))
        back = floats(read_npy(self.path("back.npy"))[-1])
        grid = [0.0] + [alpha * 2**k for k in range(7)]
        error = variance = 0.0
        for v, b in zip(values, back):
            low = max(g for g in grid if g <= abs(v))
            high = min(g for g in grid if g >= abs(v))
            self.assertIn(abs(b), (low, high))
            self.assertTrue(b * v >= 0)
            error += abs(b) - abs(v)
            variance += (abs(v) - low) * (high - abs(v))
        self.assertLess(abs(error), 5 * variance**0.5)

    def test_what_has_no_code(self):
        write_npy(self.path("a.npy"), "<f4", (4,), pack_floats([1, 2, float("inf"), 4]))
        command = ["quantize", self.path("a.npy"), "-o", self.path("q.safetensors"), "--format", "luq4"]
        self.assertIn(b"tensor 'data' holds NaN or Inf, which luq4 has no code for", run(*command, status=1)[1])
        self.assertFalse(os.path.exists(self.path("q.safetensors")))
        self.assertIn(b"which luq4 has no code for", run(*command, "--no-report", status=1)[1])
        self.assertIn(b"says nothing about luq4", run(*command, "--recipe", "unbiased", status=2)[1])
        self.assertIn(b"rounded stochastically", run(*command, "--rounding", "nearest-even", status=2)[1])


if __name__ == "__main__":
    harness.main()
