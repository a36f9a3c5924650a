# SPDX-License-Identifier: Apache-2.0
#
# What the scripts that run the tool share: running it, and readers and writers of its file formats that share no code
# with it. Python's standard library only.
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

TOOL = None  # path of the program, set by main()

SIZES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "U8": 1, "I64": 8, "BOOL": 1}


def run(*arguments, data=b"", status=0):
    """Runs the tool; fails unless it ends with `status`. Returns (stdout, stderr) as bytes."""
    done = subprocess.run([TOOL, *arguments], input=data, capture_output=True, timeout=300)
    if done.returncode != status:
        raise AssertionError(f"{arguments}: status {done.returncode}, not {status}\n{done.stderr.decode()}")
    return done.stdout, done.stderr


def read_safetensors(path):
    """{name: (dtype, shape, bytes)} and the metadata, by the text of the format's description."""
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    metadata = header.pop("__metadata__", {})
    tensors, covered = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        assert begin == covered, "a gap or an overlap"
        covered = end
        count = 1
        for extent in entry["shape"]:
            count *= extent
        assert end - begin == count * SIZES[entry["dtype"]], "size and shape disagree"
        assert count == 0 or begin % SIZES[entry["dtype"]] == 0, "misaligned"
        tensors[name] = (entry["dtype"], entry["shape"], data[begin:end])
    assert covered == len(data), "bytes behind the last tensor"
    assert (8 + length) % 8 == 0, "the data are not aligned"
    return tensors, metadata


def write_safetensors(path, tensors, metadata=None):
    """`tensors`: {name: (dtype, shape, bytes)}."""
    header, offset = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))


def write_npy(path, descr, shape, data, fortran=False):
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {tuple(shape)}, }}"
    text += " " * ((54 - len(text)) % 64 - 1) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data)


def read_npy(path):
    with open(path, "rb") as file:
        content = file.read()
    assert content[:8] == b"\x93NUMPY\x01\x00"
    (length,) = struct.unpack_from("<H", content, 8)
    return content[10 : 10 + length].decode(), content[10 + length :]


def floats(data):
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def pack_floats(values):
    return struct.pack(f"<{len(values)}f", *values)


class ToolTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nibble-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def names(self):
        return sorted(os.listdir(self.folder))


def main():
    global TOOL
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main(module="__main__")
