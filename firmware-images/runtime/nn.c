/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The runner: checks a plan, finds its tensors, executes its layers. */
#include "nn_plan.h"
#include "nn_math.h"

static const nn_plan *view(const void *plan) { return (const nn_plan *)plan; }

int nn_check(const void *plan, size_t plan_bytes) {
    const nn_plan *p = view(plan);
    if (plan == NULL || ((uintptr_t)plan & 7u) != 0 || plan_bytes < sizeof(nn_plan)) return NN_BAD_PLAN;
    if (p->magic != NN_MAGIC || p->version != NN_VERSION || p->bytes > plan_bytes) return NN_BAD_PLAN;
    uint64_t words = (uint64_t)p->layers + 2u * ((uint64_t)p->inputs + p->outputs);
    if (sizeof(nn_plan) + 4u * words > p->bytes) return NN_BAD_PLAN;
    for (uint32_t layer = 0; layer < p->layers; layer++) {
        uint32_t at = p->tables[layer];
        if ((at & 3u) != 0 || at > p->bytes - 4u) return NN_BAD_PLAN;
        uint32_t kernel = *(const uint32_t *)((const uint8_t *)plan + at);
        if (kernel >= nn_kernel_count || nn_kernels[kernel] == NULL) return NN_NO_KERNEL;
    }
    return NN_OK;
}

size_t nn_arena_bytes(const void *plan) { return view(plan)->arena_bytes; }

uint32_t nn_layer_count(const void *plan) { return view(plan)->layers; }

void *nn_input(const void *plan, void *arena, unsigned index) {
    const nn_plan *p = view(plan);
    if (index >= p->inputs) return NULL;
    return (uint8_t *)arena + p->tables[p->layers + 2u * index];
}

const void *nn_output(const void *plan, const void *arena, unsigned index) {
    const nn_plan *p = view(plan);
    if (index >= p->outputs) return NULL;
    return (const uint8_t *)arena + p->tables[p->layers + 2u * (p->inputs + index)];
}

__attribute__((noinline)) int nn_run_layer(const void *plan, void *arena, uint32_t index) {
    const nn_plan *p = view(plan);
    if (index >= p->layers) return NN_BAD_INDEX;
    const uint8_t *bytes = plan;
    const uint32_t *layer = (const uint32_t *)(bytes + p->tables[index]);
    if (*layer >= nn_kernel_count || nn_kernels[*layer] == NULL) return NN_NO_KERNEL;
    nn_kernels[*layer](bytes, arena, layer);
    return NN_OK;
}

int nn_invoke(const void *plan, void *arena) {
    uint32_t layers = nn_layer_count(plan);
    for (uint32_t layer = 0; layer < layers; layer++) {
        int status = nn_run_layer(plan, arena, layer);
        if (status != NN_OK) return status;
    }
    return NN_OK;
}

int32_t nn_requantise_slow(int32_t x, int32_t multiplier, int32_t shift) {
    int32_t right = shift + 2;
    if (right < 0) {
        x = (int32_t)((uint32_t)x << -right);
        right = 0;
    }
    return nn_rounding_shift(nn_high_product(x, multiplier), (uint32_t)right);
}
