/* Which of ten words a second of speech holds, or another, or none: the network of models/keyword.
 * Source: models/keyword/preprocess.json (classes).
 * Does not model: hearing; the host sends the 49x10 int8 features (models/keyword/mfcc.py).
 * Tested by: tests/scenarios.rs (against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "classifier.h"

const char mlperf_model[] = "kws01";

const char *const classifier_labels[] = {
    "down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown",
};
