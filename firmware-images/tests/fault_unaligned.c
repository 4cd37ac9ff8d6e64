/* An unaligned word load: allowed, then with CCR.UNALIGN_TRP a UsageFault (UNALIGNED), here escalated to HardFault. */
#include "test.h"

static uint32_t load(uintptr_t address) {
    uint32_t value;
    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address));
    return value;
}

int main(void) {
    static const uint8_t bytes[8] __attribute__((aligned(4))) = {0, 1, 2, 3, 4, 5, 6, 7};
    test_begin();
    print("%08lx\r\n", (unsigned long)load((uintptr_t)bytes + 1));
    SCB->CCR |= SCB_CCR_UNALIGN_TRP;
    cpu_sync();
    (void)load((uintptr_t)bytes + 1);
    test_exit(1);
}
