/* What a line brings that it should not; breaks, parity, mute mode, one wire, flow control (RM0008 sections 27.3.3, 27.3.6 to 27.3.8, 27.3.10,
   27.3.14). The board has a sender on USART2: see `usart_errors.toml`. */
#include "devices.h"

#define SR_PE (1u << 0)
#define SR_FE (1u << 1)
#define SR_NE (1u << 2)
#define SR_ORE (1u << 3)
#define SR_IDLE (1u << 4)
#define SR_RXNE (1u << 5)
#define SR_TC (1u << 6)
#define SR_LBD (1u << 8)
#define SR_CTS (1u << 9)
#define ON (1u << 13 | 1u << 3 | 1u << 2)
/* A bit at 115200 baud, in cycles of the core: 36 MHz and 72 MHz. */
#define BIT (2u * 313u)
static volatile uint32_t interrupts, seen;

void USART2_IRQHandler(void) {
    interrupts = interrupts + 1u;
    seen = USART2->SR;
    USART2->SR = (uint32_t)~SR_LBD;
    (void)USART2->DR;
}

/* The next character: flags above data. */
static uint32_t next(void) {
    while ((USART2->SR & SR_RXNE) == 0) {
    }
    const uint32_t flags = USART2->SR & (SR_PE | SR_FE | SR_NE | SR_ORE);
    const uint32_t data = USART2->DR;
    CHECK((USART2->SR & (SR_PE | SR_FE | SR_NE | SR_ORE)) == 0); /* the sequence has cleared them */
    return flags << 16 | data;
}

static void wait_bits(uint32_t bits) {
    const uint32_t start = DWT_CYCCNT;
    while (DWT_CYCCNT - start < bits * BIT) {
    }
}

static uint32_t time_of_break(void) {
    const uint32_t start = DWT_CYCCNT;
    USART2->CR1 |= 1u;
    while ((USART2->CR1 & 1u) != 0) {
    }
    return DWT_CYCCNT - start;
}

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_USART2;
    cycles_begin();
    USART2->BRR = 313;
    USART2->CR1 = ON;

    CHECK(next() == (SR_FE << 16 | 'A'));
    CHECK(next() == (SR_NE << 16 | 'B'));
    /* Two unread: the first stays. */
    while ((USART2->SR & SR_ORE) == 0) {
    }
    CHECK(next() == (SR_ORE << 16 | 'x'));
    /* A break is a character of zeros without a stop bit; in LIN mode it has a flag of its own. */
    CHECK(next() == SR_FE << 16);
    CHECK((USART2->SR & SR_LBD) == 0);
    USART2->CR2 = 1u << 14;
    CHECK(next() == SR_FE << 16);
    CHECK((USART2->SR & SR_LBD) != 0);
    USART2->SR = (uint32_t)~SR_LBD;
    CHECK((USART2->SR & SR_LBD) == 0);
    USART2->CR2 = 1u << 14 | 1u << 6; /* LBDIE */
    irq_enable(38u);
    while (interrupts == 0) {
    }
    CHECK((seen & SR_LBD) != 0);
    USART2->CR2 = 0;

    /* Nine bits, the last of them even parity: 'C' has three ones. */
    USART2->CR1 = ON | 1u << 12 | 1u << 10;
    CHECK(next() == (SR_PE << 16 | 'C'));
    CHECK(next() == (1u << 8 | 'C'));
    interrupts = 0;
    USART2->CR1 |= 1u << 8; /* PEIE */
    while (interrupts == 0) {
    }
    CHECK((seen & (SR_PE | SR_RXNE)) == (SR_PE | SR_RXNE));
    NVIC->ICER[1] = 1u << 6;

    /* Mute: only what follows its own address, 5, is heard. */
    USART2->CR1 = ON | 1u << 11 | 2u;
    USART2->CR2 = 5;
    CHECK(next() == 0x85u);
    CHECK((USART2->CR1 & 2u) == 0);
    CHECK(next() == 0x22u);
    while ((USART2->CR1 & 2u) == 0) {
    }
    wait_bits(30);
    CHECK((USART2->SR & SR_RXNE) == 0);
    /* Mute until the line is silent. */
    USART2->CR1 = ON | 2u;
    USART2->CR2 = 0;
    (void)USART2->SR;
    (void)USART2->DR;
    while ((USART2->CR1 & 2u) != 0) {
    }
    CHECK((USART2->SR & (SR_RXNE | SR_IDLE)) == 0);
    CHECK(next() == 3u);

    /* RTS holds the sender up while a character is unread. */
    USART2->CR3 = 1u << 8;
    while ((USART2->SR & SR_RXNE) == 0) {
    }
    wait_bits(50);
    CHECK((USART2->SR & SR_ORE) == 0);
    CHECK(next() == 'p');
    CHECK(next() == 'q');
    CHECK(next() == 'r');
    USART2->CR3 = 0;

    /* A break is ten low bits and a stop bit, a LIN break thirteen. */
    CHECK(NEAR(time_of_break(), 11u * BIT, 60u));
    USART2->CR2 = 1u << 14;
    CHECK(NEAR(time_of_break(), 14u * BIT, 60u));
    USART2->CR2 = 0;
    /* One wire: what is sent is heard. */
    USART2->CR3 = 1u << 3;
    USART2->DR = 'h';
    CHECK(next() == 'h');
    USART2->CR3 = 0;
    while ((USART2->SR & SR_TC) == 0) {
    }
    /* CTS at PA0, which the program drives: high holds the sender up. */
    GPIOA->BSRR = 1;
    GPIOA->CRL = (GPIOA->CRL & ~0xFu) | 0x3u;
    USART2->CR3 = 1u << 9;
    USART2->SR = (uint32_t)~SR_CTS;
    USART2->DR = 'c';
    wait_bits(30);
    CHECK((USART2->SR & (SR_TC | SR_CTS)) == 0);
    GPIOA->BRR = 1;
    CHECK((USART2->SR & SR_CTS) != 0);
    wait_bits(11);
    CHECK((USART2->SR & SR_TC) != 0);
    test_end();
}
