/* Time: a clock in microseconds that also runs in sleep, and the core's cycle counter.
 * Source: PM0056 section 4.5 (SysTick), ARM DDI 0403 C1.8 (DWT_CYCCNT).
 * Does not model: a change of SystemCoreClock after time_init().
 * Tested by: tests/firmware_images.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * SysTick runs at its longest period, 2^24 cycles (4.3 interrupts a second at 72 MHz), so that a measured inference is hardly ever
 * interrupted. The clock cannot be CYCCNT: that one stands still while the core sleeps between two commands.
 */
#include "handlers.h"
#include "platform.h"
#include "stm32f103.h"

static volatile uint32_t periods; /* of SYSTICK_MAX + 1 cycles each, completed */

void SysTick_Handler(void) { periods = periods + 1u; }

void time_init(void) {
    DEMCR |= DEMCR_TRCENA; /* without it CYCCNT does not count */
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    periods = 0;
    SYSTICK->LOAD = SYSTICK_MAX;
    SYSTICK->VAL = 0; /* any write reloads and clears what is pending in CTRL */
    SYSTICK->CTRL = SYSTICK_CTRL_CLKSOURCE_HCLK | SYSTICK_CTRL_TICKINT | SYSTICK_CTRL_ENABLE;
}

uint32_t time_cycles(void) { return DWT_CYCCNT; }

uint64_t time_us_of_cycles(uint64_t cycles) {
    divide(&cycles, SystemCoreClock / 1000000u);
    return cycles;
}

uint64_t time_us(void) {
    const uint32_t masked = cpu_primask();
    cpu_disable_interrupts();
    uint32_t value = SYSTICK->VAL;
    uint64_t complete = periods;
    if (SCB->ICSR & SCB_ICSR_PENDSTSET) {
        /* The period ended before its handler could say so; VAL may have been read on either side of that moment. */
        value = SYSTICK->VAL;
        complete++;
    }
    cpu_set_primask(masked);
    /* A period begins as VAL reaches 0, which is when the interrupt is raised; one cycle later it reads SYSTICK_MAX. */
    return time_us_of_cycles(complete * (SYSTICK_MAX + 1u) + ((0u - value) & SYSTICK_MAX));
}
