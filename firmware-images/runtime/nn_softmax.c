/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * SOFTMAX, int8, in the reference's fixed-point arithmetic. Works in place. */
#include "nn_fixed.h"
#include "nn_math.h"
#include "nn_plan.h"

static int32_t add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

static int32_t scaled_exp(const nn_softmax_layer *l, int32_t difference) {
    return nn_exp_q5(nn_high_product((int32_t)((uint32_t)difference << l->shift), l->multiplier));
}

void nn_softmax_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_softmax_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    for (uint32_t row = l->rows; row != 0; row--, in += l->depth, out += l->depth) {
        int32_t most = -128, sum = 0;
        for (uint32_t i = 0; i < l->depth; i++) most = in[i] > most ? in[i] : most;
        for (uint32_t i = 0; i < l->depth; i++)
            if (in[i] - most >= l->least) sum = add(sum, nn_rounding_shift(scaled_exp(l, in[i] - most), 12));
        /* sum = 2^over * (1 + fraction), with 12 integer bits */
        int headroom = sum != 0 ? __builtin_clz((unsigned)sum) : 32;
        int32_t scale = nn_reciprocal((int32_t)(((uint32_t)sum << (headroom & 31)) - 0x80000000u));
        uint32_t shift = (uint32_t)(12 - headroom + 31 - 8);
        for (uint32_t i = 0; i < l->depth; i++) {
            int32_t y = -128, difference = in[i] - most;
            if (difference >= l->least)
                y = nn_clamp(nn_rounding_shift(nn_high_product(scale, scaled_exp(l, difference)), shift) - 128, -128, 127);
            out[i] = (int8_t)y;
        }
    }
}
