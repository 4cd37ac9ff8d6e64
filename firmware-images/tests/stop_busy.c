/* Stop mode stops the serial line's clock too, in the middle of a character (RM0008, 5.3.5): it does not wake anybody, nor does it ever end. */
#include "devices.h"

int main(void) {
    test_begin();
    print("stopping\r\n");
    uart_flush();
    RCC->APB1ENR |= APB1_PWR;
    PWR->CR = 1u;
    SCB->SCR = 1u << 2;
    USART1->DR = 'x';
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
