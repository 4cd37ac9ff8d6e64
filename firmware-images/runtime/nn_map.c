/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Functions of one byte by table (LOGISTIC, TANH and the like), and plain copies. Both work in place. */
#include "nn_plan.h"

#include <string.h>

void nn_map_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_map_layer *l = layer;
    const uint8_t *table = nn_at(plan, arena, l->table);
    const uint8_t *in = nn_at(plan, arena, l->input);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--) *out++ = table[*in++];
}

void nn_copy(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_copy_layer *l = layer;
    memmove(arena + l->output, nn_at(plan, arena, l->input), l->bytes);
}
