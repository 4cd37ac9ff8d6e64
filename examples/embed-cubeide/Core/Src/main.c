/* A neural network in a project of STM32CubeIDE's layout: recognises one spoken word and prints the outputs with printf.
 * Source: the runtime's README.
 * Does not model: the microphone; the input is a sample.
 * Tested by: tests/embed_examples.rs (the outputs are TensorFlow Lite Micro's).
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "main.h"

#include "model_data.h" /* by `stm32sim embed`; in exactly one C file */
#include "sample.h"

#include <stdio.h>
#include <string.h>

static uint8_t arena[NN_MODEL_ARENA_BYTES] __attribute__((aligned(8)));

int main(void) {
    SystemClock_Config();
    USART1_Init();

    int status = nn_check(nn_model_plan, sizeof nn_model_plan);
    if (status == NN_OK) {
        memcpy(nn_input(nn_model_plan, arena, 0), sample, NN_MODEL_INPUT_BYTES);
        status = nn_invoke(nn_model_plan, arena);
    }
    if (status != NN_OK) {
        printf("status %d\r\n", status);
    } else {
        const int8_t *scores = nn_output(nn_model_plan, arena, 0);
        printf("outputs");
        for (unsigned i = 0; i < NN_MODEL_OUTPUT_COUNT; i++) printf(" %d", scores[i]);
        printf("\r\n");
    }
    for (;;) __asm volatile("wfi");
}
