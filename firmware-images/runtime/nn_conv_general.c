/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Convolutions in their general form: int16 activations with int8 weights (CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED), TRANSPOSE_CONV on
 * int8, int16 and float32. Each output is computed at once, so that no sums are kept; of TRANSPOSE_CONV too, in the reference's order. */
#include "nn_float.h"
#include "nn_general.h"

/* A wide sum or a 32-bit one, with its bias, becomes an output. */
static int32_t finished(const nn_general_conv_layer *l, const nn_wide_channel *c, int64_t sum) {
    sum += (int64_t)((uint64_t)c->bias[1] << 32 | c->bias[0]);
    if (l->wide) return nn_scaled_wide(sum, c->multiplier, (uint32_t)c->shift);
    return nn_requantise_slow((int32_t)(uint32_t)(uint64_t)sum, c->multiplier, c->shift);
}

void nn_conv_s16(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_conv_layer *l = layer;
    const int16_t *in = nn_at(plan, arena, l->input);
    const int8_t *weights = nn_at(plan, arena, l->weights);
    const nn_wide_channel *constants = nn_at(plan, arena, l->constants);
    int16_t *out = (int16_t *)(void *)(arena + l->output);
    uint32_t channels = l->out_c, row = l->kernel_h * l->kernel_w * l->depth;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->in_c)
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++) {
            int32_t top = (int32_t)(pixel / l->out_w * l->stride_h) - l->pad_top;
            int32_t left = (int32_t)(pixel % l->out_w * l->stride_w) - l->pad_left;
            for (uint32_t channel = 0; channel < channels; channel++) {
                const int8_t *w = weights + channel * row;
                uint32_t from = l->multiplier != 0 ? channel / l->multiplier : 0;
                int64_t sum = 0;
                for (uint32_t ky = 0; ky < l->kernel_h; ky++) {
                    uint32_t y = (uint32_t)(top + (int32_t)(ky * l->dilation_h));
                    for (uint32_t kx = 0; kx < l->kernel_w; kx++, w += l->depth) {
                        uint32_t x = (uint32_t)(left + (int32_t)(kx * l->dilation_w));
                        if (y >= l->in_h || x >= l->in_w) continue; /* before the first too: it wraps */
                        const int16_t *p = in + (y * l->in_w + x) * l->in_c + from;
                        for (uint32_t d = 0; d < l->depth; d++) sum += (int32_t)p[d] * w[d];
                    }
                }
                *out++ = (int16_t)nn_clamp(finished(l, constants + channel, sum), l->low, l->high);
            }
        }
}

/* Whether an output at `at` takes something through tap `k`, and from which input. */
static int source(int32_t at, int32_t pad, uint32_t k, uint32_t stride, uint32_t size, uint32_t *from) {
    int32_t place = at + pad - (int32_t)k;
    if (place < 0 || (uint32_t)place % stride != 0) return 0;
    *from = (uint32_t)place / stride;
    return *from < size;
}

void nn_transpose_conv(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_conv_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    const int8_t *weights = nn_at(plan, arena, l->weights);
    const nn_wide_channel *constants = nn_at(plan, arena, l->constants);
    uint32_t size = nn_size_of(l->type), taps = l->kernel_h * l->kernel_w;
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->in_c * size)
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++)
            for (uint32_t channel = 0; channel < l->out_c; channel++, out += size) {
                int64_t sum = 0;
                for (uint32_t tap = 0; tap < taps; tap++) {
                    uint32_t y, x;
                    if (!source((int32_t)(pixel / l->out_w), l->pad_top, tap / l->kernel_w, l->stride_h, l->in_h, &y)) continue;
                    if (!source((int32_t)(pixel % l->out_w), l->pad_left, tap % l->kernel_w, l->stride_w, l->in_w, &x)) continue;
                    const uint8_t *p = in + (y * l->in_w + x) * l->in_c * size;
                    const int8_t *w = weights + (channel * taps + tap) * l->in_c;
                    for (uint32_t d = l->in_c; d != 0; d--, p += size) sum += (nn_load(p, l->type) - l->in_zero) * *w++;
                }
                nn_store(out, l->type, nn_clamp(nn_plus(finished(l, constants + channel, sum), l->zero), l->low, l->high));
            }
}

void nn_transpose_conv_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_conv_layer *l = layer;
    const float *in = nn_at(plan, arena, l->input), *weights = nn_at(plan, arena, l->weights), *bias = nn_at(plan, arena, l->constants);
    uint32_t taps = l->kernel_h * l->kernel_w;
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->in_c)
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++)
            for (uint32_t channel = 0; channel < l->out_c; channel++, out += 4) {
                float sum = 0;
                /* The reference walks over the inputs: what comes from the first of them comes through the last tap. */
                for (uint32_t tap = taps; tap-- != 0;) {
                    uint32_t y, x;
                    if (!source((int32_t)(pixel / l->out_w), l->pad_top, tap / l->kernel_w, l->stride_h, l->in_h, &y)) continue;
                    if (!source((int32_t)(pixel % l->out_w), l->pad_left, tap % l->kernel_w, l->stride_w, l->in_w, &x)) continue;
                    const float *p = in + (y * l->in_w + x) * l->in_c, *w = weights + (channel * taps + tap) * l->in_c;
                    for (uint32_t d = l->in_c; d != 0; d--) {
                        float product = *p++ * *w++;
                        sum = sum + product;
                    }
                }
                nn_put_float(out, nn_clamp_float(sum + bias[channel], l->low, l->high));
            }
}

/* Pooling on int16; L2_POOL_2D. What lies outside of the input does not count. */
static int64_t pooled(const nn_general_pool_layer *l, const int16_t *in, int32_t top, int32_t left, int32_t *count) {
    int64_t result = l->what == NN_SUM ? 0 : -32768;
    for (uint32_t ky = 0; ky < l->filter_h; ky++)
        for (uint32_t kx = 0; kx < l->filter_w; kx++) {
            uint32_t y = (uint32_t)(top + (int32_t)ky), x = (uint32_t)(left + (int32_t)kx);
            if (y >= l->in_h || x >= l->in_w) continue;
            int32_t value = in[(y * l->in_w + x) * l->channels];
            result = l->what == NN_SUM ? result + value : value > result ? value : result;
            ++*count;
        }
    return result;
}

void nn_pool_s16(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_pool_layer *l = layer;
    const int16_t *in = nn_at(plan, arena, l->input);
    int16_t *out = (int16_t *)(void *)(arena + l->output);
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->channels)
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++)
            for (uint32_t channel = 0; channel < l->channels; channel++) {
                int32_t count = 0;
                int32_t top = (int32_t)(pixel / l->out_w * l->stride_h) - l->pad_top;
                int32_t left = (int32_t)(pixel % l->out_w * l->stride_w) - l->pad_left;
                int32_t y = (int32_t)pooled(l, in + channel, top, left, &count);
                if (l->what == NN_SUM && count != 0) y = (y > 0 ? y + count / 2 : y - count / 2) / count;
                *out++ = (int16_t)nn_clamp(y, l->low, l->high);
            }
}

void nn_l2_pool_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_pool_layer *l = layer;
    const float *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->channels)
        for (uint32_t pixel = 0; pixel < l->out_h * l->out_w; pixel++)
            for (uint32_t channel = 0; channel < l->channels; channel++, out += 4) {
                float sum = 0;
                int32_t count = 0;
                for (uint32_t ky = 0; ky < l->filter_h; ky++)
                    for (uint32_t kx = 0; kx < l->filter_w; kx++) {
                        uint32_t y = pixel / l->out_w * l->stride_h - (uint32_t)l->pad_top + ky;
                        uint32_t x = pixel % l->out_w * l->stride_w - (uint32_t)l->pad_left + kx;
                        if (y >= l->in_h || x >= l->in_w) continue;
                        float value = in[(y * l->in_w + x) * l->channels + channel], square = value * value;
                        sum = sum + square;
                        count++;
                    }
                nn_put_float(out, nn_clamp_float(nn_root(sum / (float)count), l->low, l->high));
            }
}
