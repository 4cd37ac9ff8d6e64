/* The CRC unit, the flash size, the unique identifier and the device code (RM0008 chapters 4 and 30, section 31.6.1). */
#include "devices.h"

int main(void) {
    test_begin();
    RCC->AHBENR |= AHB_CRC;
    CRC->CR = 1;
    CHECK(CRC->DR == 0xFFFFFFFFu);
    /* CRC-32/MPEG-2 of a zero word, as published for this unit: 0xC704DD7B. */
    CRC->DR = 0;
    CHECK(CRC->DR == 0xC704DD7Bu);
    CRC->CR = 1;
    CRC->IDR = 0x15A;
    CHECK(CRC->DR == 0xFFFFFFFFu && CRC->IDR == 0x5Au);
    CHECK(*(volatile uint16_t *)0x1FFFF7E0u == 64u);
    const reg32 *const id = (const reg32 *)0x1FFFF7E8u;
    CHECK((id[0] | id[1] | id[2]) != 0);
    CHECK((*(reg32 *)0xE0042000u & 0xFFFu) == 0x410u);
    CHECK(*(volatile uint8_t *)0x1FFFF800u == 0xA5u); /* not read-protected (PM0075, table 4) */
    test_end();
}
