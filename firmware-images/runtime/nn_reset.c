/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * What a model keeps between inferences, set to what it begins with: by layers of its plan that nothing else executes. */
#include "nn_plan.h"

int nn_reset(const void *plan, void *arena) {
    const nn_plan *p = plan;
    const uint8_t *bytes = plan;
    uint64_t tables = (uint64_t)p->layers + 2u * ((uint64_t)p->inputs + p->outputs);
    if (sizeof(nn_plan) + 4u * (tables + p->reserved) > p->bytes) return NN_BAD_PLAN;
    for (uint32_t n = 0; n < p->reserved; n++) {
        uint32_t at = p->tables[tables + n];
        if ((at & 3u) != 0 || at > p->bytes - 4u) return NN_BAD_PLAN;
        const uint32_t *layer = (const uint32_t *)(bytes + at);
        if (*layer >= nn_kernel_count || nn_kernels[*layer] == NULL) return NN_NO_KERNEL;
        nn_kernels[*layer](bytes, arena, layer);
    }
    return NN_OK;
}
