/* A port whose clock is off: writes are lost, reads give 0 (RM0008 section 7.3.7, the note on peripheral clocks). */
#include "test.h"

#define GPIOC ((struct gpio *)0x40011000u)
#define RCC_APB2ENR_IOPCEN (1u << 4)

int main(void) {
    test_begin();
    GPIOC->ODR = 0x5Au;
    const uint32_t off = GPIOC->ODR;
    RCC->APB2ENR |= RCC_APB2ENR_IOPCEN;
    const uint32_t before = GPIOC->ODR;
    GPIOC->ODR = 0x5Au;
    print("%lx %lx %lx\r\n", (unsigned long)off, (unsigned long)before, (unsigned long)GPIOC->ODR);
    test_exit(0);
}
