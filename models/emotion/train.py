"""Trains the two emotion classifiers and writes the models, vocabularies, samples, goldens and report of this folder.

Source: the Farsi sentences of EmbeddedML-Benchmark (CARD.md), read by farsi.py; its network, two LSTMs on an embedding.
Does not model: sentences with several emotions or none; every sentence gets one of twelve.
Tested by: check.py (goldens, samples, sentence to input) and by running it twice (same bytes on one machine).

    python train.py --data emotions_dataset.csv --out DIR
"""

import argparse
import csv
import json
import os
import pathlib

# Before TensorFlow is imported. Keras 3 has no LSTM that converts to the fused operator; tf_keras (Keras 2) has.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
# oneDNN picks kernels by CPU, which changes rounding.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
import tf_keras as keras

import farsi
import tflm

# (name of its files, vocabulary, embedding): the first fits the C8's 64 KiB of flash, the second needs 256 KiB.
SIZES = (("emotion", 400, 32), ("emotion_2000", 2000, 64))
EPOCHS = 40
BATCH = 32
LEARNING_RATE = 3e-3
SMOOTHING = 0.1  # of the labels
DROPOUT = 0.3
WORDS_HIDDEN = 0.1  # share of the words that training replaces by the unknown word
SAMPLES_PER_CLASS = 10


def network(size, width, batch, training):
    """The untrained classifier: with dropout and logits for training, or with softmax for export. Same weights in the same order."""
    layers = keras.layers
    drop = layers.Dropout(DROPOUT) if training else lambda x: x
    ids = keras.Input(batch_shape=(batch, farsi.LENGTH), dtype="int32")
    x = layers.Embedding(size, width)(ids)
    if training:
        x = layers.SpatialDropout1D(DROPOUT)(x)
    x = drop(layers.LSTM(32, return_sequences=True)(x))
    x = drop(layers.LSTM(16)(x))
    return keras.Model(ids, layers.Dense(len(farsi.CLASSES), activation=None if training else "softmax")(x))


def train(size, width, ids, labels):
    """The network of the training form fitted to token ids (n, LENGTH) and labels (n,)."""
    keras.utils.set_random_seed(farsi.SEED)
    rng = np.random.default_rng(farsi.SEED)
    model = network(size, width, None, training=True)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * -(-len(ids) // BATCH))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    model.compile(keras.optimizers.Adam(rate), loss)
    one_hot = np.eye(len(farsi.CLASSES), dtype=np.float32)[labels]
    for _ in range(EPOCHS):
        hidden = (rng.random(ids.shape) < WORDS_HIDDEN) & (ids > 1)
        model.fit(np.where(hidden, 1, ids).astype(np.int32), one_hot, batch_size=BATCH, verbose=0)
    return model


def convert(plain, representative):
    """int8 .tflite bytes; ranges from the representative token ids (n, LENGTH). The input stays int32."""
    whole = tf.lite.TFLiteConverter.from_keras_model(plain)
    whole.optimizations = [tf.lite.Optimize.DEFAULT]
    whole.representative_dataset = lambda: ([row[np.newaxis]] for row in representative)
    whole.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    whole.inference_output_type = tf.int8
    return whole.convert()


def scored(model, ids, labels):
    """Accuracy of the float model."""
    return farsi.metrics(model.predict(ids, batch_size=512, verbose=0), labels)["accuracy"]


def naive(labels, sentences):
    """The small model by the same procedure with duplicates left in, and that model on test sentences it had never seen."""
    part = farsi.split(labels)
    fit = [sentence for sentence, p in zip(sentences, part) if p == farsi.TRAIN]
    _, size, width = SIZES[0]
    vocabulary = {word: i for i, word in enumerate(farsi.build_vocabulary(fit, size))}
    ids = farsi.encode_all(sentences, vocabulary)
    model = train(size, width, ids[part == farsi.TRAIN], labels[part == farsi.TRAIN])
    test = part == farsi.TEST
    keys = [" ".join(farsi.words(sentence)) for sentence in sentences]
    known = {key for key, p in zip(keys, part) if p != farsi.TEST}
    unseen = {}  # first test row of every word sequence that is in neither training nor validation
    for i in np.flatnonzero(test):
        if keys[i] not in known:
            unseen.setdefault(keys[i], i)
    unseen = np.array(list(unseen.values()))
    return {
        "test_sentences": int(test.sum()),
        "share_of_them_seen_before": round(sum(keys[i] in known for i in np.flatnonzero(test)) / int(test.sum()), 5),
        "float32_test_accuracy": scored(model, ids[test], labels[test]),
        "its_unseen_test_sentences": len(unseen),
        "float32_accuracy_on_those": scored(model, ids[unseen], labels[unseen]),
    }


def choose_samples(labels, part):
    """Indices of SAMPLES_PER_CLASS test sentences of every emotion, in random order."""
    rng = np.random.default_rng(farsi.SEED)
    pools = [np.flatnonzero((labels == k) & (part == farsi.TEST)) for k in range(len(farsi.CLASSES))]
    return rng.permutation(np.concatenate([rng.permutation(pool)[:SAMPLES_PER_CLASS] for pool in pools]))


def main():
    """Command line: trains, converts, evaluates on TFLite Micro, writes everything to --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="emotions_dataset.csv of EmbeddedML-Benchmark/Benchmark")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder to write to")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)

    every_label, every_sentence = farsi.read(args.data)
    labels, sentences, counts = farsi.deduplicate(every_label, every_sentence)
    part = farsi.split(labels)
    parts = {"train": part == farsi.TRAIN, "validation": part == farsi.VALIDATION, "test": part == farsi.TEST}
    fit, test = parts["train"], parts["test"]
    chosen = choose_samples(labels, part)
    with open(args.out / "samples.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["emotion", "sentence"])
        rows.writerows([farsi.CLASSES[labels[i]], sentences[i]] for i in chosen)
    farsi.save(args.out / "labels.npy", labels[chosen])

    preprocess = {
        "comment": "Sentence to token ids: the four steps at the top of farsi.py. Class = index of the first largest output; "
        "probability = (output - zero_point) * scale. LSTM states start from zero for every sentence.",
        "classes": farsi.CLASSES,
        "length": farsi.LENGTH,
        "padding": "in front, id 0",
        "unknown": 1,
        "replace": {f"{a:04X}": f"{b:04X}" for a, b in farsi.REPLACE.items()},
        "drop": [f"{code:04X}" for code in sorted(farsi.DROP)],
        "letters": [f"{code:04X}" for code in sorted(farsi.LETTERS)],
        "models": {},
    }
    report = {
        "data_sha256": farsi.sha256(args.data),
        "sha256": {},
        "deduplication": counts,
        "split": {name: int(rows.sum()) for name, rows in parts.items()},
        "distinct_sentences_per_emotion": {name: int((labels == k).sum()) for k, name in enumerate(farsi.CLASSES)},
        "models": {},
    }
    for name, size, width in SIZES:
        entries = farsi.build_vocabulary([sentence for sentence, keep in zip(sentences, fit) if keep], size)
        farsi.write_vocabulary(args.out / f"{name}_vocabulary.txt", entries)
        ids = farsi.encode_all(sentences, {word: i for i, word in enumerate(entries)})
        model = train(size, width, ids[fit], labels[fit])
        plain = network(size, width, 1, training=False)
        plain.set_weights(model.get_weights())
        path = args.out / f"{name}_int8.tflite"
        path.write_bytes(convert(plain, ids[fit]))
        print(f"wrote {path} ({path.stat().st_size} bytes)", flush=True)

        micro = tflm.Model(path)
        goldens = micro.run(ids[chosen])
        farsi.save(args.out / f"{name}_samples.npy", ids[chosen])
        farsi.save(args.out / f"{name}_goldens_int8.npy", goldens)
        scale, zero_point = micro.output_quantisation()
        preprocess["models"][name] = {
            "vocabulary": f"{name}_vocabulary.txt",
            "output": {"scale": scale, "zero_point": zero_point},
        }
        int8 = {key: farsi.metrics(micro.run(ids[rows]), labels[rows]) for key, rows in parts.items()}
        known = {row.tobytes() for row in ids[fit]}
        fresh = test & np.array([row.tobytes() not in known for row in ids])
        held_words = [word for sentence, keep in zip(sentences, test) if keep for word in farsi.words(sentence)]
        report["sha256"][path.name] = farsi.sha256(path)
        report["models"][name] = {
            "vocabulary": len(entries),
            "words_of_test_sentences_in_it": round(sum(word in set(entries) for word in held_words) / len(held_words), 5),
            "float32_accuracy": {key: scored(model, ids[rows], labels[rows]) for key, rows in parts.items()},
            "int8_train_accuracy": int8["train"]["accuracy"],
            "int8_validation_accuracy": int8["validation"]["accuracy"],
            "int8_test": int8["test"],
            "test_sentences_whose_ids_no_training_sentence_has": int(fresh.sum()),
            "int8_accuracy_on_those": farsi.metrics(micro.run(ids[fresh]), labels[fresh])["accuracy"],
            "int8_samples_accuracy": farsi.metrics(goldens, labels[chosen])["accuracy"],
            "samples_whose_output_changes_without_reset": int((micro.run(ids[chosen], reset=False) != goldens).any(axis=1).sum()),
        }
    (args.out / "preprocess.json").write_text(json.dumps(preprocess, indent=1) + "\n")
    report["naive_procedure_small_model"] = naive(every_label, every_sentence)
    (args.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
