/* The real-time clock on LSI: seconds (of 10 ms here), an alarm, and stop mode that it ends (RM0008 sections 18.3, 5.3.5). */
#include "devices.h"

static volatile uint32_t seconds, alarms;

void RTC_IRQHandler(void) {
    RTC->CRL &= ~1u;
    seconds = seconds + 1u;
}

void RTCAlarm_IRQHandler(void) {
    EXTI->PR = 1u << 17;
    RTC->CRL &= ~2u;
    alarms = alarms + 1u;
}

static void configure(void) {
    while ((RTC->CRL & 1u << 5) == 0) {
    }
    RTC->CRL |= 1u << 4;
}

static void configured(void) {
    RTC->CRL &= ~(1u << 4);
    while ((RTC->CRL & 1u << 5) == 0) {
    }
}

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_BKP | APB1_PWR;
    BKP_DR[1] = 0x1234;
    CHECK(BKP_DR[1] == 0); /* DBP guards it (5.1.2) */
    PWR->CR |= 1u << 8;
    BKP_DR[1] = 0x1234;
    CHECK(BKP_DR[1] == 0x1234u);
    RCC->CSR |= 1;
    while ((RCC->CSR & 2u) == 0) {
    }
    RCC->BDCR = 2u << 8 | 1u << 15;
    configure();
    RTC->PRLH = 0;
    RTC->PRLL = 400u - 1u;
    RTC->CNTH = 0;
    RTC->CNTL = 0;
    configured();
    RTC->CRH = 1;
    irq_enable(3u);
    while (seconds < 2u) {
        cpu_wait_for_interrupt();
    }
    CHECK(RTC->CNTL == 2u);
    RTC->CRH = 0;
    /* In stop mode until the alarm, by EXTI line 17. */
    configure();
    RTC->ALRH = 0;
    RTC->ALRL = 5;
    configured();
    EXTI->IMR = 1u << 17;
    EXTI->RTSR = 1u << 17;
    irq_enable(41u);
    uart_flush();
    SCB->SCR |= 1u << 2;
    while (alarms == 0) {
        cpu_wait_for_interrupt();
    }
    SCB->SCR &= ~(1u << 2);
    CHECK(RTC->CNTL == 5u);
    /* The internal oscillator drives the core now (5.3.5). */
    CHECK((RCC->CFGR & RCC_CFGR_SWS_MASK) == 0);
    CHECK((RCC->CR & RCC_CR_PLLRDY) == 0);
    clock_init();
    CHECK((RCC->CFGR & RCC_CFGR_SWS_MASK) == RCC_CFGR_SWS_PLL);
    RCC->BDCR = 1u << 16; /* the backup domain's reset stops the clock */
    CHECK(BKP_DR[1] == 0);
    test_end();
}
