/* A timer's updates come when the prescaler and the reload value say, up, down, centre-aligned and once (RM0008 sections 15.3.1, 15.3.2, 15.3.10). */
#include "devices.h"

static volatile uint32_t updates;

void TIM2_IRQHandler(void) {
    TIM2->SR = ~1u;
    updates = updates + 1u;
}

static uint32_t wait_update(struct timer *timer) {
    timer->SR = 0;
    while ((timer->SR & 1u) == 0) {
    }
    return DWT_CYCCNT;
}

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_TIM2 | APB1_TIM3;
    cycles_begin();
    /* 72 MHz: APB1 runs at 36 MHz, its timers at twice that (figure 8). 72 * 100 clocks: 100 us. */
    TIM3->PSC = 71;
    TIM3->ARR = 99;
    TIM3->EGR = 1;
    CHECK((TIM3->SR & 1u) != 0);
    TIM3->CR1 = 1;
    const uint32_t first = wait_update(TIM3);
    for (int i = 0; i < 9; i++) {
        (void)wait_update(TIM3);
    }
    CHECK(NEAR(wait_update(TIM3) - first, 72000u, 40u));
    /* Down: from ARR to 0, the same period; the count falls. */
    TIM3->CR1 = 0;
    TIM3->CR1 = 1u << 4;
    TIM3->EGR = 1;
    CHECK(TIM3->CNT == 99);
    TIM3->CR1 = 1u << 4 | 1u;
    const uint32_t down = wait_update(TIM3);
    CHECK(NEAR(wait_update(TIM3) - down, 7200u, 40u));
    const uint32_t count = TIM3->CNT;
    for (volatile int i = 0; i < 50; i++) {
    }
    CHECK(TIM3->CNT < count);
    /* Centre-aligned: an update at each end, every ARR counts. */
    TIM3->CR1 = 0;
    TIM3->CR1 = 1u << 5;
    TIM3->EGR = 1;
    TIM3->CR1 = 1u << 5 | 1u;
    (void)wait_update(TIM3);
    const uint32_t center = wait_update(TIM3);
    CHECK(NEAR(wait_update(TIM3) - center, 99u * 72u, 40u));
    /* Interrupts while asleep: ten of 1 ms. */
    TIM2->PSC = 71;
    TIM2->ARR = 999;
    TIM2->EGR = 1;
    TIM2->SR = 0;
    TIM2->DIER = 1;
    irq_enable(28u);
    TIM2->CR1 = 1;
    while (updates < 10u) {
        cpu_wait_for_interrupt();
    }
    /* Once. */
    TIM2->CR1 = 1u << 3;
    TIM2->EGR = 1;
    TIM2->SR = 0;
    updates = 0;
    TIM2->CR1 = 1u << 3 | 1u;
    while (updates == 0) {
        cpu_wait_for_interrupt();
    }
    CHECK((TIM2->CR1 & 1u) == 0);
    CHECK(TIM2->CNT == 0);
    test_end();
}
