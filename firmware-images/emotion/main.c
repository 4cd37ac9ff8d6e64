/* Which of twelve emotions a Farsi sentence shows: the small network of models/emotion, which fits the C8.
 * Source: models/emotion/preprocess.json.
 * Does not model: words; the host sends 28 numbers of a vocabulary of 400 (int32, little-endian), zeros in front.
 * Tested by: tests/scenarios.rs (against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "labels.h"

const char mlperf_model[] = "emotion";
