/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Operators on two tensors with broadcasting, in their general form: arithmetic on int8, int16 and int32; PRELU; comparisons; AND and OR;
 * SELECT. */
#include "nn_fixed.h"
#include "nn_float.h"
#include "nn_general.h"

/* Runs `statement` for every output, with p and q at its two operands and out at itself; sizes in bytes. */
#define NN_EACH(first_size, second_size, out_size, statement)                                                                       \
    do {                                                                                                                            \
        const uint8_t *first = nn_at(plan, arena, l->input[0]), *second = nn_at(plan, arena, l->input[1]);                          \
        uint8_t *out = arena + l->output;                                                                                           \
        for (uint32_t a = 0; a < l->count[0]; a++)                                                                                  \
            for (uint32_t b = 0; b < l->count[1]; b++)                                                                              \
                for (uint32_t c = 0; c < l->count[2]; c++) {                                                                        \
                    const uint8_t *p = first + (a * l->step[0][0] + b * l->step[0][1] + c * l->step[0][2]) * (first_size);          \
                    const uint8_t *q = second + (a * l->step[1][0] + b * l->step[1][1] + c * l->step[1][2]) * (second_size);        \
                    for (uint32_t d = l->count[3]; d != 0; d--) {                                                                   \
                        statement;                                                                                                  \
                        p += l->step[0][3] * (first_size), q += l->step[1][3] * (second_size), out += (out_size);                   \
                    }                                                                                                               \
                }                                                                                                                   \
    } while (0)

/* x / y by Newton's reciprocal; what division by zero gives is not the reference's matter: here it is 0. */
static int32_t quotient(const nn_general_binary_layer *l, int32_t x, int32_t y) {
    if (y == 0) return 0;
    if (y < 0) x = -x, y = -y;
    int32_t up = __builtin_clz((uint32_t)y);
    int32_t inverse = nn_reciprocal((int32_t)(((uint32_t)y << up) - 0x80000000u));
    int32_t room = x == 0 || x == -1 ? 31 : __builtin_clz((uint32_t)(x < 0 ? ~x : x)) - 1;
    int32_t wide = nn_high_product((int32_t)((uint32_t)x << room), inverse);
    /* The factor's shift is a right shift less two; so much more is to be undone. */
    int32_t right = l->factor[2].shift + 2 + (31 - up) + room;
    wide = nn_high_product(wide, l->factor[2].multiplier);
    return right > 31 ? 0 : nn_rounding_shift(wide, right > 0 ? (uint32_t)right : 0);
}

static int32_t common(const nn_general_binary_layer *l, int32_t x, int n) {
    return nn_scaled((int32_t)((uint32_t)(x - l->zero[n]) << l->left), &l->factor[n]);
}

static int32_t whole(uint32_t what, int32_t x, int32_t y) {
    switch (what) {
        case NN_ADD: return nn_plus(x, y);
        case NN_SUBTRACT: return nn_plus(x, -y);
        case NN_MULTIPLY: return nn_times(x, y);
        case NN_MAXIMUM: return x > y ? x : y;
        case NN_MINIMUM: return x < y ? x : y;
        case NN_DIFFERENCE_SQUARED: x = nn_plus(x, -y); return nn_times(x, x);
        default: return y == 0 ? 0 : y == -1 ? nn_times(x, -1) : x / y;
    }
}

static int32_t quantised(const nn_general_binary_layer *l, int32_t x, int32_t y) {
    switch (l->what) {
        case NN_ADD: return nn_scaled(nn_plus(common(l, x, 0), common(l, y, 1)), &l->factor[2]) + l->zero[2];
        case NN_SUBTRACT: return nn_scaled(nn_plus(common(l, x, 0), -common(l, y, 1)), &l->factor[2]) + l->zero[2];
        case NN_MULTIPLY: return nn_scaled((x - l->zero[0]) * (y - l->zero[1]), &l->factor[2]) + l->zero[2];
        case NN_DIFFERENCE_SQUARED:
            x = common(l, x, 0) - common(l, y, 1);
            return nn_scaled(nn_times(x, x), &l->factor[2]) + l->zero[2];
        case NN_DIVIDE: return nn_plus(quotient(l, x - l->zero[0], y - l->zero[1]), l->zero[2]);
        case NN_PRELU:
            x -= l->zero[0];
            return (x >= 0 ? nn_scaled(x, &l->factor[0]) : nn_scaled(x * (y - l->zero[1]), &l->factor[1])) + l->zero[2];
        default: return whole(l->what, x, y);
    }
}

void nn_binary_general(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_binary_layer *l = layer;
    uint32_t size = nn_size_of(l->type), other = l->what == NN_PRELU ? 1 : size;
    if (l->type == NN_S32) {
        NN_EACH(4, 4, 4, nn_store(out, NN_S32, nn_clamp(whole(l->what, nn_load(p, NN_S32), nn_load(q, NN_S32)), l->low, l->high)));
    } else {
        uint32_t theirs = other == 1 ? NN_S8 : l->type;
        NN_EACH(size, other, size, nn_store(out, l->type, nn_clamp(quantised(l, nn_load(p, l->type), nn_load(q, theirs)), l->low, l->high)));
    }
}

static int32_t compared(uint32_t what, int32_t x, int32_t y) {
    switch (what) {
        case NN_AND: return (x != 0) & (y != 0);
        case NN_OR: return (x != 0) | (y != 0);
        case NN_EQUAL: return x == y;
        case NN_NOT_EQUAL: return x != y;
        case NN_GREATER: return x > y;
        case NN_GREATER_EQUAL: return x >= y;
        case NN_LESS: return x < y;
        default: return x <= y;
    }
}

static int32_t compared_floats(uint32_t what, float x, float y) {
    switch (what) {
        case NN_EQUAL: return x == y;
        case NN_NOT_EQUAL: return x != y;
        case NN_GREATER: return x > y;
        case NN_GREATER_EQUAL: return x >= y;
        case NN_LESS: return x < y;
        default: return x <= y;
    }
}

void nn_compare(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_binary_layer *l = layer;
    uint32_t size = nn_size_of(l->type);
    if (l->type == NN_F32) {
        NN_EACH(4, 4, 1, *out = (uint8_t)compared_floats(l->what, nn_get_float(p), nn_get_float(q)));
    } else if (l->left != 0) { /* int8 of two scales */
        NN_EACH(size, size, 1, *out = (uint8_t)compared(l->what, common(l, nn_load(p, l->type), 0), common(l, nn_load(q, l->type), 1)));
    } else {
        NN_EACH(size, size, 1, *out = (uint8_t)compared(l->what, nn_load(p, l->type), nn_load(q, l->type)));
    }
}

void nn_select(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_select_layer *l = layer;
    const uint8_t *condition = nn_at(plan, arena, l->condition), *first = nn_at(plan, arena, l->input[0]), *second = nn_at(plan, arena, l->input[1]);
    uint8_t *out = arena + l->output;
    for (uint32_t a = 0; a < l->count[0]; a++)
        for (uint32_t b = 0; b < l->count[1]; b++)
            for (uint32_t c = 0; c < l->count[2]; c++)
                for (uint32_t d = 0; d < l->count[3]; d++, out += l->size) {
                    uint32_t at[3];
                    for (uint32_t n = 0; n < 3; n++) at[n] = a * l->step[n][0] + b * l->step[n][1] + c * l->step[n][2] + d * l->step[n][3];
                    memcpy(out, condition[at[0]] != 0 ? first + at[1] * l->size : second + at[2] * l->size, l->size);
                }
}

static float float_quotient(uint32_t what, float x, float y) {
    double exact;
    switch (what) {
        case NN_DIVIDE: return x / y;
        case NN_DIFFERENCE_SQUARED: x = x - y; return x * x;
        case NN_PRELU: return x >= 0.0f ? x : x * y;
        case NN_FLOOR_DIVIDE:
            exact = (double)x / (double)y;
            if (!(exact > -9e15 && exact < 9e15)) return (float)exact;
            int64_t down = (int64_t)exact;
            return (float)((double)down > exact ? down - 1 : down);
        default: x = nn_modulo(x, y); return x != 0.0f && (y < 0.0f) != (x < 0.0f) ? x + y : x;
    }
}

void nn_binary_more_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_general_binary_layer *l = layer;
    NN_EACH(4, 4, 4, nn_put_float(out, nn_clamp_float(float_quotient(l->what, nn_get_float(p), nn_get_float(q)), l->low, l->high)));
}

void nn_add_n(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_add_n_layer *l = layer;
    uint8_t *out = arena + l->output;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->type == NN_F32) {
            float sum = 0;
            for (uint32_t n = 0; n < l->inputs; n++) sum += nn_get_float((const uint8_t *)nn_at(plan, arena, l->input[n]) + 4 * i);
            nn_put_float(out + 4 * i, sum);
            continue;
        }
        /* The reference begins with a zero that it scales like any other number, zero point and all. */
        int32_t sum = nn_scaled((int32_t)((uint32_t)-l->zero[0] << 20), &l->enter);
        for (uint32_t n = 0; n < l->inputs; n++) {
            int32_t x = ((const int8_t *)nn_at(plan, arena, l->input[n]))[i] - l->zero[0];
            sum = nn_plus(sum, nn_scaled((int32_t)((uint32_t)x << 20), &l->enter));
        }
        out[i] = (uint8_t)nn_clamp(nn_scaled(sum, &l->leave) + l->zero[1], -128, 127);
    }
}
