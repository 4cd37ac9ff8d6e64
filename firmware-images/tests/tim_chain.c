/* One timer clocks another, a pin's edges are captured, and an encoder's phases counted (RM0008 sections 15.3.5, 15.3.12, 15.3.15). */
#include "devices.h"

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_TIM2 | APB1_TIM3;
    /* TIM3's update is its trigger output; TIM2 counts ITR2, which is TIM3 (table 86). */
    TIM3->PSC = 0;
    TIM3->ARR = 719;
    TIM3->CR2 = 2u << 4;
    TIM2->SMCR = 2u << 4 | 7u;
    TIM2->CR1 = 1;
    TIM3->EGR = 1; /* this update counts */
    TIM3->CR1 = 1;
    while (TIM2->CNT < 101u) {
    }
    cycles_begin();
    const uint32_t from = DWT_CYCCNT;
    while (TIM2->CNT < 201u) {
    }
    CHECK(NEAR(DWT_CYCCNT - from, 72000u, 60u));
    TIM3->CR1 = 0;
    TIM2->CR1 = 0;

    /* PA0 is TIM2's first channel, and a pin that the program drives is seen by the timer too. */
    GPIOA->CRL = (GPIOA->CRL & ~0xFFu) | 0x33u;
    GPIOA->BRR = 3;
    TIM2->SMCR = 0;
    TIM2->PSC = 0;
    TIM2->ARR = 0xFFFF;
    TIM2->CCMR1 = 1;
    TIM2->CCER = 1;
    TIM2->EGR = 1;
    TIM2->SR = 0;
    TIM2->CR1 = 1;
    GPIOA->BSRR = 1;
    const uint32_t first = TIM2->CCR[0];
    const uint32_t start = DWT_CYCCNT;
    GPIOA->BRR = 1;
    for (volatile int i = 0; i < 100; i++) {
    }
    GPIOA->BSRR = 1;
    const uint32_t end = DWT_CYCCNT;
    CHECK((TIM2->SR & 2u) != 0);
    CHECK((TIM2->SR & 1u << 9) == 0);
    CHECK(NEAR(TIM2->CCR[0] - first, end - start, 40u));
    CHECK((TIM2->SR & 2u) == 0); /* reading the capture clears its flag (15.4.5) */

    /* Encoder, both edges: PA0 leads PA1 by a quarter: four counts up a period (table 85). */
    TIM2->CR1 = 0;
    TIM2->CCER = 0;
    TIM2->CCMR1 = 0x0101;
    TIM2->SMCR = 3;
    GPIOA->BRR = 3;
    TIM2->CNT = 0;
    TIM2->CR1 = 1;
    for (int i = 0; i < 5; i++) {
        GPIOA->BSRR = 1;
        GPIOA->BSRR = 2;
        GPIOA->BRR = 1;
        GPIOA->BRR = 2;
    }
    CHECK(TIM2->CNT == 20u);
    for (int i = 0; i < 2; i++) {
        GPIOA->BSRR = 2;
        GPIOA->BSRR = 1;
        GPIOA->BRR = 2;
        GPIOA->BRR = 1;
    }
    CHECK(TIM2->CNT == 12u);
    CHECK((TIM2->CR1 & 1u << 4) != 0);
    test_end();
}
