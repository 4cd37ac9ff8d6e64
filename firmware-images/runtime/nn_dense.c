/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * FULLY_CONNECTED, int8.
 *
 * Each weight is used once, so what counts is how it comes from flash. A word holds the weights of four channels for one input, as bytes
 * without sign, u = w + 128: two masks make two pairs of them, u + u' * 2^16, and one multiplication by the input serves two channels. What
 * the 128s and the signs add is the same for all channels: it is worked out once for every two inputs and lies beside them in scratch. */
#include "nn_math.h"
#include "nn_plan.h"

/* sums[k] += x . w_k for four channels and `pairs` pairs of inputs. `x` holds three words per pair: both inputs and NN_PAIR_START less
 * (x + x') * 0x00800080. Returns the end of the weights. */
const uint32_t *nn_dense_four(const uint32_t *x, uint32_t pairs, const uint32_t *w, int32_t sums[4]);

/* x.u + x'.u' + this has 32767 more than the sum of the low channel in its low half, which is then from 255 to 65535, and one less than
 * that of the high channel in its high half, from -32513 to 32767: two products of bytes make -2 * 128 * 127 to 2 * 128 * 128. */
#define NN_PAIR_START (0x7FFFu - 0x10000u)

static void prepare(const int8_t *x, uint32_t count, uint32_t *to) {
    for (; count >= 2; count -= 2, x += 2, to += 3) {
        int32_t a = x[0], b = x[1];
        to[0] = (uint32_t)a;
        to[1] = (uint32_t)b;
        to[2] = NN_PAIR_START - (uint32_t)(a + b) * 0x00800080u;
    }
    if (count != 0) {
        to[0] = (uint32_t)x[0];
        to[1] = 0;
        to[2] = NN_PAIR_START - to[0] * 0x00800080u;
    }
}

/* What all channels' outputs have in common, out of slow flash. */
typedef struct {
    int32_t zero, low, high;
} nn_outputs;

static inline int8_t finish(int32_t sum, const nn_channel *c, const nn_outputs *o) {
    return (int8_t)nn_clamp(nn_requantise(sum, c->multiplier, c->shift) + o->zero, o->low, o->high);
}

static void finish_four(const int32_t *sum, const nn_channel *c, const nn_outputs *outputs, int8_t *out) {
    const nn_outputs o = *outputs;
    for (int8_t *end = out + 4; out != end; c++) *out++ = finish(*sum++, c, &o);
}

/* The blocks of four channels, for one vector; returns the end of their weights. */
static const uint32_t *blocks(const nn_fully_connected_layer *l, uint8_t *arena, const nn_channel *c, const uint32_t *w, const int8_t *in,
                              const nn_outputs *outputs, int8_t *out) {
    const uint32_t channels = l->channels, chunk = l->chunk, step = chunk < l->depth ? 4 : 0;
    uint32_t *x = (uint32_t *)(void *)(arena + l->scratch);
    int32_t *sums = (int32_t *)(void *)(arena + l->sums), *sum;
    uint32_t left = l->depth, taps;
    for (int first = 1; left != 0; left -= taps, in += taps, first = 0) {
        taps = left < chunk ? left : chunk;
        prepare(in, taps, x);
        sum = sums;
        for (uint32_t channel = 0; channel + 4 <= channels; channel += 4, sum += step) {
            const nn_channel *own = c + channel;
            if (first) sum[0] = own[0].bias, sum[1] = own[1].bias, sum[2] = own[2].bias, sum[3] = own[3].bias;
            w = nn_dense_four(x, (taps + 1) / 2, w, sum);
            if (taps == left) finish_four(sum, own, outputs, out + channel);
        }
    }
    return w;
}

void nn_fully_connected_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_fully_connected_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    const nn_channel *constants = nn_at(plan, arena, l->constants);
    const nn_outputs outputs = {l->zero, l->low, l->high};
    for (uint32_t row = l->rows; row != 0; row--, in += l->depth, out += l->channels) {
        const uint32_t *w = blocks(l, arena, constants, nn_at(plan, arena, l->weights), in, &outputs, out);
        for (uint32_t channel = l->channels & ~3u; channel < l->channels; channel++) {
            int32_t sum = constants[channel].bias;
            for (const int8_t *x = in, *end = in + l->depth; x < end; x += 4) {
                uint32_t four = *w++;
                sum += x[0] * (int8_t)four + x[1] * (int8_t)(four >> 8) + x[2] * (int8_t)(four >> 16) + x[3] * (int8_t)(four >> 24);
            }
            out[channel] = finish(sum, constants + channel, &outputs);
        }
    }
}

#if !NN_CORTEX_M3 /* otherwise in nn_dense_m3.c */
const uint32_t *nn_dense_four(const uint32_t *x, uint32_t pairs, const uint32_t *w, int32_t sums[4]) {
    for (; pairs != 0; pairs--, x += 3) {
        for (int half = 0; half < 2; half++) {
            uint32_t four = *w++ ^ 0x80808080u;
            for (int k = 0; k < 4; k++) sums[k] += (int32_t)x[half] * (int8_t)(four >> (8 * k));
        }
    }
    return w;
}
#endif
