"""KDD Cup 1999 rows: reading, removing duplicates, splitting, scaling, scoring.

Shared by train.py and forest.py so that both models see the same split.
Source: the public file kddcup.data_10_percent.gz (UCI KDD Archive); column names are those of the data set's own task description.
Does not model: the full 4.9 million row file's order in time; rows are treated as independent.
Tested by: check.py, which rebuilds the committed inputs from samples.csv and preprocess.json.
"""

import gzip
import hashlib
import math

import numpy as np

# Names and order as the data set publishes them; the 42nd column is the label.
FEATURES = (
    "duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot "
    "num_failed_logins logged_in num_compromised root_shell su_attempted num_root "
    "num_file_creations num_shells num_access_files num_outbound_cmds is_host_login "
    "is_guest_login count srv_count serror_rate srv_serror_rate rerror_rate srv_rerror_rate "
    "same_srv_rate diff_srv_rate srv_diff_host_rate dst_host_count dst_host_srv_count "
    "dst_host_same_srv_rate dst_host_diff_srv_rate dst_host_same_src_port_rate "
    "dst_host_srv_diff_host_rate dst_host_serror_rate dst_host_srv_serror_rate "
    "dst_host_rerror_rate dst_host_srv_rerror_rate"
).split()
CATEGORICAL = ("protocol_type", "service", "flag")
# Heavy-tailed times, byte counts and event counts: ln(1 + v) before scaling, or one outlier
# would squeeze every ordinary value into the lowest int8 step.
LOGARITHMIC = (
    "duration src_bytes dst_bytes hot num_failed_logins num_compromised num_root "
    "num_file_creations num_access_files count srv_count"
).split()
NORMAL = "normal."
TRAIN, VALIDATION, TEST = 0, 1, 2
SEED = 1999


def read(path):
    """All rows of the (gzipped or plain) CSV as tuples of 42 strings: 41 features, then the label."""
    opener = gzip.open if str(path).endswith(".gz") else open
    rows = []
    with opener(path, "rt", encoding="ascii", newline="") as lines:
        for number, line in enumerate(lines, 1):
            row = tuple(line.strip().split(","))
            if len(row) != 42:
                raise SystemExit(f"{path}:{number}: {len(row)} columns, expected 41 features and a label")
            rows.append(row)
    if not rows:
        raise SystemExit(f"{path}: no rows")
    return rows


def deduplicate(rows):
    """One row per distinct feature vector, and what was dropped.

    A vector seen as both normal and attack cannot be scored fairly and is dropped altogether; a
    vector seen under two attack names is kept once, under the name that sorts first.
    """
    names = {}
    for row in rows:
        names.setdefault(row[:-1], set()).add(row[-1])
    kept, contradictory = [], 0
    for features, labels in names.items():  # a dict keeps the order of first sight
        if NORMAL in labels and len(labels) > 1:
            contradictory += 1
        else:
            kept.append(features + (min(labels),))
    return kept, {
        "rows": len(rows),
        "unique_feature_vectors": len(names),
        "dropped_because_normal_and_attack": contradictory,
        "kept": len(kept),
    }


def split(rows, seed):
    """Part of each row (0 train, 1 validation, 2 test): 60/20/20 within each label, at random."""
    labels = np.array([row[-1] for row in rows])
    part = np.empty(len(rows), np.uint8)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        index = rng.permutation(np.flatnonzero(labels == label))
        a, b = round(len(index) * 0.6), round(len(index) * 0.8)
        part[index[:a]], part[index[a:b]], part[index[b:]] = TRAIN, VALIDATION, TEST
    return part


def is_attack(rows):
    """1 where the row is any attack, 0 where it is normal (uint8)."""
    return np.array([row[-1] != NORMAL for row in rows], np.uint8)


def _log1p(values):
    """ln(1 + v) through the C library: numpy's own vector version differs in the last bit by CPU."""
    distinct, inverse = np.unique(values, return_inverse=True)
    return np.array([math.log1p(v) for v in distinct])[inverse]


def fit(rows):
    """Preprocessing constants from the given (training, normal) rows only.

    Categories become their rank by frequency, 0 the most frequent (ties by name); a category never
    seen gets the next number after the last. Then every column is mapped from its training range
    to 0..1. A column that never varied in training keeps a divisor of 1, so that any other value
    shows up as 1 after clipping.
    """
    columns = []
    for k, name in enumerate(FEATURES):
        column = {"name": name}
        if name in CATEGORICAL:
            seen, counts = np.unique([row[k] for row in rows], return_counts=True)
            order = sorted(range(len(seen)), key=lambda i: (-counts[i], seen[i]))
            column |= {"kind": "category", "vocabulary": [str(seen[i]) for i in order]}
            column |= {"min": 0.0, "max": float(len(seen))}  # len(seen) is the unseen category
        else:
            values = np.array([row[k] for row in rows], np.float64)
            if name in LOGARITHMIC:
                values = _log1p(values)
            column |= {"kind": "log1p" if name in LOGARITHMIC else "linear"}
            column |= {"min": float(values.min()), "max": float(values.max())}
            if column["max"] == column["min"]:
                column["max"] = column["min"] + 1.0
        columns.append(column)
    return columns


def scale(rows, columns):
    """Rows to float32 (n, 41) in 0..1: encode, ln(1 + v) where told, (v - min) / (max - min), clip.

    Arithmetic is float64, rounded to float32 once at the end.
    """
    out = np.empty((len(rows), len(columns)), np.float64)
    for k, column in enumerate(columns):
        if column["kind"] == "category":
            rank = {name: i for i, name in enumerate(column["vocabulary"])}
            values = np.array([rank.get(row[k], len(rank)) for row in rows], np.float64)
        else:
            values = np.array([row[k] for row in rows], np.float64)
            if column["kind"] == "log1p":
                values = _log1p(values)
        out[:, k] = (values - column["min"]) / (column["max"] - column["min"])
    return np.clip(out, 0.0, 1.0).astype(np.float32)


def quantise(x, step, zero_point):
    """float32 0..1 to int8: floor(x / step + 0.5) + zero_point, saturated (halves go up)."""
    q = np.floor(x.astype(np.float64) / step + 0.5) + zero_point
    return np.clip(q, -128, 127).astype(np.int8)


def mean_squared_error(x, output):
    """The float anomaly score per row."""
    return ((output.astype(np.float64) - x.astype(np.float64)) ** 2).mean(axis=1)


def squared_steps(q, output):
    """The int8 anomaly score per row: sum of (input - output)^2 over the 41 int8 values."""
    return ((output.astype(np.int64) - q.astype(np.int64)) ** 2).sum(axis=1)


def auc(score, attack):
    """Area under the ROC curve by ranks (ties share their mean rank), attack = positive."""
    values, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    positives = int(attack.sum())
    negatives = len(attack) - positives
    rank_sum = mean_rank[inverse][attack == 1].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def metrics(score, attack, threshold):
    """AUC and, for "attack if score > threshold", the confusion counts and the usual ratios."""
    alarm = score > threshold
    tp, fp = int((alarm & (attack == 1)).sum()), int((alarm & (attack == 0)).sum())
    fn, tn = int((~alarm & (attack == 1)).sum()), int((~alarm & (attack == 0)).sum())
    return {
        "rows": len(attack),
        "auc": round(auc(score, attack), 5),
        "accuracy": round((tp + tn) / len(attack), 5),
        "precision": round(tp / max(tp + fp, 1), 5),
        "recall": round(tp / max(tp + fn, 1), 5),
        "f1": round(2 * tp / max(2 * tp + fp + fn, 1), 5),
        "confusion": {"tn": tn, "fp": fp, "fn": fn, "tp": tp},
    }


def forest_leaves(nodes, roots, q):
    """Walks forest.npy: (row of the leaf reached per input and tree, sum of the leaves per input)."""
    feature, limit, left, right, leaf = (nodes[:, k].astype(np.int64) for k in range(5))
    at = np.tile(np.asarray(roots), (len(q), 1))
    rows = np.arange(len(q))[:, np.newaxis]
    while (inner := feature[at] >= 0).any():
        goes_left = q[rows, feature[at].clip(0)] <= limit[at]
        at = np.where(inner, np.where(goes_left, left[at], right[at]), at)
    return at.astype(np.int16), leaf[at].sum(axis=1)


def save(path, array):
    """Plain .npy, format version 1.0, C order."""
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)


def sha256(path):
    """Hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
