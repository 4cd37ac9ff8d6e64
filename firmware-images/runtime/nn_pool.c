/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * AVERAGE_POOL_2D and MAX_POOL_2D, int8. The part of a window that lies outside the input does not count. */
#include "nn_math.h"
#include "nn_plan.h"

typedef struct {
    const int8_t *from;    /* first input of the window, channel 0 */
    uint32_t h, w;         /* the window's part within the input */
} nn_window;

static nn_window window(const nn_pool_layer *l, const int8_t *in, uint32_t oy, uint32_t ox) {
    int32_t y = (int32_t)(oy * l->stride_h) - l->pad_top, x = (int32_t)(ox * l->stride_w) - l->pad_left;
    int32_t y1 = y + (int32_t)l->filter_h, x1 = x + (int32_t)l->filter_w;
    y = y < 0 ? 0 : y;
    x = x < 0 ? 0 : x;
    y1 = y1 > (int32_t)l->in_h ? (int32_t)l->in_h : y1;
    x1 = x1 > (int32_t)l->in_w ? (int32_t)l->in_w : x1;
    nn_window w = {in + ((uint32_t)y * l->in_w + (uint32_t)x) * l->channels, (uint32_t)(y1 - y), (uint32_t)(x1 - x)};
    return w;
}

/* The sums of four channels at once, over a window: bytes without their sign add up in halves of words, 257 of them before one overflows.
 * `p` is aligned, and so are its rows. */
static void four_sums(const uint32_t *p, const nn_window *w, uint32_t row, uint32_t step, int32_t sums[4]) {
    uint32_t even = 0, odd = 0, left = 256;
    sums[0] = sums[1] = sums[2] = sums[3] = -128 * (int32_t)(w->h * w->w);
    for (uint32_t y = w->h; y != 0; y--, p += row - w->w * step) {
        for (uint32_t x = w->w; x != 0; x--, p += step) {
            uint32_t word = *p ^ 0x80808080u;
            even += word & 0x00FF00FFu;
            odd += word >> 8 & 0x00FF00FFu;
            if (--left == 0) {
                sums[0] += (int32_t)(even & 0xFFFFu), sums[2] += (int32_t)(even >> 16);
                sums[1] += (int32_t)(odd & 0xFFFFu), sums[3] += (int32_t)(odd >> 16);
                even = odd = 0, left = 256;
            }
        }
    }
    sums[0] += (int32_t)(even & 0xFFFFu), sums[2] += (int32_t)(even >> 16);
    sums[1] += (int32_t)(odd & 0xFFFFu), sums[3] += (int32_t)(odd >> 16);
}

static int8_t mean_of(int32_t sum, int32_t count, const nn_pool_layer *l) {
    sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    return (int8_t)nn_clamp(sum, l->low, l->high);
}

void nn_average_pool_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_pool_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    uint32_t step = l->channels, row = l->in_w * step;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * row) {
        for (uint32_t oy = 0; oy < l->out_h; oy++) {
            for (uint32_t ox = 0; ox < l->out_w; ox++) {
                nn_window w = window(l, in, oy, ox);
                int32_t count = (int32_t)(w.h * w.w);
                uint32_t c = 0;
                if (((uintptr_t)w.from & 3u) == 0 && (step & 3u) == 0) {
                    for (; c < step; c += 4) {
                        int32_t sums[4];
                        four_sums((const uint32_t *)(const void *)(w.from + c), &w, row / 4, step / 4, sums);
                        for (int k = 0; k < 4; k++) *out++ = mean_of(sums[k], count, l);
                    }
                }
                for (; c < step; c++) {
                    int32_t sum = 0;
                    const int8_t *line = w.from + c;
                    for (uint32_t y = w.h; y != 0; y--, line += row) {
                        const int8_t *p = line;
                        for (uint32_t x = w.w; x != 0; x--, p += step) sum += *p;
                    }
                    *out++ = mean_of(sum, count, l);
                }
            }
        }
    }
}

void nn_max_pool_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_pool_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    uint32_t step = l->channels, row = l->in_w * step;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * row) {
        for (uint32_t oy = 0; oy < l->out_h; oy++) {
            for (uint32_t ox = 0; ox < l->out_w; ox++) {
                nn_window w = window(l, in, oy, ox);
                uint32_t c = 0;
                if (w.h == 2 && w.w == 2) { /* the usual window */
                    const int8_t *p = w.from, *q = p + row;
                    for (; c < step; c++, p++, q++) {
                        int32_t a = p[0], b = p[step], d = q[0], e = q[step];
                        a = a < b ? b : a;
                        d = d < e ? e : d;
                        *out++ = (int8_t)nn_clamp(a < d ? d : a, l->low, l->high);
                    }
                }
                for (; c < step; c++) {
                    int32_t most = l->low;
                    const int8_t *line = w.from + c;
                    for (uint32_t y = w.h; y != 0; y--, line += row) {
                        const int8_t *p = line;
                        for (uint32_t x = w.w; x != 0; x--, p += step) most = *p > most ? *p : most;
                    }
                    *out++ = (int8_t)(most > l->high ? l->high : most);
                }
            }
        }
    }
}
