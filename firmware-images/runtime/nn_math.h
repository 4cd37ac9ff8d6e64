/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The reference's quantised arithmetic (TensorFlow Lite Micro, double rounding), to the bit. */
#ifndef NN_MATH_H
#define NN_MATH_H

#include <stdint.h>

/* High word of 2ab, rounded half up. */
static inline int32_t nn_high_product(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^shift, rounded half away from zero; shift 0 to 31. */
static inline int32_t nn_rounding_shift(int32_t x, uint32_t shift) {
    int32_t mask = (int32_t)((1u << shift) - 1u);
    return (x >> shift) + ((x & mask) > (mask >> 1) + (x < 0));
}

/* Requantisation by factors of 1/4 and more, which hardly occur. */
int32_t nn_requantise_slow(int32_t x, int32_t multiplier, int32_t shift);

/* x * multiplier / 2^(shift + 33), with the reference's two roundings in one step.
 *
 * The reference rounds x * m / 2^31 half up to q, then q / 2^s half away from zero, s = shift + 2. A floor of a floor is one floor, so this
 * is floor((x * m + 2^30 + 2^(30+s) - [q < 0] * 2^31) / 2^(31+s)), and x < 0 may stand for q < 0: they differ only where x * m = -2^30,
 * where both give 0. With s >= 2 the last shift is one of the high word alone. */
static inline int32_t nn_requantise(int32_t x, int32_t multiplier, int32_t shift) {
    if (__builtin_expect(shift < 0, 0)) return nn_requantise_slow(x, multiplier, shift);
#if (defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)) && defined(__GNUC__)
    int32_t lo, hi, sign, half;
    __asm__("smull %[lo], %[hi], %[x], %[m]\n\t"
            "asrs  %[sign], %[x], #31\n\t"
            "eor   %[half], %[c], %[sign], lsl #31\n\t"
            "adds  %[lo], %[lo], %[half]\n\t"
            "adc   %[hi], %[hi], %[sign]"
            : [lo] "=&r"(lo), [hi] "=&r"(hi), [sign] "=&r"(sign), [half] "=&r"(half)
            : [x] "r"(x), [m] "r"(multiplier), [c] "r"(1 << 30)
            : "cc");
#else
    int32_t hi = (int32_t)(((int64_t)x * multiplier + (1 << 30) - (x < 0 ? (int64_t)1 << 31 : 0)) >> 32);
#endif
    return (hi + (1 << shift)) >> (shift + 1);
}

static inline int32_t nn_clamp(int32_t x, int32_t low, int32_t high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

#endif
