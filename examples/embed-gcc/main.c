/* A neural network in a program of your own: classifies one picture and prints the outputs on USART1 (PA9, 115200 baud).
 * Source: the runtime's README; RM0008 for the registers.
 * Does not model: anything else a program would do; the chip stays on its internal oscillator (8 MHz).
 * Tested by: tests/embed_examples.rs (the outputs are TensorFlow Lite Micro's).
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "model_data.h" /* by `stm32sim embed`; in exactly one C file */
#include "sample.h"

#include <string.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define RCC_APB2ENR REG(0x40021018u)
#define GPIOA_CRH REG(0x40010804u)
#define USART1_SR REG(0x40013800u)
#define USART1_DR REG(0x40013804u)
#define USART1_BRR REG(0x40013808u)
#define USART1_CR1 REG(0x4001380Cu)

static uint8_t arena[NN_MODEL_ARENA_BYTES] __attribute__((aligned(8)));

static void put(char c) {
    while ((USART1_SR & (1u << 7)) == 0) {
    }
    USART1_DR = (uint8_t)c;
}

static void put_text(const char *text) {
    while (*text != '\0') put(*text++);
}

static void put_number(int32_t value) {
    char digits[12];
    unsigned n = 0;
    uint32_t size = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    do digits[n++] = (char)('0' + size % 10u);
    while ((size /= 10u) != 0);
    if (value < 0) put('-');
    while (n != 0) put(digits[--n]);
}

int main(void) {
    RCC_APB2ENR |= 1u << 2 | 1u << 14;                             /* port A, USART1 */
    GPIOA_CRH = (GPIOA_CRH & ~(0xFu << 4)) | 0xBu << 4;            /* PA9: alternate function, push-pull */
    USART1_BRR = (8000000u + 115200u / 2u) / 115200u;
    USART1_CR1 = 1u << 13 | 1u << 3;

    int status = nn_check(nn_model_plan, sizeof nn_model_plan);
    if (status == NN_OK) {
        memcpy(nn_input(nn_model_plan, arena, 0), sample, NN_MODEL_INPUT_BYTES);
        status = nn_invoke(nn_model_plan, arena);
    }
    if (status != NN_OK) {
        put_text("status ");
        put_number(status);
    } else {
        const int8_t *scores = nn_output(nn_model_plan, arena, 0);
        put_text("outputs");
        for (unsigned i = 0; i < NN_MODEL_OUTPUT_COUNT; i++) {
            put(' ');
            put_number(scores[i]);
        }
    }
    put_text("\r\n");
    for (;;) __asm volatile("wfi");
}
