/* The serial line: USART1 at 115200 baud, 8N1, transmit on PA9, receive on PA10.
 * Source: RM0008 sections 9.1 and 9.2 (pins), 27.3 and 27.6 (USART; the baud rate divides PCLK2, which is HCLK here).
 * Does not model: DMA, flow control, transmission by interrupt (it would disturb what is being timed).
 * Tested by: tests/firmware_images.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "handlers.h"
#include "platform.h"
#include "stm32f103.h"

#define BAUD 115200u
/* More than the longest command (80): a host that waits for its answer never fills it. A power of two. */
#define RX_SIZE 128u

/* Written by the interrupt alone (head) and by uart_get alone (tail); both count for ever, modulo 2^32. */
static volatile char rx_buffer[RX_SIZE];
static volatile uint32_t rx_head;
static volatile uint32_t rx_tail;
static volatile uint32_t rx_lost;

void USART1_IRQHandler(void) {
    if ((USART1->SR & USART_SR_RXNE) == 0) {
        (void)USART1->DR; /* an overrun alone also interrupts; reading SR, then DR, clears it */
        return;
    }
    const char c = (char)USART1->DR;
    const uint32_t head = rx_head;
    if (head - rx_tail == RX_SIZE) {
        rx_lost++;
        return;
    }
    rx_buffer[head % RX_SIZE] = c;
    rx_head = head + 1u;
}

void uart_init(void) {
    RCC->APB2ENR |= RCC_APB2ENR_AFIOEN | RCC_APB2ENR_IOPAEN | RCC_APB2ENR_USART1EN;
    GPIOA->BSRR = 1u << 10; /* pull PA10 up: an open line idles high */
    uint32_t crh = GPIOA->CRH & ~((0xFu << GPIO_CRH_SHIFT(9u)) | (0xFu << GPIO_CRH_SHIFT(10u)));
    crh |= GPIO_OUTPUT_ALTERNATE_50MHZ << GPIO_CRH_SHIFT(9u);
    crh |= GPIO_INPUT_PULLED << GPIO_CRH_SHIFT(10u);
    GPIOA->CRH = crh;

    USART1->BRR = (SystemCoreClock + BAUD / 2u) / BAUD; /* the register counts sixteenths of 16 clocks: PCLK2 / baud */
    USART1->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    NVIC->ISER[USART1_IRQ / 32u] = 1u << (USART1_IRQ % 32u);
}

void uart_put(char c) {
    while ((USART1->SR & USART_SR_TXE) == 0) {
    }
    USART1->DR = (uint8_t)c;
}

void uart_flush(void) {
    while ((USART1->SR & USART_SR_TC) == 0) {
    }
}

char uart_get(void) {
    /* Look and sleep with interrupts masked: a character that comes in between still ends the wait, because a pending
       interrupt wakes the core although PRIMASK keeps its handler back. */
    cpu_disable_interrupts();
    while (rx_head == rx_tail) {
        cpu_wait_for_interrupt();
        cpu_enable_interrupts();
        cpu_sync(); /* the handler runs here */
        cpu_disable_interrupts();
    }
    const uint32_t tail = rx_tail;
    const char c = rx_buffer[tail % RX_SIZE];
    rx_tail = tail + 1u;
    cpu_enable_interrupts();
    return c;
}

uint32_t uart_lost(void) { return rx_lost; }
