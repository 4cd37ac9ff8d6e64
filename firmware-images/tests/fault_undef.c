/* A permanently undefined instruction: UsageFault UNDEFINSTR, here escalated to HardFault. */
#include "test.h"

int main(void) {
    test_begin();
    __asm__ volatile("udf #0");
    test_exit(1);
}
