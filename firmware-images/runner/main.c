/* Runs any model once: the image that `stm32sim estimate` loads, with a lowered model right behind it in flash and the inputs in the arena.
 * Source: written for these images; the runtime's functions are described in runtime/nn.h.
 * Does not model: a board: nothing here says what came out. The simulator reads g_status and the outputs from memory.
 * Tested by: tests/estimate.rs (against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "nn_all.h"
#include "platform.h"

/* The model, 8-aligned behind everything that is programmed, and the arena, 8-aligned behind the static data: see runner.ld. Start-up
   leaves the arena as it is, so that the inputs can be there before reset. */
extern const uint8_t __plan_start[];
extern uint8_t __arena_start[];

/* Where this program looks for them, in flash. Who loads the image may have them elsewhere, the model in SRAM say, and write so here before
   reset; so they are read as if they could change. */
const uint8_t *const g_plan_at = __plan_start;
uint8_t *const g_arena_at = __arena_start;

/* NN_OK, or the nn_status with which the runtime refused the model or the inference. */
int g_status;

int main(void) {
    clock_init();
    /* Who put the plan there knows that it is whole; its own header says how long it is. */
    const uint8_t *const plan = *(const uint8_t *const volatile *)&g_plan_at;
    g_status = nn_check(plan, SIZE_MAX);
    if (g_status == NN_OK) {
        g_status = nn_reset(plan, *(uint8_t *const volatile *)&g_arena_at);
    }
    if (g_status == NN_OK) {
        g_status = nn_invoke(plan, *(uint8_t *const volatile *)&g_arena_at);
    }
    return 0; /* start-up code sleeps from here on; no interrupt is enabled */
}
