"""Re-runs TFLite Micro over this folder's samples and compares with the committed goldens, bit for bit.

Source: the files beside it; the reference is the tflite-micro wheel pinned in requirements.txt (TensorFlow is not needed).
Does not model: training; train.py does that.
Tested by: nothing further: it is the test. Exit code 1 if anything differs.

    python check.py [DIR]
"""

import json
import pathlib
import sys

import numpy as np

import kdd
import tflm


def main():
    """Compares samples with samples.csv, outputs with goldens, and verdicts with labels; prints counts."""
    here = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    load = lambda name: np.load(here / name, allow_pickle=False)
    preprocess = json.loads((here / "preprocess.json").read_text())
    labels, failed = load("labels.npy"), False

    def same(what, got, expected):
        nonlocal failed
        equal = got.shape == expected.shape and got.dtype == expected.dtype
        rows = int(sum(a.tobytes() == b.tobytes() for a, b in zip(got, expected))) if equal else 0
        failed |= rows != len(expected)
        print(f"{what}: {rows} of {len(expected)} rows identical")

    raw = kdd.read(here / "samples.csv")
    x = kdd.scale(raw, preprocess["features"])
    ends = preprocess["int8"]
    q = kdd.quantise(x, ends["input"]["scale"], ends["input"]["zero_point"])
    same("labels.npy from samples.csv", kdd.is_attack(raw), labels)
    same("samples_float32.npy from samples.csv", x, load("samples_float32.npy"))
    same("samples.npy from samples.csv", q, load("samples.npy"))

    q, x = load("samples.npy"), load("samples_float32.npy")
    int8_output = tflm.Model(here / "anomaly_int8.tflite").run(q)
    float_output = tflm.Model(here / "anomaly_float32.tflite").run(x)
    same("goldens_int8.npy", int8_output, load("goldens_int8.npy"))
    same("goldens_float32.npy", float_output, load("goldens_float32.npy"))

    for name, score in (
        ("int8", kdd.squared_steps(q, int8_output)),
        ("float32", kdd.mean_squared_error(x, float_output)),
    ):
        numbers = kdd.metrics(score, labels, preprocess[name]["threshold"])
        print(f"{name}: accuracy {numbers['accuracy']}, AUC {numbers['auc']} on these {len(labels)} samples")

    if (here / "forest.npy").exists():
        forest = json.loads((here / "forest.json").read_text())
        leaves, total = kdd.forest_leaves(load("forest.npy"), forest["roots"], q)
        same("goldens_forest_leaves.npy", leaves, load("goldens_forest_leaves.npy"))
        same("goldens_forest.npy", total.astype(np.int32)[:, np.newaxis], load("goldens_forest.npy"))
        probability = load("goldens_forest_probability.npy")
        score = total / (forest["trees"] * forest["leaf_one"])
        agree = int(((score > 0.5) == (probability > 0.5)).sum())
        off = float(np.abs(score - probability).max())
        # Each leaf is rounded to the nearest 1/leaf_one, so the mean is off by at most half of that.
        failed |= agree != len(labels) or off > 0.5 / forest["leaf_one"] + 1e-12
        print(f"forest: {agree} of {len(labels)} decisions as scikit-learn's, probability off by at most {off:.1e}")
        numbers = kdd.metrics(score, labels, 0.5)
        print(f"forest: accuracy {numbers['accuracy']}, AUC {numbers['auc']} on these {len(labels)} samples")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
