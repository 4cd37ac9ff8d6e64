/* Code in SRAM that changes between two calls. */
#include "test.h"

int main(void) {
    static volatile uint16_t code[2] __attribute__((aligned(4)));
    test_begin();
    for (unsigned n = 0; n < 5; n++) {
        code[0] = (uint16_t)(0x2000u | n); /* movs r0, #n */
        code[1] = 0x4770u;                 /* bx lr */
        cpu_sync();
        unsigned (*const function)(void) = (unsigned (*)(void))((uintptr_t)code | 1u);
        print("%u", function());
    }
    print("\r\n");
    test_exit(0);
}
