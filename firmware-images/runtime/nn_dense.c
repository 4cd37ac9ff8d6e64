/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * FULLY_CONNECTED, int8. */
#include "nn_dot.h"
#include "nn_math.h"
#include "nn_plan.h"

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
        uint32_t channels = l->channels;
        for (; channels >= 4; channels -= 4, c += 4) {
            int32_t sums[4] = {c[0].bias, c[1].bias, c[2].bias, c[3].bias};
            w = nn_dot4(in, l->depth, w, sums);
            for (int k = 0; k < 4; k++) *out++ = finish(sums[k], c + k, l);
        }
        for (; channels != 0; channels--, c++) {
            int32_t sum = c->bias;
            for (const int8_t *x = in, *end = in + l->depth; x < end; x += 4) {
                uint32_t word = *w++;
                sum += x[0] * NN_BYTE(word, 0) + x[1] * NN_BYTE(word, 1) + x[2] * NN_BYTE(word, 2) + x[3] * NN_BYTE(word, 3);
            }
            *out++ = finish(sum, c, l);
        }
    }
}
