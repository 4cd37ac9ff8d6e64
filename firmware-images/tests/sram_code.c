/* A function that runs from SRAM. */
#include "test.h"

static __attribute__((section(".ramfunc"), noinline, long_call)) uint32_t sum_to(uint32_t n) {
    uint32_t sum = 0;
    __asm__ volatile("1: add %0, %0, %1\n\tsubs %1, %1, #1\n\tbhi 1b" : "+r"(sum), "+r"(n)::"cc");
    return sum;
}

int main(void) {
    test_begin();
    print("%s %lu\r\n", (uintptr_t)&sum_to >= 0x20000000u ? "sram" : "flash", (unsigned long)sum_to(1000));
    test_exit(0);
}
