"""Trains the keyword spotter and writes the model, samples, goldens and report of this folder.

Source: the Speech Commands clips read by clips.py, the features of mfcc.py; the DS-CNN of MLPerf Tiny (EmbeddedML-Benchmark's
speech_commands_model.tflite has the same shapes), weights ours.
Does not model: streaming audio; a clip is one second with the word somewhere in it.
Tested by: check.py (goldens, samples, .wav to input) and by running it twice (same bytes on one machine).

    python train.py --data speech_commands_test --out DIR [--mlperf mlperf_kws01.npz --original speech_commands_model.tflite]
"""

import argparse
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

import clips
import mfcc
import tflm

EPOCHS = 80
BATCH = 64
LEARNING_RATE = 4e-3
DECAY = 1e-4  # of the weights (AdamW)
SMOOTHING = 0.1  # of the labels
DROPOUT = 0.2
CHANNELS = 64
SAMPLES_PER_CLASS = 10
WAVS = 4
ORIGINAL_INPUTS = 20


def network(batch, training):
    """The untrained DS-CNN: with batch normalisation and logits for training, or plain and with softmax for export.

    Layer names match between the two forms; export_weights says how one becomes the other.
    """
    layers = keras.layers
    stack = [keras.Input(batch_shape=(batch, mfcc.FRAMES, mfcc.COEFFICIENTS, 1))]

    def step(layer):
        stack.append(layer)
        if training:
            stack.append(layers.BatchNormalization(momentum=0.97, name=layer.name + "_norm"))
        stack.append(layers.ReLU())

    bias = not training
    step(layers.Conv2D(CHANNELS, (10, 4), strides=2, padding="same", use_bias=bias, name="conv"))
    for k in range(1, 5):
        step(layers.DepthwiseConv2D(3, padding="same", use_bias=bias, name=f"depthwise{k}"))
        step(layers.Conv2D(CHANNELS, 1, use_bias=bias, name=f"pointwise{k}"))
    if training:
        stack.append(layers.Dropout(DROPOUT))
    stack += [layers.AveragePooling2D((25, 5)), layers.Flatten()]
    stack.append(layers.Dense(len(mfcc.CLASSES), activation=None if training else "softmax", name="dense"))
    return keras.Sequential(stack)


def export_weights(trained, plain):
    """Folds each batch normalisation into the weights and the bias of the convolution before it."""
    for layer in plain.layers:
        if not layer.get_weights():
            continue
        weights = trained.get_layer(layer.name).get_weights()
        if layer.name != "dense":
            norm = trained.get_layer(layer.name + "_norm")
            gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in norm.get_weights())
            factor = gamma / np.sqrt(variance + norm.epsilon)
            depthwise = layer.name.startswith("depthwise")  # its kernel is (3, 3, channel, 1), the others' end in the channel
            weights = [weights[0] * (factor[:, np.newaxis] if depthwise else factor), beta - mean * factor]
        layer.set_weights(weights)


def train(samples, labels):
    """The network of the training form fitted to clips int16 (n, 16000) and labels (n,)."""
    keras.utils.set_random_seed(clips.SEED)
    rng = np.random.default_rng(clips.SEED)
    model = network(None, training=True)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * -(-len(labels) // BATCH))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=DECAY), loss)
    noise, one_hot = samples[labels == mfcc.SILENCE], np.eye(len(mfcc.CLASSES), dtype=np.float32)[labels]
    for epoch in range(EPOCHS):
        changed = clips.augment(samples, noise, rng)
        history = model.fit(changed, one_hot, batch_size=BATCH, verbose=0).history
        print(f"epoch {epoch + 1} of {EPOCHS}: training loss {history['loss'][0]:.4f}", flush=True)
    return model


def convert(plain, representative):
    """int8 .tflite bytes; ranges from the representative inputs, float32 (n, 49, 10, 1)."""
    whole = tf.lite.TFLiteConverter.from_keras_model(plain)
    whole.optimizations = [tf.lite.Optimize.DEFAULT]
    whole.representative_dataset = lambda: ([row[np.newaxis]] for row in representative)
    whole.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    whole.inference_input_type = whole.inference_output_type = tf.int8
    return whole.convert()


def choose_samples(labels, part):
    """Indices of SAMPLES_PER_CLASS clips of every class by held-out speakers, in random order."""
    rng = np.random.default_rng(clips.SEED)
    pools = [np.flatnonzero((labels == k) & (part == clips.TEST)) for k in range(len(mfcc.CLASSES))]
    return rng.permutation(np.concatenate([rng.permutation(pool)[:SAMPLES_PER_CLASS] for pool in pools]))


def write_oracle(out, samples):
    """Three clips with their features, for whoever implements mfcc.py again: a word, background noise, and digital silence."""
    mfcc.save(out / "oracle_samples.npy", samples)
    mfcc.save(out / "oracle_features.npy", np.stack([mfcc.features(clip) for clip in samples]))
    mfcc.save(out / "oracle_int8.npy", np.stack([mfcc.quantise(mfcc.features(clip)) for clip in samples]))


def against_mlperf(stimuli, q, part, micro, original):
    """How MLPerf's stimuli relate to these clips, and what the models make of them.

    Every stimulus is one of these recordings, so only those of held-out speakers say anything about our model.
    """
    features, labels = stimuli["features"], stimuli["labels"]
    flat = q.reshape(len(q), -1).astype(np.int16)
    clip, equal, off = [], [], []
    for row in features.reshape(len(features), -1).astype(np.int16):
        distance = np.abs(flat - row)
        clip.append(int(distance.sum(axis=1).argmin()))
        equal.append(not distance[clip[-1]].any())
        off.append(int((distance[clip[-1]] > 0).sum()))
    held = part[clip] == clips.TEST
    inputs = features[..., np.newaxis]
    score = lambda model, rows: mfcc.metrics(model.run(inputs[rows]), labels[rows])["accuracy"]
    result = {
        "stimuli": len(features),
        "identical_to_our_features": int(sum(equal)),
        "values_that_differ_in_the_others": sorted((n for n in off if n), reverse=True),
        "by_held_out_speakers": int(held.sum()),
        "int8_accuracy_on_those": score(micro, held),
    }
    if original:
        result["original_accuracy_on_those"] = score(original, held)
        result["original_accuracy_on_all"] = score(original, np.ones(len(features), bool))
    return result


def main():
    """Command line: trains, converts, evaluates on TFLite Micro, writes everything to --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder with clips.json and one FLAC per class")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write to")
    parser.add_argument("--mlperf", help=".npz with MLPerf Tiny's stimuli: features int8 (n, 49, 10), labels")
    parser.add_argument("--original", type=pathlib.Path, help="speech_commands_model.tflite: also write its goldens and score")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)

    samples, labels, names = clips.read(args.data)
    counts = {"clips": len(labels)}
    keep = clips.distinct(samples)
    samples, labels, names = samples[keep], labels[keep], names[keep]
    made_by = clips.sources(samples, labels, names)
    part = clips.split(labels, made_by)
    fit, held, test = (part == p for p in (clips.TRAIN, clips.VALIDATION, clips.TEST))
    if (set(made_by[fit]) & set(made_by[held | test])) or (set(made_by[held]) & set(made_by[test])):
        raise SystemExit("a speaker or a stretch of noise is in two parts")
    q = mfcc.inputs(samples)
    model = train(samples[fit], labels[fit])

    plain = network(1, training=False)
    export_weights(model, plain)
    rng = np.random.default_rng(clips.SEED)
    representative = mfcc.dequantise(rng.permutation(q[fit])[:1500])
    ends = np.array([-128, 127], np.int8)
    representative[0, 0, :2, 0] = mfcc.dequantise(ends)  # pins the input's range, hence its step, to mfcc.STEP
    path = args.out / "keyword_int8.tflite"
    path.write_bytes(convert(plain, representative))
    print(f"wrote {path} ({path.stat().st_size} bytes)", flush=True)

    micro = tflm.Model(path)
    if micro.quantisation() != (mfcc.STEP, mfcc.ZERO_POINT, 1.0 / 256.0, -128):
        raise SystemExit(f"unexpected int8 quantisation {micro.quantisation()}: the features need {mfcc.STEP}, {mfcc.ZERO_POINT}")
    chosen = choose_samples(labels, part)
    goldens = micro.run(q[chosen])
    mfcc.save(args.out / "samples.npy", q[chosen])
    mfcc.save(args.out / "labels.npy", labels[chosen])
    mfcc.save(args.out / "goldens_int8.npy", goldens)
    # A few clips as a person has them: the first samples that the model gets right, each of another class.
    shown = {}
    for i in np.flatnonzero(goldens.argmax(axis=1) == labels[chosen]):
        shown.setdefault(int(labels[chosen[i]]), int(i))
    for label, i in list(shown.items())[:WAVS]:
        mfcc.write_wav(args.out / f"sample_{i:03d}_{mfcc.CLASSES[label]}.wav", samples[chosen[i]])
    padded = np.array([not clip[-1600:].any() for clip in samples]) & test
    oracle = [np.flatnonzero(rows)[0] for rows in (test & ~padded, test & (labels == mfcc.SILENCE), padded)]
    write_oracle(args.out, samples[oracle])

    preprocess = {
        "comment": "A clip of 16000 samples to the model's input: the eight steps at the top of mfcc.py, in float64. Class = index "
        "of the first largest output; probability = (output - zero_point) * scale.",
        "classes": mfcc.CLASSES,
        "shape": [mfcc.FRAMES, mfcc.COEFFICIENTS, 1],
        "rate": mfcc.RATE,
        "normalise": "divide by the largest sample, by 1 if that is not positive",
        "window": {"samples": mfcc.WINDOW, "stride": mfcc.STRIDE, "shape": "hann, periodic"},
        "fft": mfcc.FFT,
        "spectrum": "magnitude",
        "mel": {"bands": mfcc.BANDS, "low_hz": mfcc.LOW, "high_hz": mfcc.HIGH, "factor": 1127.0, "corner_hz": 700.0},
        "log_offset": mfcc.OFFSET,
        "dct": {"type": 2, "factor": 2.0 / np.sqrt(2.0 * mfcc.BANDS)},
        "rounding": "towards zero",
        "nudge": mfcc.NUDGE,
        "int8": {
            "input": {"scale": mfcc.STEP, "zero_point": mfcc.ZERO_POINT},
            "output": {"scale": 1.0 / 256.0, "zero_point": -128},
        },
    }
    (args.out / "preprocess.json").write_text(json.dumps(preprocess, indent=1) + "\n")

    def float_score(rows):
        logits = model.predict(mfcc.dequantise(q[rows]), batch_size=256, verbose=0)
        return mfcc.metrics(logits, labels[rows])["accuracy"]

    described = {"train": fit, "validation": held, "test": test}
    int8 = {name: mfcc.metrics(micro.run(q[rows]), labels[rows]) for name, rows in described.items()}
    report = {
        "data_sha256": {path.name: mfcc.sha256(path) for path in sorted(args.data.glob("*.flac"))},
        "sha256": {path.name: mfcc.sha256(path)},
        "deduplication": counts | {"distinct": len(labels)},
        "split": {
            name: {
                "clips": int(rows.sum()),
                "speakers": len(set(made_by[rows & (labels != mfcc.SILENCE)])),
                "noise_groups": len(set(made_by[rows & (labels == mfcc.SILENCE)])),
            }
            for name, rows in described.items()
        },
        "float32_accuracy": {name: float_score(rows) for name, rows in described.items()},
        "int8_train_accuracy": int8["train"]["accuracy"],
        "int8_validation_accuracy": int8["validation"]["accuracy"],
        "int8_test": int8["test"],
        "int8_test_keywords_and_unknown_only": mfcc.metrics(
            micro.run(q[test & (labels != mfcc.SILENCE)]), labels[test & (labels != mfcc.SILENCE)]
        )["accuracy"],
        "int8_samples_accuracy": mfcc.metrics(goldens, labels[chosen])["accuracy"],
    }
    original = tflm.Model(args.original) if args.original else None
    stimuli = dict(np.load(args.mlperf, allow_pickle=False)) if args.mlperf else None
    if original:
        report["original"] = {
            "name": args.original.name,
            "sha256": mfcc.sha256(args.original),
            "int8_accuracy_on_our_test": mfcc.metrics(original.run(q[test]), labels[test])["accuracy"],
            "int8_accuracy_on_all_clips": mfcc.metrics(original.run(q), labels)["accuracy"],
        }
    if stimuli:
        report["mlperf"] = against_mlperf(stimuli, q, part, micro, original)
    if original and stimuli:
        inputs = stimuli["features"][:ORIGINAL_INPUTS, ..., np.newaxis]
        with open(args.out / "original_goldens.npz", "wb") as file:
            np.savez(file, inputs=inputs, goldens=original.run(inputs), labels=stimuli["labels"][:ORIGINAL_INPUTS])
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({key: value for key, value in report.items() if key not in ("int8_test", "data_sha256")}, indent=1))
    print("int8 test accuracy", report["int8_test"]["accuracy"])


if __name__ == "__main__":
    main()
