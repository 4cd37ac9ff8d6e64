/* Which class, and how probable each is: the output of a softmax in int8.
 * Source: TensorFlow Lite's quantisation specification: a softmax's int8 output has scale 1/256 and zero point -128.
 * Does not model: other scales; 1.000 cannot occur, the most is 255/256.
 * Tested by: tests/scenarios.rs (label and probabilities of every sample of every scenario).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "classifier.h"

/* 256ths: the output without its zero point. */
static unsigned probability(size_t class) { return (unsigned)((int8_t)g_output[class] + 128); }

const char *image_label(void) {
    size_t best = 0; /* the first of equals */
    for (size_t class = 1; class < image_output_bytes; class++) {
        if (probability(class) > probability(best)) {
            best = class;
        }
    }
    return classifier_labels[best];
}

void image_print_scores(void) {
    for (size_t class = 0; class < image_output_bytes; class++) {
        /* In thousandths, halves up. */
        th_printf("%s0.%03u", class == 0 ? "" : ",", (probability(class) * 1000u + 128u) / 256u);
    }
}
