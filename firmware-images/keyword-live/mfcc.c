/* Mel-frequency cepstral coefficients in 32-bit integers, for a Cortex-M3: SMULL and SMLAL, no division, no library.
 * Source: models/keyword/mfcc.py for what is computed; the transform of real samples by one of half the length is textbook (Oppenheim, Schafer,
 * "Discrete-Time Signal Processing", 8.5 and 9.3 in the third edition).
 * Does not model: rounding to the last bit: features are within one int8 step of the exact ones, but for sound of one step of the converter; 99 % are equal.
 * Tested by: tests/keyword_live.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "mfcc.h"

#define POINTS (MFCC_FFT / 2u) /* of the complex transform: even samples real, odd ones imaginary */
#define LOG2_POINTS 8u
#define QUARTER (MFCC_FFT / 4u)
_Static_assert(POINTS == 1u << LOG2_POINTS, "the transform has 256 points");
_Static_assert(MFCC_BINS < POINTS, "the mel bands end below half the bandwidth");

typedef struct {
    int32_t re, im;
} point;

static point spectrum[POINTS];

/* The peak of a frame of nothing but the bias, which has no logarithm; mfcc_quantise() knows it by that. */
#define SILENT INT16_MIN

static inline int32_t high(int64_t product) { return (int32_t)(product >> 32); }
static inline uint32_t leading_zeros(uint32_t x) { return (uint32_t)__builtin_clz(x); }

static inline uint32_t bits_reversed(uint32_t index) {
    uint32_t reversed;
    __asm__("rbit %0, %1" : "=r"(reversed) : "r"(index));
    return reversed >> (32u - LOG2_POINTS);
}

/* Half of w * z, where w turns by angle 2 pi index / MFCC_FFT clockwise, index < POINTS. */
typedef struct {
    int32_t cos, sin;
} turn;

static inline turn turn_by(uint32_t index) {
    /* The table holds the sine's first quarter. */
    if (index <= QUARTER) {
        return (turn){mfcc_sine[QUARTER - index], mfcc_sine[index]};
    }
    return (turn){-mfcc_sine[index - QUARTER], mfcc_sine[2u * QUARTER - index]};
}

static inline point turned(turn w, point z) {
    return (point){
        high((int64_t)z.re * w.cos + (int64_t)z.im * w.sin),
        high((int64_t)z.im * w.cos + (int64_t)z.re * -w.sin),
    };
}

/* The least and the largest of a frame's samples, as they were converted. */
typedef struct {
    uint32_t least, largest;
} range;

static void widen(range *seen, const uint16_t *from, uint32_t count) {
    uint32_t least = seen->least, largest = seen->largest;
    for (const uint16_t *end = from + count; from != end; from++) {
        const uint32_t x = *from;
        least = x < least ? x : least;
        largest = x > largest ? x : largest;
    }
    *seen = (range){least, largest};
}

/* Pairs of windowed samples as points in the transform's input order, 2^(15 + shift) for one step of the converter. The window is symmetric around
 * its middle and its table holds the first half: `direction` is 1 there and -1 behind. */
static void fill(uint32_t first, uint32_t pairs, const uint16_t *from, int32_t bias, const uint16_t *window, int32_t direction, uint32_t shift) {
    for (uint32_t pair = first; pair < first + pairs; pair++) {
        const int32_t even = ((int32_t)from[0] - bias) * (int32_t)window[0];
        const int32_t odd = ((int32_t)from[1] - bias) * (int32_t)window[direction];
        spectrum[bits_reversed(pair)] = (point){(int32_t)((uint32_t)even << shift), (int32_t)((uint32_t)odd << shift)};
        from += 2;
        window += 2 * direction;
    }
}

/* The transform in place, divided by POINTS: each stage halves, so that nothing overflows. */
static void transform(void) {
    /* Two stages at once: their factors are 1 and -i. */
    for (point *z = spectrum; z < spectrum + POINTS; z += 4) {
        const point a = {(z[0].re >> 2) + (z[1].re >> 2), (z[0].im >> 2) + (z[1].im >> 2)};
        const point b = {(z[0].re >> 2) - (z[1].re >> 2), (z[0].im >> 2) - (z[1].im >> 2)};
        const point c = {(z[2].re >> 2) + (z[3].re >> 2), (z[2].im >> 2) + (z[3].im >> 2)};
        const point d = {(z[2].re >> 2) - (z[3].re >> 2), (z[2].im >> 2) - (z[3].im >> 2)};
        z[0] = (point){a.re + c.re, a.im + c.im};
        z[2] = (point){a.re - c.re, a.im - c.im};
        z[1] = (point){b.re + d.im, b.im - d.re};
        z[3] = (point){b.re - d.im, b.im + d.re};
    }
    for (uint32_t half = 4; half < POINTS; half *= 2u) {
        for (uint32_t j = 0; j < half; j++) {
            const turn w = turn_by(j * (POINTS / half));
            for (point *z = spectrum + j; z < spectrum + POINTS; z += 2u * half) {
                const point t = turned(w, z[half]);
                const int32_t re = z->re >> 1, im = z->im >> 1;
                z[half] = (point){re - t.re, im - t.im};
                *z = (point){re + t.re, im + t.im};
            }
        }
    }
}

/* sqrt(re^2 + im^2), to 1 in 30 000. */
static uint32_t magnitude(int32_t re, int32_t im) {
    const uint32_t any = (uint32_t)(re < 0 ? -re : re) | (uint32_t)(im < 0 ? -im : im);
    if (any == 0) {
        return 0;
    }
    const uint32_t up = leading_zeros(any) - 1u;
    re = (int32_t)((uint32_t)re << up);
    im = (int32_t)((uint32_t)im << up);
    uint32_t square = (uint32_t)high((int64_t)re * re + (int64_t)im * im);
    const uint32_t even = leading_zeros(square) & ~1u;
    square <<= even;
    /* The table holds the root of 128ths from 1/4 on, in 65535ths; between them it is a line. */
    const uint32_t at = (square >> 25) - 32u;
    const uint32_t low = mfcc_root[at], step = mfcc_root[at + 1u] - low;
    const uint32_t root = (low << 15) + (step * (square >> 9 & 0xffffu) >> 1);
    return root >> (even / 2u + up - 1u);
}

/* The binary logarithm in 32768ths, to 2 of them; of 0, 0. */
static int32_t log2_of(uint32_t x) {
    if (x == 0) {
        return 0;
    }
    const uint32_t up = leading_zeros(x);
    x <<= up;
    const uint32_t at = x >> 25 & 63u;
    const uint32_t low = mfcc_log[at], step = mfcc_log[at + 1u] - low;
    return (int32_t)(((31u - up) << 15) + low + (step * (x >> 9 & 0xffffu) >> 16));
}

/* Bin k of the real samples' transform, from the two complex ones that hold it. */
static uint32_t bin(uint32_t k) {
    const point *z = &spectrum[k], *y = &spectrum[POINTS - k];
    const point t = turned(turn_by(k), (point){z->im + y->im, y->re - z->re});
    return magnitude(((z->re + y->re) >> 1) + t.re, ((z->im - y->im) >> 1) + t.im);
}

__attribute__((noinline)) void mfcc_frame(const uint16_t *before, const uint16_t *now, int32_t bias, mfcc_frame_features *frame) {
    range seen = {UINT16_MAX, 0};
    widen(&seen, before, MFCC_OVERLAP);
    widen(&seen, now, MFCC_STRIDE);
    const int32_t least = (int32_t)seen.least - bias, largest = (int32_t)seen.largest - bias;
    if (least == 0 && largest == 0) {
        frame->peak = SILENT;
        return;
    }
    frame->peak = (int16_t)largest;
    /* Quiet sound is made as loud as fits: samples have 12 bits and a sign. */
    const uint32_t up = leading_zeros((uint32_t)(largest > -least ? largest : -least)) - 20u;
    enum { HALF = MFCC_WINDOW / 2u, REST = HALF - MFCC_OVERLAP };
    fill(0, MFCC_OVERLAP / 2u, before, bias, mfcc_hann, 1, 2u + up);
    fill(MFCC_OVERLAP / 2u, REST / 2u, now, bias, mfcc_hann + MFCC_OVERLAP, 1, 2u + up);
    fill(HALF / 2u, HALF / 2u, now + REST, bias, mfcc_hann + HALF, -1, 2u + up);
    for (uint32_t pair = MFCC_WINDOW / 2u; pair < POINTS; pair++) {
        spectrum[bits_reversed(pair)] = (point){0, 0};
    }
    transform();
    /* Each bin lies between the tops of two neighbouring bands, and its magnitude is shared between them. */
    int32_t logs[MFCC_BANDS];
    uint32_t rising = 0;
    for (uint32_t top = 0, k = 1; top <= MFCC_BANDS; top++) {
        uint32_t falling = rising;
        rising = 0;
        for (uint32_t end = k + mfcc_bins[top]; k < end; k++) {
            const uint32_t whole = bin(k);
            const uint32_t share = (uint32_t)((uint64_t)whole * mfcc_rise[k - 1u] >> 16);
            rising += share;
            falling += whole - share;
        }
        if (top > 0) {
            logs[top - 1u] = log2_of(falling);
        }
    }
    /* The cosines are even or odd around the middle. */
    for (uint32_t n = 0; n < MFCC_BANDS / 2u; n++) {
        const int32_t a = logs[n], b = logs[MFCC_BANDS - 1u - n];
        logs[n] = a + b;
        logs[MFCC_BANDS - 1u - n] = a - b;
    }
    const int16_t *factor = mfcc_cosine;
    for (uint32_t k = 0; k < MFCC_COEFFICIENTS; k++) {
        int64_t sum = INT64_C(1) << (MFCC_COSINE_BITS + 14);
        for (uint32_t n = 0; n < MFCC_BANDS / 2u; n++) {
            sum += (int64_t)logs[(k & 1u) != 0 ? MFCC_BANDS - 1u - n : n] * *factor++;
        }
        if (k == 0) {
            sum -= (int64_t)MFCC_LEVEL * ((int32_t)up << 15);
        }
        frame->coefficients[k] = (int16_t)(sum >> (MFCC_COSINE_BITS + 15));
    }
}

void mfcc_quantise(const mfcc_frame_features *frame, int32_t largest, int8_t features[MFCC_COEFFICIENTS]) {
    static const int8_t silence[MFCC_COEFFICIENTS] = MFCC_SILENCE;
    /* Magnitudes are 2^9 times what mfcc.py's would be: log2 of what all bands are to be divided by, in 32768ths. */
    const int32_t divisor = (9 << 15) + log2_of(largest > 0 ? (uint32_t)largest : 1u);
    for (uint32_t k = 0; k < MFCC_COEFFICIENTS; k++) {
        if (frame->peak == SILENT) {
            features[k] = silence[k];
            continue;
        }
        int32_t value = frame->coefficients[k];
        if (k == 0) {
            value -= (int32_t)(((int64_t)divisor * MFCC_LEVEL) >> 25);
        }
        value = (value + MFCC_ZERO_POINT * 64) / 64; /* towards zero */
        features[k] = (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
    }
}
