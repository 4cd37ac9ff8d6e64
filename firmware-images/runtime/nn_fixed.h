/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * exp and division in 32-bit fixed point, as the reference (gemmlowp) computes them to the bit; good to about 2^-27. */
#ifndef NN_FIXED_H
#define NN_FIXED_H

#include <stdint.h>

/* exp(a) for a <= 0 given with 5 integer and 26 fractional bits; the result has 31 fractional bits. */
int32_t nn_exp_q5(int32_t a);

/* 1 / (1 + a) for a in [0, 1), both with 31 fractional bits. */
int32_t nn_reciprocal(int32_t a);

#endif
