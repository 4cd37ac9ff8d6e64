/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ADD and SUB, int8, with broadcasting: both operands are taken to a common scale, 20 bits finer; their sum is taken to the output's. */
#include "nn_math.h"
#include "nn_plan.h"

/* The innermost dimension, in the usual case. */
void nn_add_run(const nn_sums *job);

/* What takes an operand to the common scale, prepared. */
typedef struct {
    int32_t zero, multiplier;
    int32_t half, away;    /* what rounds: one half; and what takes it away from zero below zero */
    uint32_t shift;
} nn_term;

/* nn_requantise of v * 2^20, |v| < 256, for factors from 2^-28 to 1, which all operands have but those that hardly count. With two bits more
 * (v * 2^22 fits a word), both of its roundings lie in the high word of the product; a factor of one half and more is rounded once only. */
static nn_term term(int32_t zero, const nn_factor *f) {
    nn_term t = {zero, f->multiplier, 1, 0, (uint32_t)(f->shift + 3)};
    if (f->shift > -2) t.half += 1 << (f->shift + 2), t.away = -2;
    return t;
}

static int prepared(const nn_factor *f) { return f->shift >= -2 && f->shift <= 26; }

static inline int32_t scaled(int32_t x, const nn_term *t) {
    int32_t v = (x - t->zero) * (1 << 22);
    int32_t high = (int32_t)(((int64_t)v * t->multiplier) >> 32);
    return (high + t->half + ((v >> 31) & t->away)) >> t->shift;
}

/* The innermost dimension. */
static int8_t *run(const nn_binary_layer *l, const nn_term terms[2], const int8_t *p, const int8_t *q, int8_t *out) {
    const nn_term first = terms[0], second = terms[1];
    const nn_factor back = l->factor[2];
    const int32_t zero = l->zero[2], low = l->low, high = l->high;
    const uint32_t p_step = l->step[0][3], q_step = l->step[1][3];
    const int32_t sign = l->subtract ? -1 : 1;
    for (int8_t *end = out + l->count[3]; out != end; p += p_step, q += q_step) {
        int32_t sum = scaled(*p, &first) + sign * scaled(*q, &second);
        *out++ = (int8_t)nn_clamp(nn_requantise(sum, back.multiplier, back.shift) + zero, low, high);
    }
    return out;
}

static int8_t *slow_run(const nn_binary_layer *l, const int8_t *p, const int8_t *q, int8_t *out) {
    for (uint32_t left = l->count[3]; left != 0; left--, p += l->step[0][3], q += l->step[1][3]) {
        int32_t x = nn_requantise((*p - l->zero[0]) * (1 << 20), l->factor[0].multiplier, l->factor[0].shift);
        int32_t y = nn_requantise((*q - l->zero[1]) * (1 << 20), l->factor[1].multiplier, l->factor[1].shift);
        int32_t sum = nn_requantise(l->subtract ? x - y : x + y, l->factor[2].multiplier, l->factor[2].shift);
        *out++ = (int8_t)nn_clamp(sum + l->zero[2], l->low, l->high);
    }
    return out;
}

/* Where one operand has the coarser scale, as it nearly always is: its factor is one half, so it is shifted; nothing is subtracted, repeated or
 * clamped. Returns whether that is so. */
static int common(const nn_binary_layer *l, nn_sums *job) {
    int coarse = l->factor[0].multiplier == 1 << 30 && l->factor[0].shift == -2 ? 0 : 1;
    const nn_factor *f = l->factor, *other = &f[1 - coarse];
    if (f[coarse].multiplier != 1 << 30 || f[coarse].shift != -2 || other->shift < -1 || other->shift > 26) return 0;
    if (f[2].shift < 0 || f[2].shift > 20 || l->low != -128 || l->high != 127 || l->subtract) return 0;
    if (l->step[0][3] != 1 || l->step[1][3] != 1) return 0;
    nn_term t = term(l->zero[1 - coarse], other);
    job->coarse = (uint32_t)coarse;
    job->coarse_zero = l->zero[coarse] * (1 << 19);
    job->zero = t.zero * (1 << 22);
    job->multiplier = t.multiplier;
    job->half = t.half;
    job->shift = t.shift;
    job->back = f[2].multiplier;
    job->back_half = nn_half(f[2].shift, l->zero[2]);
    job->back_shift = (uint32_t)(f[2].shift + 1);
    return 1;
}

void nn_add_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_binary_layer *l = layer;
    const int8_t *first = nn_at(plan, arena, l->input[0]), *second = nn_at(plan, arena, l->input[1]);
    int8_t *out = (int8_t *)(arena + l->output);
    int fast = prepared(&l->factor[0]) && prepared(&l->factor[1]);
    nn_sums job;
    int usual = common(l, &job);
    nn_term terms[2];
    for (int k = 0; fast && k < 2; k++) terms[k] = term(l->zero[k], &l->factor[k]);
    for (uint32_t a = 0; a < l->count[0]; a++)
        for (uint32_t b = 0; b < l->count[1]; b++)
            for (uint32_t c = 0; c < l->count[2]; c++) {
                const int8_t *p = first + a * l->step[0][0] + b * l->step[0][1] + c * l->step[0][2];
                const int8_t *q = second + a * l->step[1][0] + b * l->step[1][1] + c * l->step[1][2];
                if (usual) {
                    job.x = job.coarse == 0 ? p : q;
                    job.y = job.coarse == 0 ? q : p;
                    job.out = out;
                    job.end = out + l->count[3];
                    if (job.out != job.end) nn_add_run(&job);
                    out = job.end;
                } else {
                    out = fast ? run(l, terms, p, q, out) : slow_run(l, p, q, out);
                }
            }
}

#if !NN_CORTEX_M3 /* otherwise in nn_add_m3.c */
void nn_add_run(const nn_sums *job) {
    const int8_t *x = job->x, *y = job->y;
    for (int8_t *out = job->out; out != job->end; out++) {
        int32_t a = *x++ * (1 << 19) - job->coarse_zero, v = *y++ * (1 << 22) - job->zero;
        int32_t high = (int32_t)(((int64_t)v * job->multiplier) >> 32) + job->half + 2 * (v >> 31);
        int32_t sum = a + (high >> job->shift);
        int64_t wide = (int64_t)sum * job->back + (1 << 30) - (sum < 0 ? (int64_t)1 << 31 : 0);
        *out = (int8_t)nn_clamp(((int32_t)(wide >> 32) + job->back_half) >> job->back_shift, -128, 127);
    }
}
#endif
