"""Re-runs TFLite Micro over this folder's samples and compares with the committed goldens, bit for bit.

Source: the files beside it; the reference is the tflite-micro wheel pinned in requirements.txt (TensorFlow is not needed).
Does not model: training; train.py does that.
Tested by: nothing further: it is the test. Exit code 1 if anything differs.

    python check.py [DIR] [--original speech_commands_model.tflite]
"""

import argparse
import json
import pathlib
import sys

import numpy as np

import mfcc
import tflm


def main():
    """Compares .wav files and oracle clips with their features and outputs with goldens; prints counts and the accuracy on the samples."""
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

    wavs = sorted(args.dir.glob("sample_*.wav"))
    rows = [int(path.stem.split("_")[1]) for path in wavs]
    names = np.array([path.stem.split("_")[2] for path in wavs])
    same("samples.npy from .wav", mfcc.inputs(np.stack([mfcc.read_wav(path) for path in wavs])), samples[rows])
    same("labels.npy from names of .wav", names, np.array([preprocess["classes"][k] for k in labels[rows]], names.dtype))
    clips = load("oracle_samples.npy")
    same("oracle_int8.npy", mfcc.inputs(clips)[..., 0], load("oracle_int8.npy"))
    off = float(np.abs(np.stack([mfcc.features(clip) for clip in clips]) - load("oracle_features.npy")).max())
    # Another CPU's FFT may sum in another order; a hundred million times less than an int8 step does no harm.
    failed |= off > 1e-9
    print(f"oracle_features.npy: off by at most {off:.1e}")

    path = args.dir / "keyword_int8.tflite"
    same("SHA-256 in report.json", np.array([mfcc.sha256(path)]), np.array([report["sha256"][path.name]]))
    model = tflm.Model(path)
    ends = preprocess["int8"]
    expected = [ends[end][key] for end in ("input", "output") for key in ("scale", "zero_point")]
    same("quantisation in preprocess.json", np.array([model.quantisation()]), np.array([expected]))
    output = model.run(samples)
    same("goldens_int8.npy", output, load("goldens_int8.npy"))
    print(f"accuracy {mfcc.metrics(output, labels)['accuracy']} on these {len(labels)} samples")

    if args.original:
        with load("original_goldens.npz") as original:
            same("original_goldens.npz", tflm.Model(args.original).run(original["inputs"]), original["goldens"])
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
