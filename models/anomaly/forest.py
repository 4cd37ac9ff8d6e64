"""Trains the random forest that fits the chip and writes it as a plain node table with its goldens.

Source: the same rows, split and int8 input as the autoencoder (kdd.py, preprocess.json); scikit-learn's RandomForestClassifier.
Does not model: multi-class attack names; it says normal or attack. Unlike the autoencoder it learns from labelled attacks.
Tested by: check.py (walks the table in plain numpy and compares with scikit-learn's leaves) and by running it twice.

    python forest.py --data kddcup.data_10_percent.gz --out DIR     (after train.py wrote DIR/preprocess.json)

forest.npy: int16 (nodes, 5), columns feature, threshold, left, right, leaf. Trees follow one another, each in preorder, so
"left" is always the next row. An inner node has leaf -1 and sends a row left if input[feature] <= threshold (int8 values);
a leaf has feature -1 and holds round(P(attack) * 16384). forest.json holds the row of each tree's root.
Attack if the sum of the leaves over the trees > trees * 8192, that is if the mean probability is above one half.
"""

import argparse
import json
import pathlib
import pickle

import numpy as np
from sklearn.ensemble import RandomForestClassifier

import kdd

# Chosen on the validation rows among shapes of at most 5000 nodes (40 000 bytes at 8 bytes a node).
TREES, LEAVES, FEATURES_PER_SPLIT = 20, 125, 20
ONE = 16384  # fixed-point 1.0 of a leaf


def grow(q, attack):
    """The small forest fitted on int8 rows."""
    forest = RandomForestClassifier(
        TREES, max_leaf_nodes=LEAVES, max_features=FEATURES_PER_SPLIT, random_state=kdd.SEED, n_jobs=1
    )
    return forest.fit(q.astype(np.float32), attack)


def table(forest):
    """(int16 (nodes, 5) table, roots, per tree the table row of each scikit-learn node)."""
    nodes, roots, places = [], [], []
    for estimator in forest.estimators_:
        tree, place = estimator.tree_, {}
        roots.append(len(nodes))
        stack = [(0, None)]  # (scikit-learn node, table row whose right child it is)
        while stack:
            old, parent = stack.pop()
            new = place[old] = len(nodes)
            if parent is not None:
                nodes[parent][3] = new
            if tree.children_left[old] < 0:
                share = tree.value[old, 0] / tree.value[old, 0].sum()
                nodes.append([-1, 0, -1, -1, int(np.floor(share[1] * ONE + 0.5))])
            else:
                # Inputs are whole numbers, so "<= threshold" and "<= floor(threshold)" agree.
                limit = int(np.floor(tree.threshold[old]))
                nodes.append([int(tree.feature[old]), limit, new + 1, -1, -1])
                stack.append((tree.children_right[old], new))
                stack.append((tree.children_left[old], None))
        places.append(place)
    return np.array(nodes, np.int16), roots, places


def main():
    """Command line: trains, exports, evaluates, writes to --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="kddcup.data_10_percent.gz, as for train.py")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="the folder train.py wrote to")
    args = parser.parse_args()

    preprocess = json.loads((args.out / "preprocess.json").read_text())
    step, zero_point = preprocess["int8"]["input"]["scale"], preprocess["int8"]["input"]["zero_point"]
    every_row = kdd.read(args.data)
    rows, _ = kdd.deduplicate(every_row)
    part, attack = kdd.split(rows, kdd.SEED), kdd.is_attack(rows)
    q = kdd.quantise(kdd.scale(rows, preprocess["features"]), step, zero_point)
    train, validation, test = (part == p for p in (kdd.TRAIN, kdd.VALIDATION, kdd.TEST))

    forest = grow(q[train], attack[train])
    nodes, roots, places = table(forest)
    sums = kdd.forest_leaves(nodes, roots, q)[1]
    score, limit = sums / (len(roots) * ONE), 0.5
    reference = forest.predict_proba(q.astype(np.float32))[:, 1]

    samples = np.load(args.out / "samples.npy", allow_pickle=False)
    reached = forest.apply(samples.astype(np.float32))
    leaves = np.array([[places[t][leaf] for t, leaf in enumerate(row)] for row in reached], np.int16)
    kdd.save(args.out / "forest.npy", nodes)
    kdd.save(args.out / "goldens_forest_leaves.npy", leaves)
    # What the device's evaluator must add up to: the values of the leaves that scikit-learn reaches.
    kdd.save(args.out / "goldens_forest.npy", nodes[leaves, 4].sum(axis=1, keepdims=True, dtype=np.int32))
    kdd.save(args.out / "goldens_forest_probability.npy", forest.predict_proba(samples.astype(np.float32))[:, 1])

    # The benchmark's kind of forest, for scale: 100 trees grown to the end.
    full = RandomForestClassifier(100, random_state=kdd.SEED, n_jobs=1).fit(q[train].astype(np.float32), attack[train])
    full_score = full.predict_proba(q[test].astype(np.float32))[:, 1]

    # The same small forest with duplicates left in before the split.
    naive_part, naive_attack = kdd.split(every_row, kdd.SEED), kdd.is_attack(every_row)
    naive_q = kdd.quantise(kdd.scale(every_row, preprocess["features"]), step, zero_point)
    naive_test = naive_part == kdd.TEST
    naive = grow(naive_q[naive_part == kdd.TRAIN], naive_attack[naive_part == kdd.TRAIN])
    naive_score = naive.predict_proba(naive_q[naive_test].astype(np.float32))[:, 1]

    known = {row.tobytes() for row in q[train]}
    fresh = test & np.array([row.tobytes() not in known for row in q])
    other = test & np.array([row[-1] != "neptune." for row in rows])
    description = {
        "trees": len(roots),
        "nodes": len(nodes),
        "leaf_one": ONE,
        "decision": "attack if sum of leaves > trees * leaf_one / 2",
        "deepest_leaf": max(e.get_depth() for e in forest.estimators_),
        "roots": roots,
        "validation": kdd.metrics(score[validation], attack[validation], limit),
        "test": kdd.metrics(score[test], attack[test], limit),
        "test_without_neptune": kdd.metrics(score[other], attack[other], limit),
        "test_without_int8_vectors_of_training": kdd.metrics(score[fresh], attack[fresh], limit),
        "largest_probability_difference_to_scikit_learn": float(np.abs(score - reference).max()),
        "decisions_differing_from_scikit_learn": int(((score > limit) != (reference > limit)).sum()),
        "full_forest_100_trees": {
            "nodes": sum(e.tree_.node_count for e in full.estimators_),
            "pickle_bytes": len(pickle.dumps(full, protocol=5)),
            "test": kdd.metrics(full_score, attack[test], limit),
        },
        "naive_procedure": {"test": kdd.metrics(naive_score, naive_attack[naive_test], limit)},
    }
    (args.out / "forest.json").write_text(json.dumps(description, indent=1) + "\n")
    print(json.dumps(description, indent=1))


if __name__ == "__main__":
    main()
