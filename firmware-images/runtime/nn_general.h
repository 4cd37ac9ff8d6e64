/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Descriptors of the general kernels: those that take several types by their number (NN_F32, … of nn_plan.h), and those of layers that are
 * rare. They are made for little flash rather than for speed. Steps and sizes are in elements unless said otherwise. The Rust side that
 * writes them is src/model/lower/. */
#ifndef NN_GENERAL_H
#define NN_GENERAL_H

#include "nn_math.h"
#include "nn_plan.h"

#include <string.h>

static inline uint32_t nn_size_of(uint32_t type) {
    return type == NN_F32 || type == NN_S32 ? 4 : type == NN_S16 ? 2 : 1;
}

static inline int32_t nn_load(const uint8_t *p, uint32_t type) {
    int16_t half;
    int32_t word;
    switch (type) {
        case NN_U8: return *p;
        case NN_S8: return (int8_t)*p;
        case NN_S16: memcpy(&half, p, 2); return half;
        default: memcpy(&word, p, 4); return word;
    }
}

static inline void nn_store(uint8_t *p, uint32_t type, int32_t value) {
    int16_t half = (int16_t)value;
    switch (type) {
        case NN_U8:
        case NN_S8: *p = (uint8_t)value; break;
        case NN_S16: memcpy(p, &half, 2); break;
        default: memcpy(p, &value, 4);
    }
}

/* Sums that wrap, as the reference's do. */
static inline int32_t nn_plus(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
static inline int32_t nn_times(int32_t a, int32_t b) { return (int32_t)((uint32_t)a * (uint32_t)b); }

/* x * factor, rounded as the reference does. */
static inline int32_t nn_scaled(int32_t x, const nn_factor *f) { return nn_requantise_slow(x, f->multiplier, f->shift); }

/* The same of a wide sum: by the multiplier's upper 16 bits, rounded half up; the shift is all of it. */
static inline int32_t nn_scaled_wide(int64_t x, int32_t multiplier, uint32_t shift) {
    uint64_t product = (uint64_t)x * (uint64_t)(int64_t)multiplier + ((uint64_t)1 << (shift - 1));
    return (int32_t)((int64_t)product >> shift);
}

/* Two operands, as nn_binary_layer has them, of any type. */
typedef struct {
    uint32_t kernel;
    nn_ref input[2], output;
    uint32_t count[4];
    uint32_t step[2][4];
    uint32_t what, type;
    int32_t zero[3];
    nn_factor factor[3];
    int32_t low, high;
    uint32_t left;         /* how far operands are shifted up before they are brought to a common scale */
} nn_general_binary_layer;

enum { NN_DIFFERENCE_SQUARED = NN_MINIMUM + 1, NN_DIVIDE, NN_FLOOR_DIVIDE, NN_FLOOR_MODULO, NN_PRELU, NN_AND, NN_OR, NN_EQUAL, NN_NOT_EQUAL,
       NN_GREATER, NN_GREATER_EQUAL, NN_LESS, NN_LESS_EQUAL };

/* SELECT_V2: of the first, where a byte is not 0, else of the second; steps of all three, in elements. */
typedef struct {
    uint32_t kernel;
    nn_ref condition, input[2], output;
    uint32_t count[4];
    uint32_t step[3][4];
    uint32_t size;         /* bytes of an element */
} nn_select_layer;

enum { NN_ABS, NN_NEG, NN_SQUARE, NN_SQRT, NN_RSQRT, NN_FLOOR, NN_CEIL, NN_ROUND, NN_HARD_SWISH, NN_LEAKY_RELU, NN_NOT };
enum { NN_EXP, NN_LOG, NN_SIN, NN_COS, NN_TANH, NN_ELU };

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t count;
    uint32_t what;
    float alpha;           /* LEAKY_RELU */
    uint32_t type;         /* of what truth is told of */
} nn_unary_layer;

/* From one integer type and scale to another: y = clamp(x * factor), by another factor for what is below the zero point. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t count;
    uint32_t from, to;
    int32_t zero[2];
    nn_factor above, below;
    int32_t before, after; /* what is below the zero point is multiplied by these, before and after it is scaled: 1 or -1 */
    int32_t low, high;
} nn_rescale_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t count;
    uint32_t tanh;
    int32_t multiplier;
    uint32_t shift;
    nn_ref table;          /* 256 x uint16: the reference's sigmoid */
} nn_sigmoid_s16_layer;

/* Sums of int16 inputs and int8 weights. */
typedef struct {
    uint32_t bias[2];      /* the lower word first */
    int32_t multiplier;    /* of 16 bits where sums are wide */
    int32_t shift;         /* nn_scaled_wide's, or nn_channel's where they are not */
} nn_wide_channel;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t batches;
    uint32_t in_h, in_w, in_c, out_h, out_w, out_c;
    uint32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    uint32_t depth;        /* weights per tap and channel: in_c, or 1 of a depthwise layer */
    uint32_t multiplier;   /* outputs per input channel of a depthwise layer, 0 of the others */
    nn_ref weights;        /* channel by channel, tap by tap; float32 where the type is */
    nn_ref constants;      /* nn_wide_channel, or nn_channel, or float biases */
    uint32_t type, wide;
    int32_t in_zero, zero, low, high;
} nn_general_conv_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t batches;
    uint32_t in_h, in_w, channels, out_h, out_w;
    uint32_t filter_h, filter_w, stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t low, high;
    uint32_t what;         /* NN_SUM: average; NN_MAX */
} nn_general_pool_layer;

/* SOFTMAX and LOG_SOFTMAX; the fields are those of the kernel that reads them. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t rows, depth;
    nn_factor factor;      /* of a difference to the greatest input */
    nn_factor back;        /* LOG_SOFTMAX: the other way */
    int32_t least;
    nn_ref exponential, reciprocal; /* int16 SOFTMAX: tables of 513 */
} nn_general_softmax_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input[2], output;
    uint32_t count[2];     /* of batches, by the two outer dimensions; each operand steps by: */
    uint32_t batch_step[2][2];
    uint32_t rows, columns, depth;
    uint32_t step[2][2];   /* of the first: from row to row and along the depth; of the second: from column to column and along the depth */
    uint32_t type;
    int32_t zero[3];
    nn_factor factor;      /* of wide sums (int16): as nn_wide_channel's */
    int32_t low, high;
} nn_matmul_layer;

/* A filter of some rank with a memory of its last activations; NN_S8, NN_S16 or NN_F32 says what kind that is. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    nn_ref state;          /* filters x memory per batch, the latest activation last; kept between inferences */
    nn_ref feature, time, bias; /* weights; int32 or float per unit */
    uint32_t batches, inputs, filters, memory, rank;
    uint32_t type;
    int32_t zero[3];       /* of input, state, output */
    nn_factor enter, leave;
    int32_t low, high;
} nn_svdf_layer;

/* Gates in the order forget, enter, value, leave. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t batches, steps, inputs, cells;
    nn_ref input_weights[4], recurrent_weights[4], biases[4]; /* row by row, one per cell */
    nn_ref state;          /* scratch: a float per cell, and as many zeros */
    float clip;            /* 0: none */
} nn_lstm_f32_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t kept[4], kept_step[4], over[4], over_step[4]; /* as nn_reduce_layer's */
    uint32_t what, type;   /* NN_SUM, NN_MAX, NN_MIN, NN_ALL */
    int32_t start;
    nn_factor factor;
    int32_t zero, low, high;
} nn_general_reduce_layer;

enum { NN_ALL = NN_MIN + 1 };

/* Along one dimension: `outer` times `depth` times `inner`. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t outer, depth, inner;
    uint32_t type;
    uint32_t what;         /* ARG_MAX: 1, ARG_MIN: 0. CUMSUM: 1 exclusive, 2 backwards */
    int32_t zero[2];
    nn_factor enter, leave; /* CUMSUM on int8 */
} nn_along_layer;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t rows, depth;
    int32_t zero;
} nn_l2_layer;

/* Rows and columns of the input for each of the output. */
typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t batches, in_h, in_w, out_h, out_w;
    uint32_t run;          /* bytes of a pixel; of RESIZE_BILINEAR: channels */
    nn_ref rows, columns;  /* uint32 each; RESIZE_BILINEAR: nn_between each */
    uint32_t type;
} nn_resize_layer;

typedef struct {
    uint32_t lower, upper;
    int32_t share;         /* of the upper one: of 1024, or a float's bits */
} nn_between;

typedef struct {
    uint32_t kernel;
    nn_ref input, indices, output;
    uint32_t count;        /* of index tuples */
    uint32_t depth;        /* of a tuple */
    uint32_t run;          /* bytes that a tuple names */
    uint32_t dim[4], step[4]; /* extent and bytes of each indexed dimension */
} nn_gather_nd_layer;

/* GATHER where each batch has indices of its own; otherwise as nn_gather_layer. */
typedef struct {
    uint32_t kernel;
    nn_ref input, indices, output;
    uint32_t batches, outer, entries, run, count;
} nn_gather_batches_layer;

/* The input with a box of its written over; where the box begins is told at run time. */
typedef struct {
    uint32_t kernel;
    nn_ref input, update, start, output;
    uint32_t bytes;        /* of the input */
    uint32_t size;         /* bytes of an element */
    uint32_t rank;         /* numbers in `start`; the dimensions below are filled up with 1 in front */
    uint32_t extent[6], box[6];
} nn_update_layer;

typedef struct {
    uint32_t kernel;
    nn_ref output;
    uint32_t count, inputs;
    uint32_t type;
    int32_t zero[2];
    nn_factor enter, leave;
    nn_ref input[];
} nn_add_n_layer;

#endif
