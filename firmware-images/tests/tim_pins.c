/* A timer's PWM at its pins: complementary, with dead time, remapped; another timer captures it and EXTI sees its edges (RM0008 sections 14.3.9 to
   14.3.11, 9.3.7 tables 42 to 46). */
#include "devices.h"

static volatile uint32_t edges_2, edges_10;

void EXTI2_IRQHandler(void) {
    EXTI->PR = 1u << 2;
    edges_2 = edges_2 + 1u;
}

void EXTI15_10_IRQHandler(void) {
    EXTI->PR = 1u << 10;
    edges_10 = edges_10 + 1u;
}

static uint32_t next_capture(uint32_t channel) {
    TIM3->SR = 0;
    while ((TIM3->SR & 2u << channel) == 0) {
    }
    return TIM3->CCR[channel];
}

static uint32_t gap(uint32_t first, uint32_t second) { return (second - first) & 0xFFFFu; }
/* Within a period. */
static uint32_t phase(uint32_t first, uint32_t second) { return gap(first, second) % 1000u; }

int main(void) {
    test_begin();
    RCC->APB2ENR |= APB2_TIM1 | APB2_IOPB | 1u;
    RCC->APB1ENR |= APB1_TIM2 | APB1_TIM3;
    /* TIM1's partial remap: CH1N at PA7 and CH2N at PB0, which are also TIM3's channels 2 and 3. */
    AFIO->MAPR = 1u << 6;
    GPIOA->CRL = (GPIOA->CRL & 0x0FFFFFFFu) | 0xB0000000u;
    GPIOB->CRL = (GPIOB->CRL & ~0xFu) | 0xBu;
    TIM3->CCMR1 = 1u << 8;
    TIM3->CCMR2 = 1;
    TIM3->CCER = 1u << 8 | 1u << 4;
    TIM3->CR1 = 1;
    TIM1->ARR = 999;
    TIM1->CCR[0] = 400;
    TIM1->CCR[1] = 400;
    TIM1->CCMR1 = 6u << 12 | 6u << 4;
    TIM1->CCER = 4u << 4 | 4u | 1u;
    TIM1->BDTR = 1u << 15 | 72u;
    TIM1->EGR = 1;
    TIM1->CR1 = 1;
    /* CH1N rises when the reference has fallen, at 400, and the dead time of 72 is over; CH2N, without its CH2, is the reference itself and rises
       at 0 (table 83). */
    uint32_t second = next_capture(2), first = next_capture(1);
    CHECK(phase(second, first) == 472u);
    CHECK(gap(first, next_capture(1)) == 1000u);
    /* Both edges of CH1N: it falls with the reference's rise, without a delay. */
    TIM3->CCER = 1u << 8 | 3u << 4;
    const uint32_t fall = next_capture(1);
    CHECK(phase(second, fall) == 0);
    /* 14.4.18: DTG 110xxxxx: (32 + 4) steps of eight; CKD doubles the step. */
    TIM3->CCER = 1u << 8 | 1u << 4;
    TIM1->BDTR = 1u << 15 | 0xC4u;
    first = next_capture(1);
    first = next_capture(1);
    CHECK(phase(second, first) == 400u + 288u);
    TIM1->CR1 = 1u << 8 | 1u;
    TIM1->BDTR = 1u << 15 | 72u;
    first = next_capture(1);
    first = next_capture(1);
    CHECK(phase(second, first) == 400u + 144u);
    /* Inverted, and the channel alone. */
    TIM1->CCER = 12u << 4 | 1u;
    second = next_capture(2);
    second = next_capture(2);
    CHECK(phase(first, second) == 1000u - 144u);
    TIM1->CR1 = 0;
    TIM3->CR1 = 0;

    /* TIM2's channel 3 is at PA2, and remapped at PB10. */
    GPIOA->CRL = (GPIOA->CRL & ~0xF00u) | 0xB00u;
    GPIOB->CRH = (GPIOB->CRH & ~0xF00u) | 0xB00u;
    AFIO->EXTICR[2] = 1u << 8;
    EXTI->RTSR = EXTI->IMR = 1u << 10 | 1u << 2;
    irq_enable(8u);
    irq_enable(40u);
    TIM2->PSC = 0;
    TIM2->ARR = 3599;
    TIM2->CCR[2] = 100;
    TIM2->CCMR2 = 6u << 4;
    TIM2->CCER = 1u << 8;
    TIM2->EGR = 1;
    cycles_begin();
    TIM2->CR1 = 1;
    uint32_t start = DWT_CYCCNT;
    while (DWT_CYCCNT - start < 36200u) {
    }
    CHECK(edges_2 >= 10u && edges_2 <= 11u && edges_10 == 0);
    TIM2->CR1 = 0;
    edges_2 = 0;
    AFIO->MAPR = 2u << 8;
    TIM2->EGR = 1;
    TIM2->CR1 = 1;
    start = DWT_CYCCNT;
    while (DWT_CYCCNT - start < 36200u) {
    }
    CHECK(edges_10 >= 10u && edges_10 <= 11u && edges_2 == 0);
    test_end();
}
