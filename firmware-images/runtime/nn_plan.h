/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The plan as it lies in memory, version 1. Little-endian words; the Rust side that writes it is src/model/plan.rs and src/model/lower/.
 * Addresses ("ref") are offsets into the arena, or into the plan when bit 31 is set. */
#ifndef NN_PLAN_H
#define NN_PLAN_H

#include "nn.h"

#define NN_MAGIC 0x31504E4Eu /* "NNP1" */
#define NN_VERSION 1u

typedef uint32_t nn_ref;

typedef struct {
    uint32_t magic, version;
    uint32_t bytes;        /* of the whole plan */
    uint32_t arena_bytes;
    uint32_t layers, inputs, outputs;
    uint32_t reserved;
    uint32_t tables[];     /* one descriptor offset per layer, then (arena offset, bytes) per input and per output */
} nn_plan;

/* What turns an accumulator into an output, one per output channel. */
typedef struct {
    int32_t bias;          /* the input's zero point is folded in */
    int32_t multiplier;    /* 0, or in [2^30, 2^31) */
    int32_t shift;         /* right shift less two; negative: see nn_requantise_slow */
} nn_channel;

typedef struct {
    uint32_t kernel;
    nn_ref input, output;
    uint32_t bytes;
} nn_copy_layer;

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
    nn_ref weights;        /* blocks of four channels, interleaved by words of four inputs; the remaining channels one by one */
    nn_ref constants;      /* nn_channel per channel */
    int32_t zero, low, high; /* output zero point and clamp */
} nn_fully_connected_layer;

/* Where a reference to read-only data leads. */
static inline const void *nn_at(const uint8_t *plan, const uint8_t *arena, nn_ref ref) {
    return (ref >> 31) ? plan + (ref & 0x7FFFFFFFu) : arena + ref;
}

#endif
