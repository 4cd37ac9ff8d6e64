"""Writes sample.h, the input that an image runs at boot: one row of a model's samples.

Source: the .npy format, version 1.0 (numpy's documentation, numpy.lib.format).
Does not model: other types than int8, uint8, int32 and float32; Fortran order.
Tested by: tests/firmware_images.rs, which compares the image's bytes with the row.

    python make_sample.py ../models/anomaly/samples.npy 0 > anomaly/sample.h
"""

import ast
import math
import pathlib
import struct
import sys


# .npy's name of a type: C's, struct's, and how a value is written; nine digits give a float back to the bit.
TYPES = {
    "|i1": ("int8_t", "b", "{}".format),
    "|u1": ("uint8_t", "B", "{}".format),
    "<i4": ("int32_t", "i", "{}".format),
    "<f4": ("float", "f", "{:.8e}f".format),
}


def row(path, index):
    """The values of one row (first axis), and the array's type."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"\x93NUMPY\x01\x00":
        raise SystemExit(f"{path}: not a .npy file of version 1.0")
    start = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:start].decode("latin-1"))
    if header["descr"] not in TYPES or header["fortran_order"]:
        raise SystemExit(f"{path}: expected one of {', '.join(TYPES)} in C order, found {header}")
    if not 0 <= index < header["shape"][0]:
        raise SystemExit(f"{path}: no row {index}, there are {header['shape'][0]}")
    count = math.prod(header["shape"][1:])
    values = struct.Struct(f"<{count}{TYPES[header['descr']][1]}")
    return values.unpack_from(data, start + index * values.size), header["descr"]


def main():
    """Command line: file and row; the header goes to standard output."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    path, index = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    values, kind = row(path, index)
    c_type, _, written = TYPES[kind]
    print(f"/* Row {index} of {path.parent.name}/{path.name}, written by make_sample.py: do not edit. */")
    print(f"static const {c_type} sample[{len(values)}] = {{")
    per_line = 16 if "8" in c_type else 6
    for start in range(0, len(values), per_line):
        print("    " + " ".join(f"{written(v)}," for v in values[start : start + per_line]))
    print("};")


if __name__ == "__main__":
    main()
