/* Injected sequences of their own, behind regular ones and one by one; discontinuous sequences; the watchdog's interrupt (RM0008 sections 11.3.7,
   11.3.9, 11.3.10). The board has 1000, 2000 and 3000 at the channels 10 to 12. */
#include "devices.h"

#define ON (1u << 20 | 7u << 17 | 1u << 15 | 7u << 12 | 1u)
static volatile uint32_t alarms, ends;

void ADC1_2_IRQHandler(void) {
    const uint32_t flags = ADC1->SR;
    if ((flags & 1u) != 0) {
        alarms = alarms + 1u;
    }
    if ((flags & 4u) != 0) {
        ends = ends + 1u;
    }
    ADC1->SR = 0;
}

static void convert(uint32_t how, uint32_t flag) {
    ADC1->SR = 0;
    ADC1->CR2 |= how;
    while ((ADC1->SR & flag) == 0) {
    }
}

/* For so long that a conversion would be over. */
static void wait(void) {
    const uint32_t start = DWT_CYCCNT;
    while (DWT_CYCCNT - start < 400u) {
    }
}

int main(void) {
    test_begin();
    RCC->CFGR |= 2u << 14;
    RCC->APB2ENR |= APB2_ADC1;
    cycles_begin();
    ADC1->CR2 = 1;
    ADC1->CR2 = ON;

    /* JAUTO: the injected channels follow the regular ones without a trigger. */
    ADC1->CR1 = 1u << 10 | 1u << 8;
    ADC1->SQR1 = 1u << 20;
    ADC1->SQR3 = 11u << 5 | 10u;
    ADC1->JSQR = 1u << 20 | 10u << 15 | 12u << 10;
    ADC1->JOFR[1] = 1001;
    convert(1u << 22, 4u);
    CHECK(ADC1->JDR[0] == 3000u);
    CHECK(ADC1->JDR[1] == 0xFFFFu); /* 1000 - 1001 */
    CHECK(ADC1->DR == 2000u);

    /* JDISCEN: one injected channel a trigger; JEOC comes with the last. */
    ADC1->CR1 = 1u << 12 | 1u << 8;
    ADC1->JOFR[1] = 0;
    ADC1->SR = 0;
    ADC1->CR2 |= 1u << 21;
    wait();
    CHECK((ADC1->SR & 4u) == 0);
    ADC1->CR2 |= 1u << 21;
    wait();
    CHECK((ADC1->SR & 4u) != 0);
    CHECK(ADC1->JDR[1] == 1000u);

    /* DISCEN with DISCNUM 1: two a trigger of three; EOC comes with the last. */
    ADC1->CR1 = 1u << 13 | 1u << 11 | 1u << 8;
    ADC1->SQR1 = 2u << 20;
    ADC1->SQR3 = 12u << 10 | 11u << 5 | 10u;
    ADC1->SR = 0;
    ADC1->CR2 |= 1u << 22;
    wait();
    CHECK((ADC1->SR & 2u) == 0);
    CHECK(ADC1->DR == 2000u);
    ADC1->CR2 |= 1u << 22;
    wait();
    CHECK((ADC1->SR & 2u) != 0);
    CHECK(ADC1->DR == 3000u);

    /* The watchdog interrupts where it guards: channel 11 alone, then the injected ones. */
    irq_enable(18u);
    ADC1->HTR = 1500;
    ADC1->LTR = 500;
    ADC1->SQR1 = 0;
    ADC1->CR1 = 1u << 23 | 1u << 9 | 1u << 6 | 11u;
    ADC1->SQR3 = 12; /* beyond, but another one */
    convert(1u << 22, 2u);
    CHECK(alarms == 0);
    ADC1->SQR3 = 11;
    ADC1->CR2 |= 1u << 22;
    wait();
    CHECK(alarms == 1u);
    ADC1->CR1 = 1u << 22 | 1u << 7 | 1u << 6;
    ADC1->JSQR = 10u << 15; /* within */
    ADC1->CR2 |= 1u << 21;
    wait();
    CHECK(alarms == 1u && ends == 1u);
    ADC1->JSQR = 12u << 15;
    ADC1->CR2 |= 1u << 21;
    wait();
    CHECK(alarms == 2u && ends == 2u);
    test_end();
}
