/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * CONV_2D and DEPTHWISE_CONV_2D, int8, in any shape: plain loops without scratch memory, for what the fast kernels do not take. */
#include "nn_math.h"
#include "nn_plan.h"

static void convolve(const uint8_t *plan, uint8_t *arena, const nn_conv_layer *l, uint32_t multiplier) {
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    /* Depthwise: output channel c reads input channel c / multiplier only. */
    uint32_t depth = multiplier ? 1 : l->in_c;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->in_c) {
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++) {
            int32_t y0 = (int32_t)(pixel / l->out_w * l->stride_h) - l->pad_top;
            int32_t x0 = (int32_t)(pixel % l->out_w * l->stride_w) - l->pad_left;
            const nn_channel *c = nn_at(plan, arena, l->constants);
            const int8_t *row = nn_at(plan, arena, l->weights);
            for (uint32_t channel = 0; channel < l->out_c; channel++, c++, row += l->row_bytes) {
                const int8_t *w = row;
                int32_t sum = c->bias;
                for (uint32_t ky = 0; ky < l->kernel_h; ky++) {
                    int32_t y = y0 + (int32_t)(ky * l->dilation_h);
                    for (uint32_t kx = 0; kx < l->kernel_w; kx++, w += depth) {
                        int32_t x = x0 + (int32_t)(kx * l->dilation_w);
                        int inside = y >= 0 && x >= 0 && y < (int32_t)l->in_h && x < (int32_t)l->in_w;
                        const int8_t *p = in + ((uint32_t)y * l->in_w + (uint32_t)x) * l->in_c * (uint32_t)inside;
                        if (multiplier) p += channel / multiplier;
                        for (uint32_t i = 0; i < depth; i++) sum += w[i] * (inside ? p[i] : l->in_zero);
                    }
                }
                *out++ = (int8_t)nn_clamp(nn_requantise(sum, c->multiplier, c->shift) + l->zero, l->low, l->high);
            }
        }
    }
}

void nn_conv_generic_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    convolve(plan, arena, layer, 0);
}

void nn_depthwise_generic_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_conv_layer *l = layer;
    convolve(plan, arena, l, l->taps);
}
