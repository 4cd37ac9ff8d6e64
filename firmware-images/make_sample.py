"""Writes sample.h, the input that an image runs at boot: one row of a model's samples.

Source: the .npy format, version 1.0 (numpy's documentation, numpy.lib.format).
Does not model: anything but int8 or uint8 arrays in C order.
Tested by: tests/firmware_images.rs, which compares the image's bytes with the row.

    python make_sample.py ../models/anomaly/samples.npy 0 > anomaly/sample.h
"""

import ast
import math
import pathlib
import sys


def row(path, index):
    """The bytes of one row (first axis) of an int8 or uint8 array, and the array's type."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"\x93NUMPY\x01\x00":
        raise SystemExit(f"{path}: not a .npy file of version 1.0")
    start = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:start].decode("latin-1"))
    if header["descr"] not in ("|i1", "|u1") or header["fortran_order"]:
        raise SystemExit(f"{path}: expected int8 or uint8 in C order, found {header}")
    if not 0 <= index < header["shape"][0]:
        raise SystemExit(f"{path}: no row {index}, there are {header['shape'][0]}")
    size = math.prod(header["shape"][1:])
    return data[start + index * size : start + (index + 1) * size], header["descr"]


def main():
    """Command line: file and row; the header goes to standard output."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    path, index = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    data, kind = row(path, index)
    values = [b - 256 if kind == "|i1" and b > 127 else b for b in data]
    print(f"/* Row {index} of {path.parent.name}/{path.name}, written by make_sample.py: do not edit. */")
    print(f"static const {'u' if kind == '|u1' else ''}int8_t sample[{len(values)}] = {{")
    for start in range(0, len(values), 16):
        print("    " + " ".join(f"{v}," for v in values[start : start + 16]))
    print("};")


if __name__ == "__main__":
    main()
