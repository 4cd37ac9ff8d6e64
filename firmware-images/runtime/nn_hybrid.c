/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Hybrid layers, int8 weights on float32 activations ("dynamic range"): activations are brought to int8 by a scale that is found at run time,
 * sums are exact integers, and outputs are floats again. Every operation on floats is that of TensorFlow Lite's reference kernels in its
 * order, so that results are the same to the bit; TensorFlow Lite Micro has no such layers. */
#include "nn_dot.h"
#include "nn_float.h"
#include "nn_plan.h"

/* The nearest integer, halves away from zero; beyond int8 and its like, anything that is as far. */
static int32_t nearest(float x) {
    uint32_t bits = nn_bits_of(x), exponent = bits >> 23 & 255u;
    if (exponent < 126) return 0;
    uint32_t size = 1 << 20;
    if (exponent < 140) {
        uint32_t shift = 150 - exponent;
        size = (((bits & 0x7FFFFFu) | 0x800000u) + (1u << (shift - 1))) >> shift;
    }
    return (bits >> 31) != 0 ? -(int32_t)size : (int32_t)size;
}

/* The range that int8 is to cover, zero included: places in the order of floats. */
static nn_scale scale_of(int32_t low, int32_t high, uint32_t symmetric, float *inverse) {
    nn_scale s = {1.0f, 0};
    float least = nn_float_of((uint32_t)nn_ordered((uint32_t)low)), most = nn_float_of((uint32_t)nn_ordered((uint32_t)high));
    *inverse = 0;
    if (symmetric) {
        float range = most > -least ? most : -least;
        if (range == 0) return s;
        s.scale = range / 127.0f;
        *inverse = 127.0f / range;
        return s;
    }
    if (least == most) return s;
    s.scale = (most - least) / 255.0f;
    *inverse = 1.0f / s.scale;
    /* The zero point from either end; from the one where less is lost in rounding. */
    float from_least = least / s.scale, from_most = most / s.scale;
    s.zero = nearest(128.0f - from_least < 127.0f + from_most ? -128.0f - from_least : 127.0f - from_most);
    s.zero = s.zero < -128 ? -128 : s.zero > 127 ? 127 : s.zero;
    return s;
}

void nn_quantise_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_quantise_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    nn_scale *scale = (nn_scale *)(void *)(arena + l->scales);
    for (uint32_t vector = l->vectors; vector != 0; vector--, in += 4 * l->count, scale++) {
        int32_t low = 0, high = 0;
        for (uint32_t i = 0; i < l->count; i++) {
            int32_t place = nn_ordered(nn_bits_of(nn_get_float(in + 4 * i)));
            low = place < low ? place : low;
            high = place > high ? place : high;
        }
        float inverse;
        *scale = scale_of(low, high, l->symmetric, &inverse);
        int32_t zero = scale->zero, least = l->symmetric ? -127 : -128;
        for (uint32_t i = 0; i < l->count; i++) {
            int32_t q = zero + nearest(nn_get_float(in + 4 * i) * inverse);
            *out++ = (int8_t)(q < least ? least : q > 127 ? 127 : q);
        }
    }
}

void nn_fully_connected_hybrid(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_hybrid_dense_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    const nn_scale *scales = nn_at(plan, arena, l->hybrid.scales);
    for (uint32_t row = 0; row < l->rows; row++, in += l->depth) {
        const nn_scale *scale = scales + row / l->rows_per_scale;
        const uint32_t *w = nn_at(plan, arena, l->weights);
        const nn_hybrid_channel *c = nn_at(plan, arena, l->constants);
        /* Up to three channels beyond the last are computed, of weights that are zero, and left. */
        for (uint32_t channel = 0; channel < l->channels; channel += 4, c += 4) {
            int32_t sums[4] = {0, 0, 0, 0};
            w = nn_dot4(in, l->depth, w, sums);
            for (uint32_t k = 0; k < 4 && channel + k < l->channels; k++, out += 4)
                nn_put_float(out, nn_hybrid_output(&l->hybrid, c + k, scale, sums[k] - scale->zero * c[k].sum));
        }
    }
}

/* A window's first row and column, which may lie before the input's. */
#define NN_EACH_WINDOW(l, pixel, top, left)                                                       \
    int32_t top = (int32_t)((pixel) / (l)->out_w * (l)->stride_h) - (l)->pad_top;                 \
    int32_t left = (int32_t)((pixel) % (l)->out_w * (l)->stride_w) - (l)->pad_left

void nn_conv_generic_hybrid(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_hybrid_conv_layer *hybrid = layer;
    const nn_conv_layer *l = &hybrid->conv;
    const int8_t *in = nn_at(plan, arena, l->input);
    const nn_scale *scale = nn_at(plan, arena, hybrid->hybrid.scales);
    uint8_t *out = arena + l->output;
    uint32_t multiplier = l->taps, depth = multiplier ? 1 : l->in_c;
    for (uint32_t batch = l->batches; batch != 0; batch--, scale++, in += l->in_h * l->in_w * l->in_c) {
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++) {
            NN_EACH_WINDOW(l, pixel, top, left);
            const nn_hybrid_channel *c = nn_at(plan, arena, l->constants);
            const int8_t *w = nn_at(plan, arena, l->weights);
            for (uint32_t channel = 0; channel < l->out_c; channel++, c++, out += 4) {
                int32_t sum = 0;
                const int8_t *first = in + (multiplier ? channel / multiplier : 0);
                for (uint32_t ky = 0; ky < l->kernel_h; ky++) {
                    uint32_t y = (uint32_t)(top + (int32_t)(ky * l->dilation_h));
                    for (uint32_t kx = 0; kx < l->kernel_w; kx++, w += depth) {
                        uint32_t x = (uint32_t)(left + (int32_t)(kx * l->dilation_w));
                        if (y >= l->in_h || x >= l->in_w) continue; /* before the first too: it wraps */
                        const int8_t *p = first + (y * l->in_w + x) * l->in_c;
                        for (uint32_t i = 0; i < depth; i++) sum += w[i] * (p[i] - scale->zero);
                    }
                }
                nn_put_float(out, nn_hybrid_output(&hybrid->hybrid, c, scale, sum));
            }
        }
    }
}

/* Float32 throughout: the weights lie as above, the constants are the biases, low and high places in the order of floats. */
void nn_conv_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_conv_layer *l = layer;
    const float *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    uint32_t multiplier = l->taps, depth = multiplier ? 1 : l->in_c;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->in_c) {
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++) {
            NN_EACH_WINDOW(l, pixel, top, left);
            const float *bias = nn_at(plan, arena, l->constants);
            const float *w = nn_at(plan, arena, l->weights);
            for (uint32_t channel = 0; channel < l->out_c; channel++, out += 4) {
                float sum = 0;
                const float *first = in + (multiplier ? channel / multiplier : 0);
                for (uint32_t ky = 0; ky < l->kernel_h; ky++) {
                    uint32_t y = (uint32_t)(top + (int32_t)(ky * l->dilation_h));
                    for (uint32_t kx = 0; kx < l->kernel_w; kx++, w += depth) {
                        uint32_t x = (uint32_t)(left + (int32_t)(kx * l->dilation_w));
                        if (y >= l->in_h || x >= l->in_w) continue;
                        const float *p = first + (y * l->in_w + x) * l->in_c;
                        for (uint32_t i = 0; i < depth; i++) sum += p[i] * w[i];
                    }
                }
                nn_put_float(out, nn_clamp_float(sum + *bias++, l->low, l->high));
            }
        }
    }
}
