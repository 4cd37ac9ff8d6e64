"""Farsi sentences: normalising, words, vocabulary, token ids; reading, removing duplicates, splitting, scoring.

Source: emotions_dataset.csv of EmbeddedML-Benchmark (CARD.md); Unicode code points by number.
Does not model: morphology. A word form is a token of its own; suffixes written apart or after a zero-width non-joiner are separate words.
Tested by: check.py, which rebuilds the committed inputs from samples.csv and the vocabulary files.

From a sentence to token ids:
 1. Code point by code point: replace per REPLACE below (Arabic letter forms become Persian ones, hamza seats their letter);
    drop what is in DROP (vowel signs, tatweel, hamza above: they are written or left out at will); keep Arabic-script letters
    U+0621..U+064A, U+067E, U+0686, U+0698, U+06A9, U+06AF, U+06CC; anything else (space, zero-width non-joiner, punctuation,
    digits, Latin, emoji) becomes a space.
 2. Split at runs of spaces: the words. No lower case, no stemming, no Unicode normalisation form.
 3. Line number of the word in the vocabulary file, counted from 0; 1 if it is not there. Line 0 is padding, line 1 the unknown word.
 4. The first LENGTH ids; if there are fewer, zeros in front, so that the sentence ends at the last step.
"""

import csv
import hashlib

import numpy as np

# Spelled as in the file.
CLASSES = "angry anxios ashamed disappointed disgusted envious guilty happy insecure jealous loving sad".split()
LENGTH = 28
PADDING, UNKNOWN = "<pad>", "<unk>"
TRAIN, VALIDATION, TEST = 0, 1, 2
SEED = 1403

REPLACE = {
    0x0643: 0x06A9,  # Arabic kaf -> Persian kaf
    0x064A: 0x06CC,  # Arabic yeh -> Persian yeh
    0x0649: 0x06CC,  # alef maksura -> yeh
    0x0626: 0x06CC,  # yeh with hamza -> yeh
    0x0623: 0x0627,  # alef with hamza above -> alef
    0x0625: 0x0627,  # alef with hamza below -> alef
    0x0624: 0x0648,  # waw with hamza -> waw
    0x0629: 0x0647,  # teh marbuta -> heh
    0x06C0: 0x0647,  # heh with yeh above -> heh
}
DROP = frozenset([0x0640, *range(0x064B, 0x0656), 0x0670])
LETTERS = frozenset([*range(0x0621, 0x064B), 0x067E, 0x0686, 0x0698, 0x06A9, 0x06AF, 0x06CC])


def words(sentence):
    """The words of a sentence (steps 1 and 2)."""
    out = []
    for character in sentence:
        code = REPLACE.get(ord(character), ord(character))
        if code not in DROP:
            out.append(chr(code) if code in LETTERS else " ")
    return "".join(out).split()


def encode(sentence, vocabulary):
    """int32 (LENGTH,) token ids (steps 1 to 4); vocabulary is a dict from word to id."""
    ids = [vocabulary.get(word, 1) for word in words(sentence)[:LENGTH]]
    return np.array([0] * (LENGTH - len(ids)) + ids, np.int32)


def encode_all(sentences, vocabulary):
    """int32 (n, LENGTH)."""
    return np.stack([encode(sentence, vocabulary) for sentence in sentences])


def build_vocabulary(sentences, size):
    """The list of size entries: padding, unknown, then the most frequent words (ties by code points)."""
    counts = {}
    for sentence in sentences:
        for word in words(sentence):
            counts[word] = counts.get(word, 0) + 1
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return [PADDING, UNKNOWN, *ranked[: size - 2]]


def write_vocabulary(path, entries):
    """One entry per line, UTF-8, line feeds."""
    path.write_bytes("".join(entry + "\n" for entry in entries).encode())


def read_vocabulary(path):
    """dict from word to id; the two special entries cannot be met as words since they hold no Arabic letter."""
    return {word: i for i, word in enumerate(path.read_bytes().decode().splitlines())}


def read(path):
    """(label numbers uint8 (n,), sentences) of a CSV with the header emotion,sentence."""
    labels, sentences = [], []
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != ["emotion", "sentence"]:
            raise SystemExit(f"{path}:1: expected the header emotion,sentence")
        for row in rows:
            if len(row) != 2 or row[0] not in CLASSES:
                raise SystemExit(f"{path}:{rows.line_num}: expected one of the emotions and a sentence")
            labels.append(CLASSES.index(row[0]))
            sentences.append(row[1])
    return np.array(labels, np.uint8), sentences


def deduplicate(labels, sentences):
    """(labels, sentences, counts): one row per distinct sequence of words.

    A sequence seen with two emotions cannot be scored fairly and is dropped altogether, as is one without any word.
    """
    seen = {}
    for label, sentence in zip(labels, sentences):
        seen.setdefault(" ".join(words(sentence)), []).append((int(label), sentence))
    kept = [rows[0] for key, rows in seen.items() if key and len({label for label, _ in rows}) == 1]
    ambiguous = sum(len({label for label, _ in rows}) > 1 for rows in seen.values())
    counts = {
        "rows": len(sentences),
        "distinct_word_sequences": len(seen),
        "dropped_because_of_two_emotions": ambiguous,
        "kept": len(kept),
    }
    return np.array([label for label, _ in kept], np.uint8), [sentence for _, sentence in kept], counts


def split(labels):
    """Part of each sentence (0 train, 1 validation, 2 test): 70/10/20 within each emotion, at random."""
    part = np.empty(len(labels), np.uint8)
    rng = np.random.default_rng(SEED)
    for label in range(len(CLASSES)):
        index = rng.permutation(np.flatnonzero(labels == label))
        a, b = round(len(index) * 0.7), round(len(index) * 0.8)
        part[index[:a]], part[index[a:b]], part[index[b:]] = TRAIN, VALIDATION, TEST
    return part


def metrics(output, y):
    """Accuracy, confusion matrix [true][predicted] and per class precision, recall, F1, support. The first maximum wins."""
    predicted = output.argmax(axis=1)
    confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(confusion, (y, predicted), 1)
    per_class, f1 = {}, []
    for k, name in enumerate(CLASSES):
        right, true, said = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
        f1.append(2 * right / max(true + said, 1))
        per_class[name] = {
            "precision": round(right / max(said, 1), 5),
            "recall": round(right / max(true, 1), 5),
            "f1": round(f1[-1], 5),
            "support": true,
        }
    return {
        "sentences": len(y),
        "correct": int((predicted == y).sum()),
        "accuracy": round(float((predicted == y).mean()), 5),
        "macro_f1": round(float(np.mean(f1)), 5),
        "per_class": per_class,
        "confusion": confusion.tolist(),
    }


def save(path, array):
    """Plain .npy, format version 1.0, C order."""
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)


def sha256(path):
    """Hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
