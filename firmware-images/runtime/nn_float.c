/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * FULLY_CONNECTED, LOGISTIC and SOFTMAX on float32, for a core without floating point.
 *
 * A product and a sum of floats cost about a hundred cycles in software. Here a vector of inputs is brought to one exponent first, the
 * weights' rows already are, and the dot product is one of integers with 64-bit sums: exact for what it is given, so that the only errors
 * are those of bringing to one exponent, 2^-24 or less of the vector's greatest number. Inputs that are not finite make outputs NaN. */
#include "nn_fixed.h"
#include "nn_float.h"
#include "nn_plan.h"

#include <string.h>

/* x * 2^exponent; what is too small becomes 0, what is too large infinity. */
static float scaled(float x, int32_t exponent) {
    uint32_t bits = nn_bits_of(x);
    int32_t own = (int32_t)(bits >> 23 & 255u);
    if (own == 0) return 0;
    own += exponent;
    if (own <= 0) return nn_float_of(bits & 0x80000000u);
    if (own >= 255) return nn_float_of((bits & 0x80000000u) | 0x7F800000u);
    return nn_float_of((bits & 0x807FFFFFu) | (uint32_t)own << 23);
}

/* x * 2^exponent of a wide integer. */
static float from_wide(int64_t x, int32_t exponent) {
    uint64_t size = x < 0 ? -(uint64_t)x : (uint64_t)x;
    if (size == 0) return 0;
    int32_t shift = 33 - __builtin_clzll(size); /* keep 31 bits, more than a float has */
    int32_t kept = shift > 0 ? (int32_t)(size >> shift) : (int32_t)(size << -shift);
    return scaled((float)(x < 0 ? -kept : kept), shift + exponent);
}

/* Brings x to integers q * 2^(exponent - bits), |q| <= 2^bits; 0 when one of them is not finite. */
static int to_common(const uint8_t *x, uint32_t count, uint32_t bits, int32_t *q, int32_t *exponent) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, x + 4 * i, 4);
        word &= 0x7FFFFFFFu;
        most = word > most ? word : most;
    }
    int32_t top = (int32_t)(most >> 23);
    if (top == 255) return 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, x + 4 * i, 4);
        uint32_t own = word >> 23 & 255u, size = own != 0 ? (word & 0x7FFFFFu) | 0x800000u : 0;
        uint32_t down = 24u - bits + (uint32_t)top - own; /* may be negative: then up, by up to five bits */
        if ((int32_t)down <= 0) size <<= -down & 31u;
        else size = down < 32 ? (size + (1u << (down - 1))) >> down : 0;
        q[i] = (word >> 31) != 0 ? -(int32_t)size : (int32_t)size;
    }
    *exponent = top - 126;
    return 1;
}

void nn_fully_connected_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_float_dense_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    int32_t *x = (int32_t *)(void *)(arena + l->scratch);
    for (uint32_t row = l->rows; row != 0; row--, in += 4 * l->depth) {
        const int32_t *w = nn_at(plan, arena, l->weights);
        const nn_float_channel *c = nn_at(plan, arena, l->constants);
        int32_t exponent = 0;
        int finite = to_common(in, l->depth, l->bits, x, &exponent);
        for (uint32_t beyond = l->depth; (beyond & 3u) != 0;) x[beyond++] = 0;
        exponent -= (int32_t)l->bits + 29;
        for (uint32_t channel = l->channels; channel != 0; channel--, c++, out += 4) {
            int64_t sum = 0;
            for (const int32_t *p = x, *end = x + l->depth; p < end; p += 4, w += 4) {
                sum += (int64_t)p[0] * w[0];
                sum += (int64_t)p[1] * w[1];
                sum += (int64_t)p[2] * w[2];
                sum += (int64_t)p[3] * w[3];
            }
            float y = from_wide(sum, exponent + c->exponent) + nn_float_of(c->bias);
            int32_t place = nn_ordered(nn_bits_of(y));
            if (place < l->low) place = l->low;
            if (place > l->high) place = l->high;
            y = finite ? nn_float_of((uint32_t)nn_ordered((uint32_t)place)) : nn_float_of(0x7FC00000u);
            memcpy(out, &y, 4);
        }
    }
}

/* exp(-x) * 2^k, with 31 fractional bits, of a float's bits in [0, 87]. */
static int32_t exp_of(uint32_t size, int32_t *k) {
    /* x with 24 fractional bits = k ln 2 + rest; exp(-x) = exp(-rest) / 2^k */
    int32_t shift = 126 - (int32_t)(size >> 23), mantissa = (int32_t)((size & 0x7FFFFFu) | 0x800000u);
    int32_t x = shift >= 24 ? 0 : shift >= 0 ? mantissa >> shift : mantissa << -shift;
    *k = (int32_t)(((int64_t)x * 1549082005) >> 54);                   /* log2(e), 30 bits */
    int64_t rest = ((int64_t)x << 7) - (int64_t)*k * 1488522236;       /* ln(2), 31 bits */
    return nn_exp_q5(-(int32_t)(rest >> 5));
}

void nn_logistic_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_float_map_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--, in += 4, out += 4) {
        uint32_t word;
        memcpy(&word, in, 4);
        int negative = (word >> 31) != 0;
        uint32_t size = word & 0x7FFFFFFFu;
        float y;
        if (size > 0x7F800000u) {
            y = nn_float_of(0x7FC00000u);
        } else if (size >= 0x42AE0000u) { /* beyond 87, exp(-|x|) is no normal float */
            y = negative ? 0.0f : 1.0f;
        } else {
            int32_t k, e = exp_of(size, &k);
            int32_t share = nn_reciprocal(k < 31 ? e >> k : 0); /* 1 / (1 + e / 2^k) */
            y = negative ? from_wide((int64_t)e * share, -62 - k) : from_wide(share, -31);
        }
        memcpy(out, &y, 4);
    }
}

/* exp(x - most) / their sum; what is not finite makes the row NaN. Works in place. */
void nn_softmax_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_float_softmax_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t row = l->rows; row != 0; row--, in += 4 * l->depth, out += 4 * l->depth) {
        float most = nn_get_float(in), sum = 0;
        for (uint32_t i = 1; i < l->depth; i++) {
            float x = nn_get_float(in + 4 * i);
            most = nn_ordered(nn_bits_of(x)) > nn_ordered(nn_bits_of(most)) ? x : most;
        }
        for (uint32_t i = 0; i < l->depth; i++) {
            uint32_t size = nn_bits_of((nn_get_float(in + 4 * i) - most) * l->beta) & 0x7FFFFFFFu;
            int32_t k;
            float y = size >= 0x42AE0000u ? (size > 0x7F800000u ? nn_float_of(0x7FC00000u) : 0.0f) : from_wide(exp_of(size, &k), -31);
            if (size < 0x42AE0000u) y = scaled(y, -k);
            nn_put_float(out + 4 * i, y);
            sum += y;
        }
        for (uint32_t i = 0; i < l->depth; i++) nn_put_float(out + 4 * i, nn_get_float(out + 4 * i) / sum);
    }
}
