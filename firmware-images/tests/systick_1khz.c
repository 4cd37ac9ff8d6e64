/* A 1 kHz tick: ten waited for in a loop, ten in sleep. */
#include "test.h"

static volatile uint32_t ticks;

void SysTick_Handler(void) { ticks = ticks + 1u; }

int main(void) {
    test_begin();
    SYSTICK->LOAD = SystemCoreClock / 1000u - 1u;
    SYSTICK->VAL = 0;
    SYSTICK->CTRL = SYSTICK_CTRL_CLKSOURCE_HCLK | SYSTICK_CTRL_TICKINT | SYSTICK_CTRL_ENABLE;
    while (ticks < 10u) {
    }
    while (ticks < 20u) {
        cpu_wait_for_interrupt();
    }
    print("%lu ticks\r\n", (unsigned long)ticks);
    test_exit(0);
}
