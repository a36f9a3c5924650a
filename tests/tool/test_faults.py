# SPDX-License-Identifier: Apache-2.0
#
# Files that are cut, lie or are random, commands that are wrong, and a tool that is killed: a message and a status,
# never a crash, and never a half-written file under the final name.
import json
import os
import random
import resource
import signal
import struct
import subprocess
import time

import harness
from harness import ToolTest, pack_floats, read_safetensors, run, write_npy, write_safetensors


class Faults(ToolTest):
    def check_refused(self, path):
        """Every command that reads `path` ends with status 1 and a message that names it, and writes nothing."""
        before = self.names()
        for arguments in (
            ["quantize", path, "-o", self.path("out.safetensors")],
            ["dequantize", path, "-o", self.path("out.safetensors")],
            ["sparsify", path, "-o", self.path("out.safetensors"), "--pattern", "2:4"],
            ["report", path, "--plot", self.path("out.svg")],
            ["compare", path, path],
        ):
            out, err = run(*arguments, status=1)
            self.assertEqual(out, b"")
            self.assertIn(os.path.basename(path).encode(), err)
            self.assertEqual(err.count(b"\n"), 1)
        self.assertEqual(self.names(), before)

    def test_cut_files(self):
        write_safetensors(self.path("in.safetensors"), {"t": ("F32", [4, 32], pack_floats([1.5] * 128))})
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"))
        write_npy(self.path("in.npy"), "<f4", (4, 32), pack_floats([1.5] * 128))
        for name in ("in.safetensors", "q.safetensors", "in.npy"):
            with open(self.path(name), "rb") as file:
                content = file.read()
            for size in sorted({0, 1, 7, 8, 9, 11, 40, len(content) // 2, len(content) - 1}):
                with self.subTest(name=name, size=size):
                    cut = self.path("cut-" + name)
                    with open(cut, "wb") as file:
                        file.write(content[:size])
                    self.check_refused(cut)
            with open(cut, "wb") as file:
                file.write(content + b"\0")
            self.check_refused(cut)

    def test_random_files(self):
        generator = random.Random(4)
        for size in (1, 8, 100, 5000):
            noise = generator.randbytes(size)
            for name, content in (
                ("a.safetensors", noise),
                ("b.safetensors", struct.pack("<Q", size) + noise),
                ("c.npy", noise),
                ("d.npy", b"\x93NUMPY\1\0" + struct.pack("<H", size) + noise),
            ):
                with open(self.path(name), "wb") as file:
                    file.write(content)
                self.check_refused(self.path(name))

    def test_changed_bytes(self):
        # Any byte of a quantized file may be wrong: the tool says so, or decodes what is there.
        write_safetensors(self.path("in.safetensors"), {"t": ("F32", [2, 32], pack_floats([1.5] * 64))})
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"))
        with open(self.path("q.safetensors"), "rb") as file:
            content = bytearray(file.read())
        generator = random.Random(5)
        for _ in range(300):
            changed = bytearray(content)
            changed[generator.randrange(len(content))] = generator.choice(b"\0\1\x7f\xff09[]{}\"\\,")
            with open(self.path("x.safetensors"), "wb") as file:
                file.write(changed)
            done = subprocess.run(
                [harness.TOOL, "dequantize", self.path("x.safetensors"), "-o", self.path("d.safetensors")],
                capture_output=True,
            )
            self.assertIn(done.returncode, (0, 1))

    def test_huge_claims(self):
        # Sizes that would take all memory, or wrap around, if they were believed.
        header = b'{"t":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}'
        with open(self.path("a.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
        self.check_refused(self.path("a.safetensors"))
        with open(self.path("b.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", 1 << 63) + b"{}")
        self.check_refused(self.path("b.safetensors"))

    def test_absent_and_odd_files(self):
        self.check_refused(self.path("absent.npy"))
        os.mkdir(self.path("folder.npy"))
        self.check_refused(self.path("folder.npy"))
        os.mkfifo(self.path("pipe.npy"))
        self.check_refused(self.path("pipe.npy"))
        write_npy(self.path("in.npy"), "<f4", (4,), bytes(16))
        err = run("quantize", self.path("in.npy"), "-o", self.path("absent/q.safetensors"), status=1)[1]
        self.assertIn(b"absent/q.safetensors", err)
        os.mkdir(self.path("q.safetensors"))
        err = run("quantize", self.path("in.npy"), "-o", self.path("q.safetensors"), status=1)[1]
        self.assertIn(b"not a regular file", err)

    def test_names_that_collide(self):
        tensors = {"t": ("F32", [4], bytes(16)), "t_packed": ("U8", [1], b"x")}
        write_safetensors(self.path("in.safetensors"), tensors)
        err = run("quantize", self.path("in.safetensors"), "-o", self.path("out.safetensors"), status=1)[1]
        self.assertIn(b"two tensors would be called 't_packed'", err)
        self.assertEqual(self.names(), ["in.safetensors"])

    def test_nothing_to_do(self):
        write_safetensors(self.path("in.safetensors"), {"i": ("I64", [1], bytes(8))})
        self.assertIn(b"no floating-point tensor with elements",
                      run("quantize", self.path("in.safetensors"), "-o", self.path("o.safetensors"), status=1)[1])
        self.assertIn(b"no tensor that nibble quantized",
                      run("dequantize", self.path("in.safetensors"), "-o", self.path("o.safetensors"), status=1)[1])
        tensors = {"a": ("F32", [1], bytes(4)), "b": ("F32", [1], bytes(4))}
        write_safetensors(self.path("in.safetensors"), tensors)
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"))
        self.assertIn(b"2 tensors", run("dequantize", self.path("q.safetensors"), "-o", self.path("o.npy"), status=1)[1])
        self.assertEqual(self.names(), ["in.safetensors", "q.safetensors"])

    def test_wrong_commands(self):
        write_npy(self.path("in.npy"), "<f4", (4,), bytes(16))
        source, target = self.path("in.npy"), self.path("o.safetensors")
        for arguments in (
            ["quantize", source],
            ["quantize", "-o", target],
            ["quantize", source, "-o", self.path("o.npy")],
            ["quantize", source, "-o", target, "--format", "nvfp5"],
            ["quantize", source, "-o", target, "--recipe", "mine"],
            ["quantize", source, "-o", target, "--recipe", "floor"],
            ["quantize", source, "-o", target, "--format", "mxfp4", "--recipe", "compressed-tensors"],
            ["quantize", source, "-o", target, "--threads", "0"],
            ["quantize", source, "-o", target, "--seed", "x"],
            ["quantize", "--tensor", "x"],
            ["quantize", self.path("in.bin"), "-o", target],
            ["dequantize", source],
            ["dequantize", source, "-o", self.path("o.bin")],
            ["compare", source],
            ["report"],
            ["report", source, "--threshold", "much"],
            ["report", source, "--threshold", "NaN"],
        ):
            with self.subTest(arguments):
                self.assertNotEqual(run(*arguments, status=2)[1], b"")
        self.assertEqual(self.names(), ["in.npy"])

    def test_names_cannot_steer_a_terminal(self):
        write_safetensors(self.path("in.safetensors"), {"\x1b[2Jt": ("F32", [4], bytes(16))})
        for arguments in (["report"], ["quantize", "-o", self.path("q.safetensors")]):
            out = run(arguments[0], self.path("in.safetensors"), *arguments[1:])[0]
            self.assertNotIn(b"\x1b", out)
            self.assertIn(b"\\x1b[2Jt", out)


class Killed(ToolTest):
    def test_killed_at_any_moment(self):
        # 24 MiB in 6 tensors, and an older file under the final name.
        data = struct.pack("<f", 1.5) * (1 << 20)
        write_safetensors(self.path("in.safetensors"), {f"t{i}": ("F32", [512, 2048], data) for i in range(6)})
        target = self.path("out.safetensors")
        command = [harness.TOOL, "quantize", self.path("in.safetensors"), "-o", target]
        begin = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        duration = time.monotonic() - begin
        with open(target, "rb") as file:
            whole = file.read()
        generator = random.Random(6)
        outcomes = set()
        for attempt in range(25):
            with open(target, "wb") as file:
                file.write(b"older")
            tool = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(generator.uniform(0, 1.2) * duration)
            tool.send_signal(signal.SIGKILL if attempt % 5 else signal.SIGTERM)
            tool.wait()
            with open(target, "rb") as file:
                content = file.read()
            self.assertIn(content, (b"older", whole))
            outcomes.add(content == whole)
        self.assertIn(False, outcomes)
        os.remove(target)
        tool = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(duration / 2)
        tool.kill()
        tool.wait()
        if os.path.exists(target):
            self.assertEqual(len(whole), os.path.getsize(target))

    def test_in_place(self):
        tensors = {"t": ("F32", [64, 1024], pack_floats([float(i % 13) for i in range(65536)]))}
        write_safetensors(self.path("a.safetensors"), tensors)
        run("quantize", self.path("a.safetensors"), "-o", self.path("b.safetensors"))
        run("quantize", self.path("a.safetensors"), "-o", self.path("a.safetensors"))
        self.assertEqual(read_safetensors(self.path("a.safetensors")), read_safetensors(self.path("b.safetensors")))
        self.assertEqual(self.names(), ["a.safetensors", "b.safetensors"])


class Memory(ToolTest):
    def test_bounded(self):
        # 384 MiB in 8 tensors, as a file of zeros that takes no room on most devices. The tool's peak memory is far
        # below the file, and the largest peak of all programs that this script has run is an upper bound of it.
        header, offset, size = {}, 0, 48 << 20
        for i in range(8):
            header[f"t{i}"] = {"dtype": "F32", "shape": [1 << (2 * i), size >> (2 * i + 2)], "data_offsets": [offset, offset + size]}
            offset += size
        text = json.dumps(header).encode()
        with open(self.path("in.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + offset)
        run("quantize", self.path("in.safetensors"), "-o", self.path("q.safetensors"))
        run("dequantize", self.path("q.safetensors"), "-o", self.path("d.safetensors"))
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 100 << 10)
        tensors, _ = read_safetensors(self.path("d.safetensors"))
        self.assertEqual(tensors["t7"][1], [1 << 14, 768])
        self.assertEqual(tensors["t7"][2].count(0), size)


class Progress(ToolTest):
    def test_bar_on_a_terminal_only(self):
        import pty

        data = struct.pack("<f", 1.5) * (32 << 20)
        write_safetensors(self.path("in.safetensors"), {"t": ("F32", [32, 1 << 20], data)})
        arguments = ["report", self.path("in.safetensors"), "--threads", "1"]
        self.assertEqual(run(*arguments)[1], b"")
        master, slave = pty.openpty()
        with subprocess.Popen([harness.TOOL, *arguments], stdout=subprocess.PIPE, stderr=slave) as tool:
            os.close(slave)
            shown = b""
            while True:
                try:
                    piece = os.read(master, 4096)
                except OSError:  # Linux: the other side is closed
                    break
                if not piece:
                    break
                shown += piece
            self.assertNotIn(b"\x1b", tool.stdout.read())
        os.close(master)
        self.assertIn(b"report [", shown)
        self.assertIn(b" % ", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"))


if __name__ == "__main__":
    harness.main()
