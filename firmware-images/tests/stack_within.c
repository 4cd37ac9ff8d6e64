/* A stack among the variables, where armlink puts it: tests/foreign.rs makes own_stack's end the initial stack pointer. */
#include "test.h"

uint32_t own_stack[128];

static uint32_t __attribute__((noinline)) deep(uint32_t n) {
    volatile uint32_t kept[4] = {n, n + 1u, n + 2u, n + 3u};
    return n == 0 ? kept[3] : deep(n - 1u) + kept[0];
}

int main(void) {
    test_begin();
    print("%lu %lu\r\n", (unsigned long)deep(5), (unsigned long)own_stack[0]);
    test_exit(0);
}
