/* Loads of SRAM that nothing has written: one that is always made, one in an IT block, one of each that is made after all has been written. */
#include "test.h"

/* The free SRAM behind the static data. */
extern uint32_t __stack_limit[];

uint32_t careless(void);
uint32_t conditional(uint32_t condition);

__attribute__((noinline)) uint32_t careless(void) {
    return *(volatile uint32_t *)__stack_limit;
}

/* What follows the load in the IT block must run all the same. */
__attribute__((noinline, naked)) uint32_t conditional(uint32_t condition __attribute__((unused))) {
    __asm__ volatile("ldr r1, =__stack_limit\n\t"
                     "movs r2, #5\n\t"
                     "cmp r0, #0\n\t"
                     "ittt ne\n\t"
                     "ldrne r3, [r1, #64]\n\t"
                     "addne r2, r2, #30\n\t"
                     "addne r2, r2, #7\n\t"
                     "mov r0, r2\n\t"
                     "bx lr\n\t"
                     ".ltorg");
}

int main(void) {
    test_begin();
    (void)careless();
    (void)careless();
    print("taken %u skipped %u\r\n", (unsigned)conditional(1), (unsigned)conditional(0));
    __stack_limit[0] = 1;
    __stack_limit[16] = 2;
    print("then %u %u\r\n", (unsigned)careless(), (unsigned)conditional(1));
    test_exit(0);
}
