#!/usr/bin/env python3
"""Makes the golden sets of tests/operators.rs: models of one operator each, and what TensorFlow Lite Micro computes with them.

    target/tools/python/bin/python tests/operators/make_goldens.py [WORD…]      (.ci/tools brings that Python; WORDs select cases to try)

Each archive, KIND.goldens, is a zlib stream of records: the name (operator, type, what is special), the number of samples, how many units in
the last place a float may differ by (65536: it may differ by 1e-5 of the largest output), whether the samples are one sequence (operators with a memory), and the bytes of the model, of all inputs
and of all outputs. Everything is seeded by the name."""
import struct
import sys
import zlib
from pathlib import Path

import cases_compute
import cases_elementwise
import cases_moves
import numpy as np
from flat import run

HERE = Path(__file__).parent


def record(case):
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    draw = case.draw or (lambda rng, number, tensor: default(rng, tensor))
    ins, outs = run(case.model, case.inputs, lambda number, tensor: draw(rng, number, tensor), case.samples, case.in_sequence, case.define)
    parts = [case.name.encode(), struct.pack("<III", case.samples, case.ulps, case.in_sequence), case.model, ins, outs]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def default(rng, tensor):
    """Numbers over the whole range of a small type, and near zero of a large one."""
    kind = np.dtype(tensor.kind)
    if kind.kind == "f":
        return rng.uniform(-3, 3, tensor.shape)
    if kind.kind == "b":
        return rng.integers(0, 2, tensor.shape)
    low, high = (-1000, 1000) if kind.itemsize > 2 else (np.iinfo(kind).min, np.iinfo(kind).max)
    return rng.integers(low, high, tensor.shape, endpoint=True)


def main():
    words, failed = sys.argv[1:], 0
    for kind, cases in [("moves", cases_moves.CASES), ("elementwise", cases_elementwise.CASES), ("compute", cases_compute.CASES)]:
        records = []
        for case in cases:
            if words and not any(word in case.name for word in words):
                continue
            try:
                records.append(record(case))
            except Exception as error:  # what the reference refuses is of interest too
                failed += 1
                print(f"{case.name}: the reference refuses it: {error}")
        print(f"{kind}: {len(records)} cases")
        if not words:
            (HERE / f"{kind}.goldens").write_bytes(zlib.compress(b"".join(records), 9))
    sys.exit(min(failed, 1))


main()
