"""Makes as many inputs for the forest as wanted, all different, with the outputs that NumPy computes from its table.

Source: the samples of this folder, each feature moved by at most three steps; forest.npy, walked by kdd.forest_leaves.
Does not model: network traffic: labels are those of the sample that an input was made from.
Tested by: tests/scale.rs, which runs them on the emulated chip.

    python many.py DIR COUNT
"""

import json
import pathlib
import sys

import numpy as np

import kdd


def main():
    """Writes samples.npy, labels.npy, goldens.npy and scenario.toml, which names forest.npy and anomaly-forest.elf beside it."""
    here, out, count = pathlib.Path(__file__).parent, pathlib.Path(sys.argv[1]), int(sys.argv[2])
    samples, labels = np.load(here / "samples.npy"), np.load(here / "labels.npy")
    origin = np.arange(count) % len(samples)
    moves = np.random.default_rng(7).integers(-3, 4, (count, samples.shape[1]))
    inputs = np.clip(samples[origin] + moves, -128, 127).astype(np.int8)
    roots = json.loads((here / "forest.json").read_text())["roots"]
    _, total = kdd.forest_leaves(np.load(here / "forest.npy"), roots, inputs)
    kdd.save(out / "samples.npy", inputs)
    kdd.save(out / "labels.npy", labels[origin])
    kdd.save(out / "goldens.npy", total.astype(np.int32)[:, np.newaxis])
    text = (here / "forest.toml").read_text()
    for old, new in (("../../firmware-images/", ""), ("goldens_forest.npy", "goldens.npy"), ('= "scikit-learn"', '= "NumPy"')):
        assert old in text
        text = text.replace(old, new)
    (out / "scenario.toml").write_text(text)
    print(len({row.tobytes() for row in inputs}))


if __name__ == "__main__":
    main()
