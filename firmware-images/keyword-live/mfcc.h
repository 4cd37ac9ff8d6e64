/* Mel-frequency cepstral coefficients of 30 ms of sound, in fixed point: what models/keyword was trained on, frame by frame.
 * Source: models/keyword/mfcc.py, steps 1 to 8.
 * Does not model: other rates, windows or numbers of bands: mfcc_tables.h has them built in.
 * Tested by: tests/keyword_live.rs (against mfcc.py's features of the same samples).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A clip's largest sample, by which mfcc.py divides first, is not known before the clip has ended. Dividing a sound moves the logarithms of all
 * bands by the same amount, and only coefficient 0 sees that: so frames are kept undivided, and mfcc_quantise() makes up for it.
 */
#ifndef MFCC_H
#define MFCC_H

#include <stdint.h>

#include "mfcc_tables.h"

/* One frame: coefficients in 64ths of an int8 step, before division by the largest sample, and that sample. */
typedef struct {
    int16_t coefficients[MFCC_COEFFICIENTS];
    int16_t peak;
} mfcc_frame_features;

/* The frame of the MFCC_OVERLAP samples at `before` and the MFCC_STRIDE samples at `now`, as the converter gave them, around `bias`.
 * Takes 2 KiB of working memory of its own and some 400 bytes of stack; must not be entered twice. Never inlined: a simulator sees a frame begin
 * and end at this symbol. */
void mfcc_frame(const uint16_t *before, const uint16_t *now, int32_t bias, mfcc_frame_features *frame);

/* A frame's int8 features, given the largest of the whole window's samples. */
void mfcc_quantise(const mfcc_frame_features *frame, int32_t largest, int8_t features[MFCC_COEFFICIENTS]);

#endif
