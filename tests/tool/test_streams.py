# SPDX-License-Identifier: Apache-2.0
#
# `nibble formats`, `encode` and `decode`: codes that are known from the formats' definitions, streams, and what wrong
# input gets.
import contextlib
import struct
import subprocess
import time

import harness
from harness import ToolTest, floats, pack_floats, run

INF, NAN = float("inf"), float("nan")


def encode(values, *options, kind="f"):
    return list(run("encode", *options, data=struct.pack(f"<{len(values)}{kind}", *values))[0])


class Encode(ToolTest):
    def test_known_codes(self):
        # OCP MX 1.0 and OFP8 tables; ties to even; cuda: NaN has no sign and is the largest number without one.
        self.assertEqual(
            encode([0.0, 0.25, 0.75, 2.5, 5.0, 5.1, -6.0, 7.0, -INF, NAN, -0.0], "--to", "e2m1"),
            [0x0, 0x0, 0x2, 0x4, 0x6, 0x7, 0xF, 0x7, 0xF, 0x7, 0x8],
        )
        values = [1.0, 448.0, 464.0, 465.0, -500.0, INF, NAN, 2.0**-9, 2.0**-10, 3 * 2.0**-10]
        self.assertEqual(
            encode(values, "--to", "e4m3"), [0x38, 0x7E, 0x7E, 0x7E, 0xFE, 0x7E, 0x7F, 0x01, 0x00, 0x02]
        )
        self.assertEqual(
            encode(values, "--to", "e4m3", "--overflow", "special"),
            [0x38, 0x7E, 0x7E, 0x7F, 0xFF, 0x7F, 0x7F, 0x01, 0x00, 0x02],
        )
        self.assertEqual(encode([61440.0, 61439.0, -INF], "--to", "e5m2", "--overflow", "special"), [0x7C, 0x7B, 0xFC])
        self.assertEqual(encode([1.0, 3.1, 2.0**-127], "--to", "e8m0"), [0x7F, 0x81, 0x00])
        self.assertEqual(encode([1.0], "--to", "bf16"), [0x80, 0x3F])
        self.assertEqual(encode([1.0, 65504.0], "--to", "f16"), [0x00, 0x3C, 0xFF, 0x7B])

    def test_policies(self):
        nans = struct.pack("<II", 0x7FC00000, 0xFFC00000)
        self.assertEqual(list(run("encode", "--to", "e4m3", data=nans)[0]), [0x7F, 0x7F])
        self.assertEqual(list(run("encode", "--to", "e4m3", "--nan", "ml-dtypes", data=nans)[0]), [0x7F, 0xFF])
        self.assertEqual(encode([0.0, -1.0], "--to", "e8m0", "--nan", "ml-dtypes"), [0xFF, 0xFF])

    def test_roundings(self):
        values = [2.5, -2.5, 2.6, -2.4, 3.0]
        expected = {
            "nearest-even": [0x4, 0xC, 0x5, 0xC, 0x5],
            "nearest-away": [0x5, 0xD, 0x5, 0xC, 0x5],
            "toward-zero": [0x4, 0xC, 0x4, 0xC, 0x5],
            "up": [0x5, 0xC, 0x5, 0xC, 0x5],
            "down": [0x4, 0xD, 0x4, 0xD, 0x5],
            "odd": [0x5, 0xD, 0x5, 0xD, 0x5],
        }
        for rounding, codes in expected.items():
            with self.subTest(rounding):
                self.assertEqual(encode(values, "--to", "e2m1", "--rounding", rounding), codes)

    def test_double_is_rounded_once(self):
        # Through float, 2.5 + 2^-40 would be the tie 2.5.
        self.assertEqual(encode([2.5 + 2.0**-40, 2.5], "--to", "e2m1", "--from", "f64", kind="d"), [0x5, 0x4])

    def test_narrow_sources(self):
        self.assertEqual(encode([2.0, -1.5], "--to", "e2m1", "--from", "f16", kind="e"), [0x4, 0xB])
        data = struct.pack("<HH", 0x4000, 0xBFC0)
        self.assertEqual(list(run("encode", "--to", "e2m1", "--from", "bf16", data=data)[0]), [0x4, 0xB])

    def test_stochastic(self):
        # 2.25 lies a quarter of the way from 2 to 3. The deviation of the count is 137.
        data = pack_floats([2.25]) * 100000
        options = ["--to", "e2m1", "--rounding", "stochastic", "--seed"]
        first = run("encode", *options, "7", data=data)[0]
        self.assertEqual(set(first), {0x4, 0x5})
        self.assertLess(abs(first.count(0x5) - 25000), 5 * 137)
        self.assertEqual(run("encode", *options, "7", data=data)[0], first)
        self.assertNotEqual(run("encode", *options, "8", data=data)[0], first)
        # The word of an element comes from its index: a prefix of the input gives a prefix of the output.
        self.assertEqual(run("encode", *options, "7", data=data[: 4 * 12345])[0], first[:12345])

    def test_pieces_on_a_pipe(self):
        # Bytes that come in pieces which cut elements, with pauses.
        tool = subprocess.Popen(
            [harness.TOOL, "encode", "--to", "e4m3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        data = pack_floats([1.0, 2.0, 3.0, 4.0])
        for begin, end in ((0, 3), (3, 9), (9, 10), (10, 16)):
            tool.stdin.write(data[begin:end])
            tool.stdin.flush()
            time.sleep(0.02)
        tool.stdin.close()
        self.assertEqual(list(tool.stdout.read()), [0x38, 0x40, 0x44, 0x48])
        tool.stdout.close()
        self.assertEqual(tool.wait(), 0)

    def test_faults(self):
        for size in (1, 3, 5, 4 * 70000 + 2):
            out, err = run("encode", "--to", "e4m3", data=b"\0" * size, status=1)
            self.assertIn(b"standard input: ends inside an element", err)
            self.assertEqual(len(out), size // 4)
        for arguments in (
            ["encode"],
            ["encode", "--to", "e9m9"],
            ["encode", "--to", "e4m3", "--rounding", "sideways"],
            ["encode", "--to", "e4m3", "--from", "f8"],
            ["encode", "--to", "e4m3", "--seed", "-1"],
            ["encode", "--to", "e4m3", "--seed", str(2**64)],
            ["encode", "--to", "e4m3", "extra"],
            ["nonsense"],
            [],
        ):
            with self.subTest(arguments):
                out, err = run(*arguments, status=2)
                self.assertEqual(out, b"")
                self.assertNotEqual(err, b"")

    def test_closed_output(self):
        # The reader goes away: no message, no failure.
        for arguments in (["encode", "--to", "e4m3"], ["decode", "--from", "e4m3"], ["formats"]):
            with subprocess.Popen(
                [harness.TOOL, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as tool:
                tool.stdout.close()
                with contextlib.suppress(BrokenPipeError):
                    tool.stdin.write(b"\0" * (1 << 21))
                with contextlib.suppress(BrokenPipeError):
                    tool.stdin.close()
                self.assertEqual(tool.stderr.read(), b"")
            self.assertEqual(tool.returncode, 0)

    def test_full_device(self):
        try:
            full = open("/dev/full", "wb")
        except OSError:
            self.skipTest("no /dev/full")
        with full:
            for arguments in (["formats"], ["--help"], ["quantize", "--help"], ["--version"]):
                with self.subTest(arguments):
                    done = subprocess.run([harness.TOOL, *arguments], stdout=full, stderr=subprocess.PIPE)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(b"standard output", done.stderr)


class Decode(ToolTest):
    def test_known_values(self):
        out = run("decode", "--from", "e2m1", data=bytes(range(16)))[0]
        positive = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
        self.assertEqual(out, pack_floats(positive + [-x for x in positive]))
        self.assertEqual(floats(run("decode", "--from", "e4m3", data=b"\x7e\x01\x38\xfe")[0]), [448, 2**-9, 1, -448])
        self.assertEqual(floats(run("decode", "--from", "e8m0", data=b"\x00\x7f\xfe")[0]), [2**-127, 1, 2.0**127])
        self.assertEqual(floats(run("decode", "--from", "f16", data=b"\x00\x3c\xff\x7b")[0]), [1, 65504])
        nan = floats(run("decode", "--from", "e4m3", data=b"\x7f")[0])[0]
        self.assertNotEqual(nan, nan)

    def test_round_trip_of_every_code(self):
        listed = run("formats")[0].decode().splitlines()
        formats = [line.split()[0] for line in listed[1:16]]
        self.assertEqual(formats[:5], ["e2m1", "e2m3", "e3m2", "e4m3", "e5m2"])
        self.assertEqual(formats[13:], ["bf16", "f16"])
        for name, line in zip(formats, listed[1:]):
            with self.subTest(name):
                bits = int(line.split()[1])
                width = 2 if bits == 16 else 1
                codes = b"".join(code.to_bytes(width, "little") for code in range(1 << bits))
                values = run("decode", "--from", name, data=codes)[0]
                # Special codes go to special ones, not always to the same.
                back = run("encode", "--to", name, "--overflow", "special", data=values)[0]
                different = [
                    i for i in range(1 << bits) if codes[width * i : width * (i + 1)] != back[width * i : width * (i + 1)]
                ]
                value = floats(values)
                self.assertTrue(all(value[i] != value[i] for i in different), different)

    def test_faults(self):
        out, err = run("decode", "--from", "e2m1", data=b"\x07\x0f\x10\x01", status=1)
        self.assertEqual(len(out), 8)
        self.assertIn(b"code number 2", err)
        run("decode", "--from", "e2m3", data=b"\x40", status=1)
        run("decode", "--from", "ue4m3", data=b"\x80", status=1)
        self.assertIn(b"ends inside", run("decode", "--from", "bf16", data=b"\x80\x3f\x00", status=1)[1])
        run("decode", status=2)


class Formats(ToolTest):
    def test_table(self):
        lines = run("formats")[0].decode().splitlines()
        self.assertEqual(lines[0].split()[:4], ["name", "bits", "bias", "max"])
        e4m3 = next(line for line in lines if line.startswith("e4m3 "))
        self.assertEqual(e4m3.split(), ["e4m3", "8", "7", "448", "0.015625", "2^-9", "NaN", "0x7f"])
        first = lines.index("") + 2
        self.assertEqual(
            [line.split()[0] for line in lines[first : first + 8]],
            "nvfp4 nvfp4-2d mxfp4 mxfp6-e2m3 mxfp6-e3m2 mxfp8-e4m3 mxfp8-e5m2 mxint8".split(),
        )
        rows = {line.split()[0]: line.split()[1:] for line in lines[first:] if line}
        self.assertEqual(rows["mxint8"], "int8 / 64 e8m0 1 x 32 - 8.25".split())
        # One alpha for the whole tensor.
        self.assertEqual(rows["luq4"], "e3m0, bias 1 - tensor float32 4.00".split())

    def test_plot(self):
        import xml.etree.ElementTree

        run("formats", "--plot", self.path("grid.svg"))
        root = xml.etree.ElementTree.parse(self.path("grid.svg")).getroot()
        paths = [element.get("d") for element in root.iter("{http://www.w3.org/2000/svg}path")]
        # One stroke for each of the 15 numbers of E2M1, which has 0 once.
        self.assertEqual(paths[0].count("M"), 15)
        self.assertEqual(self.names(), ["grid.svg"])


if __name__ == "__main__":
    harness.main()
