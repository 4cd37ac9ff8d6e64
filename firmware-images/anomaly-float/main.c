/* Network intrusion detection: the autoencoder of models/anomaly before quantisation, in float32.
 * Source: models/anomaly/preprocess.json (score and threshold).
 * Does not model: preprocessing of a raw connection record; the host sends 41 float32 values, little-endian.
 * Tested by: tests/scenarios.rs (against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "image.h"

#include <string.h>

const char mlperf_model[] = "ad01-float32";

/* float32.threshold of preprocess.json: exceeded by one validation row of normal traffic in a hundred. */
#define THRESHOLD 0.000956333647422237f

/* How badly the network reproduces the connection: the mean squared difference of input and output. */
static float score(void) {
    const size_t count = gp_buff_bytes / sizeof(float);
    float sum = 0;
    for (size_t i = 0; i < count; i++) {
        float input, output;
        memcpy(&input, gp_buff + i * sizeof input, sizeof input);
        memcpy(&output, g_output + i * sizeof output, sizeof output);
        sum += (output - input) * (output - input);
    }
    return sum / (float)count;
}

/* What is not comparable, since an input was not finite, is no normal traffic. */
const char *image_label(void) { return score() <= THRESHOLD ? "normal" : "attack"; }

/* In millionths, as three decimals of the score itself would say nothing; at most 2^32 - 1 thousandths of one. */
void image_print_scores(void) {
    const float thousandths = score() * 1e9f + 0.5f;
    const uint32_t value = thousandths < 4294967040.0f ? (uint32_t)thousandths : UINT32_MAX;
    th_printf("%lu.%03lu", (unsigned long)(value / 1000u), (unsigned long)(value % 1000u));
}
