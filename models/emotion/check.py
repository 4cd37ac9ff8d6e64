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

import farsi
import tflm


def main():
    """Compares samples.csv with the token ids and outputs with goldens; prints counts and the accuracy on the samples."""
    here = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    load = lambda name: np.load(here / name, allow_pickle=False)
    preprocess, report = (json.loads((here / name).read_text()) for name in ("preprocess.json", "report.json"))
    failed = False

    def same(what, got, expected):
        nonlocal failed
        equal = got.shape == expected.shape and got.dtype == expected.dtype and len(got) > 0
        rows = int(sum(a.tobytes() == b.tobytes() for a, b in zip(got, expected))) if equal else 0
        failed |= not equal or rows != len(expected)
        print(f"{what}: {rows} of {len(expected)} rows identical")

    labels, sentences = farsi.read(here / "samples.csv")
    same("labels.npy from samples.csv", labels, load("labels.npy"))
    for name, about in preprocess["models"].items():
        vocabulary = farsi.read_vocabulary(here / about["vocabulary"])
        ids = farsi.encode_all(sentences, vocabulary)
        same(f"{name}_samples.npy from samples.csv", ids, load(f"{name}_samples.npy"))
        path = here / f"{name}_int8.tflite"
        same(f"{name}: SHA-256 in report.json", np.array([farsi.sha256(path)]), np.array([report["sha256"][path.name]]))
        model = tflm.Model(path)
        expected = [about["output"][key] for key in ("scale", "zero_point")]
        same(f"{name}: output quantisation", np.array([model.output_quantisation()]), np.array([expected]))
        output = model.run(load(f"{name}_samples.npy"))
        same(f"{name}_goldens_int8.npy", output, load(f"{name}_goldens_int8.npy"))
        print(f"{name}: accuracy {farsi.metrics(output, labels)['accuracy']} on these {len(labels)} samples")
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
