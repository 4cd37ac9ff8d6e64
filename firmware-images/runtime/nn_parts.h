/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Floats taken apart, for loops in which the library's functions would spend most of their time on that: a product and a sum cost half as
 * much. Rounded to nearest, ties to even, as IEEE 754 has it. Numbers that are subnormal or not finite are left to the library: functions
 * return 0 for them, and the caller does the whole again in plain C. */
#ifndef NN_PARTS_H
#define NN_PARTS_H

#include "nn_float.h"

/* (-1)^sign * mantissa * 2^(exponent - 150), the mantissa 0 or from 2^23 to 2^24, both included. */
typedef struct {
    uint32_t sign; /* in bit 31 */
    uint32_t mantissa;
    int32_t exponent;
} nn_parts;

static inline uint32_t nn_mantissa(uint32_t bits) { return (bits & 0x7FFFFFu) | 0x800000u; }

static inline int32_t nn_exponent(uint32_t bits) { return (int32_t)(bits >> 23 & 255u); }

/* Whether a float is neither zero nor anything that is left to the library. */
static inline int nn_is_normal(uint32_t bits) { return (uint32_t)nn_exponent(bits) - 1u < 254u; }

/* The product of two mantissas of 24 bits, rounded to as many; what the exponent gains is returned beside it. */
static inline uint32_t nn_multiply(uint32_t a, uint32_t b, int32_t *exponent) {
    uint64_t product = (uint64_t)(a << 8) * (b << 7); /* in [2^61, 2^63) */
    uint32_t high = (uint32_t)(product >> 32) | ((uint32_t)product != 0);
    if (high >= 0x40000000u) {
        high = high >> 1 | (high & 1u);
        ++*exponent;
    }
    /* 24 bits and 6 more, the last of which stands for all that was lost. */
    return (high + 31u + (high >> 6 & 1u)) >> 6;
}

/* t += the float in three parts. */
static inline int nn_add(nn_parts *t, uint32_t sign, uint32_t mantissa, int32_t exponent) {
    if (t->mantissa == 0) {
        t->sign = sign, t->mantissa = mantissa, t->exponent = exponent;
        return 1;
    }
    uint32_t a = t->mantissa << 6, b = mantissa << 6, flip = t->sign ^ sign;
    int32_t top = t->exponent, down = top - exponent;
    if (down < 0) {
        uint32_t swap = a;
        a = b, b = swap;
        top = exponent, down = -down, sign ^= flip, t->sign ^= flip;
    }
    if (down != 0) {
        uint32_t moved = down < 31 ? b >> down : 0;
        b = moved | (down >= 31 || moved << down != b);
    }
    /* t->sign is the sign of a now. */
    if (flip == 0) {
        a += b;
    } else {
        a -= b;
        if ((int32_t)a < 0) a = 0u - a, t->sign ^= 0x80000000u;
        if (a == 0) {
            t->sign = t->mantissa = 0;
            return 1;
        }
    }
    int32_t up = __builtin_clz(a) - 2;
    if (up >= 0) a <<= up;
    else a = a >> -up | ((a << (32 + up)) != 0);
    top -= up;
    t->mantissa = (a + 31u + (a >> 6 & 1u)) >> 6;
    t->exponent = top;
    return (uint32_t)top - 1u < 252u;
}

/* t += x * w, with two roundings, of floats' bits. */
static inline int nn_add_product(nn_parts *t, uint32_t x, uint32_t w) {
    /* t is never -0, so adding a zero of either sign changes nothing. */
    if (x << 1 == 0 || w << 1 == 0) return nn_exponent(x) != 255 && nn_exponent(w) != 255;
    if (!nn_is_normal(x) || !nn_is_normal(w)) return 0;
    int32_t exponent = nn_exponent(x) + nn_exponent(w) - 127;
    uint32_t mantissa = nn_multiply(nn_mantissa(x), nn_mantissa(w), &exponent);
    return (uint32_t)exponent - 1u < 252u && nn_add(t, (x ^ w) & 0x80000000u, mantissa, exponent);
}

static inline float nn_whole(const nn_parts *t) {
    if (t->mantissa == 0) return 0;
    /* The hidden bit counts one up in the exponent; a mantissa of 2^24 two, and leaves 0. */
    return nn_float_of(t->sign | ((((uint32_t)t->exponent - 1u) << 23) + t->mantissa));
}

/* What a hybrid layer's sum becomes. */
static inline float nn_hybrid_output(const nn_hybrid *hybrid, const nn_hybrid_channel *channel, const nn_scale *scale, int32_t sum) {
    float first = hybrid->scale_first ? channel->scale * scale->scale : channel->scale;
    uint32_t size = sum < 0 ? 0u - (uint32_t)sum : (uint32_t)sum, bias = nn_bits_of(channel->bias);
    if (size - 1u < 0xFFFFFFu && nn_is_normal(nn_bits_of(first)) && (bias << 1 == 0 || nn_is_normal(bias))) {
        nn_parts t;
        int32_t up = __builtin_clz(size) - 8;
        t.sign = (uint32_t)sum & 0x80000000u; /* scales are positive */
        t.exponent = 23 - up + nn_exponent(nn_bits_of(first));
        t.mantissa = nn_multiply(size << up, nn_mantissa(nn_bits_of(first)), &t.exponent);
        if (!hybrid->scale_first) {
            uint32_t second = nn_bits_of(scale->scale);
            if (t.mantissa == 0x1000000u) t.mantissa >>= 1, t.exponent++;
            t.exponent += nn_exponent(second) - 127;
            t.mantissa = nn_multiply(t.mantissa, nn_mantissa(second), &t.exponent);
        }
        int fine = (uint32_t)t.exponent - 1u < 252u && (bias << 1 == 0 || nn_add(&t, bias & 0x80000000u, nn_mantissa(bias), nn_exponent(bias)));
        if (fine && nn_is_normal(nn_bits_of(scale->scale))) return nn_clamp_float(nn_whole(&t), hybrid->low, hybrid->high);
    }
    float y = hybrid->scale_first ? (float)sum * first : ((float)sum * first) * scale->scale;
    return nn_clamp_float(y + channel->bias, hybrid->low, hybrid->high);
}

#endif
