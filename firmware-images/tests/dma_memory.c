/* Memory to memory with different widths, priorities, and an address that nobody answers at (RM0008 sections 13.3.2 to 13.3.4, table 76). */
#include "devices.h"

static volatile uint32_t words[8];
static volatile uint8_t bytes[8];
static volatile uint32_t complete;

void DMA1_Channel3_IRQHandler(void) {
    complete = DMA1->ISR;
    DMA1->IFCR = 1u << 8;
}

static void copy(uint32_t channel, volatile void *to, const volatile void *from, uint32_t count, uint32_t control) {
    struct dma_channel *const dma = &DMA1->channel[channel];
    dma->CCR = 0;
    dma->CPAR = (uint32_t)from;
    dma->CMAR = (uint32_t)to;
    dma->CNDTR = count;
    dma->CCR = control | 1u << 14 | 1u;
}

int main(void) {
    test_begin();
    RCC->AHBENR |= AHB_DMA1;
    for (uint32_t i = 0; i < 8u; i++) {
        bytes[i] = (uint8_t)(0x80u + i);
    }
    /* Bytes to words: filled with zeros; with the interrupt of the end. */
    irq_enable(13u);
    copy(2, words, bytes, 8, 2u << 10 | 1u << 7 | 1u << 6 | 1u << 1);
    while (complete == 0) {
    }
    CHECK((complete >> 8 & 7u) == 7u); /* global, complete, half */
    for (uint32_t i = 0; i < 8u; i++) {
        CHECK(words[i] == 0x80u + i);
    }
    CHECK(DMA1->channel[2].CNDTR == 0);
    CHECK((DMA1->ISR >> 8 & 0xFu) == 0);
    /* Words to bytes: the lowest byte. */
    for (uint32_t i = 0; i < 8u; i++) {
        words[i] = 0x11223300u + i;
    }
    copy(2, bytes, words, 8, 2u << 8 | 1u << 7 | 1u << 6);
    while (DMA1->channel[2].CNDTR != 0) {
    }
    for (uint32_t i = 0; i < 8u; i++) {
        CHECK(bytes[i] == i);
    }
    /* Nothing is at 0x10000000: an error, and the channel is off. */
    DMA1->IFCR = 0x0FFFFFFFu;
    copy(4, words, (const volatile void *)0x10000000u, 8, 2u << 10 | 2u << 8 | 1u << 7 | 1u << 6);
    while ((DMA1->ISR >> 16 & 8u) == 0) {
    }
    CHECK((DMA1->channel[4].CCR & 1u) == 0);
    /* Of two that begin together the more urgent one is done first: channel 7 before channel 1. */
    static volatile uint32_t a[4], b[4];
    DMA1->channel[0].CCR = 0;
    DMA1->IFCR = 0x0FFFFFFFu;
    copy(0, a, words, 4, 2u << 10 | 2u << 8 | 1u << 7 | 1u << 6);
    copy(6, b, words, 4, 3u << 12 | 2u << 10 | 2u << 8 | 1u << 7 | 1u << 6);
    while ((DMA1->ISR >> 24 & 2u) == 0) {
    }
    while ((DMA1->ISR & 2u) == 0) {
    }
    CHECK(a[3] == words[3] && b[3] == words[3]);
    test_end();
}
