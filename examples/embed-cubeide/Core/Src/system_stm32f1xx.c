/* Clock and serial line, by registers, so that the example needs no HAL. With one, its SystemClock_Config and HAL_UART_Transmit serve as well.
 * Source: RM0008 sections 3.3.3 (wait states), 7.3 (clocks), 9.2 (pins), 27.6 (USART).
 * Does not model: a crystal that does not start.
 * Tested by: tests/embed_examples.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "main.h"

#define REG(address) (*(volatile uint32_t *)(address))
#define FLASH_ACR REG(0x40022000u)
#define RCC_CR REG(0x40021000u)
#define RCC_CFGR REG(0x40021004u)
#define RCC_APB2ENR REG(0x40021018u)
#define GPIOA_CRH REG(0x40010804u)
#define USART1_SR REG(0x40013800u)
#define USART1_DR REG(0x40013804u)
#define USART1_BRR REG(0x40013808u)
#define USART1_CR1 REG(0x4001380Cu)

void SystemInit(void) {}

void SystemClock_Config(void) {
    RCC_CR |= 1u << 16; /* crystal */
    while ((RCC_CR & (1u << 17)) == 0) {
    }
    FLASH_ACR = 1u << 4 | 2u;                       /* prefetch, two wait states */
    RCC_CFGR = 7u << 18 | 1u << 16 | 4u << 8;       /* PLL: crystal times nine; APB1 half of that */
    RCC_CR |= 1u << 24;
    while ((RCC_CR & (1u << 25)) == 0) {
    }
    RCC_CFGR |= 2u;
    while ((RCC_CFGR & 0xCu) != 0x8u) {
    }
}

void USART1_Init(void) {
    RCC_APB2ENR |= 1u << 2 | 1u << 14;
    GPIOA_CRH = (GPIOA_CRH & ~(0xFu << 4)) | 0xBu << 4;
    USART1_BRR = 72000000u / 115200u;
    USART1_CR1 = 1u << 13 | 1u << 3;
}

void USART1_Write(char c) {
    while ((USART1_SR & (1u << 7)) == 0) {
    }
    USART1_DR = (uint8_t)c;
}
