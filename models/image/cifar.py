"""CIFAR-10 images: reading, splitting, halving to 16x16, quantising, scoring, and just enough PNG.

Source: a subset of CIFAR-10 as an .npz of uint8 arrays (see CARD.md); the PNG form follows the W3C's PNG specification.
Does not model: other image sizes, colour profiles, or PNGs with filters, palettes or alpha: only the kind it writes itself.
Tested by: check.py, which rebuilds committed inputs from the committed .png files.
"""

import hashlib
import struct
import zlib

import numpy as np

# In the order of the data set's label numbers.
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
TRAIN, VALIDATION = 0, 1
SEED = 2009
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read(path):
    """(x_train, y_train, x_test, y_test): uint8 (n, 32, 32, 3) RGB and uint8 (n,)."""
    with np.load(path, allow_pickle=False) as file:
        x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.shape[1:] != (32, 32, 3) or x.dtype != np.uint8 or len(x) != len(y) or y.max() >= len(CLASSES):
            raise SystemExit(f"{path}: expected uint8 images (n, 32, 32, 3) and labels 0..9")
    return x_train, y_train.astype(np.uint8), x_test, y_test.astype(np.uint8)


def distinct(x, y, known=()):
    """(x, y) without images that occur twice or among the known ones: first occurrence kept, order kept."""
    seen = {image.tobytes() for image in known}
    keep = []
    for i, image in enumerate(x):
        if (key := image.tobytes()) not in seen:
            seen.add(key)
            keep.append(i)
    return x[keep], y[keep]


def split(y, seed):
    """Part of each training image (0 train, 1 validation): 90/10 within each class, at random."""
    part = np.full(len(y), TRAIN, np.uint8)
    rng = np.random.default_rng(seed)
    for label in range(len(CLASSES)):
        index = rng.permutation(np.flatnonzero(y == label))
        part[index[: round(len(index) * 0.1)]] = VALIDATION
    return part


def halve(x):
    """uint8 (n, 32, 32, 3) to uint8 (n, 16, 16, 3) by area averaging: (a + b + c + d + 2) >> 2 per 2x2 block and channel."""
    blocks = x.reshape(len(x), 16, 2, 16, 2, 3).astype(np.uint16)
    return ((blocks.sum(axis=(2, 4)) + 2) >> 2).astype(np.uint8)


def quantise(x):
    """uint8 0..255 to the model's int8 input: value - 128 (scale 1/255, zero point -128)."""
    return (x.astype(np.int16) - 128).astype(np.int8)


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
        "images": len(y),
        "correct": int((predicted == y).sum()),
        "accuracy": round(float((predicted == y).mean()), 5),
        "macro_f1": round(float(np.mean(f1)), 5),
        "per_class": per_class,
        "confusion": confusion.tolist(),
    }


def write_png(path, image):
    """Writes uint8 (height, width, 3) as an 8-bit RGB PNG without row filters."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, _ = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    with open(path, "wb") as file:
        file.write(_SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def read_png(path):
    """uint8 (height, width, 3) from a PNG of the kind write_png writes."""
    data = path.read_bytes()
    width, height, *kind = struct.unpack(">IIBBBBB", data[16:29])
    if data[:8] != _SIGNATURE or kind != [8, 2, 0, 0, 0]:
        raise SystemExit(f"{path}: not an 8-bit RGB PNG without interlace")
    at, body = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            body += data[at + 8 : at + 8 + length]
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + 3 * width)
    if rows[:, 0].any():
        raise SystemExit(f"{path}: uses row filters, which this reader does not undo")
    return rows[:, 1:].reshape(height, width, 3)


def save(path, array):
    """Plain .npy, format version 1.0, C order."""
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)


def sha256(path):
    """Hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
