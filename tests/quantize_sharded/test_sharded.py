# SPDX-License-Identifier: Apache-2.0
"""quantize_sharded on 1 to 4 processes writes, byte for byte, the file of `nibble quantize`."""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

TOOL, SHARDED, MPIRUN = sys.argv[1:4]
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_btl_vader_single_copy_mechanism="none")


def numbers(count, seed):
    source = random.Random(seed)
    values = [source.gauss(0, 1) * 2.0 ** source.randint(-12, 12) for _ in range(count)]
    values[::97] = [0.0] * len(values[::97])
    return values


def write_safetensors(path, tensors):
    """tensors: name -> (type, struct letter, shape, values)."""
    header, data = {}, b""
    for name, (kind, letter, shape, values) in tensors.items():
        part = struct.pack(f"<{len(values)}{letter}", *values)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def run(command, **environment):
    return subprocess.run(command, env=dict(ENVIRONMENT, **environment), capture_output=True, text=True, timeout=300)


def sharded(processes, arguments, **environment):
    return run([MPIRUN, "-n", str(processes), SHARDED, *arguments], **environment)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "in.safetensors")
        # Row counts that no number of processes divides, fewer rows than processes, one huge row, a copied tensor.
        write_safetensors(source, {
            "ragged": ("F32", "f", [101, 70], numbers(7070, 1)),
            "two": ("F64", "d", [2, 33], numbers(66, 2)),
            "deep": ("F32", "f", [3, 17, 48], numbers(2448, 3)),
            "line": ("F32", "f", [5000], numbers(5000, 4)),
            "index": ("I32", "i", [3], [1, 2, 3]),
        })
        cases = [
            [],
            ["--rounding", "stochastic", "--seed", "7"],
            ["--format", "nvfp4-2d", "--rounding", "stochastic"],
            ["--format", "mxfp4", "--recipe", "rceil"],
            ["--format", "mxfp8-e4m3", "--tensor", "r*"],
            ["--recipe", "unbiased", "--rounding", "stochastic", "--seed", "3"],
        ]
        for case in cases:
            alone = os.path.join(folder, "alone.safetensors")
            done = run([TOOL, "quantize", source, "-o", alone, *case])
            assert done.returncode == 0, done.stderr
            for processes in (1, 2, 3, 4):
                together = os.path.join(folder, f"together{processes}.safetensors")
                done = sharded(processes, [source, "-o", together, *case])
                assert done.returncode == 0, done.stderr
                assert content(together) == content(alone), f"{processes} processes, {case}: the files differ"

        missing = os.path.join(folder, "missing.safetensors")
        output = os.path.join(folder, "none.safetensors")
        for arguments, status in (([missing, "-o", output], 1), ([source, "-o", output, "--format", "nonsense"], 2),
                                  ([source, "-o", output, "--tensor", "nothing"], 1), ([source], 2),
                                  ([source, "-o", output, "--seed", "-1"], 2),
                                  ([source, "-o", output, "--seed", "18446744073709551616"], 2)):
            done = sharded(2, arguments)
            assert done.returncode == status, (arguments, done.returncode, done.stderr)
            assert any(word in done.stderr for word in ("quantize_sharded", "required", "--seed")), done.stderr
            assert not os.path.exists(output)
        done = sharded(2, [source, "-o", output], NIBBLE_ISA="none")
        assert done.returncode == 2 and "NIBBLE_ISA" in done.stderr, (done.returncode, done.stderr)
    print(f"{len(cases)} cases on 1 to 4 processes")


main()
