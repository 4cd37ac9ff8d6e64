/* Conditional loads and stores of a device inside IT blocks, both ways: what fails must not touch it, what passes must. */
#include "test.h"

static uint32_t device(uint32_t condition) {
    uint32_t result = 0;
    /* BSRR sets PA0, BRR clears it; the ODR read comes back; add shows that the rest of the block still runs. */
    __asm__ volatile("cmp %1, #0\n\t"
                     "ittee ne\n\t"
                     "strne %2, [%3, #0x10]\n\t"
                     "ldrne %0, [%3, #0x0c]\n\t"
                     "streq %2, [%3, #0x14]\n\t"
                     "ldreq %0, [%3, #0x0c]\n\t"
                     "it ne\n\t"
                     "addne %0, %0, #0x10\n\t"
                     "add %0, %0, #0x100"
                     : "+&r"(result)
                     : "r"(condition), "r"(1u), "r"(GPIOA)
                     : "cc", "memory");
    return result;
}

int main(void) {
    test_begin();
    GPIOA->ODR = 0;
    const uint32_t first = device(1), second = device(0), third = device(1);
    print("%lx %lx %lx\r\n", (unsigned long)first, (unsigned long)second, (unsigned long)third);
    test_exit(0);
}
