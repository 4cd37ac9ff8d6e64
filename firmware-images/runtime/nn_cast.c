/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * CAST, QUANTIZE and DEQUANTIZE between number types. Float arithmetic by the compiler's library. */
#include "nn_plan.h"

#include <string.h>

static int32_t load_integer(const uint8_t *p, uint32_t type) {
    int16_t half;
    int32_t word;
    switch (type) {
        case NN_U8: return *p;
        case NN_S16: memcpy(&half, p, 2); return half;
        case NN_S32: memcpy(&word, p, 4); return word;
        default: return (int8_t)*p;
    }
}

static void store_integer(uint8_t *p, uint32_t type, int32_t value) {
    uint32_t size = type == NN_S32 ? 4 : type == NN_S16 ? 2 : 1; /* little-endian */
    memcpy(p, &value, size);
}

static uint32_t size_of(uint32_t type) { return type == NN_F32 || type == NN_S32 ? 4 : type == NN_S16 ? 2 : 1; }

/* The integer towards zero, for any float. */
static int32_t truncated(float x) {
    if (!(x > -2147483648.0f)) return x != x ? 0 : INT32_MIN;
    return x >= 2147483648.0f ? INT32_MAX : (int32_t)x;
}

void nn_cast(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_cast_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    uint32_t in_size = size_of(l->from), out_size = size_of(l->to);
    for (uint32_t n = l->count; n != 0; n--, in += in_size, out += out_size) {
        float real;
        if (l->from == NN_F32) {
            memcpy(&real, in, 4);
            if (l->to == NN_F32) {
                memcpy(out, &real, 4);
                continue;
            }
            if (l->scale != 0) {
                /* Half away from zero, then the zero point, then the type's range. */
                real /= l->scale;
                int32_t whole = truncated(real);
                float rest = real - (float)whole;
                if (whole > -(1 << 24) && whole < 1 << 24) whole += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
                int64_t value = (int64_t)whole + l->zero;
                whole = value < l->low ? l->low : value > l->high ? l->high : (int32_t)value;
                store_integer(out, l->to, whole);
            } else {
                store_integer(out, l->to, truncated(real));
            }
        } else {
            int32_t value = load_integer(in, l->from);
            if (l->to == NN_F32) {
                real = l->scale != 0 ? l->scale * (float)(value - l->zero) : (float)value;
                memcpy(out, &real, 4);
            } else {
                store_integer(out, l->to, value);
            }
        }
    }
}
