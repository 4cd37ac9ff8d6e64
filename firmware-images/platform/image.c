/* main() of every model image: one sample at boot, then the serial protocol.
 * Source: written for these images; the runtime's functions are described in runtime/nn.h.
 * Does not model: several models in one image.
 * Tested by: tests/firmware_images.rs (under QEMU, against TFLite Micro's outputs).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "image.h"
#include "nn.h"
#include "platform.h"

#include "model_data.h"
#include "sample.h"

#include <string.h>

/* The model's working memory; tools find it by its name. */
uint8_t nn_arena[NN_MODEL_ARENA_BYTES] __attribute__((aligned(8)));
uint8_t gp_buff[NN_MODEL_INPUT_BYTES] __attribute__((aligned(8))); /* models may take words */
const size_t gp_buff_bytes = sizeof gp_buff;
uint8_t g_output[NN_MODEL_OUTPUT_BYTES] __attribute__((aligned(8)));
const size_t image_output_bytes = sizeof g_output;

_Static_assert(sizeof sample == sizeof gp_buff, "sample.h belongs to another model");

/* 0, or the nn_status with which the runtime refused the model or its last inference. */
static int status;
static uint32_t cycles; /* of the last inference */

void th_load_tensor(void) {
    if (status == 0) {
        memcpy(nn_input(nn_model_plan, nn_arena, 0), gp_buff, sizeof gp_buff);
    }
}

void th_infer(void) {
    if (status == 0) {
        const uint32_t start = time_cycles();
        status = nn_invoke(nn_model_plan, nn_arena);
        cycles = time_cycles() - start;
        memcpy(g_output, nn_output(nn_model_plan, nn_arena, 0), sizeof g_output);
    }
}

static bool refused(void) {
    if (status != 0) {
        th_printf("e-[The runtime refuses the model: status %d]\r\n", status);
    }
    return status != 0;
}

void th_results(void) {
    if (!refused()) {
        th_printf("m-results-[");
        image_print_scores();
        th_printf("]\r\n");
    }
}

void th_output(void) {
    if (!refused()) {
        mlperf_print_bytes("m-output-", g_output, sizeof g_output);
    }
}

static void run_sample(void) {
    memcpy(gp_buff, sample, sizeof gp_buff);
    g_buff_size = g_buff_pos = sizeof gp_buff; /* as if the host had loaded it */
    status = nn_check(nn_model_plan, sizeof nn_model_plan);
    th_load_tensor();
    th_infer();
    if (!refused()) {
        th_printf("Inference Time: %lu us, Predicted Label: %s\r\n", (unsigned long)time_us_of_cycles(cycles), image_label());
    }
}

int main(void) {
    clock_init();
    time_init();
    uart_init();
    run_sample();
    mlperf_serve();
}
