/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Functions of one byte by table: LOGISTIC, TANH, RELU, QUANTIZE and the like. Works in place. */
#include "nn_plan.h"

void nn_map_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_map_layer *l = layer;
    const uint8_t *table = nn_at(plan, arena, l->table);
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--) *out++ = table[*in++];
}
