/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Four dot products of int8 that share one input, for layers that use each weight once: the weights lie in flash in the order of use and
 * come a word (four weights) at a time, the only accesses to flash in the loop. */
#ifndef NN_DOT_H
#define NN_DOT_H

#include <stdint.h>

#define NN_BYTE(word, n) ((int32_t)(int8_t)((word) >> (8 * (n))))

/* sums[k] += x . w_k; the weights of each four inputs are interleaved word by word, filled up with zeros. May read up to three inputs
 * beyond `depth`. Returns the end of the weights. */
static inline const uint32_t *nn_dot4(const int8_t *x, uint32_t depth, const uint32_t *w, int32_t sums[4]) {
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (const int8_t *end = x + depth; x < end; x += 4, w += 4) {
        uint32_t w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
        int32_t v = x[0];
        s0 += v * NN_BYTE(w0, 0), s1 += v * NN_BYTE(w1, 0), s2 += v * NN_BYTE(w2, 0), s3 += v * NN_BYTE(w3, 0);
        v = x[1];
        s0 += v * NN_BYTE(w0, 1), s1 += v * NN_BYTE(w1, 1), s2 += v * NN_BYTE(w2, 1), s3 += v * NN_BYTE(w3, 1);
        v = x[2];
        s0 += v * NN_BYTE(w0, 2), s1 += v * NN_BYTE(w1, 2), s2 += v * NN_BYTE(w2, 2), s3 += v * NN_BYTE(w3, 2);
        v = x[3];
        s0 += v * NN_BYTE(w0, 3), s1 += v * NN_BYTE(w1, 3), s2 += v * NN_BYTE(w2, 3), s3 += v * NN_BYTE(w3, 3);
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
    return w;
}

#endif
