/* 72 MHz without the flash wait states that it needs (RM0008 section 3.3.3): on a board anything may happen from here on. */
#include "test.h"

int main(void) {
    test_begin();
    FLASH->ACR = FLASH_ACR_PRFTBE;
    print("still here\r\n");
    test_exit(0);
}
