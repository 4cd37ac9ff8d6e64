/* A load from where the memory map has nothing: precise BusFault, here escalated to HardFault. */
#include "test.h"

int main(void) {
    test_begin();
    (void)*(volatile uint32_t *)0x10000000u;
    test_exit(1);
}
