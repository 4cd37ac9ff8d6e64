"""Trains the anomaly autoencoder and writes the models, samples, goldens and report of this folder.

Source: KDD Cup 1999 (see CARD.md); the network 41-64-32-64-41 of EmbeddedML-Benchmark, ReLU inside, logistic at the end.
Does not model: attacks. It learns normal connections only; the score is the reconstruction error.
Tested by: check.py (goldens, samples, preprocessing) and by running it twice (same bytes on one machine).

    python train.py --data kddcup.data_10_percent.gz --out DIR
"""

import argparse
import collections
import json
import os
import pathlib

# Before TensorFlow is imported: oneDNN picks kernels by CPU, which changes rounding.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf

import kdd
import tflm

EPOCHS = 80
BATCH = 256
LEARNING_RATE = 2e-3
# Targets stay this far from 0 and 1, a quarter of an int8 output step. Without it training drives
# the logistic's input to +-55, one int8 step of it becomes 0.43 and the int8 score loses AUC.
MARGIN = 1.0 / 1024.0
QUANTILE = 0.99  # of the validation normals' scores: one false alarm in a hundred, by construction
SAMPLES = 400
# Step and zero point of the int8 input. The logistic's output always has these in TFLite, so with
# the same at the input the score is a plain sum of squared int8 differences. 1.0 saturates to 127.
STEP, ZERO_POINT = 1.0 / 256.0, -128
TOP = 127 * STEP - ZERO_POINT * STEP  # 255/256, the largest value the input can carry


def network(batch):
    """The untrained autoencoder, with a free batch (None) for training or 1 for export."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(batch_shape=(batch, 41)),
            layers.Dense(64, activation="relu", name="encode1"),
            layers.Dense(32, activation="relu", name="encode2"),
            layers.Dense(64, activation="relu", name="decode1"),
            layers.Dense(41, activation="sigmoid", name="decode2"),
        ]
    )


def train(x):
    """The autoencoder trained on the normal rows x, float32 (n, 41) in 0..1."""
    keras.utils.set_random_seed(kdd.SEED)
    model = network(None)
    steps = EPOCHS * -(-len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    # Cross-entropy, not squared error: it keeps a gradient where the logistic saturates, and most
    # of these columns are exactly 0 or 1. CARD.md has both on the validation rows.
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy")
    model.fit(x, x.clip(MARGIN, 1.0 - MARGIN), batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def threshold(scores_of_normals):
    """The smallest observed score that at least QUANTILE of the given normal rows do not exceed."""
    return np.sort(scores_of_normals)[int(np.ceil(QUANTILE * len(scores_of_normals))) - 1]


def convert(model, representative):
    """(float32, int8) .tflite bytes with the batch fixed to 1; ranges from the representative rows."""
    fixed = network(1)
    fixed.set_weights(model.get_weights())
    whole = tf.lite.TFLiteConverter.from_keras_model(fixed)
    whole.optimizations = [tf.lite.Optimize.DEFAULT]
    whole.representative_dataset = lambda: ([row[np.newaxis, :]] for row in representative)
    whole.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    whole.inference_input_type = whole.inference_output_type = tf.int8
    return tf.lite.TFLiteConverter.from_keras_model(fixed).convert(), whole.convert()


def naive(rows):
    """The same procedure with duplicates left in, and that model on rows it had never seen."""
    part, attack = kdd.split(rows, kdd.SEED), kdd.is_attack(rows)
    chosen = (part == kdd.TRAIN) & (attack == 0)
    x = kdd.scale(rows, kdd.fit([row for row, keep in zip(rows, chosen) if keep]))
    model = train(x[chosen])
    score = kdd.mean_squared_error(x, model.predict(x, batch_size=4096, verbose=0))
    limit = threshold(score[(part == kdd.VALIDATION) & (attack == 0)])
    test = part == kdd.TEST
    known = {row[:-1] for row, p in zip(rows, part) if p != kdd.TEST}
    unseen = {}  # first test row of every feature vector that is in neither training nor validation
    for i in np.flatnonzero(test):
        if rows[i][:-1] not in known:
            unseen.setdefault(rows[i][:-1], i)
    repeated = sum(rows[i][:-1] in known for i in np.flatnonzero(test))
    unseen = np.array(list(unseen.values()))
    return {
        "train_normals": int(chosen.sum()),
        "share_of_test_rows_seen_before": round(repeated / int(test.sum()), 5),
        "test": kdd.metrics(score[test], attack[test], limit),
        "same_model_on_its_unseen_test_rows": kdd.metrics(score[unseen], attack[unseen], limit),
    }


def choose_samples(rows, part):
    """Indices of SAMPLES test rows: half normal, half attacks shared out evenly over their names."""
    rng = np.random.default_rng(kdd.SEED)
    names = np.array([row[-1] for row in rows])
    pools = {
        name: list(rng.permutation(np.flatnonzero((names == name) & (part == kdd.TEST))))
        for name in np.unique(names)
    }
    picked = pools.pop(kdd.NORMAL)[: SAMPLES // 2]
    while len(picked) < SAMPLES:
        for name in sorted(pools):
            if pools[name] and len(picked) < SAMPLES:
                picked.append(pools[name].pop())
    return rng.permutation(np.array(picked))


def main():
    """Command line: trains, converts, evaluates on TFLite Micro, writes everything to --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data",
        required=True,
        help="kddcup.data_10_percent.gz: http://kdd.ics.uci.edu/databases/kddcup99/kddcup99.html\n"
        "(UCI KDD Archive; scikit-learn's fetch_kddcup99 downloads the same file)",
    )
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write to")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)

    every_row = kdd.read(args.data)
    rows, counts = kdd.deduplicate(every_row)
    part, attack = kdd.split(rows, kdd.SEED), kdd.is_attack(rows)
    normal = attack == 0
    train_normal, validation_normal = (part == kdd.TRAIN) & normal, (part == kdd.VALIDATION) & normal
    columns = kdd.fit([row for row, keep in zip(rows, train_normal) if keep])
    x = kdd.scale(rows, columns)

    model = train(x[train_normal])
    rng = np.random.default_rng(kdd.SEED)
    representative = rng.permutation(x[train_normal])[:4000].clip(0.0, TOP)
    representative[0, :2] = 0.0, TOP  # pins the input's range, hence its step, to STEP
    float_bytes, int8_bytes = convert(model, representative)
    float_path, int8_path = args.out / "anomaly_float32.tflite", args.out / "anomaly_int8.tflite"
    float_path.write_bytes(float_bytes)
    int8_path.write_bytes(int8_bytes)
    print(f"wrote {int8_path} ({len(int8_bytes)} bytes), {float_path} ({len(float_bytes)} bytes)", flush=True)

    float_model, int8_model = tflm.Model(float_path), tflm.Model(int8_path)
    if int8_model.quantisation() != (STEP, ZERO_POINT, STEP, ZERO_POINT):
        raise SystemExit(f"unexpected int8 quantisation {int8_model.quantisation()}: the integer score needs {STEP}")
    q = kdd.quantise(x, STEP, ZERO_POINT)
    held_out = part != kdd.TRAIN
    float_score, int8_score = np.full(len(rows), np.nan), np.full(len(rows), -1)
    float_score[held_out] = kdd.mean_squared_error(x[held_out], float_model.run(x[held_out]))
    int8_score[held_out] = kdd.squared_steps(q[held_out], int8_model.run(q[held_out]))
    float_limit = float(threshold(float_score[validation_normal]))
    int8_limit = int(threshold(int8_score[validation_normal]))

    chosen = choose_samples(rows, part)
    with open(args.out / "samples.csv", "w", encoding="ascii", newline="\n") as file:
        file.writelines(",".join(rows[i]) + "\n" for i in chosen)
    kdd.save(args.out / "samples.npy", q[chosen])
    kdd.save(args.out / "samples_float32.npy", x[chosen])
    kdd.save(args.out / "labels.npy", attack[chosen])
    kdd.save(args.out / "goldens_int8.npy", int8_model.run(q[chosen]))
    kdd.save(args.out / "goldens_float32.npy", float_model.run(x[chosen]))

    preprocess = {
        "comment": "Raw KDD row to model input: encode or ln(1+v) in float64, (v-min)/(max-min), clip to 0..1, round to "
        "float32; int8 = clamp(floor(value/scale + 0.5) + zero_point, -128, 127). A category not in its vocabulary "
        "encodes as the vocabulary's length, else as its position. A row is an attack if its score > threshold.",
        "classes": ["normal", "attack"],
        "normal_label": kdd.NORMAL,
        "int8": {
            "input": {"scale": STEP, "zero_point": ZERO_POINT},
            "output": {"scale": STEP, "zero_point": ZERO_POINT},
            "score": "sum over the 41 features of (input - output)^2, int8 values, int32 result",
            "threshold": int8_limit,
            "mean_squared_error_per_score": STEP**2 / 41,
        },
        "float32": {"score": "mean over the 41 features of (input - output)^2", "threshold": float_limit},
        "features": columns,
    }
    (args.out / "preprocess.json").write_text(json.dumps(preprocess, indent=1) + "\n")

    validation, test = part == kdd.VALIDATION, part == kdd.TEST
    names = np.array([row[-1] for row in rows])
    known = {row.tobytes() for row in q[train_normal]}
    distinct = test & np.array([row.tobytes() not in known for row in q])
    other = test & (names != "neptune.")
    copies = collections.Counter(every_row)
    weight = np.array([copies[row] for row in rows]) * test  # test rows as often as they are in the file
    report = {
        "data_sha256": kdd.sha256(args.data),
        "sha256": {path.name: kdd.sha256(path) for path in (int8_path, float_path)},
        "deduplication": counts,
        "split": {
            name: {"normal": int(((part == p) & normal).sum()), "attack": int(((part == p) & ~normal).sum())}
            for p, name in enumerate(("train", "validation", "test"))
        },
        "int8_validation": kdd.metrics(int8_score[validation], attack[validation], int8_limit),
        "float32_validation": kdd.metrics(float_score[validation], attack[validation], float_limit),
        "int8_test": kdd.metrics(int8_score[test], attack[test], int8_limit),
        "float32_test": kdd.metrics(float_score[test], attack[test], float_limit),
        "int8_test_without_neptune": kdd.metrics(int8_score[other], attack[other], int8_limit),
        "float32_test_without_neptune": kdd.metrics(float_score[other], attack[other], float_limit),
        "int8_test_without_int8_vectors_of_training": kdd.metrics(int8_score[distinct], attack[distinct], int8_limit),
        "int8_test_with_duplicates_counted": kdd.metrics(
            np.repeat(int8_score, weight), np.repeat(attack, weight), int8_limit
        ),
        "int8_test_alarm_rate_by_label": {
            str(name): [int((int8_score[test & (names == name)] > int8_limit).sum()), int((test & (names == name)).sum())]
            for name in np.unique(names[test])
        },
        "int8_samples": kdd.metrics(int8_score[chosen], attack[chosen], int8_limit),
        "float32_samples": kdd.metrics(float_score[chosen], attack[chosen], float_limit),
        "naive_procedure_float32": naive(every_row),
    }
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
