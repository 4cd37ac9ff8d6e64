/* Devices of the chip that only the programs of this folder use, and how they check what they see.
 * Source: ST RM0008: the register maps at the ends of the chapters named below.
 * Does not model: bits that are not used here.
 * Tested by: tests/machine.rs, which runs the programs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef DEVICES_H
#define DEVICES_H

#include "test.h"

struct timer { /* 15.4 */
    reg32 CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR, RCR, CCR[4], BDTR, DCR, DMAR;
};
#define TIM1 ((struct timer *)0x40012C00u)
#define TIM2 ((struct timer *)0x40000000u)
#define TIM3 ((struct timer *)0x40000400u)
#define TIM4 ((struct timer *)0x40000800u)

struct dma_channel { /* 13.4 */
    reg32 CCR, CNDTR, CPAR, CMAR, _;
};
struct dma {
    reg32 ISR, IFCR;
    struct dma_channel channel[7];
};
#define DMA1 ((struct dma *)0x40020000u)

struct adc { /* 11.12 */
    reg32 SR, CR1, CR2, SMPR1, SMPR2, JOFR[4], HTR, LTR, SQR1, SQR2, SQR3, JSQR, JDR[4], DR;
};
#define ADC1 ((struct adc *)0x40012400u)
#define ADC2 ((struct adc *)0x40012800u)

struct exti { /* 10.3 */
    reg32 IMR, EMR, RTSR, FTSR, SWIER, PR;
};
#define EXTI ((struct exti *)0x40010400u)
struct afio { /* 9.4 */
    reg32 EVCR, MAPR, EXTICR[4];
};
#define AFIO ((struct afio *)0x40010000u)
#define GPIOB ((struct gpio *)0x40010C00u)

struct rtc { /* 18.4 */
    reg32 CRH, CRL, PRLH, PRLL, DIVH, DIVL, CNTH, CNTL, ALRH, ALRL;
};
#define RTC ((struct rtc *)0x40002800u)
struct pwr { /* 5.4 */
    reg32 CR, CSR;
};
#define PWR ((struct pwr *)0x40007000u)
#define BKP_DR ((reg32 *)0x40006C00u) /* 6.4: DR1 is the element 1 */
struct iwdg { /* 19.4 */
    reg32 KR, PR, RLR, SR;
};
#define IWDG ((struct iwdg *)0x40003000u)
struct wwdg { /* 20.6 */
    reg32 CR, CFR, SR;
};
#define WWDG ((struct wwdg *)0x40002C00u)
struct crc { /* 4.4 */
    reg32 DR, IDR, CR;
};
#define CRC ((struct crc *)0x40023000u)
struct spi { /* 25.5 */
    reg32 CR1, CR2, SR, DR, CRCPR, RXCRCR, TXCRCR, I2SCFGR, I2SPR;
};
#define SPI1 ((struct spi *)0x40013000u)
#define SPI2 ((struct spi *)0x40003800u)
struct i2c { /* 26.6 */
    reg32 CR1, CR2, OAR1, OAR2, DR, SR1, SR2, CCR, TRISE;
};
#define I2C1 ((struct i2c *)0x40005400u)
#define I2C2 ((struct i2c *)0x40005800u)
struct can { /* 24.9 */
    reg32 MCR, MSR, TSR, RF0R, RF1R, IER, ESR, BTR, _0[88];
    struct {
        reg32 IR, DTR, DLR, DHR;
    } tx[3], rx[2];
    reg32 _1[12], FMR, FM1R, _2, FS1R, _3, FFA1R, _4, FA1R, _5[8];
    struct {
        reg32 R1, R2;
    } filter[14];
};
#define CAN ((struct can *)0x40006400u)
struct flash { /* PM0075, 3 */
    reg32 ACR, KEYR, OPTKEYR, SR, CR, AR, _, OBR, WRPR;
};
#define FLASH_CONTROL ((struct flash *)0x40022000u)
#define USART2 ((struct usart *)0x40004400u)

/* RCC enable bits: 7.3.6 to 7.3.8. */
#define AHB_DMA1 (1u << 0)
#define AHB_CRC (1u << 6)
#define APB1_TIM2 (1u << 0)
#define APB1_TIM3 (1u << 1)
#define APB1_TIM4 (1u << 2)
#define APB1_WWDG (1u << 11)
#define APB1_SPI2 (1u << 14)
#define APB1_USART2 (1u << 17)
#define APB1_I2C1 (1u << 21)
#define APB1_I2C2 (1u << 22)
#define APB1_CAN (1u << 25)
#define APB1_BKP (1u << 27)
#define APB1_PWR (1u << 28)
#define APB2_IOPB (1u << 3)
#define APB2_ADC1 (1u << 9)
#define APB2_ADC2 (1u << 10)
#define APB2_TIM1 (1u << 11)
#define APB2_SPI1 (1u << 12)

/* Interrupt positions: 10.1.2, table 63. */
#define irq_enable(position) (NVIC->ISER[(position) / 32u] = 1u << ((position) % 32u))

static uint32_t test_failures;
/* What must hold, by the manual's section that a comment beside it names; what does not is printed. */
#define CHECK(what)                                                                                                               \
    do {                                                                                                                          \
        if (!(what)) {                                                                                                            \
            test_failures++;                                                                                                      \
            print("line %d: not " #what "\r\n", __LINE__);                                                                        \
        }                                                                                                                         \
    } while (0)
#define NEAR(value, wanted, by) ((uint32_t)((value) - (wanted) + (by)) <= 2u * (by))

static inline void cycles_begin(void) {
    DEMCR |= DEMCR_TRCENA;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}
static inline void test_end(void) __attribute__((noreturn));
static inline void test_end(void) {
    if (test_failures == 0) {
        print("passed\r\n");
    }
    test_exit((int)test_failures);
}

#endif
