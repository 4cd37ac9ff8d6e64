/* A sequence is scanned, injected channels come between, the watchdog watches, and a conversion takes its time (RM0008 sections 11.3, 11.6). */
#include "devices.h"

int main(void) {
    test_begin();
    RCC->CFGR |= 2u << 14; /* ADCCLK: 12 MHz, six cycles of the core */
    RCC->APB2ENR |= APB2_ADC1;
    ADC1->CR2 = 1u << 23 | 1u;
    ADC1->SQR3 = 17;
    ADC1->SMPR1 = 0; /* 1.5 + 12.5 cycles: 84 of the core */
    ADC1->CR2 |= 1u << 20 | 7u << 17;
    cycles_begin();
    const uint32_t start = DWT_CYCCNT;
    ADC1->CR2 |= 1u << 22;
    while ((ADC1->SR & 2u) == 0) {
    }
    CHECK(NEAR(DWT_CYCCNT - start, 84u, 30u));
    CHECK(ADC1->DR >= 1440u && ADC1->DR <= 1540u);
    CHECK((ADC1->SR & 2u) == 0); /* reading DR clears EOC */
    ADC1->SMPR1 = 7u << 21; /* 239.5 + 12.5 cycles: 1512 of the core */
    const uint32_t slow = DWT_CYCCNT;
    ADC1->CR2 |= 1u << 22;
    while ((ADC1->SR & 2u) == 0) {
    }
    CHECK(NEAR(DWT_CYCCNT - slow, 1512u, 30u));
    /* Left-aligned: bit 11 in bit 15. */
    const uint32_t right = ADC1->DR;
    ADC1->CR2 |= 1u << 11;
    ADC1->CR2 |= 1u << 22;
    while ((ADC1->SR & 2u) == 0) {
    }
    CHECK(ADC1->DR == right << 4);
    ADC1->CR2 &= ~(1u << 11);
    /* Two injected channels with an offset on the first; ranks are right-justified in JSQR. */
    ADC1->CR1 = 1u << 8;
    ADC1->JOFR[0] = 100;
    ADC1->JSQR = 1u << 20 | 17u << 15 | 17u << 10;
    ADC1->CR2 |= 1u << 15 | 7u << 12;
    ADC1->SR = 0;
    ADC1->CR2 |= 1u << 21;
    while ((ADC1->SR & 4u) == 0) {
    }
    CHECK(ADC1->JDR[0] == right - 100u);
    CHECK(ADC1->JDR[1] == right);
    /* The watchdog: not within its limits, but beyond. */
    ADC1->CR1 = 1u << 23;
    ADC1->HTR = right;
    ADC1->LTR = right;
    ADC1->SR = 0;
    ADC1->CR2 |= 1u << 22;
    while ((ADC1->SR & 2u) == 0) {
    }
    CHECK((ADC1->SR & 1u) == 0);
    ADC1->HTR = right - 1u;
    ADC1->CR2 |= 1u << 22;
    (void)ADC1->DR;
    while ((ADC1->SR & 2u) == 0) {
    }
    CHECK((ADC1->SR & 1u) != 0);
    test_end();
}
