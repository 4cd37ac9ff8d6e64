/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Along rows and other dimensions, in their general form: SOFTMAX on int16, LOG_SOFTMAX, L2_NORMALIZATION, ARG_MAX and ARG_MIN, CUMSUM,
 * reductions. Integers in the reference's fixed-point arithmetic. */
#include "nn_fixed.h"
#include "nn_float.h"
#include "nn_general.h"

/* Interpolated in a table of 513. */
static int32_t looked_up(const int16_t *table, int32_t x) {
    const int16_t *base = table + 256 + (x >> 7);
    int32_t slope = (int16_t)(base[1] - base[0]);
    return (int16_t)(base[0] + ((slope * (x & 127) + 64) >> 7));
}

void nn_softmax_s16(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_softmax_layer *l = layer;
    const int16_t *in = nn_at(plan, arena, l->input), *exponential = nn_at(plan, arena, l->exponential), *inverse = nn_at(plan, arena, l->reciprocal);
    int16_t *out = (int16_t *)(void *)(arena + l->output);
    for (uint32_t row = l->rows; row != 0; row--, in += l->depth, out += l->depth) {
        int32_t most = -32768, sum = 0;
        for (uint32_t i = 0; i < l->depth; i++) most = in[i] > most ? in[i] : most;
        for (uint32_t i = 0; i < l->depth; i++) {
            int32_t x = nn_plus(nn_scaled(in[i] - most, &l->factor), 32767);
            out[i] = (int16_t)looked_up(exponential, nn_clamp(x, -32768, 32767));
            sum = nn_plus(sum, out[i]);
        }
        /* sum = 2^over * (1 + x) */
        uint32_t room = sum != 0 ? (uint32_t)__builtin_clz((uint32_t)sum) : 32;
        if (room == 0 || room > 30) room = 30;
        int32_t shifted = (int32_t)((((int64_t)sum << (room - 1)) + (1 << 13)) >> 14);
        int32_t share = looked_up(inverse, nn_clamp(shifted - (1 << 15) - (1 << 16), -32768, 32767));
        for (uint32_t i = 0; i < l->depth; i++) {
            uint32_t right = 31 - room;
            int32_t y = (int32_t)(((int64_t)out[i] * share + ((int64_t)1 << (right - 1))) >> right);
            out[i] = (int16_t)nn_clamp(y, 0, 32767);
        }
    }
}

static int32_t scaled_exp(const nn_general_softmax_layer *l, int32_t difference) { return nn_exp_q5(nn_scaled(difference, &l->factor)); }

void nn_softmax_s8_s16(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_softmax_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int16_t *out = (int16_t *)(void *)(arena + l->output);
    for (uint32_t row = l->rows; row != 0; row--, in += l->depth, out += l->depth) {
        int32_t most = -128, sum = 0;
        for (uint32_t i = 0; i < l->depth; i++) most = in[i] > most ? in[i] : most;
        for (uint32_t i = 0; i < l->depth; i++)
            if (in[i] - most >= l->least) sum = nn_plus(sum, nn_rounding_shift(scaled_exp(l, in[i] - most), 12));
        int32_t room = sum != 0 ? __builtin_clz((uint32_t)sum) : 31;
        int32_t share = nn_reciprocal((int32_t)(((uint32_t)sum << (room & 31)) - 0x80000000u));
        for (uint32_t i = 0; i < l->depth; i++) {
            int32_t y = -32768, difference = in[i] - most;
            if (difference >= l->least)
                y = nn_clamp(nn_rounding_shift(nn_high_product(share, scaled_exp(l, difference)), (uint32_t)(12 - room + 31 - 16)) - 32768, -32768, 32767);
            out[i] = (int16_t)y;
        }
    }
}

static int32_t saturated(int64_t x) { return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (int32_t)x; }

/* log(x) with 5 integer bits, of x >= 1 with 12. */
static int32_t log_q5(int32_t x) {
    const int32_t half_root = 1518500250, fourth_root = 1805811301; /* sqrt(1/2), its square root */
    int32_t room = __builtin_clz((uint32_t)x);
    /* x = 2^k * r with r near the fourth root of 1/2, by one of two ways. */
    int32_t first = saturated((int64_t)nn_high_product((int32_t)((uint32_t)x << (room - 1)), half_root) * 2);
    int32_t k_first = (12 - room) * (1 << 25) + (1 << 23);
    int32_t other = nn_high_product(x, half_root), other_room = __builtin_clz((uint32_t)other) - 1;
    int32_t second = saturated((int64_t)x << other_room);
    int32_t k_second = (12 - other_room) * (1 << 25) - (1 << 23);
    int32_t r = first < second ? first : second, k = k_first > k_second ? k_first : k_second;
    /* Then a quotient of polynomials in q = 2 (r - root). */
    int64_t twice = (int64_t)r + fourth_root;
    int32_t p = (int32_t)((twice + (twice >= 0 ? 1 : -1)) / 2), q = nn_plus(r, -fourth_root);
    q = nn_plus(q, q);
    int32_t square = nn_high_product(q, q);
    int32_t numerator = nn_plus(nn_high_product(q, r), nn_high_product(nn_high_product(q, square), 117049297));
    int32_t inner = nn_plus(nn_plus(1057819769, q), nn_high_product(127690142, square));
    int32_t denominator = nn_plus(nn_high_product(p, inner), nn_high_product(638450708, q));
    int32_t share = nn_reciprocal(denominator);
    int32_t y = nn_plus(nn_high_product(k, 1488522236), nn_high_product(nn_rounding_shift(numerator, 6), share));
    return saturated((int64_t)y * 2);
}

void nn_log_softmax_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_softmax_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    for (uint32_t row = l->rows; row != 0; row--, in += l->depth, out += l->depth) {
        int32_t most = -128, sum = 0;
        for (uint32_t i = 0; i < l->depth; i++) most = in[i] > most ? in[i] : most;
        for (uint32_t i = 0; i < l->depth; i++)
            if (in[i] - most >= l->least) sum = nn_plus(sum, nn_rounding_shift(scaled_exp(l, in[i] - most), 12));
        int32_t level = log_q5(sum), least = nn_scaled(nn_plus(level, INT32_MIN), &l->back);
        if (least < l->least - 1) least = l->least - 1;
        for (uint32_t i = 0; i < l->depth; i++) {
            int32_t y = -128, difference = in[i] - most;
            if (difference > least) y = nn_clamp(nn_rounding_shift(nn_plus(nn_scaled(difference, &l->factor), -level), 22) + 127, -128, 127);
            out[i] = (int8_t)y;
        }
    }
}

/* 1 / sqrt(x) as a mantissa and a right shift. */
static int32_t inverse_root(int32_t x, int32_t *right) {
    if (x <= 1) {
        *right = 0;
        return INT32_MAX;
    }
    *right = 11;
    for (; x >= 1 << 29; x /= 4) ++*right;
    int32_t pairs = (__builtin_clz((uint32_t)x) - 1) / 2 - 1;
    *right -= pairs;
    x = (int32_t)((uint32_t)x << (2 * pairs));
    /* Newton's method with three integer bits. */
    int32_t half = x >> 1, quarter = nn_rounding_shift(half, 1), y = 1 << 28;
    for (int i = 0; i < 5; i++) {
        int32_t cube = saturated((int64_t)nn_high_product(nn_high_product(y, y), y) * 64); /* of nine integer bits */
        int32_t change = nn_plus(nn_high_product((1 << 28) + (1 << 27), y), -nn_high_product(quarter, cube));
        y = saturated((int64_t)change * 8); /* of six */
    }
    y = nn_high_product(y, 1518500250);
    if (*right < 0) {
        y = (int32_t)((uint32_t)y << -*right);
        *right = 0;
    }
    return y;
}

void nn_l2_norm_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_l2_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    for (uint32_t row = l->rows; row != 0; row--, in += l->depth, out += l->depth) {
        int32_t sum = 0, right;
        for (uint32_t i = 0; i < l->depth; i++) sum = nn_plus(sum, (in[i] - l->zero) * (in[i] - l->zero));
        nn_factor factor;
        factor.multiplier = inverse_root(sum, &right);
        factor.shift = right - 7 - 2;
        for (uint32_t i = 0; i < l->depth; i++) out[i] = (int8_t)nn_clamp(nn_scaled(in[i] - l->zero, &factor), -128, 127);
    }
}

void nn_l2_norm_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_l2_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t row = l->rows; row != 0; row--, in += 4 * l->depth, out += 4 * l->depth) {
        float sum = 0;
        for (uint32_t i = 0; i < l->depth; i++) {
            float x = nn_get_float(in + 4 * i), square = x * x;
            sum = sum + square;
        }
        float size = nn_root(sum);
        if (size < 1e-6f) size = 1e-6f;
        for (uint32_t i = 0; i < l->depth; i++) nn_put_float(out + 4 * i, nn_get_float(in + 4 * i) / size);
    }
}

void nn_arg(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_along_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint32_t size = nn_size_of(l->type), step = l->inner * size;
    int32_t *out = (int32_t *)(void *)(arena + l->output);
    for (uint32_t outer = 0; outer < l->outer; outer++, in += l->depth * step)
        for (uint32_t inner = 0; inner < l->inner; inner++) {
            const uint8_t *p = in + inner * size, *best = p;
            int32_t at = 0;
            for (uint32_t i = 1; i < l->depth; i++) {
                p += step;
                const uint8_t *greater = l->what ? p : best, *lesser = l->what ? best : p;
                int better = l->type == NN_F32 ? nn_get_float(greater) > nn_get_float(lesser) : nn_load(greater, l->type) > nn_load(lesser, l->type);
                if (better) best = p, at = (int32_t)i;
            }
            *out++ = at;
        }
}

void nn_cumulate(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_along_layer *l = layer;
    uint32_t size = nn_size_of(l->type);
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    int32_t nothing = l->type == NN_S8 ? nn_scaled((int32_t)((uint32_t)-l->zero[0] << 20), &l->enter) : 0;
    for (uint32_t line = 0; line < l->outer * l->inner; line++) {
        uint32_t at = (line / l->inner * l->depth * l->inner + line % l->inner) * size, step = l->inner * size;
        if ((l->what & 2u) != 0) at += (l->depth - 1) * step, step = 0u - step;
        int32_t sum = nothing;
        float total = 0;
        for (uint32_t i = l->depth; i != 0; i--, at += step) {
            if (l->type == NN_F32) {
                float x = nn_get_float(in + at), before = total;
                total = total + x;
                nn_put_float(out + at, (l->what & 1u) != 0 ? before : total);
                continue;
            }
            int32_t x = nn_load(in + at, l->type), before = sum;
            if (l->type == NN_S8) x = nn_scaled((int32_t)((uint32_t)(x - l->zero[0]) << 20), &l->enter);
            sum = nn_plus(sum, x);
            int32_t y = (l->what & 1u) != 0 ? before : sum;
            if (l->type == NN_S8) y = nn_clamp(nn_scaled(y, &l->leave) + l->zero[1], -128, 127);
            nn_store(out + at, l->type, y);
        }
    }
}

static int32_t reduced(const nn_general_reduce_layer *l, const uint8_t *from, uint32_t size) {
    int32_t result = l->start;
    for (uint32_t e = 0; e < l->over[0]; e++)
        for (uint32_t f = 0; f < l->over[1]; f++)
            for (uint32_t g = 0; g < l->over[2]; g++)
                for (uint32_t h = 0; h < l->over[3]; h++) {
                    int32_t x = nn_load(from + (e * l->over_step[0] + f * l->over_step[1] + g * l->over_step[2] + h * l->over_step[3]) * size, l->type);
                    switch (l->what) {
                        case NN_SUM: result = nn_plus(result, x); break;
                        case NN_MAX: result = x > result ? x : result; break;
                        case NN_MIN: result = x < result ? x : result; break;
                        default: result = result && x;
                    }
                }
    return result;
}

void nn_reduce_general(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_reduce_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    uint32_t size = nn_size_of(l->type);
    for (uint32_t a = 0; a < l->kept[0]; a++)
        for (uint32_t b = 0; b < l->kept[1]; b++)
            for (uint32_t c = 0; c < l->kept[2]; c++)
                for (uint32_t d = 0; d < l->kept[3]; d++, out += size) {
                    const uint8_t *from = in + (a * l->kept_step[0] + b * l->kept_step[1] + c * l->kept_step[2] + d * l->kept_step[3]) * size;
                    int32_t y = reduced(l, from, size);
                    if (l->what == NN_SUM && l->type != NN_S32) y = nn_scaled(y, &l->factor) + l->zero;
                    nn_store(out, l->type, nn_clamp(y, l->low, l->high));
                }
}
