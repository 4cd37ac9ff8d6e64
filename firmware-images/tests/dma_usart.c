/* DMA feeds the transmitter, and fills a buffer from a line that talks to itself; the line's silence interrupts (RM0008 sections 27.3.10, 27.3.13). */
#include "devices.h"

static const char text[] = "sent by DMA\r\n";
static volatile char echo[8];
static volatile uint32_t silent;

void USART2_IRQHandler(void) {
    if ((USART2->SR & 1u << 4) != 0) {
        (void)USART2->DR;
        silent = silent + 1u;
    }
}

int main(void) {
    test_begin();
    RCC->AHBENR |= AHB_DMA1;
    RCC->APB1ENR |= APB1_USART2;
    /* USART1 transmits by channel 4 (table 78). */
    USART1->CR3 = 1u << 7;
    DMA1->channel[3].CPAR = (uint32_t)&USART1->DR;
    DMA1->channel[3].CMAR = (uint32_t)text;
    DMA1->channel[3].CNDTR = sizeof text - 1u;
    DMA1->channel[3].CCR = 1u << 7 | 1u << 4 | 1u;
    while ((DMA1->ISR >> 12 & 2u) == 0) {
    }
    uart_flush();
    USART1->CR3 = 0;
    /* USART2, one wire for both ways: what it sends by channel 7 it receives by channel 6. */
    USART2->BRR = 36000000u / 1000000u;
    USART2->CR3 = 1u << 7 | 1u << 6 | 1u << 3;
    DMA1->channel[5].CPAR = (uint32_t)&USART2->DR;
    DMA1->channel[5].CMAR = (uint32_t)echo;
    DMA1->channel[5].CNDTR = sizeof echo;
    DMA1->channel[5].CCR = 1u << 7 | 1u;
    irq_enable(38u);
    USART2->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | 1u << 4;
    USART2->SR = ~USART_SR_TC;
    DMA1->channel[6].CPAR = (uint32_t)&USART2->DR;
    DMA1->channel[6].CMAR = (uint32_t)text;
    DMA1->channel[6].CNDTR = 4;
    cycles_begin();
    const uint32_t start = DWT_CYCCNT;
    DMA1->channel[6].CCR = 1u << 7 | 1u << 4 | 1u;
    while ((USART2->SR & USART_SR_TC) == 0) {
    }
    /* Four characters of ten bits at 1 Mbaud: 40 us. */
    CHECK(NEAR(DWT_CYCCNT - start, 2880u, 60u));
    CHECK(DMA1->channel[5].CNDTR == sizeof echo - 4u);
    for (uint32_t i = 0; i < 4u; i++) {
        CHECK(echo[i] == text[i]);
    }
    while (silent == 0) {
        cpu_wait_for_interrupt();
    }
    CHECK(silent == 1u);
    test_end();
}
