/* A stack among the variables, where armlink puts it: tests/foreign.rs makes own_stack's end the initial stack pointer. */
#include "test.h"

uint32_t own_stack[128];

static uint32_t __attribute__((noinline)) leaf(uint32_t n) {
    volatile uint32_t kept[16];
    for (uint32_t i = 0; i < 16; i++) {
        kept[i] = n + i + 1u;
    }
    return kept[15];
}

static uint32_t __attribute__((noinline)) deep(uint32_t n) {
    volatile uint32_t kept[16];
    for (uint32_t i = 0; i < 16; i++) {
        kept[i] = n + i + 1u;
    }
    return leaf(n) + kept[3];
}

int main(void) {
    test_begin();
    print("%lu %lu\r\n", (unsigned long)deep(5), (unsigned long)own_stack[0]);
    test_exit(0);
}
