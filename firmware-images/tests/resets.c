/* The watchdogs, a software reset and standby reset the chip; why stands in RCC_CSR and PWR_CSR, and the backup registers last (RM0008 sections
   7.3.10, 19.3, 20.3, 5.3.6). */
#include "devices.h"

static const char *const names[] = {"software", "independent watchdog", "window watchdog", "standby"};

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_BKP | APB1_PWR | APB1_WWDG;
    PWR->CR |= 1u << 8;
    const uint32_t boot = BKP_DR[1];
    const uint32_t flags = RCC->CSR >> 26, standby = PWR->CSR & 2u;
    RCC->CSR |= 1u << 24;
    CHECK(RCC->CSR >> 26 == 0);
    BKP_DR[1] = boot + 1u;
    switch (boot) {
    case 0:
        CHECK((flags & 2u) != 0); /* PORRSTF */
        break;
    case 1:
        CHECK((flags & 4u) != 0); /* SFTRSTF */
        break;
    case 2:
        CHECK((flags & 8u) != 0); /* IWDGRSTF */
        break;
    case 3:
        CHECK((flags & 16u) != 0); /* WWDGRSTF */
        break;
    default:
        CHECK(standby != 0); /* SBF */
        CHECK((PWR->CSR & 1u) != 0);
        PWR->CR |= 1u << 3 | 1u << 2;
        CHECK((PWR->CSR & 3u) == 0);
        test_end();
    }
    print("%s\r\n", names[boot]);
    uart_flush();
    switch (boot) {
    case 0:
        SCB->AIRCR = 0x05FA0004u;
        break;
    case 1:
        /* 100 periods of LSI / 4: 10 ms. */
        IWDG->KR = 0x5555;
        IWDG->PR = 0;
        IWDG->RLR = 99;
        IWDG->KR = 0xCCCC;
        break;
    case 2:
        WWDG->CFR = 0x7F;
        WWDG->CR = 0xFF;
        WWDG->CR = 0xFF; /* in time */
        break;
    default:
        /* Standby until the RTC's alarm. */
        RCC->CSR |= 1;
        while ((RCC->CSR & 2u) == 0) {
        }
        RCC->BDCR = 2u << 8 | 1u << 15;
        RTC->CRL |= 1u << 4;
        RTC->PRLH = 0;
        RTC->PRLL = 400u - 1u;
        RTC->ALRH = 0;
        RTC->ALRL = 3;
        RTC->CRL &= ~(1u << 4);
        while ((RTC->CRL & 1u << 5) == 0) {
        }
        PWR->CR |= 1u << 1;
        SCB->SCR |= 1u << 2;
        cpu_wait_for_interrupt();
        break;
    }
    for (;;) {
    }
}
