/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Functions of one number: floats that need no series; int16; from one integer type and scale to another. They work in place where sizes
 * are equal. */
#include "nn_float.h"
#include "nn_general.h"

/* Rounded down: floats of 2^23 and more are whole. */
static float down(float x) {
    if (!(x > -8388608.0f && x < 8388608.0f)) return x;
    float whole = (float)(int32_t)x;
    if (whole > x) whole -= 1.0f;
    /* -0 stays, and what is between -0 and 0 keeps its sign. */
    return nn_float_of(nn_bits_of(whole) | (whole == 0.0f ? nn_bits_of(x) & 0x80000000u : 0));
}

static float up(float x) { return nn_float_of(nn_bits_of(down(nn_float_of(nn_bits_of(x) ^ 0x80000000u))) ^ 0x80000000u); }

static float nearest(float x) {
    float low = down(x), rest = x - low;
    if (rest < 0.5f || (rest == 0.5f && ((int32_t)low & 1) == 0)) return low;
    return low + 1.0f;
}

/* The square root, correctly rounded, digit by digit. */
float nn_root(float x) {
    uint32_t bits = nn_bits_of(x);
    if (bits << 1 == 0 || bits == 0x7F800000u) return x;
    if (bits >= 0x7F800000u) return nn_float_of(0x7FC00000u);
    int32_t exponent = (int32_t)(bits >> 23), place;
    uint32_t mantissa = bits & 0x7FFFFFu;
    if (exponent == 0) {
        place = __builtin_clz(mantissa) - 8;
        mantissa <<= place;
        exponent = 1 - place;
    } else {
        mantissa |= 0x800000u;
    }
    exponent -= 127;
    if ((exponent & 1) != 0) mantissa <<= 1;
    exponent = (exponent - (exponent & 1)) / 2;
    /* root = floor(sqrt(mantissa * 2^25)): 25 bits, of which the last decides the rounding. */
    uint64_t rest = (uint64_t)mantissa << 25;
    uint32_t root = 0;
    for (uint32_t bit = 1u << 24; bit != 0; bit >>= 1) {
        uint64_t trial = (uint64_t)(root | bit) * (root | bit);
        if (trial <= rest) root |= bit;
    }
    /* A root never lies halfway: that would take a mantissa of twice the length. */
    root = (root + 1) >> 1;
    return nn_float_of(((uint32_t)(exponent + 126) << 23) + root);
}

/* The remainder of x / y with the sign of x, exact. */
float nn_modulo(float x, float y) {
    uint32_t a = nn_bits_of(x) & 0x7FFFFFFFu, b = nn_bits_of(y) & 0x7FFFFFFFu, sign = nn_bits_of(x) & 0x80000000u;
    if (a >= 0x7F800000u || b > 0x7F800000u || b == 0) return nn_float_of(0x7FC00000u);
    if (a < b) return x;
    int32_t ea = (int32_t)(a >> 23), eb = (int32_t)(b >> 23);
    uint32_t ma = ea != 0 ? (a & 0x7FFFFFu) | 0x800000u : a, mb = eb != 0 ? (b & 0x7FFFFFu) | 0x800000u : b;
    if (ea == 0) ea = 1;
    if (eb == 0) eb = 1;
    for (; ea > eb; ea--) ma = (ma >= mb ? ma - mb : ma) << 1;
    if (ma >= mb) ma -= mb;
    if (ma == 0) return nn_float_of(sign);
    int32_t shift = __builtin_clz(ma) - 8;
    if (shift >= eb) shift = eb - 1; /* subnormal */
    ma <<= shift, eb -= shift;
    return nn_float_of(sign | ((ma & 0x800000u) != 0 ? (uint32_t)eb << 23 | (ma & 0x7FFFFFu) : ma));
}

static float plain(const nn_unary_layer *l, float x) {
    switch (l->what) {
        case NN_ABS: return nn_float_of(nn_bits_of(x) & 0x7FFFFFFFu);
        case NN_NEG: return nn_float_of(nn_bits_of(x) ^ 0x80000000u);
        case NN_SQUARE: return x * x;
        case NN_SQRT: return nn_root(x);
        case NN_RSQRT: return 1.0f / nn_root(x);
        case NN_FLOOR: return down(x);
        case NN_CEIL: return up(x);
        case NN_ROUND: return nearest(x);
        case NN_LEAKY_RELU: return x > 0.0f ? x : x * l->alpha;
        default: { /* HARD_SWISH */
            float y = x + 3.0f;
            y = y < 0.0f ? 0.0f : y > 6.0f ? 6.0f : y;
            return x * y / 6.0f;
        }
    }
}

void nn_unary_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_unary_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--, in += 4, out += 4) nn_put_float(out, plain(l, nn_get_float(in)));
}

void nn_rescale(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_rescale_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    uint32_t from = nn_size_of(l->from), to = nn_size_of(l->to);
    for (uint32_t n = l->count; n != 0; n--, in += from, out += to) {
        int32_t x = nn_plus(nn_load(in, l->from), -l->zero[0]);
        int32_t y = x >= 0 ? nn_scaled(x, &l->above) : l->after * nn_scaled(l->before * x, &l->below);
        nn_store(out, l->to, nn_clamp(nn_plus(y, l->zero[1]), l->low, l->high));
    }
}

/* Interpolated in the table of a sigmoid of 0 to 10.7. */
void nn_sigmoid_s16(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_sigmoid_s16_layer *l = layer;
    const int16_t *in = nn_at(plan, arena, l->input);
    const uint16_t *table = nn_at(plan, arena, l->table);
    int16_t *out = (int16_t *)(void *)(arena + l->output);
    uint32_t down_by = l->tanh ? 8 : 9;
    for (uint32_t n = l->count; n != 0; n--) {
        int32_t x = (*in++ * l->multiplier + (l->shift != 0 ? 1 << (l->shift - 1) : 0)) >> l->shift;
        uint32_t size = x < 0 ? 0u - (uint32_t)x : (uint32_t)x, place = size >> down_by, fraction = size & ((1u << down_by) - 1u);
        uint32_t y;
        if (place >= 255) y = l->tanh ? 0xFFFFu << 8 : 0x7FFFu << 10;
        else y = ((uint32_t)table[place] << down_by) + fraction * (uint32_t)(table[place + 1] - table[place]);
        if (l->tanh) *out++ = (int16_t)((x >= 0 ? (int32_t)y - (1 << 23) + (1 << 7) : (1 << 23) - (int32_t)y + (1 << 7) - 1) >> 8);
        else *out++ = (int16_t)((x >= 0 ? y + (1u << 9) : (1u << 25) - y + (1u << 9) - 1u) >> 10);
    }
}

/* Bytes that are truth values, the other way round; or whether numbers are not 0. */
void nn_truth(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_unary_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--, in += nn_size_of(l->type)) {
        int32_t x = nn_load(in, l->type);
        *out++ = (uint8_t)(((l->type == NN_F32 ? (uint32_t)x << 1 : (uint32_t)x) != 0) != (l->what == NN_NOT));
    }
}
