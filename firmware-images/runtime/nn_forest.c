/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A decision forest on int8 features: each tree is walked from its root to a leaf, and the leaves' values are added up. A node is one word,
 * so that a step down a tree costs one access to flash; where the left branch goes, the next word is. */
#include "nn_plan.h"

void nn_forest_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_forest_layer *l = layer;
    const int8_t *x = nn_at(plan, arena, l->input);
    const uint32_t *nodes = nn_at(plan, arena, l->nodes);
    const uint32_t *root = nn_at(plan, arena, l->roots);
    int32_t sum = 0;
    for (const uint32_t *end = root + l->trees; root != end; root++) {
        const uint32_t *node = nodes + *root;
        uint32_t word = *node;
        while ((word & 255u) != NN_FOREST_LEAF) {
            node += x[word & 255u] <= (int8_t)(word >> 8) ? 1u : word >> 16;
            word = *node;
        }
        sum += (int32_t)word >> 16;
    }
    *(int32_t *)(void *)(arena + l->output) = sum;
}
