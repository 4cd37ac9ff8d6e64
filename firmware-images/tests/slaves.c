/* SPI and I2C as slaves of masters that the board has on SPI2 and I2C2: see `slaves.toml` (RM0008 sections 25.3.2, 26.3.2). */
#include "devices.h"

static volatile uint32_t events, errors;
static uint8_t heard[4];

void I2C2_EV_IRQHandler(void) {
    I2C2->CR2 &= ~(1u << 9);
    events = events + 1u;
}

void I2C2_ER_IRQHandler(void) {
    I2C2->SR1 = (uint32_t)~(1u << 10);
    errors = errors + 1u;
}

static uint32_t wait_for(uint32_t flag) {
    while ((I2C2->SR1 & flag) == 0) {
    }
    return I2C2->SR2;
}

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_SPI2 | APB1_I2C2;
    SPI2->CR1 = 1u << 6 | 1u << 9; /* slave, selected by software */
    /* The answers are ready before they are asked for. */
    uint32_t answer = 0xA1;
    SPI2->DR = answer++;
    for (uint32_t i = 0; i < 4u; i++) {
        while ((SPI2->SR & 1u) == 0) {
            if ((SPI2->SR & 2u) != 0) {
                SPI2->DR = answer++;
            }
        }
        heard[i] = (uint8_t)SPI2->DR;
    }
    CHECK(heard[0] == 1u && heard[1] == 2u && heard[2] == 3u && heard[3] == 4u);
    CHECK((SPI2->SR & 1u << 6) == 0);

    I2C2->CR2 = 1u << 9 | 1u << 8 | 36u;
    I2C2->OAR1 = 1u << 14 | 0x30u << 1;
    I2C2->CR1 = 1u << 10 | 1u;
    irq_enable(33u);
    irq_enable(34u);
    /* Written to: ADDR, three bytes, then read behind a repeated start. */
    while (events == 0) {
    }
    CHECK((wait_for(2u) & 7u) == 2u); /* busy, a receiver */
    for (uint32_t i = 0; i < 3u; i++) {
        (void)wait_for(1u << 6);
        CHECK(I2C2->DR == 5u + i);
    }
    CHECK((wait_for(2u) & 7u) == 6u); /* a transmitter */
    CHECK((I2C2->SR1 & 1u << 7) != 0);
    I2C2->DR = 0x51;
    I2C2->DR = 0x52;
    while (errors == 0) {
    }
    CHECK(errors == 1u); /* the master does not acknowledge the last */
    while ((I2C2->SR2 & 2u) != 0) {
    }
    /* Another slave's address is nothing to it; a write ends with STOPF, which SR1 and CR1 clear. */
    (void)wait_for(2u);
    (void)wait_for(1u << 6);
    CHECK(I2C2->DR == 10u);
    (void)wait_for(1u << 4);
    I2C2->CR1 |= 1u;
    CHECK((I2C2->SR1 & 1u << 4) == 0);
    test_end();
}
