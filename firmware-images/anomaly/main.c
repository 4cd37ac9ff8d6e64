/* Network intrusion detection: the autoencoder of models/anomaly.
 * Source: models/anomaly/preprocess.json (score and threshold).
 * Does not model: preprocessing of a raw connection record; the host sends 41 int8 values.
 * Tested by: tests/firmware_images.rs (under QEMU, against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "image.h"

const char mlperf_model[] = "ad01";

/* int8.threshold of preprocess.json: exceeded by one validation row of normal traffic in a hundred. */
#define THRESHOLD 2894u

/* How badly the network reproduces the connection: the sum of squared differences of input and output in int8 steps. Both have
   the same scale and zero point, so this is the mean squared error times a constant (41 / scale²), and exact in integers:
   at most 41 · 255² = 2 666 025. */
static uint32_t score(void) {
    uint32_t sum = 0;
    for (size_t i = 0; i < gp_buff_bytes; i++) {
        const int32_t difference = (int32_t)(int8_t)gp_buff[i] - (int8_t)g_output[i];
        sum += (uint32_t)(difference * difference);
    }
    return sum;
}

const char *image_label(void) { return score() > THRESHOLD ? "attack" : "normal"; }

void image_print_scores(void) { th_printf("%lu.000", (unsigned long)score()); }
