/* Two converters together: simultaneous, interleaved fast and slowly, injected at once and by turns (RM0008 section 11.9). The board has 1000, 2000
   and 3000 at the channels 10 to 12. */
#include "devices.h"

#define PAIRS 64u
static volatile uint32_t pairs[PAIRS];

static void take_pairs(void) {
    DMA1->IFCR = 0xF;
    DMA1->channel[0].CCR = 0;
    DMA1->channel[0].CPAR = (uint32_t)&ADC1->DR;
    DMA1->channel[0].CMAR = (uint32_t)pairs;
    DMA1->channel[0].CNDTR = PAIRS;
    DMA1->channel[0].CCR = 2u << 10 | 2u << 8 | 1u << 7 | 1u; /* words, memory counts */
}

static void start_over(uint32_t mode) {
    ADC1->CR2 = ADC2->CR2 = 0;
    (void)ADC1->DR;
    ADC1->SR = ADC2->SR = 0;
    ADC1->CR1 = mode << 16;
    ADC2->CR1 = 0;
    ADC1->SQR1 = ADC2->SQR1 = 0;
    ADC1->SMPR1 = ADC2->SMPR1 = 0;
    ADC1->SQR3 = ADC2->SQR3 = 10;
    ADC1->CR2 = ADC2->CR2 = 1;
    /* The slave's triggers are enabled, and by software (11.9). */
    ADC2->CR2 = 1u << 20 | 7u << 17 | 1u << 15 | 7u << 12 | 1u;
    ADC1->CR2 = 1u << 20 | 7u << 17 | 1u << 15 | 7u << 12 | 1u;
}

/* How long the pairs take, in cycles of ADCCLK for each. */
static uint32_t time_of_pairs(uint32_t continuous) {
    take_pairs();
    ADC2->CR2 |= continuous;
    ADC1->CR2 |= 1u << 8 | continuous;
    const uint32_t start = DWT_CYCCNT;
    ADC1->CR2 |= 1u << 22;
    while ((DMA1->ISR & 2u) == 0) {
    }
    const uint32_t took = DWT_CYCCNT - start;
    for (uint32_t i = 0; i < PAIRS; i++) {
        CHECK(pairs[i] == (1000u << 16 | 1000u));
    }
    return (took + 3u * PAIRS) / (6u * PAIRS);
}

int main(void) {
    test_begin();
    RCC->CFGR |= 2u << 14; /* ADCCLK: 12 MHz, six cycles of the core */
    RCC->APB2ENR |= APB2_ADC1 | APB2_ADC2;
    RCC->AHBENR |= AHB_DMA1;
    cycles_begin();

    /* 11.9.2: each scans its own channels, and the pairs stand in ADC1_DR. */
    start_over(6);
    ADC1->CR1 |= 1u << 8;
    ADC2->CR1 |= 1u << 8;
    ADC1->SQR1 = ADC2->SQR1 = 1u << 20;
    ADC1->SQR3 = 12u << 5 | 10u;
    ADC2->SQR3 = 10u << 5 | 11u;
    take_pairs();
    ADC1->CR2 |= 1u << 8;
    ADC1->CR2 |= 1u << 22;
    while ((ADC1->SR & 2u) == 0) {
    }
    while (DMA1->channel[0].CNDTR != PAIRS - 2u) {
    }
    CHECK(pairs[0] == (2000u << 16 | 1000u));
    CHECK(pairs[1] == (1000u << 16 | 3000u));
    CHECK((ADC2->SR & 0x12u) == 0x12u);
    CHECK((ADC2->DR & 0xFFFFu) == 1000u);

    /* 11.9.3: seven cycles apart, and each takes 14: a pair every 14. */
    start_over(7);
    CHECK(time_of_pairs(2) == 14u);
    /* 11.9.4: 14 cycles apart, for ever: a pair every 28. */
    start_over(8);
    CHECK(time_of_pairs(0) == 28u);
    ADC1->CR2 &= ~1u;

    /* 11.9.1: both inject at the master's trigger. */
    start_over(5);
    ADC1->JSQR = 12u << 15;
    ADC2->JSQR = 11u << 15;
    ADC1->CR2 |= 1u << 21;
    while ((ADC1->SR & 4u) == 0 || (ADC2->SR & 4u) == 0) {
    }
    CHECK(ADC1->JDR[0] == 3000u && ADC2->JDR[0] == 2000u);

    /* 11.9.5: the first trigger is ADC1's, the second ADC2's. */
    start_over(9);
    ADC1->CR2 |= 1u << 21;
    while ((ADC1->SR & 4u) == 0) {
    }
    CHECK((ADC2->SR & 4u) == 0);
    ADC1->SR = 0;
    ADC1->CR2 |= 1u << 21;
    while ((ADC2->SR & 4u) == 0) {
    }
    CHECK((ADC1->SR & 4u) == 0);

    /* 11.9.7: an injected conversion of one keeps the regular ones of both waiting, which then end together. */
    start_over(2);
    ADC1->SMPR1 = ADC2->SMPR1 = 7u; /* channel 10: 239.5 + 12.5 cycles, 1512 of the core; the others 14 */
    ADC1->CR2 |= 1u << 22;
    const uint32_t start = DWT_CYCCNT;
    while (DWT_CYCCNT - start < 600u) {
    }
    ADC1->CR2 |= 1u << 21;
    while ((ADC1->SR & 4u) == 0) {
    }
    const uint32_t injected = DWT_CYCCNT;
    CHECK(ADC1->JDR[0] == 3000u);
    ADC1->SR = 0;
    while ((ADC1->SR & 2u) == 0) {
    }
    /* Done anew from its beginning. */
    CHECK(NEAR(DWT_CYCCNT - injected, 1512u, 40u));
    CHECK((ADC2->SR & 2u) != 0);
    CHECK(ADC1->DR == (1000u << 16 | 1000u));
    test_end();
}
