/* Stop mode ends with an edge at a pin, standby with the wake-up pin (RM0008 sections 5.3.5, 5.3.6, 5.4.2). The board drives PA1 and PA0: see
   `wakeups.toml`. */
#include "devices.h"

static volatile uint32_t edges;

void EXTI1_IRQHandler(void) {
    EXTI->PR = 2;
    edges = edges + 1u;
}

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_BKP | APB1_PWR;
    if ((PWR->CSR & 2u) != 0) {
        CHECK((PWR->CSR & 1u) != 0); /* SBF, and WUF */
        CHECK(edges == 0);           /* the SRAM has been lost, and initialised */
        test_end();
    }
    EXTI->IMR = EXTI->RTSR = 2;
    irq_enable(7u);
    SCB->SCR |= 1u << 2;
    cpu_wait_for_interrupt();
    CHECK(edges == 1u);
    /* The internal oscillator drives the core, the others are off. */
    CHECK((RCC->CFGR & 0xCu) == 0);
    CHECK((RCC->CR & (1u << 16 | 1u << 24)) == 0);
    if (test_failures != 0) {
        clock_init();
        test_end();
    }
    PWR->CSR |= 1u << 8; /* EWUP */
    PWR->CR |= 1u << 2 | 1u << 1;
    cpu_wait_for_interrupt();
    clock_init();
    CHECK(0); /* standby does not come back */
    test_end();
}
