/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Hybrid layers, int8 weights on float32 activations ("dynamic range"): activations are brought to int8 by a scale that is found at run time,
 * sums are exact integers, and outputs are floats again. Every operation on floats is that of TensorFlow Lite's reference kernels in its
 * order, so that results are the same to the bit; TensorFlow Lite Micro has no such layers. */
#include "nn_dot.h"
#include "nn_parts.h"
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

/* x * y to the nearest integer, of floats' bits. */
static int32_t nearest_product(uint32_t x, uint32_t y) {
    if (x << 1 == 0) return 0;
    if (!nn_is_normal(x) || !nn_is_normal(y)) return nearest(nn_float_of(x) * nn_float_of(y));
    int32_t exponent = nn_exponent(x) + nn_exponent(y) - 127;
    uint32_t mantissa = nn_multiply(nn_mantissa(x), nn_mantissa(y), &exponent), down = (uint32_t)(150 - exponent);
    if (exponent < 125) return 0;
    uint32_t size = exponent >= 140 ? 1 << 20 : (mantissa + (1u << (down - 1))) >> down;
    return ((x ^ y) >> 31) != 0 ? -(int32_t)size : (int32_t)size;
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
    const uint32_t *in = nn_at(plan, arena, l->input); /* floats' bits */
    int8_t *out = (int8_t *)(arena + l->output);
    nn_scale *scale = (nn_scale *)(void *)(arena + l->scales);
    for (uint32_t vector = l->vectors; vector != 0; vector--, in += l->count, scale++) {
        int32_t low = 0, high = 0;
        for (uint32_t i = 0; i < l->count; i++) {
            int32_t place = nn_ordered(in[i]);
            low = place < low ? place : low;
            high = place > high ? place : high;
        }
        float inverse;
        *scale = scale_of(low, high, l->symmetric, &inverse);
        int32_t zero = scale->zero, least = l->symmetric ? -127 : -128;
        for (uint32_t i = 0; i < l->count; i++) {
            int32_t q = zero + nearest_product(in[i], nn_bits_of(inverse));
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

/* The part of a window's row or column that lies within the input: so many of its members, from `first` on. */
typedef struct {
    uint32_t first, count;
} nn_part;

static nn_part inside(int32_t at, uint32_t kernel, uint32_t dilation, uint32_t size) {
    nn_part part = {0, 0};
    for (uint32_t k = 0; k < kernel; k++) {
        if ((uint32_t)(at + (int32_t)(k * dilation)) >= size) continue; /* before the first too: it wraps */
        if (part.count++ == 0) part.first = k;
    }
    return part;
}

/* Undilated: the model compiler sees to it. */
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
            nn_part rows = inside(top, l->kernel_h, 1, l->in_h), columns = inside(left, l->kernel_w, 1, l->in_w);
            uint32_t row_step = l->in_w * l->in_c, taps = l->kernel_h * l->kernel_w * depth, row_taps = l->kernel_w * depth;
            int32_t zero = scale->zero;
            const int8_t *corner = in + (top + (int32_t)rows.first) * (int32_t)row_step + (left + (int32_t)columns.first) * (int32_t)l->in_c;
            for (uint32_t channel = 0; channel < l->out_c; channel++, c++, w += taps, out += 4) {
                int32_t sum = 0;
                const int8_t *line = corner + (multiplier ? channel / multiplier : 0);
                const int8_t *row = w + (rows.first * l->kernel_w + columns.first) * depth;
                for (uint32_t ky = rows.count; ky != 0; ky--, line += row_step, row += row_taps) {
                    const int8_t *p = line, *q = row;
                    for (uint32_t kx = columns.count; kx != 0; kx--, p += l->in_c - depth)
                        for (uint32_t i = depth; i != 0; i--) sum += *q++ * (*p++ - zero);
                }
                nn_put_float(out, nn_hybrid_output(&hybrid->hybrid, c, scale, sum));
            }
        }
    }
}

/* t += x * w for a row of a window, all of its members in registers; `step` from one x to the next, in words. */
static __attribute__((noinline)) int add_row(nn_parts *t, const uint32_t *x, uint32_t step, const uint32_t *w, uint32_t count) {
    nn_parts sum = *t;
    for (const uint32_t *end = w + count; w != end; x += step) {
        if (!nn_add_product(&sum, *x, *w++)) return 0;
    }
    *t = sum;
    return 1;
}

/* One output's products, where its window lies, and how they are summed: in the reference's order. */
typedef struct {
    const nn_conv_layer *layer;
    nn_part rows, columns;
    int32_t top, left;
    uint32_t depth;
} nn_window_f32;

static float plain_sum(const nn_window_f32 *at, const float *first, const float *w) {
    const nn_conv_layer *l = at->layer;
    float sum = 0;
    for (uint32_t ky = at->rows.first; ky < at->rows.first + at->rows.count; ky++)
        for (uint32_t kx = at->columns.first; kx < at->columns.first + at->columns.count; kx++) {
            uint32_t y = (uint32_t)(at->top + (int32_t)(ky * l->dilation_h)), x = (uint32_t)(at->left + (int32_t)(kx * l->dilation_w));
            const float *p = first + (y * l->in_w + x) * l->in_c, *q = w + (ky * l->kernel_w + kx) * at->depth;
            for (uint32_t i = 0; i < at->depth; i++) sum += p[i] * q[i];
        }
    return sum;
}

/* The same in parts; 0 where something is left to the library. */
static int sum_in_parts(const nn_window_f32 *at, const uint32_t *first, const uint32_t *w, nn_parts *sum) {
    const nn_conv_layer *l = at->layer;
    /* Members that lie one after the other, in the input as in the weights, are one run. */
    int whole = at->depth == l->in_c && l->dilation_w == 1;
    uint32_t step = at->depth == 1 ? l->in_c * l->dilation_w : 1, runs = whole || at->depth == 1 ? 1 : at->columns.count;
    uint32_t count = at->depth == 1 ? at->columns.count : whole ? at->columns.count * at->depth : at->depth;
    for (uint32_t ky = at->rows.first; ky < at->rows.first + at->rows.count; ky++)
        for (uint32_t run = 0; run < runs; run++) {
            uint32_t kx = at->columns.first + run;
            uint32_t y = (uint32_t)(at->top + (int32_t)(ky * l->dilation_h)), x = (uint32_t)(at->left + (int32_t)(kx * l->dilation_w));
            const uint32_t *p = first + (y * l->in_w + x) * l->in_c, *q = w + (ky * l->kernel_w + kx) * at->depth;
            if (!add_row(sum, p, step, q, count)) return 0;
        }
    return 1;
}

/* Float32 throughout: the weights lie as above, the constants are the biases, low and high places in the order of floats. */
void nn_conv_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_conv_layer *l = layer;
    const uint32_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    uint32_t multiplier = l->taps, depth = multiplier ? 1 : l->in_c, taps = l->kernel_h * l->kernel_w * depth;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->in_c) {
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++) {
            NN_EACH_WINDOW(l, pixel, top, left);
            nn_window_f32 at = {l, inside(top, l->kernel_h, l->dilation_h, l->in_h), inside(left, l->kernel_w, l->dilation_w, l->in_w),
                                top, left, depth};
            const uint32_t *bias = nn_at(plan, arena, l->constants);
            const uint32_t *w = nn_at(plan, arena, l->weights);
            for (uint32_t channel = 0; channel < l->out_c; channel++, bias++, w += taps, out += 4) {
                const uint32_t *first = in + (multiplier ? channel / multiplier : 0);
                nn_parts parts = {0, 0, 0};
                float sum;
                int fine = sum_in_parts(&at, first, w, &parts);
                if (fine && *bias << 1 != 0)
                    fine = nn_is_normal(*bias) && nn_add(&parts, *bias & 0x80000000u, nn_mantissa(*bias), nn_exponent(*bias));
                if (fine) sum = nn_whole(&parts);
                else sum = plain_sum(&at, (const float *)(const void *)first, (const float *)(const void *)w) + nn_float_of(*bias);
                nn_put_float(out, nn_clamp_float(sum, l->low, l->high));
            }
        }
    }
}
