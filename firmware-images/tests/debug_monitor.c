/* The debug monitor: pended by software, by BKPT, and by the cycle counter's comparator (ARM DDI 0403 C1.5.3, C1.6.5, C1.8.7 to C1.8.17). */
#include "devices.h"

#define MON_EN (1u << 16)
#define MON_PEND (1u << 17)
#define DWT_COMP0 (*(reg32 *)0xE0001020u)
#define DWT_FUNCTION0 (*(reg32 *)0xE0001028u)
static volatile uint32_t taken, at, why;

/* A BKPT is returned to: the handler goes past it. */
__attribute__((used)) static void monitor(uint32_t *frame) {
    at = DWT_CYCCNT;
    taken = taken + 1u;
    why = SCB->DFSR;
    SCB->DFSR = why;
    if ((why & 2u) != 0) {
        frame[6] += 2u;
    }
}

__attribute__((naked)) void DebugMon_Handler(void) { __asm__ volatile("mov r0, sp\n\tb monitor"); }

int main(void) {
    test_begin();
    cycles_begin();
    CHECK(DWT_CTRL >> 28 == 4u);
    /* Not enabled: it stays pending. */
    DEMCR |= MON_PEND;
    cpu_sync();
    CHECK(taken == 0 && (DEMCR & MON_PEND) != 0);
    DEMCR |= MON_EN;
    cpu_sync();
    CHECK(taken == 1u && (DEMCR & MON_PEND) == 0);
    __asm__ volatile("bkpt #1");
    CHECK(taken == 2u && why == 2u); /* DFSR.BKPT */
    /* CYCMATCH: when the counter reaches the comparator. */
    const uint32_t when = DWT_CYCCNT + 5000u;
    DWT_COMP0 = when;
    DWT_FUNCTION0 = 1u << 7 | 4u;
    while (taken == 2u && DWT_CYCCNT - when - 1000u > 1000u) {
    }
    CHECK(taken == 3u && why == 4u); /* DFSR.DWTTRAP */
    CHECK(NEAR(at - when, 60u, 60u));
    CHECK((DWT_FUNCTION0 & 1u << 24) != 0); /* MATCHED, which reading clears */
    CHECK((DWT_FUNCTION0 & 1u << 24) == 0);
    /* Without the monitor a match is only noted. */
    DEMCR &= ~MON_EN;
    DWT_COMP0 = DWT_CYCCNT + 500u;
    const uint32_t start = DWT_CYCCNT;
    while (DWT_CYCCNT - start < 1000u) {
    }
    CHECK(taken == 3u && (DWT_FUNCTION0 & 1u << 24) != 0);
    DWT_FUNCTION0 = 0;
    test_end();
}
