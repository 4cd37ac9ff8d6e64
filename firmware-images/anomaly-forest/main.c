/* Network intrusion detection: the random forest of models/anomaly.
 * Source: models/anomaly/forest.json (trees, what a leaf holds, decision).
 * Does not model: preprocessing of a raw connection record; the host sends 41 int8 values.
 * Tested by: tests/scenarios.rs (against scikit-learn's leaves and probabilities).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "image.h"

#include <string.h>

const char mlperf_model[] = "ad01-forest";

#define TREES 20
#define LEAF_ONE 16384 /* a leaf that holds nothing but attacks */

/* The sum of the leaves: the mean probability of an attack times this. */
#define ONE (TREES * LEAF_ONE)

static int32_t sum(void) {
    int32_t value;
    memcpy(&value, g_output, sizeof value);
    return value;
}

const char *image_label(void) { return sum() > ONE / 2 ? "attack" : "normal"; }

/* The probability in thousandths, halves up. */
void image_print_scores(void) {
    const uint32_t thousandths = ((uint32_t)sum() * 1000u + ONE / 2) / ONE;
    th_printf("%lu.%03lu", (unsigned long)(thousandths / 1000u), (unsigned long)(thousandths % 1000u));
}
