/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * FULLY_CONNECTED, int8. Every weight is used once per input vector, so reading the weights is what it costs: they lie in the order of
 * use and come a word (four weights) at a time, the only accesses to flash in the loop. */
#include "nn_math.h"
#include "nn_plan.h"

#define BYTE(word, n) ((int32_t)(int8_t)((word) >> (8 * (n))))

static int8_t finish(int32_t sum, const nn_channel *c, const nn_fully_connected_layer *l) {
    return (int8_t)nn_clamp(nn_requantise(sum, c->multiplier, c->shift) + l->zero, l->low, l->high);
}

void nn_fully_connected_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_fully_connected_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    for (uint32_t row = l->rows; row != 0; row--, in += l->depth) {
        const uint32_t *w = nn_at(plan, arena, l->weights);
        const nn_channel *c = nn_at(plan, arena, l->constants);
        const int8_t *end = in + l->depth;
        uint32_t channels = l->channels;
        for (; channels >= 4; channels -= 4, c += 4) {
            int32_t s0 = c[0].bias, s1 = c[1].bias, s2 = c[2].bias, s3 = c[3].bias;
            for (const int8_t *x = in; x < end; x += 4, w += 4) {
                uint32_t w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
                int32_t v = x[0];
                s0 += v * BYTE(w0, 0), s1 += v * BYTE(w1, 0), s2 += v * BYTE(w2, 0), s3 += v * BYTE(w3, 0);
                v = x[1];
                s0 += v * BYTE(w0, 1), s1 += v * BYTE(w1, 1), s2 += v * BYTE(w2, 1), s3 += v * BYTE(w3, 1);
                v = x[2];
                s0 += v * BYTE(w0, 2), s1 += v * BYTE(w1, 2), s2 += v * BYTE(w2, 2), s3 += v * BYTE(w3, 2);
                v = x[3];
                s0 += v * BYTE(w0, 3), s1 += v * BYTE(w1, 3), s2 += v * BYTE(w2, 3), s3 += v * BYTE(w3, 3);
            }
            *out++ = finish(s0, c + 0, l);
            *out++ = finish(s1, c + 1, l);
            *out++ = finish(s2, c + 2, l);
            *out++ = finish(s3, c + 3, l);
        }
        for (; channels != 0; channels--, c++) {
            int32_t sum = c->bias;
            for (const int8_t *x = in; x < end; x += 4) {
                uint32_t w0 = *w++;
                sum += x[0] * BYTE(w0, 0) + x[1] * BYTE(w0, 1) + x[2] * BYTE(w0, 2) + x[3] * BYTE(w0, 3);
            }
            *out++ = finish(sum, c, l);
        }
    }
}
