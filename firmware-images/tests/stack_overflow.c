/* Recursion without end: the stack grows through static data and out of SRAM; the fault cannot even stack its frame. */
#include "test.h"

static volatile uint32_t depth;

static uint32_t deeper(uint32_t n) {
    volatile uint32_t frame[16];
    frame[n % 16u] = n;
    depth = n;
    return depth == UINT32_MAX ? 0 : deeper(n + 1u) + frame[n % 16u];
}

int main(void) {
    test_begin();
    print("%lu\r\n", (unsigned long)deeper(0));
    test_exit(1);
}
