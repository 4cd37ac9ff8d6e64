/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * exp and division in 32-bit fixed point. */
#include "nn_fixed.h"

#include "nn_math.h"

static int32_t saturating_double(int32_t x, uint32_t exponent) {
    int64_t wide = (int64_t)x * (1 << exponent);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

static int32_t add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

int32_t nn_exp_q5(int32_t a) {
    static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242}; /* exp(-1/4), exp(-1/2), ... */
    if (a == 0) return INT32_MAX;
    int32_t quarter = 1 << 24, step = (a & (quarter - 1)) - quarter;
    /* The Taylor series around -1/8 for what lies below a quarter, then a factor for every bit above. */
    int32_t x = add(saturating_double(step, 5), 1 << 28);
    int32_t x2 = nn_high_product(x, x), x3 = nn_high_product(x2, x), x4 = nn_high_product(x2, x2);
    int32_t thirds = nn_high_product(add(nn_rounding_shift(x4, 2), x3), 715827883);
    int32_t series = add(x, nn_rounding_shift(add(thirds, x2), 1));
    int32_t result = add(1895147668, nn_high_product(1895147668, series));
    uint32_t rest = (uint32_t)step - (uint32_t)a;
    for (uint32_t bit = 0; bit < 7; bit++)
        if ((rest >> (24 + bit) & 1u) != 0) result = nn_high_product(result, factors[bit]);
    return result;
}

int32_t nn_reciprocal(int32_t a) {
    int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = add(1515870810, nn_high_product(half, -1010580540)); /* Newton's division, from 48/17 - 32/17 half */
    for (int i = 0; i < 3; i++) {
        int32_t error = add(1 << 29, -nn_high_product(half, x));
        x = add(x, saturating_double(nn_high_product(x, error), 2));
    }
    return saturating_double(x, 1);
}
