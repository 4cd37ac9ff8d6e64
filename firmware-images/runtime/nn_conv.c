/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * CONV_2D, int8, and with int8 weights on floats that were brought to int8 before.
 *
 * Four output pixels are computed together. What the window sees at them is copied once per tile of pixels into words of two pixels each,
 * x0 + x1 * 2^16, so that one multiplication serves both; the copy serves all output channels, takes care of the borders, and lets a 1x1
 * convolution overwrite its own input. A channel's weights are copied from flash once per tile. The inner loop, nn_conv_quads, then reads
 * SRAM only. */
#include "nn_math.h"
#include "nn_parts.h"
#include "nn_plan.h"

#include <string.h>

void nn_conv_quads(nn_quads *job);

/* Copies `count` values for four pixels whose inputs start at p[0..3]. */
static uint32_t *pack(uint32_t *to, const int8_t *const p[4], uint32_t count) {
    const int8_t *p0 = p[0], *p1 = p[1], *p2 = p[2], *p3 = p[3];
    for (const int8_t *end = p0 + count; p0 != end; to += 2) {
        uint32_t x0 = (uint32_t)*p0++, x1 = (uint32_t)*p1++, x2 = (uint32_t)*p2++, x3 = (uint32_t)*p3++;
        to[0] = x0 + (x1 << 16);
        to[1] = x2 + (x3 << 16);
    }
    return to;
}

/* One tap of a window that reaches over the border: four pointers, to the input or to nothing (NULL stands for the zero point). */
static uint32_t *pack_border(uint32_t *to, const int8_t *const p[4], uint32_t count, int32_t zero) {
    for (uint32_t i = 0; i < count; i++, to += 2) {
        uint32_t x[4];
        for (int k = 0; k < 4; k++) x[k] = (uint32_t)(p[k] ? p[k][i] : zero);
        to[0] = x[0] + (x[1] << 16);
        to[1] = x[2] + (x[3] << 16);
    }
    return to;
}

/* A map of inputs and where the first window stands on it. */
typedef struct {
    const int8_t *in;
    uint32_t h, w;
    int32_t top, left;     /* rows and columns of border before the first input */
    int32_t zero;          /* what the border holds */
} nn_map;

/* The input with its border, copied to scratch memory, where that is cheaper than telling border from input at every window. */
static nn_map with_border(const nn_conv_layer *l, const nn_map *map, int8_t *to) {
    uint32_t h = (l->out_h - 1) * l->stride_h + (l->kernel_h - 1) * l->dilation_h + 1;
    uint32_t w = (l->out_w - 1) * l->stride_w + (l->kernel_w - 1) * l->dilation_w + 1;
    uint32_t top = (uint32_t)map->top, left = (uint32_t)map->left, row = w * l->in_c;
    uint32_t rows = h - top < map->h ? h - top : map->h, columns = w - left < map->w ? w - left : map->w;
    memset(to, map->zero, h * row);
    for (uint32_t y = 0; y < rows; y++)
        memcpy(to + (top + y) * row + left * l->in_c, map->in + y * map->w * l->in_c, columns * l->in_c);
    nn_map whole = {to, h, w, 0, 0, map->zero};
    return whole;
}

/* What the window sees at four consecutive output pixels from `pixel` on, in the order of the weights. */
static void gather(const nn_conv_layer *l, const nn_map *map, uint32_t pixel, uint32_t pixels, uint32_t *to) {
    int32_t y[4], x[4];
    int inside = 1;
    int32_t reach_h = (int32_t)((l->kernel_h - 1) * l->dilation_h), reach_w = (int32_t)((l->kernel_w - 1) * l->dilation_w);
    uint32_t row = pixel / l->out_w, column = pixel % l->out_w;
    for (uint32_t k = 0; k < 4; k++) {
        y[k] = (int32_t)(row * l->stride_h) - map->top;
        x[k] = (int32_t)(column * l->stride_w) - map->left;
        inside &= y[k] >= 0 && x[k] >= 0 && y[k] + reach_h < (int32_t)map->h && x[k] + reach_w < (int32_t)map->w;
        if (pixel + k + 1 < pixels && ++column == l->out_w) column = 0, row++; /* beyond the last pixel: the last again */
    }
    uint32_t pitch = map->w * l->in_c;
    const int8_t *p[4];
    for (uint32_t ky = 0; ky < l->kernel_h; ky++) {
        int32_t dy = (int32_t)(ky * l->dilation_h);
        if (inside && l->dilation_w == 1) {
            for (int k = 0; k < 4; k++) p[k] = map->in + (uint32_t)(y[k] + dy) * pitch + (uint32_t)x[k] * l->in_c;
            to = pack(to, p, l->kernel_w * l->in_c);
            continue;
        }
        for (uint32_t kx = 0; kx < l->kernel_w; kx++) {
            int32_t dx = (int32_t)(kx * l->dilation_w);
            for (int k = 0; k < 4; k++) {
                int32_t iy = y[k] + dy, ix = x[k] + dx;
                int out = iy < 0 || ix < 0 || iy >= (int32_t)map->h || ix >= (int32_t)map->w;
                p[k] = out ? NULL : map->in + (uint32_t)iy * pitch + (uint32_t)ix * l->in_c;
            }
            to = pack_border(to, p, l->in_c, map->zero);
        }
    }
    /* Weights are zero here; the words only have to hold something of the allowed size. */
    if (((l->kernel_h * l->kernel_w * l->in_c) & 1u) != 0) to[0] = to[1] = 0;
}

/* Copies a channel's weights, whole words, in pieces that compilers move by multiple loads: fewer instructions compete for flash. */
static void stage(int8_t *to, const uint8_t *from, uint32_t bytes) {
    typedef struct {
        uint32_t words[4];
    } nn_piece;
    nn_piece *t = (nn_piece *)(void *)to;
    const nn_piece *f = (const void *)from;
    for (; bytes >= 32; bytes -= 32, t += 2, f += 2) t[0] = f[0], t[1] = f[1];
    for (; bytes >= 16; bytes -= 16) *t++ = *f++;
    for (uint32_t word = 0; word < bytes / 4; word++) t->words[word] = f->words[word];
}

/* A hybrid layer's part: it takes the sums themselves, and makes floats of them. A pointer, so that int8 layers link no floats. */
typedef struct nn_floats {
    void (*put)(const struct nn_floats *to, const nn_hybrid_channel *channel, uint32_t count, uint8_t *out);
    const nn_hybrid_conv_layer *layer;
    const nn_scale *scale; /* of the input */
    int32_t *sums;         /* of one channel at the pixels of a tile */
} nn_floats;

/* The layer, for one batch. Without `floats`, outputs are int8 as the layer says. */
static void conv_packed(const uint8_t *plan, uint8_t *arena, const nn_conv_layer *l, const int8_t *in, uint8_t *out,
                        const nn_floats *floats) {
    uint32_t *tile = (uint32_t *)(void *)(arena + l->tile);
    int8_t *staged = (int8_t *)(arena + l->staged);
    uint32_t pixels = l->out_h * l->out_w;
    int pointwise = l->kernel_h == 1 && l->kernel_w == 1 && l->stride_h == 1 && l->stride_w == 1;
    nn_quads job;
    job.weights = staged;
    job.taps = l->taps;
    job.stride = l->out_c;
    job.zero = l->zero;
    job.range = floats ? NN_RANGE_SUMS : nn_range_of(l->zero, l->low, l->high);
    job.low = l->low;
    job.high = l->high;
    nn_map map = {in, l->in_h, l->in_w, l->pad_top, l->pad_left, floats ? floats->scale->zero : l->in_zero};
    if (l->border != 0) map = with_border(l, &map, (int8_t *)(arena + l->bordered));
    for (uint32_t first = 0; first < pixels; first += 4 * l->tile_quads) {
        uint32_t count = pixels - first < 4 * l->tile_quads ? pixels - first : 4 * l->tile_quads;
        uint32_t *to = tile;
        for (uint32_t pixel = first; pixel < first + count; pixel += 4, to += 2 * l->taps) {
            if (pointwise && pixel + 4 <= pixels) {
                const int8_t *p0 = in + pixel * l->in_c;
                const int8_t *const p[4] = {p0, p0 + l->in_c, p0 + 2 * l->in_c, p0 + 3 * l->in_c};
                uint32_t *end = pack(to, p, l->in_c);
                if ((l->in_c & 1u) != 0) end[0] = end[1] = 0;
            } else {
                gather(l, &map, pixel, pixels, to);
            }
        }
        const nn_channel *c = nn_at(plan, arena, l->constants);
        const uint8_t *w = nn_at(plan, arena, l->weights);
        job.x = tile;
        job.pixels = count;
        for (uint32_t channel = 0; channel < l->out_c; channel++, c++, w += l->row_bytes) {
            stage(staged, w, l->row_bytes);
            if (floats) {
                const nn_hybrid_channel *own = (const void *)c; /* as large */
                job.bias = -floats->scale->zero * own->sum;
                job.start = (int32_t)((uint32_t)job.bias - l->taps / 2 * 0x8000u);
                job.out = (int8_t *)floats->sums;
                nn_conv_quads(&job);
                floats->put(floats, own, count, out + 4 * (first * l->out_c + channel));
                continue;
            }
            job.bias = c->bias;
            job.start = (int32_t)((uint32_t)c->bias - l->taps / 2 * 0x8000u);
            job.multiplier = c->multiplier;
            job.half = nn_half(c->shift, l->zero);
            job.shift = c->shift + 1;
            job.out = (int8_t *)out + first * l->out_c + channel;
            nn_conv_quads(&job);
        }
    }
}

void nn_conv_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_conv_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--) {
        conv_packed(plan, arena, l, in, out, NULL);
        in += l->in_h * l->in_w * l->in_c;
        out += l->out_h * l->out_w * l->out_c;
    }
}

static void put_floats(const nn_floats *to, const nn_hybrid_channel *channel, uint32_t count, uint8_t *out) {
    const int32_t *sum = to->sums;
    for (uint32_t step = 4 * to->layer->conv.out_c; count != 0; count--, out += step)
        nn_put_float(out, nn_hybrid_output(&to->layer->hybrid, channel, to->scale, *sum++));
}

void nn_conv_hybrid(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_hybrid_conv_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->conv.input);
    uint8_t *out = arena + l->conv.output;
    nn_floats floats = {put_floats, l, nn_at(plan, arena, l->hybrid.scales), (int32_t *)(void *)(arena + l->sums)};
    for (uint32_t batch = l->conv.batches; batch != 0; batch--, floats.scale++) {
        conv_packed(plan, arena, &l->conv, in, out, &floats);
        in += l->conv.in_h * l->conv.in_w * l->conv.in_c;
        out += 4 * l->conv.out_h * l->conv.out_w * l->conv.out_c;
    }
}

#if !NN_CORTEX_M3 /* otherwise in nn_conv_m3.c */
void nn_conv_quads(nn_quads *job) {
    const uint32_t *x = job->x;
    int8_t *out = job->out;
    for (uint32_t left = job->pixels; left != 0; x += 2 * job->taps) {
        int32_t sums[4] = {job->bias, job->bias, job->bias, job->bias};
        for (uint32_t tap = 0; tap < job->taps; tap++) {
            for (uint32_t half = 0; half < 2; half++) {
                uint32_t two = x[2 * tap + half];
                int32_t low = (int16_t)(two & 0xFFFFu);
                sums[2 * half] += low * job->weights[tap];
                sums[2 * half + 1] += (int16_t)((two - (uint32_t)low) >> 16) * job->weights[tap];
            }
        }
        if (job->range == NN_RANGE_SUMS) {
            uint32_t count = left < 4 ? left : 4;
            memcpy(out, sums, 4 * count);
            out += 4 * count;
            left -= count;
            continue;
        }
        for (uint32_t k = 0; k < 4 && left != 0; k++, left--, out += job->stride) {
            int32_t y = nn_requantise(sums[k], job->multiplier, job->shift - 1);
            *out = (int8_t)nn_clamp(y + job->zero, job->low, job->high);
        }
    }
}
#endif
