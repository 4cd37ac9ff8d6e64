"""Trains the image classifier and writes the model, samples, goldens and report of this folder.

Source: CIFAR-10 (see CARD.md); the 16x16x3 network of EmbeddedML-Benchmark's cifar10_tinyml.tflite, weights ours.
Does not model: images of other sizes, or anything outside the ten classes.
Tested by: check.py (goldens, samples, PNG to input) and by running it twice (same bytes on one machine).

    python train.py --data cifar10_subset.npz --out DIR [--original cifar10_tinyml.tflite]
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

import cifar
import tflm

EPOCHS = 200
BATCH = 64
LEARNING_RATE = 1e-2
SMOOTHING = 0.05  # of the labels
COLOUR = 0.1  # largest change of brightness (per channel, of the full range) and of contrast
SHIFT = 4  # pixels of the 32x32 image, either way: half a pixel of the 16x16 one is possible
SAMPLES_PER_CLASS = 20
PNGS = 4
ORIGINAL_INPUTS = 20
# Step and zero point of the int8 input, those of the original model: pixel - 128, no arithmetic on the device.
STEP, ZERO_POINT = float(np.float32(1.0 / 255.0)), -128


def network(batch, training):
    """The untrained classifier: with batch normalisation and logits for training, or plain and with softmax for export.

    Layer names match between the two forms; export_weights says how one becomes the other.
    """
    layers = keras.layers
    stack = [keras.Input(batch_shape=(batch, 16, 16, 3))]

    def step(layer, pool):
        stack.append(layer)
        if training:
            stack.append(layers.BatchNormalization(momentum=0.95, name=layer.name + "_norm"))
        stack.append(layers.ReLU())
        if pool:
            stack.append(layers.MaxPooling2D())

    step(layers.Conv2D(8, 3, use_bias=not training, name="conv1"), True)
    step(layers.Conv2D(16, 3, use_bias=not training, name="conv2"), True)
    stack.append(layers.Flatten())
    step(layers.Dense(32, use_bias=not training, name="dense1"), False)
    stack.append(layers.Dense(len(cifar.CLASSES), activation=None if training else "softmax", name="dense2"))
    return keras.Sequential(stack)


def export_weights(trained, plain):
    """Folds batch normalisation, and the training input's centring, into plain weights and biases.

    Training sees 4v - 2 for an input v in 0..1; convolution 1 has no padding, so scale and offset fold exactly.
    """
    for name in ("conv1", "conv2", "dense1"):
        norm = trained.get_layer(name + "_norm")
        gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in norm.get_weights())
        factor = gamma / np.sqrt(variance + norm.epsilon)
        kernel = np.asarray(trained.get_layer(name).get_weights()[0], np.float64)
        offset = 0.0
        if name == "conv1":
            offset = -2.0 * kernel.sum(axis=(0, 1, 2))
            kernel = 4.0 * kernel
        plain.get_layer(name).set_weights([kernel * factor, (offset - mean) * factor + beta])
    plain.get_layer("dense2").set_weights(trained.get_layer("dense2").get_weights())


def augment(x, rng):
    """float32 (n, 16, 16, 3) in 0..1 from uint8 (n, 32, 32, 3), changed at random.

    Shifted by up to SHIFT (edges mirrored), half of them flipped, brightness and contrast changed by up to COLOUR.
    """
    padded = np.pad(x, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="reflect")
    rows, columns = rng.integers(0, 2 * SHIFT + 1, (2, len(x)))
    flip = rng.random(len(x)) < 0.5
    out = np.empty_like(x)
    for i in range(len(x)):
        image = padded[i, rows[i] : rows[i] + 32, columns[i] : columns[i] + 32]
        out[i] = image[:, ::-1] if flip[i] else image
    v = cifar.halve(out).astype(np.float32) / np.float32(255)
    brightness = rng.uniform(-COLOUR, COLOUR, (len(x), 1, 1, 3)).astype(np.float32)
    contrast = rng.uniform(1.0 - COLOUR, 1.0 + COLOUR, (len(x), 1, 1, 1)).astype(np.float32)
    mean = v.mean(axis=(1, 2, 3), keepdims=True)
    return ((v - mean) * contrast + mean + brightness).clip(0.0, 1.0)


def train(x, y):
    """The network of the training form fitted to uint8 images (n, 32, 32, 3) and labels (n,)."""
    keras.utils.set_random_seed(cifar.SEED)
    rng = np.random.default_rng(cifar.SEED)
    model = network(None, training=True)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * -(-len(x) // BATCH))
    model.compile(keras.optimizers.Adam(rate), keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING))
    one_hot = np.eye(len(cifar.CLASSES), dtype=np.float32)[y]
    for _ in range(EPOCHS):
        model.fit(4.0 * augment(x, rng) - 2.0, one_hot, batch_size=BATCH, verbose=0)
    return model


def convert(plain, representative):
    """int8 .tflite bytes; ranges from the representative inputs, float32 (n, 16, 16, 3)."""
    whole = tf.lite.TFLiteConverter.from_keras_model(plain)
    whole.optimizations = [tf.lite.Optimize.DEFAULT]
    whole.representative_dataset = lambda: ([image[np.newaxis]] for image in representative)
    whole.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    whole.inference_input_type = whole.inference_output_type = tf.int8
    return whole.convert()


def choose_samples(y):
    """Indices of SAMPLES_PER_CLASS test images of every class, in random order."""
    rng = np.random.default_rng(cifar.SEED)
    picked = [rng.permutation(np.flatnonzero(y == k))[:SAMPLES_PER_CLASS] for k in range(len(cifar.CLASSES))]
    return rng.permutation(np.concatenate(picked))


def main():
    """Command line: trains, converts, evaluates on TFLite Micro, writes everything to --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test: uint8 CIFAR-10 images")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write to")
    parser.add_argument("--original", type=pathlib.Path, help="cifar10_tinyml.tflite: also write its goldens and score")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)

    x, y, x_test, y_test = cifar.read(args.data)
    counts = {"train_file": len(x), "test_file": len(x_test)}
    x_test, y_test = cifar.distinct(x_test, y_test)
    x, y = cifar.distinct(x, y, known=x_test)
    part = cifar.split(y, cifar.SEED)
    fit, held = part == cifar.TRAIN, part == cifar.VALIDATION
    model = train(x[fit], y[fit])

    plain = network(1, training=False)
    export_weights(model, plain)
    representative = cifar.halve(x[fit]).astype(np.float32) / np.float32(255)
    representative[0, 0, 0, :2] = 0.0, 1.0  # pins the input's range, hence its step, to STEP
    path = args.out / "image_int8.tflite"
    path.write_bytes(convert(plain, representative))
    print(f"wrote {path} ({path.stat().st_size} bytes)", flush=True)

    micro = tflm.Model(path)
    if micro.quantisation() != (STEP, ZERO_POINT, 1.0 / 256.0, -128):
        raise SystemExit(f"unexpected int8 quantisation {micro.quantisation()}: pixel - 128 needs {STEP}")
    q = {name: cifar.quantise(cifar.halve(images)) for name, images in (("fit", x[fit]), ("held", x[held]), ("test", x_test))}
    chosen = choose_samples(y_test)
    goldens = micro.run(q["test"][chosen])
    cifar.save(args.out / "samples.npy", q["test"][chosen])
    cifar.save(args.out / "labels.npy", y_test[chosen])
    cifar.save(args.out / "goldens_int8.npy", goldens)
    # A few images as a person has them: the first samples that the model gets right, each of another class.
    shown = {}
    for i in np.flatnonzero(goldens.argmax(axis=1) == y_test[chosen]):
        shown.setdefault(int(y_test[chosen[i]]), int(i))
    for label, i in list(shown.items())[:PNGS]:
        cifar.write_png(args.out / f"sample_{i:03d}_{cifar.CLASSES[label]}.png", x_test[chosen[i]])

    preprocess = {
        "comment": "A 32x32 RGB image to the model's input: each 2x2 block of pixels, per channel, becomes (a+b+c+d+2)>>2; "
        "int8 = value - 128. NHWC, red first. A 16x16 image is taken as it is. Class = index of the first largest output; "
        "probability = (output - zero_point) * scale.",
        "classes": cifar.CLASSES,
        "shape": [16, 16, 3],
        "int8": {
            "input": {"scale": STEP, "zero_point": ZERO_POINT},
            "output": {"scale": 1.0 / 256.0, "zero_point": -128},
        },
    }
    (args.out / "preprocess.json").write_text(json.dumps(preprocess, indent=1) + "\n")

    def float_score(images, labels):
        v = 4.0 * (cifar.halve(images).astype(np.float32) / np.float32(255)) - 2.0
        return cifar.metrics(model.predict(v, batch_size=512, verbose=0), labels)["accuracy"]

    report = {
        "data_sha256": cifar.sha256(args.data),
        "sha256": {path.name: cifar.sha256(path)},
        "images": counts | {"train": int(fit.sum()), "validation": int(held.sum()), "test": len(y_test)},
        "float32_accuracy": {
            "train": float_score(x[fit], y[fit]),
            "validation": float_score(x[held], y[held]),
            "test": float_score(x_test, y_test),
        },
        "int8_train_accuracy": cifar.metrics(micro.run(q["fit"]), y[fit])["accuracy"],
        "int8_validation_accuracy": cifar.metrics(micro.run(q["held"]), y[held])["accuracy"],
        "int8_test": cifar.metrics(micro.run(q["test"]), y_test),
        "int8_samples_accuracy": cifar.metrics(goldens, y_test[chosen])["accuracy"],
    }
    if args.original:
        original = tflm.Model(args.original)
        inputs = q["test"][chosen[:ORIGINAL_INPUTS]]
        with open(args.out / "original_goldens.npz", "wb") as file:
            np.savez(file, inputs=inputs, goldens=original.run(inputs), labels=y_test[chosen[:ORIGINAL_INPUTS]])
        report["original"] = {
            "name": args.original.name,
            "sha256": cifar.sha256(args.original),
            "int8_test_accuracy": cifar.metrics(original.run(q["test"]), y_test)["accuracy"],
        }
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({key: value for key, value in report.items() if key != "int8_test"}, indent=1))
    print("int8 test accuracy", report["int8_test"]["accuracy"])


if __name__ == "__main__":
    main()
