/* Edges of pins, of the port that AFIO chooses; software triggers; events that end a WFE (RM0008 sections 10.2.4, 10.2.5, 9.4.3). */
#include "devices.h"

static volatile uint32_t edges, others;

void EXTI3_IRQHandler(void) {
    EXTI->PR = 1u << 3;
    edges = edges + 1u;
}

void EXTI9_5_IRQHandler(void) {
    others = EXTI->PR;
    EXTI->PR = others;
}

int main(void) {
    test_begin();
    RCC->APB2ENR |= APB2_IOPB;
    GPIOA->CRL = (GPIOA->CRL & ~0xF000u) | 0x3000u;
    GPIOB->CRL = 0x33333333u;
    AFIO->EXTICR[0] = 1u << 12; /* line 3: port B */
    EXTI->IMR = 1u << 3 | 1u << 7;
    EXTI->RTSR = 1u << 3;
    irq_enable(9u);
    irq_enable(23u);
    GPIOA->BSRR = 1u << 3;
    CHECK(edges == 0);
    GPIOB->BSRR = 1u << 3;
    cpu_sync();
    CHECK(edges == 1u);
    GPIOB->BRR = 1u << 3;
    cpu_sync();
    CHECK(edges == 1u);
    EXTI->FTSR = 1u << 3;
    GPIOB->BSRR = 1u << 3;
    cpu_sync();
    GPIOB->BRR = 1u << 3;
    cpu_sync();
    CHECK(edges == 3u);
    EXTI->SWIER = 1u << 7;
    cpu_sync();
    CHECK(others == 1u << 7);
    CHECK(EXTI->SWIER == 0); /* clearing the pending bit clears it (10.3.5) */
    /* A masked line pends nothing. */
    EXTI->IMR = 0;
    GPIOB->BSRR = 1u << 3;
    CHECK(EXTI->PR == 0);
    /* An event wakes WFE and leaves no flag. */
    EXTI->EMR = 1u << 3;
    GPIOB->BRR = 1u << 3;
    __asm__ volatile("wfe" ::: "memory");
    CHECK(EXTI->PR == 0);
    /* Locked configuration (9.2.7): pin 3 keeps its mode until reset. */
    GPIOB->LCKR = 1u << 16 | 1u << 3;
    GPIOB->LCKR = 1u << 3;
    GPIOB->LCKR = 1u << 16 | 1u << 3;
    (void)GPIOB->LCKR;
    CHECK((GPIOB->LCKR & 1u << 16) != 0);
    GPIOB->CRL = 0x44444444u;
    CHECK(GPIOB->CRL == 0x44443444u);
    test_end();
}
