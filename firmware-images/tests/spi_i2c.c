/* SPI with an echo on its lines; I2C with a device of registers at 0x48, and nobody at 0x49 (RM0008 sections 25.3, 26.3.3): `spi_i2c.toml`. */
#include "devices.h"

static uint8_t exchange(uint8_t byte) {
    SPI1->DR = byte;
    while ((SPI1->SR & 1u) == 0) {
    }
    return (uint8_t)SPI1->DR;
}

static void start(uint8_t address) {
    I2C1->CR1 |= 1u << 8;
    while ((I2C1->SR1 & 1u) == 0) {
    }
    I2C1->DR = address;
    while ((I2C1->SR1 & (1u << 10 | 2u)) == 0) {
    }
}

static void send(uint8_t byte) {
    while ((I2C1->SR1 & 1u << 7) == 0) {
    }
    I2C1->DR = byte;
}

static void stop(void) {
    I2C1->CR1 |= 1u << 9;
    while ((I2C1->CR1 & 1u << 9) != 0) {
    }
}

int main(void) {
    test_begin();
    RCC->APB2ENR |= APB2_SPI1;
    RCC->APB1ENR |= APB1_I2C1;
    SPI1->CR1 = 1u << 9 | 1u << 8 | 1u << 6 | 2u << 3 | 1u << 2; /* 72 MHz / 8, master, on */
    CHECK((SPI1->SR & 2u) != 0);
    cycles_begin();
    const uint32_t from = DWT_CYCCNT;
    CHECK(exchange(0xA5) == 0xA5u);
    /* Eight bits of eight cycles, and what the call and the loop around it take. */
    const uint32_t took = DWT_CYCCNT - from;
    CHECK(took >= 64u && took <= 64u + 90u);
    CHECK(exchange(0x3C) == 0x3Cu);
    /* Two without reading: overrun; cleared by reading DR, then SR. */
    SPI1->DR = 1;
    while ((SPI1->SR & 2u) == 0) {
    }
    SPI1->DR = 2;
    while ((SPI1->SR & 1u << 7) != 0) {
    }
    CHECK((SPI1->SR & 1u << 6) != 0);
    CHECK(SPI1->DR == 1u);
    (void)SPI1->SR;
    CHECK((SPI1->SR & 1u << 6) == 0);

    I2C1->CR2 = 36;
    I2C1->CCR = 180; /* 100 kHz of 36 MHz */
    I2C1->TRISE = 37;
    I2C1->CR1 = 1;
    start(0x49u << 1);
    CHECK((I2C1->SR1 & 1u << 10) != 0); /* nobody acknowledges */
    I2C1->SR1 = (uint32_t) ~(1u << 10);
    stop();
    CHECK((I2C1->SR2 & 2u) == 0);
    /* Registers 2 and 3 are written, then read back behind a repeated start. */
    start(0x48u << 1);
    CHECK((I2C1->SR2 & 4u) != 0);
    const uint32_t begin = DWT_CYCCNT;
    send(2);
    send(0x55);
    send(0xAA);
    while ((I2C1->SR1 & 4u) == 0) {
    }
    /* Three bytes of nine bits at 100 kHz: 270 us. */
    CHECK(NEAR(DWT_CYCCNT - begin, 270u * 72u, 200u));
    stop();
    start(0x48u << 1);
    (void)I2C1->SR2;
    send(2);
    while ((I2C1->SR1 & 4u) == 0) {
    }
    I2C1->CR1 |= 1u << 10;
    start(0x48u << 1 | 1u);
    (void)I2C1->SR2;
    uint8_t got[3];
    for (uint32_t i = 0; i < 3u; i++) {
        if (i == 2u) {
            I2C1->CR1 = (I2C1->CR1 & ~(1u << 10)) | 1u << 9;
        }
        while ((I2C1->SR1 & 1u << 6) == 0) {
        }
        got[i] = (uint8_t)I2C1->DR;
    }
    CHECK(got[0] == 0x55u && got[1] == 0xAAu);
    CHECK(got[2] == 4u); /* as it was */
    while ((I2C1->SR2 & 2u) != 0) {
    }
    test_end();
}
