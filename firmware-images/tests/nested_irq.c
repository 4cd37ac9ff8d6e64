/* Priorities: three interrupts pended by software; a higher one preempts, an equal one waits, PRIMASK and BASEPRI hold back.
 * A capital marks a handler's entry, a small letter its exit. */
#include "test.h"

/* WWDG 0: low (0x80). PVD 1: middle (0x40). TAMPER 2: middle too. */
enum { LOW, MIDDLE, EQUAL };

static char trace[32];
static volatile uint32_t length;

static void mark(char c) {
    trace[length % (sizeof trace - 1u)] = c;
    length = length + 1u;
}
static void pend(unsigned irq) {
    NVIC->ISPR[0] = 1u << irq;
    cpu_sync();
}

void WWDG_IRQHandler(void) {
    mark('L');
    pend(MIDDLE); /* preempts here */
    mark('l');
}
void PVD_IRQHandler(void) {
    mark('M');
    pend(EQUAL); /* waits: same group priority */
    pend(LOW);   /* waits: lower; pending again while active */
    mark('m');
}
void TAMPER_IRQHandler(void) {
    mark('E');
    NVIC->ICPR[0] = 1u << LOW; /* or the three would go round for ever */
    mark('e');
}

int main(void) {
    test_begin();
    NVIC->IPR[LOW] = 0x80;
    NVIC->IPR[MIDDLE] = 0x40;
    NVIC->IPR[EQUAL] = 0x40;
    NVIC->ISER[0] = 7u;
    cpu_disable_interrupts();
    pend(LOW);
    mark('1'); /* PRIMASK: nothing yet */
    cpu_enable_interrupts();
    cpu_sync();
    mark('2');
    __asm__ volatile("msr basepri, %0" ::"r"(0x40) : "memory");
    pend(EQUAL);
    mark('3'); /* BASEPRI 0x40 holds back 0x40 and below */
    __asm__ volatile("msr basepri, %0" ::"r"(0) : "memory");
    cpu_sync();
    mark('4');
    /* Two pending at once: the lower number first when priorities are equal; the second is tail-chained. */
    cpu_disable_interrupts();
    NVIC->ISPR[0] = 1u << EQUAL | 1u << MIDDLE;
    mark('5');
    cpu_enable_interrupts();
    cpu_sync();
    print("%s\r\n", trace);
    print("active %lx pending %lx\r\n", (unsigned long)NVIC->IABR[0], (unsigned long)NVIC->ISPR[0]);
    test_exit(0);
}
