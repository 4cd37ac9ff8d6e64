/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The plan as it lies in memory, version 2. Little-endian words; the Rust side that writes it is src/model/plan.rs and src/model/lower/.
 * Addresses ("ref") are offsets into the arena, or into the plan when bit 31 is set. */
#ifndef NN_PLAN_H
#define NN_PLAN_H

#include "nn.h"

#define NN_MAGIC 0x31504E4Eu /* "NNP1" */
#define NN_VERSION 2u

/* Whether the kernels' inner loops are those written for the Cortex-M3, in assembly. */
#if (defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)) && defined(__GNUC__)
#define NN_CORTEX_M3 1
#else
#define NN_CORTEX_M3 0
#endif

typedef uint32_t nn_ref;

typedef struct {
    uint32_t magic, version;
    uint32_t bytes;        /* of the whole plan */
    uint32_t arena_bytes;
    uint32_t layers, inputs, outputs;
    uint32_t reserved;     /* how many layers nn_reset executes */
    uint32_t tables[];     /* one descriptor offset per layer, then (arena offset, bytes) per input and per output, then the resets' offsets */
} nn_plan;

/* What turns an accumulator into an output, one per output channel. */
typedef struct {
    int32_t bias;          /* the input's zero point is folded in */
    int32_t multiplier;    /* 0, or in [2^30, 2^31) */
    int32_t shift;         /* right shift less two; negative: see nn_requantise_slow */
} nn_channel;

/* A box of count[0] x count[1] x count[2] x count[3] runs of bytes, from and to wherever the steps lead. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t input_offset, output_offset, run;
    uint32_t count[4];
    int32_t in_step[4];
    uint32_t out_step[4];
} nn_copy_layer;

typedef struct {
    uint32_t kernel;
    nn_ref output;
    uint32_t bytes;
    uint32_t pattern;      /* four bytes, over and over */
} nn_fill_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, indices, output;
    uint32_t outer;        /* tables one after the other, all read by the same indices */
    uint32_t entries;      /* of each */
    uint32_t run;          /* bytes of an entry */
    uint32_t count;        /* indices */
} nn_gather_layer;

enum { NN_F32, NN_S32, NN_S16, NN_S8, NN_U8 };

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t count;
    uint32_t from, to;     /* NN_F32, … */
    float scale;           /* of the integer; 0: a plain conversion */
    int32_t zero, low, high;
} nn_cast_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t count;
    nn_ref table;          /* 256 bytes, by the input's unsigned value */
} nn_map_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t rows;         /* input vectors */
    uint32_t depth;        /* inputs per vector */
    uint32_t channels;     /* outputs per vector */
    nn_ref weights;        /* chunk by chunk of inputs, block by block of four channels: for each input a word, a byte without sign (w + 128)
                              for each channel, and for an odd number of inputs one more word; then the remaining channels one by one, four
                              signed bytes to a word, filled up with zeros */
    nn_ref constants;      /* nn_channel per channel */
    int32_t zero, low, high; /* output zero point and clamp */
    uint32_t chunk;        /* inputs that are taken together: all, or fewer and an even number */
    nn_ref scratch;        /* three words for every two inputs of a chunk */
    nn_ref sums;           /* scratch: int32, four; with several chunks, as many as there are channels in blocks */
} nn_fully_connected_layer;

/* CONV_2D and DEPTHWISE_CONV_2D. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t batches;
    uint32_t in_h, in_w, in_c, out_h, out_w, out_c;
    uint32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    uint32_t taps;         /* weights per channel, made even; depthwise: outputs per input channel */
    uint32_t row_bytes;    /* from one channel's weights to the next's */
    nn_ref weights, constants;
    int32_t in_zero;       /* what the border holds */
    int32_t zero, low, high;
    uint32_t tile_quads;   /* output pixels per tile / 4; depthwise: output columns per block */
    nn_ref tile, staged;   /* scratch */
    uint32_t border;       /* whether the input is copied with its border, to: */
    nn_ref bordered;
} nn_conv_layer;

/* What an output may be: int8, with the zero point at its least value, so that all below zero are one; int8; or [low, high]. Or the sums
 * themselves are asked for, int32 one after the other. */
enum { NN_RANGE_FROM_ZERO, NN_RANGE_INT8, NN_RANGE_CLAMP, NN_RANGE_SUMS };

static inline uint32_t nn_range_of(int32_t zero, int32_t low, int32_t high) {
    if (low != -128 || high != 127) return NN_RANGE_CLAMP;
    return zero == -128 ? NN_RANGE_FROM_ZERO : NN_RANGE_INT8;
}

/* What assembly adds before the last shift: one half, to round, and the zero point. Shifts of these layers are 0 to 20. */
static inline int32_t nn_half(int32_t shift, int32_t zero) { return (1 << shift) + zero * (2 << shift); }

/* nn_conv_quads: one channel at `pixels` pixels, four at a time; x holds two words per tap and four pixels. Its assembly knows this layout. */
typedef struct {
    const uint32_t *x;
    const int8_t *weights;
    uint32_t taps;
    uint32_t pixels;
    int32_t start;         /* bias - taps / 2 * 2^15 */
    int32_t bias;
    int32_t multiplier;
    int32_t half;          /* nn_half */
    int32_t shift;         /* nn_channel's, and one more */
    int32_t zero;
    uint32_t stride;       /* from one pixel's output to the next's */
    int8_t *out;
    uint32_t range;        /* NN_RANGE_… */
    int32_t low, high;
} nn_quads;

/* Words per row of a depthwise kernel's copy of a plane. */
#define NN_PLANE_PITCH 14u

/* nn_depthwise_plane: one channel at some rows of output, and at as many rows below. Its assembly knows this layout. */
typedef struct {
    const uint32_t *x;     /* where the window stands at first */
    int8_t *upper, *lower; /* the first outputs */
    uint32_t rows;
    uint32_t row_bytes;    /* of x that the window steps over in a row */
    uint32_t stride;       /* from one pixel's output to the next's */
    uint32_t step;         /* of the window, in bytes of x */
    uint32_t skip_x;       /* from a row's end to the next one's start */
    uint32_t skip_out;
    int32_t multiplier;
    int32_t half;          /* nn_half */
    int32_t shift;         /* nn_channel's, and one more */
    int32_t zero;
    int32_t start;         /* bias * (2^16 + 1) - 5 * 2^15 */
    int32_t bias;
    uint32_t range;        /* NN_RANGE_… */
    int32_t low, high;
    uint32_t reserved;
    int32_t weights[9];
} nn_plane;

/* nn_add_run: x * 2^19 and y with a factor, summed, and the sum with another. Its assembly knows this layout. */
typedef struct {
    const int8_t *x, *y;
    int8_t *out, *end;
    int32_t coarse_zero;   /* x's zero point * 2^19 */
    int32_t zero;          /* y's * 2^22 */
    int32_t multiplier;
    int32_t half;          /* what is added to the product's high word before the shift */
    uint32_t shift;
    int32_t back;          /* the sum's multiplier */
    int32_t back_half;     /* nn_half */
    uint32_t back_shift;
    uint32_t coarse;       /* which operand is x */
} nn_sums;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t batches;
    uint32_t in_h, in_w, channels, out_h, out_w;
    uint32_t filter_h, filter_w, stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t low, high;
} nn_pool_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t rows, depth;
    int32_t multiplier, shift; /* of a difference to the row's greatest input, to 5 integer bits */
    int32_t least;             /* differences below it count as minus infinity */
} nn_softmax_layer;

/* A factor for nn_requantise. */
typedef struct {
    int32_t multiplier, shift;
} nn_factor;

typedef struct {
    uint32_t kernel;
    nn_ref input[2], output;
    uint32_t count[4];
    uint32_t step[2][4];   /* 0 where an operand is repeated */
    int32_t zero[3];       /* of both operands and of the output */
    nn_factor factor[3];
    int32_t low, high;
    uint32_t subtract;
} nn_binary_layer;

enum { NN_SUM, NN_MAX, NN_MIN };

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t kept[4], kept_step[4]; /* dimensions of the output */
    uint32_t over[4], over_step[4]; /* dimensions that are reduced */
    uint32_t what;
    int32_t start;         /* minus the zero points of all that is summed; or the least of all values, or the greatest */
    nn_factor factor;
    int32_t zero;
} nn_reduce_layer;

/* Gates in the order forget, enter, value, leave. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t batches, steps, inputs, cells;
    nn_ref input_weights, recurrent_weights; /* cell by cell, the four gates interleaved by words of four inputs */
    nn_ref biases;         /* eight per cell: of the gates' input part, of their recurrent part; zero points are folded in */
    nn_ref table;          /* 256 x uint16: the reference's sigmoid */
    nn_ref state, empty;   /* scratch: int16 and int8 per cell */
    nn_factor from_input[4], from_hidden[4];
    nn_factor forget, enter, leave;
    int32_t cell_clip;     /* 0: none */
    int32_t cell_shift;    /* to the table's units */
    int32_t zero;          /* of the hidden state */
} nn_lstm_layer;

/* A row of weights is q * 2^(exponent - 29), |q| < 2^29 + 1, so that products need integers only. */
typedef struct {
    int32_t exponent;
    uint32_t bias;         /* a float's bits */
} nn_float_channel;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t rows, depth, channels;
    nn_ref weights;        /* int32, row by row, each filled up with zeros to a multiple of four */
    nn_ref constants;      /* nn_float_channel per channel */
    nn_ref scratch;        /* int32 per input, and up to three more */
    uint32_t bits;         /* of an input: 2^(bits + 29) * depth < 2^62 */
    int32_t low, high;     /* clamp; see `ordered` */
} nn_float_dense_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t count;
} nn_float_map_layer;

/* Brings vectors of floats to int8, each with a scale of its own, for a hybrid layer: int8 weights on float activations. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;  /* float32; int8 (scratch) */
    nn_ref scales;         /* scratch: nn_scale per vector */
    uint32_t vectors, count;
    uint32_t symmetric;    /* zero point 0, values from -127; else what lies between the least and the greatest input takes all 256 */
} nn_quantise_layer;

/* real = scale * (value - zero) */
typedef struct {
    float scale;
    int32_t zero;
} nn_scale;

/* What turns a hybrid layer's sums into outputs. */
typedef struct {
    int32_t sum;           /* of the weights: times the input's zero point, it is what the sum has too much */
    float scale;           /* of the weights */
    float bias;
} nn_hybrid_channel;

typedef struct {
    nn_ref scales;         /* of the input: nn_scale each */
    uint32_t scale_first;  /* sum * (own scale * input's), as the reference multiplies here; else (sum * own) * input's */
    int32_t low, high;     /* clamp of floats, as integers: see nn_float.h */
} nn_hybrid;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;  /* int8 (scratch), float32 */
    uint32_t rows, depth, channels;
    uint32_t rows_per_scale;
    nn_ref weights;        /* as nn_fully_connected_layer's */
    nn_ref constants;      /* nn_hybrid_channel per channel */
    nn_hybrid hybrid;
} nn_hybrid_dense_layer;

typedef struct {
    nn_conv_layer conv;    /* constants: nn_hybrid_channel per channel; its zero points and clamp do not count */
    nn_hybrid hybrid;
    nn_ref sums;           /* scratch: int32 per pixel of a tile */
} nn_hybrid_conv_layer;

enum { NN_ADD, NN_SUBTRACT, NN_MULTIPLY, NN_MAXIMUM, NN_MINIMUM };

/* ADD and the like on float32; steps in elements. */
typedef struct {
    uint32_t kernel;
    nn_ref input[2], output;
    uint32_t count[4];
    uint32_t step[2][4];
    uint32_t what;
    int32_t low, high;     /* see nn_float.h */
} nn_float_binary_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t count;
    int32_t low, high;
} nn_float_clamp_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t kept[4], kept_step[4], over[4], over_step[4]; /* as nn_reduce_layer's */
    uint32_t what;
    float divisor;         /* of a sum */
} nn_float_reduce_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t rows, depth;
    float beta;
} nn_float_softmax_layer;

/* A node: bits 0 to 7 the feature, 8 to 15 the greatest value (signed) that goes left, to the next word; 16 to 31 how many words further
 * the right branch is. A leaf: NN_FOREST_LEAF in place of the feature, its value (signed) in bits 16 to 31. */
#define NN_FOREST_LEAF 255u

typedef struct {
    uint32_t kernel;
    nn_ref input, output;  /* int8 features; one int32 */
    uint32_t trees;
    nn_ref roots;          /* word number of each tree's root among the nodes */
    nn_ref nodes;
} nn_forest_layer;

/* Where a reference to read-only data leads. */
static inline const void *nn_at(const uint8_t *plan, const uint8_t *arena, nn_ref ref) {
    return (ref >> 31) ? plan + (ref & 0x7FFFFFFFu) : arena + ref;
}

#endif
