/* Faults that the firmware handles itself: UsageFault enabled, its cause and place printed, the instruction stepped over. */
#include "test.h"

#define SHCSR_USGFAULTENA (1u << 18)

extern const char undefined_here[];

void usage_fault(uint32_t *frame);
void usage_fault(uint32_t *frame) {
    /* R0-R3, R12, LR, PC, xPSR: PM0056 section 2.3.7 */
    print("cfsr %08lx at %s, ipsr %lu\r\n", (unsigned long)SCB->CFSR, frame[6] == (uintptr_t)undefined_here ? "udf" : "elsewhere",
          (unsigned long)(SCB->ICSR & 0x1FFu));
    SCB->CFSR = SCB->CFSR; /* written ones clear */
    frame[6] += 2;
}

void UsageFault_Handler(void) __attribute__((naked));
void UsageFault_Handler(void) {
    __asm__ volatile("tst lr, #4\n\t"
                     "ite eq\n\t"
                     "mrseq r0, msp\n\t"
                     "mrsne r0, psp\n\t"
                     "b usage_fault");
}

int main(void) {
    test_begin();
    SCB->SHCSR |= SHCSR_USGFAULTENA;
    __asm__ volatile(".global undefined_here\n.thumb\nundefined_here: udf #0");
    print("cfsr %08lx\r\n", (unsigned long)SCB->CFSR);
    test_exit(0);
}
