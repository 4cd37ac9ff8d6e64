/* The break input, idle states, the lock, and preloaded commutation (RM0008 sections 14.3.12 to 14.3.14, 14.4.18). */
#include "devices.h"

#define MOE (1u << 15)
#define PA8 ((GPIOA->IDR >> 8) & 1u)
static volatile uint32_t breaks, commutations;

void TIM1_BRK_IRQHandler(void) {
    breaks = breaks + 1u;
    TIM1->DIER &= ~(1u << 7); /* the input is still active */
}

void TIM1_TRG_COM_IRQHandler(void) {
    TIM1->SR = ~(1u << 5);
    commutations = commutations + 1u;
}

int main(void) {
    test_begin();
    RCC->APB2ENR |= APB2_TIM1 | APB2_IOPB;
    irq_enable(24u);
    irq_enable(26u);
    /* PA8 is TIM1's first channel; somebody takes notice of it. PB12, the break input, is driven by the program. */
    GPIOA->CRH = (GPIOA->CRH & ~0xFu) | 0xBu;
    EXTI->EMR = EXTI->RTSR = 1u << 8;
    GPIOB->BRR = 1u << 12;
    GPIOB->CRH = (GPIOB->CRH & ~0xF0000u) | 0x30000u;
    TIM1->ARR = 99;
    TIM1->CCMR1 = 5u << 4; /* forced active */
    TIM1->CCER = 1;
    CHECK(PA8 == 0); /* not enabled yet */
    TIM1->BDTR = MOE | 1u << 13 | 1u << 12;
    CHECK((TIM1->BDTR & MOE) != 0);
    CHECK(PA8 == 1u);
    TIM1->DIER = 1u << 7;
    GPIOB->BSRR = 1u << 12;
    cpu_sync();
    CHECK((TIM1->BDTR & MOE) == 0);
    CHECK(breaks == 1u);
    CHECK(PA8 == 0);
    TIM1->BDTR |= MOE; /* not while it is active */
    CHECK((TIM1->BDTR & MOE) == 0);
    TIM1->SR = 0;
    CHECK((TIM1->SR & 1u << 7) != 0);
    /* OSSI: the idle state is driven. */
    TIM1->CR2 = 1u << 8;
    TIM1->BDTR |= 1u << 10;
    CHECK(PA8 == 1u);
    TIM1->CR2 = 0;
    CHECK(PA8 == 0);
    GPIOB->BRR = 1u << 12;
    TIM1->SR = 0;
    CHECK((TIM1->SR & 1u << 7) == 0);
    CHECK((TIM1->BDTR & MOE) == 0);
    /* AOE: the next update enables the outputs. */
    TIM1->BDTR |= 1u << 14;
    CHECK((TIM1->BDTR & MOE) == 0);
    TIM1->EGR = 1;
    CHECK((TIM1->BDTR & MOE) != 0);
    /* EGR.BG breaks like the input. */
    TIM1->BDTR &= ~(1u << 14);
    TIM1->EGR = 1u << 7;
    CHECK((TIM1->BDTR & MOE) == 0);
    CHECK((TIM1->SR & 1u << 7) != 0);
    TIM1->SR = 0;
    TIM1->BDTR |= MOE;

    /* CCPC: modes and enables wait for COM. */
    TIM1->CR2 = 1;
    TIM1->DIER = 1u << 5;
    TIM1->CCMR1 = 4u << 4;
    CHECK(PA8 == 1u);
    TIM1->EGR = 1u << 5;
    cpu_sync();
    CHECK(PA8 == 0);
    CHECK(commutations == 1u);
    TIM1->CCMR1 = 5u << 4;
    TIM1->CCER = 0;
    TIM1->EGR = 1u << 5;
    CHECK(PA8 == 0);
    TIM1->CCER = 1;
    CHECK(PA8 == 0);
    /* CCUS: a trigger commutates, too: TIM2's update at ITR1. */
    RCC->APB1ENR |= APB1_TIM2;
    TIM2->CR2 = 2u << 4;
    TIM1->CR2 = 1u << 2 | 1u;
    TIM1->SMCR = 1u << 4;
    TIM2->EGR = 1;
    CHECK(PA8 == 1u);
    TIM1->CR2 = 0;

    /* The lock can be set by the first write only: after a reset of the timer. Level 1 keeps the dead time and the break, and itself; 2 the
       polarities, too. */
    RCC->APB2RSTR = APB2_TIM1;
    RCC->APB2RSTR = 0;
    TIM1->BDTR = MOE | 1u << 8 | 5u;
    TIM1->BDTR = MOE | 3u << 8 | 1u << 12 | 9u;
    CHECK(TIM1->BDTR == (MOE | 1u << 8 | 5u));
    TIM1->CR2 = 1u << 8;
    CHECK((TIM1->CR2 & 1u << 8) == 0);
    TIM1->CCER = 3;
    CHECK(TIM1->CCER == 3u);
    RCC->APB2RSTR = APB2_TIM1;
    RCC->APB2RSTR = 0;
    TIM1->CCER = 1;
    TIM1->BDTR = 2u << 8;
    TIM1->CCER = 3;
    CHECK(TIM1->CCER == 1u);
    test_end();
}
