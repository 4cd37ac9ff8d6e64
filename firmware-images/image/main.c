/* Which of ten things a picture of 16x16 pixels shows: the network of models/image.
 * Source: models/image/preprocess.json (classes).
 * Does not model: making a picture small; the host sends 16x16x3 int8 values, row by row, red first.
 * Tested by: tests/scenarios.rs (against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "classifier.h"

const char mlperf_model[] = "ic01";

const char *const classifier_labels[] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
};
