/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Float32: ADD, SUB, MUL, MAXIMUM, MINIMUM with broadcasting; RELU and its kin; pooling; MEAN, SUM, REDUCE_MAX, REDUCE_MIN. Sums are taken
 * in the reference's order, so that they round as it does. */
#include "nn_float.h"
#include "nn_plan.h"

static float greater(float a, float b) { return nn_ordered(nn_bits_of(a)) < nn_ordered(nn_bits_of(b)) ? b : a; }
static float lesser(float a, float b) { return nn_ordered(nn_bits_of(b)) < nn_ordered(nn_bits_of(a)) ? b : a; }

static float combined(uint32_t what, float x, float y) {
    switch (what) {
        case NN_ADD: return x + y;
        case NN_SUBTRACT: return x - y;
        case NN_MULTIPLY: return x * y;
        case NN_MAXIMUM: return greater(x, y);
        default: return lesser(x, y);
    }
}

void nn_binary_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_float_binary_layer *l = layer;
    const float *first = nn_at(plan, arena, l->input[0]), *second = nn_at(plan, arena, l->input[1]);
    uint8_t *out = arena + l->output;
    for (uint32_t a = 0; a < l->count[0]; a++)
        for (uint32_t b = 0; b < l->count[1]; b++)
            for (uint32_t c = 0; c < l->count[2]; c++) {
                const float *p = first + a * l->step[0][0] + b * l->step[0][1] + c * l->step[0][2];
                const float *q = second + a * l->step[1][0] + b * l->step[1][1] + c * l->step[1][2];
                for (uint32_t d = l->count[3]; d != 0; d--, p += l->step[0][3], q += l->step[1][3], out += 4)
                    nn_put_float(out, nn_clamp_float(combined(l->what, *p, *q), l->low, l->high));
            }
}

void nn_clamp_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_float_clamp_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--, in += 4, out += 4) nn_put_float(out, nn_clamp_float(nn_get_float(in), l->low, l->high));
}

/* The part of a window that lies outside the input does not count. */
static void pool(const uint8_t *plan, uint8_t *arena, const nn_pool_layer *l, int average) {
    const float *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->channels) {
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++) {
            int32_t top = (int32_t)(pixel / l->out_w * l->stride_h) - l->pad_top;
            int32_t left = (int32_t)(pixel % l->out_w * l->stride_w) - l->pad_left;
            for (uint32_t channel = 0; channel < l->channels; channel++, out += 4) {
                float result = average ? 0.0f : nn_float_of(0xFF7FFFFFu); /* the least finite float */
                int32_t count = 0;
                for (uint32_t ky = 0; ky < l->filter_h; ky++) {
                    uint32_t y = (uint32_t)(top + (int32_t)ky);
                    for (uint32_t kx = 0; kx < l->filter_w; kx++) {
                        uint32_t x = (uint32_t)(left + (int32_t)kx);
                        if (y >= l->in_h || x >= l->in_w) continue; /* before the first too: it wraps */
                        float value = in[(y * l->in_w + x) * l->channels + channel];
                        result = average ? result + value : greater(result, value);
                        count++;
                    }
                }
                if (average) result = result / (float)count;
                nn_put_float(out, nn_clamp_float(result, l->low, l->high));
            }
        }
    }
}

void nn_average_pool_f32(const uint8_t *plan, uint8_t *arena, const void *layer) { pool(plan, arena, layer, 1); }

void nn_max_pool_f32(const uint8_t *plan, uint8_t *arena, const void *layer) { pool(plan, arena, layer, 0); }

static float reduced(const nn_float_reduce_layer *l, const float *from) {
    float result = l->what == NN_SUM ? 0.0f : *from;
    for (uint32_t e = 0; e < l->over[0]; e++)
        for (uint32_t f = 0; f < l->over[1]; f++)
            for (uint32_t g = 0; g < l->over[2]; g++) {
                const float *p = from + e * l->over_step[0] + f * l->over_step[1] + g * l->over_step[2];
                for (uint32_t h = l->over[3]; h != 0; h--, p += l->over_step[3])
                    result = l->what == NN_SUM ? result + *p : l->what == NN_MAX ? greater(result, *p) : lesser(result, *p);
            }
    return l->what == NN_SUM ? result / l->divisor : result;
}

void nn_reduce_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_float_reduce_layer *l = layer;
    const float *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t a = 0; a < l->kept[0]; a++)
        for (uint32_t b = 0; b < l->kept[1]; b++)
            for (uint32_t c = 0; c < l->kept[2]; c++)
                for (uint32_t d = 0; d < l->kept[3]; d++, out += 4)
                    nn_put_float(out, reduced(l, in + a * l->kept_step[0] + b * l->kept_step[1] + c * l->kept_step[2] + d * l->kept_step[3]));
}
