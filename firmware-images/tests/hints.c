/* WFE, SEV and YIELD in both encodings: an event that is already there lets WFE pass, an interrupt's handler leaves one (PM0056 section 2.5). */
#include "test.h"

static volatile uint32_t ticks;

void SysTick_Handler(void) { ticks = ticks + 1u; }

int main(void) {
    test_begin();
    __asm__ volatile("sev\n\twfe\n\tyield\n\tsev.w\n\twfe.w\n\tyield.w\n\tnop.w" ::: "memory");
    print("passed\r\n");
    SYSTICK->LOAD = SystemCoreClock / 1000u - 1u;
    SYSTICK->VAL = 0;
    SYSTICK->CTRL = SYSTICK_CTRL_CLKSOURCE_HCLK | SYSTICK_CTRL_TICKINT | SYSTICK_CTRL_ENABLE;
    while (ticks < 3u) {
        __asm__ volatile("wfe" ::: "memory");
    }
    print("%lu ticks\r\n", (unsigned long)ticks);
    test_exit(0);
}
