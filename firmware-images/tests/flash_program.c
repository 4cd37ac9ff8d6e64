/* Flash is unlocked, erased, programmed by half-words, and then run from; what breaks the rules is refused (PM0075 sections 2.3 and 2.5). */
#include "devices.h"

/* The last page but one of 64 KiB. */
#define PAGE 0x0800F800u
static volatile uint16_t *const page = (volatile uint16_t *)PAGE;

static void wait(void) {
    while ((FLASH_CONTROL->SR & 1u) != 0) {
    }
}

static void erase(void) {
    FLASH_CONTROL->CR = 1u << 1;
    FLASH_CONTROL->AR = PAGE;
    FLASH_CONTROL->CR = 1u << 6 | 1u << 1;
    wait();
    FLASH_CONTROL->CR = 0;
}

int main(void) {
    test_begin();
    CHECK((FLASH_CONTROL->CR & 1u << 7) != 0);
    FLASH_CONTROL->KEYR = 0x45670123u;
    FLASH_CONTROL->KEYR = 0xCDEF89ABu;
    CHECK((FLASH_CONTROL->CR & 1u << 7) == 0);
    cycles_begin();
    const uint32_t start = DWT_CYCCNT;
    erase();
    /* 20 to 40 ms (DS5319 table 28). */
    const uint32_t erased = DWT_CYCCNT - start;
    CHECK(erased >= 20u * 72000u && erased <= 40u * 72000u);
    CHECK(page[0] == 0xFFFFu);
    CHECK((FLASH_CONTROL->SR & 1u << 5) != 0);
    FLASH_CONTROL->SR = 1u << 5;
    /* movs r0, #42; bx lr. Each half-word takes 40 to 70 us. */
    const uint32_t before = DWT_CYCCNT;
    FLASH_CONTROL->CR = 1;
    page[0] = 0x202A;
    wait();
    page[1] = 0x4770;
    wait();
    const uint32_t programmed = DWT_CYCCNT - before;
    CHECK(programmed >= 2u * 40u * 72u && programmed <= 2u * 70u * 72u + 200u);
    CHECK(page[0] == 0x202Au && page[1] == 0x4770u);
    uint32_t (*const function)(void) = (uint32_t (*)(void))(PAGE | 1u);
    CHECK(function() == 42u);
    /* What is not erased is not programmed: PGERR. Zero is. */
    page[1] = 0x1234;
    wait();
    CHECK(page[1] == 0x4770u);
    CHECK((FLASH_CONTROL->SR & 1u << 2) != 0);
    FLASH_CONTROL->SR = 1u << 5 | 1u << 2;
    page[2] = 0x1111;
    wait();
    page[2] = 0;
    wait();
    CHECK(page[2] == 0);
    /* Other code in the same place. */
    FLASH_CONTROL->CR = 0;
    erase();
    FLASH_CONTROL->CR = 1;
    page[0] = 0x2007;
    wait();
    page[1] = 0x4770;
    wait();
    CHECK(function() == 7u);
    FLASH_CONTROL->CR = 1u << 7;
    CHECK((FLASH_CONTROL->CR & 1u << 7) != 0);
    /* Option bytes: the user's first data byte. */
    FLASH_CONTROL->KEYR = 0x45670123u;
    FLASH_CONTROL->KEYR = 0xCDEF89ABu;
    FLASH_CONTROL->OPTKEYR = 0x45670123u;
    FLASH_CONTROL->OPTKEYR = 0xCDEF89ABu;
    CHECK((FLASH_CONTROL->CR & 1u << 9) != 0);
    FLASH_CONTROL->CR = 1u << 9 | 1u << 5;
    FLASH_CONTROL->CR = 1u << 9 | 1u << 6 | 1u << 5;
    wait();
    FLASH_CONTROL->CR = 1u << 9 | 1u << 4;
    *(volatile uint16_t *)0x1FFFF800u = 0x00A5;
    wait();
    *(volatile uint16_t *)0x1FFFF804u = 0x0033;
    wait();
    CHECK(*(volatile uint16_t *)0x1FFFF804u == 0xCC33u);
    CHECK(*(volatile uint16_t *)0x1FFFF800u == 0x5AA5u);
    test_end();
}
