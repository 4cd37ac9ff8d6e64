/* An undefined instruction right behind a WFE that passes: UsageFault UNDEFINSTR, here escalated to HardFault. */
#include "test.h"

int main(void) {
    test_begin();
    __asm__ volatile("sev\n\twfe\n\tudf #0" ::: "memory");
    test_exit(1);
}
