/* SLEEPONEXIT: after each handler the core sleeps on, and main goes on only when the last one cleared the bit (PM0056 section 2.5.3). */
#include "test.h"

#define SCB_SCR_SLEEPONEXIT (1u << 1)

static volatile uint32_t ticks;

void SysTick_Handler(void) {
    ticks = ticks + 1u;
    if (ticks == 5u) {
        SCB->SCR &= ~SCB_SCR_SLEEPONEXIT;
    }
}

int main(void) {
    uint32_t went_on = 0;
    test_begin();
    SCB->SCR |= SCB_SCR_SLEEPONEXIT;
    SYSTICK->LOAD = SystemCoreClock / 1000u - 1u;
    SYSTICK->VAL = 0;
    SYSTICK->CTRL = SYSTICK_CTRL_CLKSOURCE_HCLK | SYSTICK_CTRL_TICKINT | SYSTICK_CTRL_ENABLE;
    while (ticks < 5u) {
        cpu_wait_for_interrupt();
        went_on++;
    }
    print("%lu ticks, went on %lu\r\n", (unsigned long)ticks, (unsigned long)went_on);
    test_exit(0);
}
