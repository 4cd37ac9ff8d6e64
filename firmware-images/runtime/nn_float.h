/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Floats as their bits. Multiplications and additions are the compiler's, one rounding each: build without -ffast-math and without
 * contraction to fused operations (-std=c99 does), or results are no longer the reference's. */
#ifndef NN_FLOAT_H
#define NN_FLOAT_H

#include "nn_plan.h"

#include <string.h>

static inline uint32_t nn_bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

static inline float nn_float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline float nn_get_float(const uint8_t *from) {
    float x;
    memcpy(&x, from, 4);
    return x;
}

static inline void nn_put_float(uint8_t *to, float x) { memcpy(to, &x, 4); }

/* Integers in the order of the floats with these bits, and back. */
static inline int32_t nn_ordered(uint32_t bits) { return (int32_t)(bits ^ ((bits >> 31) * 0x7FFFFFFFu)); }

/* Clamped to floats that are given by their place in that order. */
static inline float nn_clamp_float(float x, int32_t low, int32_t high) {
    int32_t place = nn_ordered(nn_bits_of(x));
    if ((nn_bits_of(x) & 0x7FFFFFFFu) > 0x7F800000u) return x; /* NaN */
    if (place < low) place = low;
    if (place > high) place = high;
    return nn_float_of((uint32_t)nn_ordered((uint32_t)place));
}

/* The square root, correctly rounded; the remainder of a division, exact (nn_unary.c). exp, the natural logarithm and tanh of doubles (nn_series.c). */
float nn_root(float x);
float nn_modulo(float x, float y);
double nn_exp(double x);
double nn_log(double x);
double nn_tanh(double x);

#endif
