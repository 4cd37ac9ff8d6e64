/* SMLAD, an ARMv7E-M instruction that a Cortex-M3 does not have (ARM DDI 0403, A7.7), encoded by hand: UsageFault UNDEFINSTR. */
#include "test.h"

int main(void) {
    test_begin();
    /* smlad r0, r1, r2, r3 */
    __asm__ volatile(".inst.w 0xfb213002" ::: "r0");
    test_exit(1);
}
