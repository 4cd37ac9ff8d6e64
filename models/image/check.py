"""Re-runs TFLite Micro over this folder's samples and compares with the committed goldens, bit for bit.

Source: the files beside it; the reference is the tflite-micro wheel pinned in requirements.txt (TensorFlow is not needed).
Does not model: training; train.py does that.
Tested by: nothing further: it is the test. Exit code 1 if anything differs.

    python check.py [DIR] [--original cifar10_tinyml.tflite]
"""

import argparse
import json
import pathlib
import sys

import numpy as np

import cifar
import tflm


def main():
    """Compares PNGs with samples and outputs with goldens; prints counts and the accuracy on the samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dir", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--original", help="also re-run the original model over original_goldens.npz")
    args = parser.parse_args()
    load = lambda name: np.load(args.dir / name, allow_pickle=False)
    preprocess, report = (json.loads((args.dir / name).read_text()) for name in ("preprocess.json", "report.json"))
    samples, labels, failed = load("samples.npy"), load("labels.npy"), False

    def same(what, got, expected):
        nonlocal failed
        equal = got.shape == expected.shape and got.dtype == expected.dtype and len(got) > 0
        rows = int(sum(a.tobytes() == b.tobytes() for a, b in zip(got, expected))) if equal else 0
        failed |= not equal or rows != len(expected)
        print(f"{what}: {rows} of {len(expected)} rows identical")

    pngs = sorted(args.dir.glob("sample_*.png"))
    rows = [int(path.stem.split("_")[1]) for path in pngs]
    names = np.array([path.stem.split("_")[2] for path in pngs])
    same("samples.npy from .png", cifar.quantise(cifar.halve(np.stack([cifar.read_png(p) for p in pngs]))), samples[rows])
    same("labels.npy from names of .png", names, np.array([preprocess["classes"][k] for k in labels[rows]], names.dtype))

    path = args.dir / "image_int8.tflite"
    same("SHA-256 in report.json", np.array([cifar.sha256(path)]), np.array([report["sha256"][path.name]]))
    model = tflm.Model(path)
    ends = preprocess["int8"]
    expected = [ends[end][key] for end in ("input", "output") for key in ("scale", "zero_point")]
    same("quantisation in preprocess.json", np.array([model.quantisation()]), np.array([expected]))
    output = model.run(samples)
    same("goldens_int8.npy", output, load("goldens_int8.npy"))
    print(f"accuracy {cifar.metrics(output, labels)['accuracy']} on these {len(labels)} samples")

    if args.original:
        with load("original_goldens.npz") as original:
            same("original_goldens.npz", tflm.Model(args.original).run(original["inputs"]), original["goldens"])
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
