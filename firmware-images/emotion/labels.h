/* The twelve emotions, in the order of both models' outputs and spelled as in the data set.
 * Source: models/emotion/preprocess.json (classes).
 * Does not model: several emotions in one sentence.
 * Tested by: tests/scenarios.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef LABELS_H
#define LABELS_H

#include "classifier.h"

const char *const classifier_labels[] = {
    "angry",  "anxios", "ashamed",  "disappointed", "disgusted", "envious",
    "guilty", "happy",  "insecure", "jealous",      "loving",    "sad",
};

#endif
