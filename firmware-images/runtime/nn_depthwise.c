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

void nn_depthwise_plane(const nn_plane *job);

/* A block of output columns and the part of the input that its windows reach. */
typedef struct {
    uint32_t first, count; /* output columns */
    uint32_t left;         /* columns of border before the input's first */
    uint32_t from, inside; /* input columns */
    uint32_t columns;      /* border and input */
} nn_block;

static nn_block block_at(const nn_conv_layer *l, uint32_t first) {
    nn_block b;
    b.first = first;
    b.count = l->out_w - first < l->tile_quads ? l->out_w - first : l->tile_quads;
    b.columns = (b.count - 1) * l->stride_w + 3;
    int32_t x0 = (int32_t)(first * l->stride_w) - l->pad_left;
    b.left = x0 < 0 ? (uint32_t)-x0 : 0;
    b.from = x0 < 0 ? 0 : (uint32_t)x0;
    b.inside = b.columns - b.left < l->in_w - b.from ? b.columns - b.left : l->in_w - b.from;
    return b;
}

static inline uint32_t pair(const int8_t *p, uint32_t distance) { return (uint32_t)p[0] + ((uint32_t)p[distance] << 16); }

/* The paired copy of one channel: rows of the upper part, and those `down` rows of output further below. The border is the same for all
 * channels: `plane` holds it already. */
static void gather(const nn_conv_layer *l, const nn_block *block, const int8_t *in, uint32_t *plane, uint32_t half, uint32_t down) {
    const uint32_t rows = (half - 1) * l->stride_h + 3, step = l->in_c, pitch = l->in_w * step, height = l->in_h, columns = block->inside;
    const uint32_t zero = (uint32_t)l->in_zero, apart = down * l->stride_h;
    uint32_t upper = 0u - (uint32_t)l->pad_top, lower = upper + apart; /* wrap while in the border */
    uint32_t a = block->from * step + upper * pitch;
    plane += block->left;
    for (uint32_t row = 0; row != rows; row++, plane += NN_PLANE_PITCH, a += pitch, upper++, lower++) {
        uint32_t *to = plane, *end = plane + columns;
        if (upper < height && lower < height) {
            const uint32_t distance = apart * pitch;
            const int8_t *p = in + a;
            for (; end - to >= 4; p += 4 * step, to += 4) {
                to[0] = pair(p, distance), to[1] = pair(p + step, distance);
                to[2] = pair(p + 2 * step, distance), to[3] = pair(p + 3 * step, distance);
            }
            for (; to != end; p += step) *to++ = pair(p, distance);
        } else if (upper < height) {
            for (const int8_t *p = in + a; to != end; p += step) *to++ = (uint32_t)*p + (zero << 16);
        } else if (lower < height) {
            for (const int8_t *q = in + (uint32_t)(a + apart * pitch); to != end; q += step) *to++ = zero + ((uint32_t)*q << 16);
        }
    }
}

void nn_depthwise_3x3_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_conv_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    uint32_t *scratch = (uint32_t *)(void *)(arena + l->tile);
    /* Of an odd number of rows, the one in the middle is computed in both halves. */
    uint32_t half = (l->out_h + 1) / 2, down = l->out_h / 2, plane_words = ((half - 1) * l->stride_h + 3) * NN_PLANE_PITCH;
    nn_plane job;
    job.rows = half;
    job.stride = l->out_c;
    job.step = 4 * l->stride_w;
    job.zero = l->zero;
    job.range = nn_range_of(l->zero, l->low, l->high);
    job.low = l->low;
    job.high = l->high;
    for (uint32_t *word = scratch, *end = word + plane_words * ((l->out_w + l->tile_quads - 1) / l->tile_quads); word != end; word++)
        *word = (uint32_t)l->in_zero * 0x10001u;
    for (uint32_t batch = l->batches; batch != 0; batch--) {
        const nn_channel *c = nn_at(plan, arena, l->constants);
        const int8_t *w = nn_at(plan, arena, l->weights);
        for (uint32_t channel = 0; channel < l->out_c; channel++, c++, w += l->row_bytes) {
            uint32_t *plane = scratch;
            for (uint32_t first = 0; first < l->out_w; first += l->tile_quads, plane += plane_words) {
                nn_block block = block_at(l, first);
                gather(l, &block, in + channel, plane, half, down);
            }
            for (int k = 0; k < 9; k++) job.weights[k] = w[k];
            job.bias = c->bias;
            job.start = (int32_t)((uint32_t)c->bias * 0x10001u - 5 * 0x8000u);
            job.multiplier = c->multiplier;
            job.half = nn_half(c->shift, l->zero);
            job.shift = c->shift + 1;
            plane = scratch;
            for (uint32_t first = 0; first < l->out_w; first += l->tile_quads, plane += plane_words) {
                uint32_t count = l->out_w - first < l->tile_quads ? l->out_w - first : l->tile_quads;
                job.row_bytes = count * job.step;
                job.skip_x = 4 * l->stride_h * NN_PLANE_PITCH - job.row_bytes;
                job.skip_out = (l->out_w - count) * l->out_c;
                job.x = plane;
                job.upper = out + first * l->out_c + channel;
                job.lower = job.upper + down * l->out_w * l->out_c;
                nn_depthwise_plane(&job);
            }
        }
        in += l->in_h * l->in_w * l->in_c;
        out += l->out_h * l->out_w * l->out_c;
    }
}

#if !NN_CORTEX_M3 /* otherwise in nn_depthwise_m3.c */
static int8_t finish(const nn_plane *job, int32_t sum) {
    return (int8_t)nn_clamp(nn_requantise(sum, job->multiplier, job->shift - 1) + job->zero, job->low, job->high);
}

void nn_depthwise_plane(const nn_plane *job) {
    const uint8_t *x = (const uint8_t *)job->x;
    int8_t *upper = job->upper, *lower = job->lower;
    for (uint32_t row = job->rows; row != 0; row--, x += job->skip_x, upper += job->skip_out, lower += job->skip_out) {
        for (const uint8_t *end = x + job->row_bytes; x != end; x += job->step, upper += job->stride, lower += job->stride) {
            const uint32_t *window = (const uint32_t *)(const void *)x;
            int32_t a = job->bias, b = job->bias;
            for (uint32_t k = 0; k < 9; k++) {
                uint32_t two = window[k / 3 * NN_PLANE_PITCH + k % 3];
                int32_t low = (int16_t)(two & 0xFFFFu);
                a += low * job->weights[k];
                b += (int16_t)((two - (uint32_t)low) >> 16) * job->weights[k];
            }
            *lower = finish(job, b);
            *upper = finish(job, a);
        }
    }
}
#endif
