/* The clock security system: the crystal fails, and NMI, the internal oscillator and a break of TIM1 follow (RM0008 sections 7.2.7, 7.3.3, 14.3.12).
   The crystal fails after 10 ms: `css.toml`. */
#include "devices.h"

static volatile uint32_t failures, flag;

void NMI_Handler(void) {
    failures = failures + 1u;
    flag = RCC->CIR & 1u << 7;
    RCC->CIR = 1u << 23; /* or it would come back */
}

int main(void) {
    test_begin();
    RCC->APB2ENR |= APB2_TIM1;
    TIM1->BDTR = 1u << 15 | 1u << 13 | 1u << 12;
    RCC->CR |= 1u << 19;
    CHECK((RCC->CR & 1u << 19) != 0);
    while (failures == 0) {
    }
    CHECK(failures == 1u && flag != 0);
    CHECK((RCC->CIR & 1u << 7) == 0);
    CHECK((RCC->CFGR & 0xCu) == 0); /* HSI */
    CHECK((RCC->CR & (1u << 16 | 1u << 17 | 1u << 24 | 1u << 25)) == 0);
    CHECK((TIM1->BDTR & 1u << 15) == 0 && (TIM1->SR & 1u << 7) != 0);
    /* It does not come back. */
    RCC->CR |= 1u << 16;
    for (volatile uint32_t i = 0; i < 10000u; i++) {
    }
    CHECK((RCC->CR & 1u << 17) == 0);
    RCC->CFGR = 0;
    USART1->BRR = 69; /* 8 MHz / 115200 */
    test_end();
}
