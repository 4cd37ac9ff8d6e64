/* The cycle counter stands still while the core sleeps; SysTick does not (RM0008 sections 31.16.1 and 7.2, figure 8: HCLK stops, FCLK runs). */
#include "test.h"

void SysTick_Handler(void) {}

int main(void) {
    test_begin();
    DEMCR |= DEMCR_TRCENA;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    SYSTICK->LOAD = SystemCoreClock / 100u - 1u;
    SYSTICK->VAL = 0;
    SYSTICK->CTRL = SYSTICK_CTRL_CLKSOURCE_HCLK | SYSTICK_CTRL_TICKINT | SYSTICK_CTRL_ENABLE;
    const uint32_t before = DWT_CYCCNT;
    cpu_wait_for_interrupt();
    const uint32_t passed = DWT_CYCCNT - before;
    print("%s\r\n", passed > 0 && passed < 1000u ? "stood still" : "counted");
    test_exit(0);
}
