/* SPI's CRC: computed, sent and checked (RM0008 section 25.3.6). SPI1 hears itself; nobody is on SPI2, and its input reads ones. */
#include "devices.h"

static uint8_t exchange(struct spi *spi, uint8_t byte) {
    spi->DR = byte;
    while ((spi->SR & 1u) == 0) {
    }
    return (uint8_t)spi->DR;
}

int main(void) {
    test_begin();
    RCC->APB2ENR |= APB2_SPI1;
    RCC->APB1ENR |= APB1_SPI2;
    const uint32_t setup = 1u << 9 | 1u << 8 | 2u << 3 | 1u << 2;
    CHECK(SPI1->CRCPR == 7u);
    SPI1->CR1 = 1u << 13 | setup;
    SPI1->CR1 = 1u << 13 | 1u << 6 | setup;
    static const char text[] = "12345678";
    for (uint32_t i = 0; i < 8u; i++) {
        CHECK(exchange(SPI1, (uint8_t)text[i]) == (uint8_t)text[i]);
    }
    SPI1->DR = '9';
    SPI1->CR1 |= 1u << 12;
    while ((SPI1->SR & 1u) == 0) {
    }
    CHECK(SPI1->DR == '9');
    /* CRC-8 of polynomial 7 over "123456789": the check value of its catalogues. */
    CHECK(SPI1->TXCRCR == 0xF4u && SPI1->RXCRCR == 0xF4u);
    while ((SPI1->SR & 1u) == 0) {
    }
    CHECK(SPI1->DR == 0xF4u);
    CHECK((SPI1->SR & 1u << 4) == 0);
    CHECK((SPI1->CR1 & 1u << 12) == 0);
    /* Ones have another CRC than ones. */
    SPI2->CR1 = 1u << 13 | setup;
    SPI2->CR1 = 1u << 13 | 1u << 6 | setup;
    SPI2->DR = 0;
    SPI2->CR1 |= 1u << 12;
    while ((SPI2->SR & 1u) == 0) {
    }
    CHECK(SPI2->DR == 0xFFu);
    while ((SPI2->SR & 1u) == 0) {
    }
    CHECK((SPI2->SR & 1u << 4) != 0);
    SPI2->SR = (uint32_t)~(1u << 4);
    CHECK((SPI2->SR & 1u << 4) == 0);
    /* Switched on anew it begins anew. */
    SPI1->CR1 = setup;
    SPI1->CR1 = 1u << 13 | setup;
    CHECK(SPI1->TXCRCR == 0);
    test_end();
}
