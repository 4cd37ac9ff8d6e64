/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * EXP, LOG, SIN, COS, TANH and ELU on float32, and LOG_SOFTMAX. Computed in doubles to about 2^-38 and rounded once, so that results differ
 * from an exact library's by a unit in the last place at most, and rarely by that. SIN and COS are so exact up to 2^20. */
#include "nn_float.h"
#include "nn_general.h"

static double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

static uint64_t bits_of_double(double x) {
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits;
}

static double power_of_two(int32_t k) { return double_of((uint64_t)(uint32_t)(k + 1023) << 52); }

static int32_t nearest(double x) { return (int32_t)(x < 0 ? x - 0.5 : x + 0.5); }

/* exp(x) - 1 by Taylor's series: for |x| of at most 0.35. */
static double grown(double x) {
    double y = 0;
    for (int32_t n = 11; n > 1; n--) y = (y + 1.0) * x / n;
    return (y + 1.0) * x;
}

double nn_exp(double x) {
    if (x != x) return x;
    if (x > 700.0) return double_of((uint64_t)0x7FF << 52);
    if (x < -700.0) return 0;
    int32_t k = nearest(x * 1.4426950408889634);
    return (grown(x - k * 0.6931471805599453) + 1.0) * power_of_two(k);
}

/* Of normal doubles, which all floats are. */
double nn_log(double x) {
    uint64_t bits = bits_of_double(x);
    if (x != x || bits == (uint64_t)0x7FF << 52) return x;
    if (x == 0) return double_of((uint64_t)0xFFF << 52);
    if (x < 0) return double_of((uint64_t)0x7FF8 << 48);
    int32_t k = (int32_t)(bits >> 52) - 1023;
    double m = double_of((bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1023 << 52); /* [1, 2) */
    if (m > 1.4142135623730951) m *= 0.5, k++;
    /* log m = 2 atanh(s) */
    double s = (m - 1.0) / (m + 1.0), square = s * s, y = 0;
    for (int32_t n = 15; n > 0; n -= 2) y = y * square + 1.0 / n;
    return k * 0.6931471805599453 + 2.0 * s * y;
}

/* sin(x), or cos(x) with a quarter turn more. */
static double wave(double x, int32_t quarter) {
    if (!(x > -3e38 && x < 3e38 * 2)) return double_of((uint64_t)0x7FF8 << 48);
    if (x > 1048576.0 || x < -1048576.0) {
        /* Whole turns off, at a double's precision. */
        double turns = x * 0.15915494309189535;
        if (turns > 9e15 || turns < -9e15) return 0;
        x -= (double)(int64_t)turns * 6.283185307179586;
    }
    int32_t k = nearest(x * 0.6366197723675814);
    /* A quarter turn in two parts, of which the first has 33 bits. */
    double r = (x - k * 1.5707963267341256) - k * 6.077100506506192e-11, square = r * r;
    k += quarter;
    double y = 0;
    if ((k & 1) != 0) {
        for (int32_t n = 14; n > 0; n -= 2) y = (1.0 + y) * -square / (n * (n - 1));
        y += 1.0;
    } else {
        for (int32_t n = 15; n > 1; n -= 2) y = (1.0 + y) * -square / (n * (n - 1));
        y = (y + 1.0) * r;
    }
    return (k & 2) != 0 ? -y : y;
}

/* e / (e + 2), e = exp(2x) - 1 */
double nn_tanh(double x) {
    double size = x < 0 ? -x : x, e = size < 0.15 ? grown(2 * size) : nn_exp(2 * size) - 1.0;
    double y = size > 40 ? 1.0 : e / (e + 2.0);
    return x < 0 ? -y : x != x ? x : y;
}

static double of(uint32_t what, double x) {
    switch (what) {
        case NN_EXP: return nn_exp(x);
        case NN_LOG: return nn_log(x);
        case NN_SIN: return wave(x, 0);
        case NN_COS: return wave(x, 1);
        case NN_ELU: return x >= 0 ? x : x > -0.3 ? grown(x) : nn_exp(x) - 1.0;
        default: return nn_tanh(x);
    }
}

void nn_series_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_unary_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--, in += 4, out += 4) nn_put_float(out, (float)of(l->what, (double)nn_get_float(in)));
}

void nn_log_softmax_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_softmax_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t row = l->rows; row != 0; row--, in += 4 * l->depth, out += 4 * l->depth) {
        float most = nn_get_float(in), sum = 0;
        for (uint32_t i = 1; i < l->depth; i++) {
            float x = nn_get_float(in + 4 * i);
            if (x > most) most = x;
        }
        for (uint32_t i = 0; i < l->depth; i++) sum += (float)nn_exp((double)(nn_get_float(in + 4 * i) - most));
        float level = (float)nn_log((double)sum);
        for (uint32_t i = 0; i < l->depth; i++) nn_put_float(out + 4 * i, nn_get_float(in + 4 * i) - most - level);
    }
}
