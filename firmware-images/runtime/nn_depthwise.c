/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * DEPTHWISE_CONV_2D 3x3, int8, one output per input channel.
 *
 * One channel after the other: its plane is copied, with its border, into words that pair the upper half of the output rows with the lower
 * half, x + x' * 2^16, so that one multiplication serves two rows; the nine weights stay in registers for the whole plane. The copy is
 * complete before the first output is written, so that the layer can overwrite its own input. Wide planes are cut into blocks of columns:
 * the pitch of the copy is fixed, which makes every tap a constant offset. */
#include "nn_math.h"
#include "nn_plan.h"

void nn_depthwise_row(const nn_depthwise_job *job, const uint32_t *x, int8_t *upper, int8_t *lower, uint32_t count);

/* The paired copy of one channel for output columns [first, first + count). */
static void gather(const nn_conv_layer *l, const int8_t *in, uint32_t *plane, uint32_t half, uint32_t first, uint32_t count) {
    uint32_t rows = (half - 1) * l->stride_h + 3, columns = (count - 1) * l->stride_w + 3;
    int32_t x0 = (int32_t)(first * l->stride_w) - l->pad_left;
    uint32_t pitch = l->in_w * l->in_c;
    for (uint32_t row = 0; row < rows; row++, plane += NN_PLANE_PITCH) {
        int32_t upper = (int32_t)row - l->pad_top, lower = upper + (int32_t)(half * l->stride_h);
        const int8_t *a = upper >= 0 && upper < (int32_t)l->in_h ? in + (uint32_t)upper * pitch : NULL;
        const int8_t *b = lower >= 0 && lower < (int32_t)l->in_h ? in + (uint32_t)lower * pitch : NULL;
        uint32_t zero = (uint32_t)l->in_zero;
        for (uint32_t column = 0; column < columns; column++) {
            int32_t x = x0 + (int32_t)column;
            uint32_t at = (uint32_t)x * l->in_c;
            int inside = x >= 0 && x < (int32_t)l->in_w;
            uint32_t first_half = inside && a ? (uint32_t)a[at] : zero, second_half = inside && b ? (uint32_t)b[at] : zero;
            plane[column] = first_half + (second_half << 16);
        }
    }
}

void nn_depthwise_3x3_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_conv_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    uint32_t *scratch = (uint32_t *)(void *)(arena + l->tile);
    uint32_t half = (l->out_h + 1) / 2, rows = (half - 1) * l->stride_h + 3;
    nn_depthwise_job job;
    job.step = l->stride_w;
    job.stride = l->out_c;
    job.zero = l->zero;
    job.low = l->low;
    job.high = l->high;
    for (uint32_t batch = l->batches; batch != 0; batch--) {
        const nn_channel *c = nn_at(plan, arena, l->constants);
        const int8_t *w = nn_at(plan, arena, l->weights);
        for (uint32_t channel = 0; channel < l->out_c; channel++, c++, w += l->row_bytes) {
            uint32_t *plane = scratch;
            for (uint32_t first = 0; first < l->out_w; first += l->tile_quads, plane += rows * NN_PLANE_PITCH) {
                uint32_t count = l->out_w - first < l->tile_quads ? l->out_w - first : l->tile_quads;
                gather(l, in + channel, plane, half, first, count);
            }
            for (int k = 0; k < 9; k++) job.weights[k] = w[k];
            job.channel = *c;
            plane = scratch;
            for (uint32_t first = 0; first < l->out_w; first += l->tile_quads, plane += rows * NN_PLANE_PITCH) {
                uint32_t count = l->out_w - first < l->tile_quads ? l->out_w - first : l->tile_quads;
                for (uint32_t row = 0; row < half; row++) {
                    int8_t *upper = out + (row * l->out_w + first) * l->out_c + channel;
                    int8_t *lower = row + half < l->out_h ? upper + half * l->out_w * l->out_c : NULL;
                    nn_depthwise_row(&job, plane + row * l->stride_h * NN_PLANE_PITCH, upper, lower, count);
                }
            }
        }
        in += l->in_h * l->in_w * l->in_c;
        out += l->out_h * l->out_w * l->out_c;
    }
}

void nn_depthwise_row(const nn_depthwise_job *job, const uint32_t *x, int8_t *upper, int8_t *lower, uint32_t count) {
    for (; count != 0; count--, x += job->step, upper += job->stride) {
        int32_t a = job->channel.bias, b = job->channel.bias;
        for (uint32_t k = 0; k < 9; k++) {
            uint32_t two = x[k / 3 * NN_PLANE_PITCH + k % 3];
            int32_t low = (int16_t)(two & 0xFFFFu);
            a += low * job->weights[k];
            b += (int16_t)((two - (uint32_t)low) >> 16) * job->weights[k];
        }
        a = nn_requantise(a, job->channel.multiplier, job->channel.shift) + job->zero;
        *upper = (int8_t)nn_clamp(a, job->low, job->high);
        if (lower != NULL) {
            b = nn_requantise(b, job->channel.multiplier, job->channel.shift) + job->zero;
            *lower = (int8_t)nn_clamp(b, job->low, job->high);
            lower += job->stride;
        }
    }
}
