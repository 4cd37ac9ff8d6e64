/* A timer triggers the converter at 16 kHz and DMA fills a double buffer, while the core sleeps (RM0008 sections 11.7, 11.8, 13.3; tables 69, 78). */
#include "devices.h"

#define SAMPLES 64u
static volatile uint16_t buffer[SAMPLES];
static volatile uint32_t halves, wholes, at[4];

void DMA1_Channel1_IRQHandler(void) {
    const uint32_t flags = DMA1->ISR;
    DMA1->IFCR = 1;
    if ((flags & 4u) != 0) {
        halves = halves + 1u;
    }
    if ((flags & 2u) != 0 && wholes < 4u) {
        at[wholes] = TIM4->CNT;
        wholes = wholes + 1u;
    }
}

int main(void) {
    test_begin();
    RCC->CFGR |= 2u << 14; /* ADCCLK: 72 MHz / 6 */
    RCC->APB2ENR |= APB2_ADC1;
    RCC->APB1ENR |= APB1_TIM3 | APB1_TIM4;
    RCC->AHBENR |= AHB_DMA1;
    /* The inner reference, 1.20 V of 3.3 V (DS5319 table 50: 1.16 to 1.24): 1440 to 1540. */
    ADC1->CR2 = 1u << 23 | 1u;
    ADC1->CR2 |= 1u << 3;
    while ((ADC1->CR2 & 1u << 3) != 0) {
    }
    ADC1->CR2 |= 1u << 2;
    while ((ADC1->CR2 & 1u << 2) != 0) {
    }
    ADC1->SMPR1 = 7u << 21;
    ADC1->SQR3 = 17;
    ADC1->CR2 |= 1u << 20 | 4u << 17 | 1u << 8; /* EXTSEL 100: TIM3_TRGO */
    DMA1->channel[0].CPAR = (uint32_t)&ADC1->DR;
    DMA1->channel[0].CMAR = (uint32_t)buffer;
    DMA1->channel[0].CNDTR = SAMPLES;
    DMA1->channel[0].CCR = 1u << 10 | 1u << 8 | 1u << 7 | 1u << 5 | 1u << 2 | 1u << 1 | 1u;
    irq_enable(11u);
    TIM4->PSC = 71; /* microseconds */
    TIM4->EGR = 1;
    TIM4->CR1 = 1;
    TIM3->ARR = 4500u - 1u;
    TIM3->CR2 = 2u << 4;
    TIM3->CR1 = 1;
    while (wholes < 4u) {
        cpu_wait_for_interrupt();
    }
    TIM3->CR1 = 0;
    CHECK(halves == 4u);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        CHECK(buffer[i] >= 1440u && buffer[i] <= 1540u);
    }
    for (uint32_t i = 1; i < 4u; i++) {
        /* 64 samples at 16 kHz take 4 ms. */
        CHECK(NEAR((at[i] - at[i - 1u]) & 0xFFFFu, 4000u, 1u));
    }
    CHECK((ADC1->SR & 1u << 4) != 0);
    test_end();
}
