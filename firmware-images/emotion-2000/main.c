/* Which of twelve emotions a Farsi sentence shows: the network of models/emotion with 2000 words, for chips of 256 KiB.
 * Source: models/emotion/preprocess.json.
 * Does not model: sentences longer than 28 words. The host sends numbers of a vocabulary of 2000 (int32, little-endian, zeros in
 * front), or the sentence itself (tokenizer.h).
 * Tested by: tests/scenarios.rs (against TFLite Micro's outputs), tests/tokenizer.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "../emotion/labels.h"
#include "mlperf.h"
#include "tokenizer.h"

#include "vocabulary.h"

const char mlperf_model[] = "emotion-2000";

bool th_command(const char *command) { return tokenizer_command(&vocabulary, command); }
