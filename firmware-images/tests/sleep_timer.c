/* A timer's interrupt is enabled in the timer, but not in the NVIC: the core sleeps for ever, whatever the timer does. */
#include "devices.h"

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_TIM2;
    TIM2->ARR = 7199;
    TIM2->DIER = 1;
    TIM2->CR1 = 1;
    NVIC->ICER[0] = NVIC->ICER[1] = 0xFFFFFFFFu; /* the serial line's, too */
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
