/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * MUL, MAXIMUM and MINIMUM, int8, with broadcasting; and the reductions MEAN and SUM, REDUCE_MAX and REDUCE_MIN. */
#include "nn_math.h"
#include "nn_plan.h"

static int32_t factor(int32_t x, const nn_factor *f) { return nn_requantise(x, f->multiplier, f->shift); }

/* Runs `statement` for every output with its two operands x and y (by the steps, 0 along broadcast dimensions); it sets `result`. */
#define NN_EACH(statement)                                                                                              \
    do {                                                                                                                \
        const int8_t *first = nn_at(plan, arena, l->input[0]), *second = nn_at(plan, arena, l->input[1]);               \
        int8_t *out = (int8_t *)(arena + l->output);                                                                    \
        for (uint32_t a = 0; a < l->count[0]; a++)                                                                      \
            for (uint32_t b = 0; b < l->count[1]; b++)                                                                  \
                for (uint32_t c = 0; c < l->count[2]; c++) {                                                            \
                    const int8_t *p = first + a * l->step[0][0] + b * l->step[0][1] + c * l->step[0][2];                \
                    const int8_t *q = second + a * l->step[1][0] + b * l->step[1][1] + c * l->step[1][2];               \
                    for (uint32_t d = l->count[3]; d != 0; d--, p += l->step[0][3], q += l->step[1][3]) {               \
                        int32_t x = *p, y = *q, result;                                                                 \
                        statement;                                                                                      \
                        *out++ = (int8_t)nn_clamp(result, l->low, l->high);                                             \
                    }                                                                                                   \
                }                                                                                                       \
    } while (0)

void nn_mul_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_binary_layer *l = layer;
    NN_EACH(result = factor((x - l->zero[0]) * (y - l->zero[1]), &l->factor[2]) + l->zero[2]);
}

void nn_maximum_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_binary_layer *l = layer;
    NN_EACH(result = x > y ? x : y);
}

void nn_minimum_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_binary_layer *l = layer;
    NN_EACH(result = x < y ? x : y);
}

/* Runs `statement` for every input x that belongs to one output. */
#define NN_REDUCE(statement)                                                                                            \
    do {                                                                                                                \
        for (uint32_t e = 0; e < l->over[0]; e++)                                                                       \
            for (uint32_t f = 0; f < l->over[1]; f++)                                                                   \
                for (uint32_t g = 0; g < l->over[2]; g++) {                                                             \
                    const int8_t *p = from + e * l->over_step[0] + f * l->over_step[1] + g * l->over_step[2];           \
                    for (uint32_t h = l->over[3]; h != 0; h--, p += l->over_step[3]) {                                  \
                        int32_t x = *p;                                                                                 \
                        statement;                                                                                      \
                    }                                                                                                   \
                }                                                                                                       \
    } while (0)

void nn_reduce_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_reduce_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output);
    for (uint32_t a = 0; a < l->kept[0]; a++)
        for (uint32_t b = 0; b < l->kept[1]; b++)
            for (uint32_t c = 0; c < l->kept[2]; c++)
                for (uint32_t d = 0; d < l->kept[3]; d++) {
                    const int8_t *from = in + a * l->kept_step[0] + b * l->kept_step[1] + c * l->kept_step[2] + d * l->kept_step[3];
                    int32_t result = l->start;
                    if (l->what == NN_SUM) {
                        NN_REDUCE(result += x);
                        result = factor(result, &l->factor) + l->zero;
                    } else if (l->what == NN_MAX) {
                        NN_REDUCE(result = x > result ? x : result);
                    } else {
                        NN_REDUCE(result = x < result ? x : result);
                    }
                    *out++ = (int8_t)nn_clamp(result, -128, 127);
                }
}
