/* Bits of SRAM through their alias words, PM0056 section 2.2.5: one bit changes, its neighbours stay. */
#include "test.h"

static volatile uint32_t word;

int main(void) {
    test_begin();
    volatile uint32_t *const alias = (volatile uint32_t *)(0x22000000u + ((uintptr_t)&word - 0x20000000u) * 32u);
    word = 0xA5A50000u;
    alias[3] = 1;
    alias[16] = 0;
    alias[31] = 0xFE; /* bit 0 of what is written counts */
    print("%08lx %lu %lu\r\n", (unsigned long)word, (unsigned long)alias[3], (unsigned long)alias[16]);
    test_exit(0);
}
