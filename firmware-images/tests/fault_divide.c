/* Division by zero: 0, then with CCR.DIV_0_TRP a UsageFault (DIVBYZERO), here escalated to HardFault. */
#include "test.h"

static uint32_t divide_by(uint32_t divisor) {
    uint32_t quotient;
    __asm__ volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(100u), "r"(divisor));
    return quotient;
}

int main(void) {
    test_begin();
    print("%lu %lu\r\n", (unsigned long)divide_by(7), (unsigned long)divide_by(0));
    SCB->CCR |= SCB_CCR_DIV_0_TRP;
    cpu_sync();
    (void)divide_by(0);
    test_exit(1);
}
