/* A call through a null pointer: bit 0 is clear, so the core leaves Thumb state (UsageFault INVSTATE, PM0056 section 4.4.10), here escalated to HardFault. */
#include "test.h"

int main(void) {
    test_begin();
    void (*volatile function)(void) = NULL;
    function();
    test_exit(1);
}
