/* Which of twelve emotions a Farsi sentence shows: the network of models/emotion with 2000 words, for chips of 256 KiB.
 * Source: models/emotion/preprocess.json.
 * Does not model: words; the host sends 28 numbers of a vocabulary of 2000 (int32, little-endian), zeros in front.
 * Tested by: tests/scenarios.rs (against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "../emotion/labels.h"

const char mlperf_model[] = "emotion-2000";
