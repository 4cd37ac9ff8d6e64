/* Runs a plan on the host: host PLAN < inputs > outputs, for as many samples as the inputs hold.
 * The plan's tables say how large each tensor is. Links every kernel. */
#include "nn_all.h"
#include "nn_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    return 1;
}

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) return fail("usage: host PLAN < inputs > outputs");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    void *bytes = aligned_alloc(8, ((size_t)size + 7u) & ~(size_t)7);
    if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size) return fail("the plan cannot be read");
    fclose(file);
    if (nn_check(bytes, (size_t)size) != NN_OK) return fail("the runtime refuses the plan");
    const nn_plan *plan = bytes;
    size_t arena_bytes = nn_arena_bytes(plan);
    uint8_t *arena = aligned_alloc(8, arena_bytes ? arena_bytes : 8);
    if (arena == NULL) return fail("no memory");
    /* Old contents must not matter. */
    memset(arena, 0xA5, arena_bytes);
    if (nn_reset(plan, arena) != NN_OK) return fail("the runtime cannot reset the plan");
    const uint32_t *sizes = plan->tables + plan->layers;
    for (;;) {
        for (uint32_t i = 0; i < plan->inputs; i++) {
            if (fread(nn_input(plan, arena, i), 1, sizes[2 * i + 1], stdin) != sizes[2 * i + 1]) {
                free(bytes);
                free(arena);
                return i == 0 ? 0 : fail("the inputs end within a sample");
            }
        }
        if (nn_invoke(plan, arena) != NN_OK) return fail("the inference failed");
        for (uint32_t i = 0; i < plan->outputs; i++)
            fwrite(nn_output(plan, arena, i), 1, sizes[2 * (plan->inputs + i) + 1], stdout);
    }
}
