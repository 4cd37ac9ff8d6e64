/* Late arrival: SysTick, the more urgent, expires a cycle later each time around the entry of an interrupt that software pends. While the
 * interrupt is being entered SysTick goes first and finds it pending; once its handler has begun SysTick nests and finds it active. That it
 * is active with none of its instructions executed must not happen. */
#include "test.h"

enum { LOW };
static volatile uint32_t low_done, tick_done;
static uint32_t alone, overtook, between, nested;

void WWDG_IRQHandler(void) {
    /* Several blocks, so that SysTick can nest wherever interrupts are taken. */
    for (unsigned i = 0; i < 30u; i++) {
        cpu_sync();
    }
    low_done = 1;
}

__attribute__((used)) static void expired(const uint32_t *frame) {
    SYSTICK->CTRL = 0;
    if (NVIC->IABR[0] & 1u << LOW) {
        if (frame[6] == ((uint32_t)WWDG_IRQHandler & ~1u)) {
            between++;
        } else {
            nested++;
        }
    } else if (NVIC->ISPR[0] & 1u << LOW) {
        overtook++;
    } else {
        alone++;
    }
    tick_done = 1;
}

__attribute__((naked)) void SysTick_Handler(void) {
    __asm__ volatile("mov r0, sp\n\tb expired");
}

int main(void) {
    test_begin();
    NVIC->IPR[LOW] = 0x80;
    NVIC->ISER[0] = 1u << LOW;
    for (uint32_t delay = 8; delay < 136u; delay++) {
        low_done = tick_done = 0;
        SYSTICK->LOAD = delay;
        SYSTICK->VAL = 0;
        SYSTICK->CTRL = 7;
        NVIC->ISPR[0] = 1u << LOW;
        cpu_sync();
        while (!low_done || !tick_done) {
        }
    }
    print("overtook %s nested %s between %lu\r\n", overtook ? "yes" : "no", nested ? "yes" : "no", (unsigned long)between);
    test_exit(0);
}
