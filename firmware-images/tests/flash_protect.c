/* Write protection and read protection from the option bytes, which count from the next reset on (PM0075 sections 2.4 and 2.5). */
#include "devices.h"

/* Pages 60 to 63 are the bit 15 of WRPR, 56 to 59 the bit 14. */
#define PROTECTED 0x0800F000u
#define FREE 0x0800E000u
#define OB ((volatile uint16_t *)0x1FFFF800u)

static void wait(void) {
    while ((FLASH_CONTROL->SR & 1u) != 0) {
    }
}

static void erase(uint32_t page) {
    FLASH_CONTROL->SR = 0x34;
    FLASH_CONTROL->CR = 1u << 1;
    FLASH_CONTROL->AR = page;
    FLASH_CONTROL->CR = 1u << 6 | 1u << 1;
    wait();
    FLASH_CONTROL->CR = 0;
}

static void program(uint32_t address, uint16_t value) {
    FLASH_CONTROL->SR = 0x34;
    FLASH_CONTROL->CR = 1;
    *(volatile uint16_t *)address = value;
    wait();
    FLASH_CONTROL->CR = 0;
}

static void options(uint16_t protection, uint16_t writable) {
    FLASH_CONTROL->OPTKEYR = 0x45670123u;
    FLASH_CONTROL->OPTKEYR = 0xCDEF89ABu;
    FLASH_CONTROL->CR = 1u << 9 | 1u << 5;
    FLASH_CONTROL->CR = 1u << 9 | 1u << 6 | 1u << 5;
    wait();
    FLASH_CONTROL->CR = 1u << 9 | 1u << 4;
    OB[0] = protection;
    wait();
    OB[5] = writable;
    wait();
    FLASH_CONTROL->CR = 0;
}

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_BKP | APB1_PWR;
    PWR->CR |= 1u << 8;
    FLASH_CONTROL->KEYR = 0x45670123u;
    FLASH_CONTROL->KEYR = 0xCDEF89ABu;
    const uint32_t boot = BKP_DR[1];
    BKP_DR[1] = boot + 1u;
    switch (boot) {
    case 0:
        program(PROTECTED, 0x1234);
        CHECK((FLASH_CONTROL->SR & 0x34u) == 0x20u);
        CHECK(FLASH_CONTROL->WRPR == 0xFFFFFFFFu && (FLASH_CONTROL->OBR & 2u) == 0);
        options(0xA5, 0x7F);
        CHECK(FLASH_CONTROL->WRPR == 0xFFFFFFFFu); /* not before the reset */
        break;
    case 1:
        CHECK(FLASH_CONTROL->WRPR == 0xFFFF7FFFu);
        erase(PROTECTED);
        CHECK((FLASH_CONTROL->SR & 0x10u) != 0);
        program(PROTECTED + 2u, 0x5678);
        CHECK((FLASH_CONTROL->SR & 0x10u) != 0);
        CHECK(*(volatile uint32_t *)PROTECTED == 0xFFFF1234u);
        program(FREE, 0x5678);
        CHECK((FLASH_CONTROL->SR & 0x10u) == 0);
        erase(FREE);
        CHECK(*(volatile uint16_t *)FREE == 0xFFFFu);
        /* Mass erase is refused, too: or this would not run on. */
        FLASH_CONTROL->SR = 0x34;
        FLASH_CONTROL->CR = 1u << 2;
        FLASH_CONTROL->CR = 1u << 6 | 1u << 2;
        wait();
        FLASH_CONTROL->CR = 0;
        CHECK((FLASH_CONTROL->SR & 0x10u) != 0);
        CHECK(*(volatile uint32_t *)PROTECTED == 0xFFFF1234u);
        options(0x33, 0xFF); /* read protection */
        break;
    default:
        CHECK(FLASH_CONTROL->WRPR == 0xFFFFFFFFu && (FLASH_CONTROL->OBR & 2u) != 0);
        /* The first pages are protected with it; the others can be programmed by what runs from flash. */
        erase(0x08000000u);
        CHECK((FLASH_CONTROL->SR & 0x10u) != 0);
        erase(PROTECTED);
        CHECK(*(volatile uint16_t *)PROTECTED == 0xFFFFu);
        test_end();
    }
    if (test_failures != 0) {
        test_end();
    }
    uart_flush();
    SCB->AIRCR = 0x05FA0004u;
    for (;;) {
    }
}
