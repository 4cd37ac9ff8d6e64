/* The registers these images touch, and no others.
 * Source: ST RM0008 (sections named below) and PM0056 (the Cortex-M3's own registers, chapter 4); DWT from ARM DDI 0403, C1.8.
 * Does not model: bits that are not used here.
 * Tested by: tests/firmware_images.rs, which runs the images built from it under QEMU.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef STM32F103_H
#define STM32F103_H

#include <stdint.h>

typedef volatile uint32_t reg32;

/* Clock control: RM0008 section 7.3. */
struct rcc {
    reg32 CR, CFGR, CIR, APB2RSTR, APB1RSTR, AHBENR, APB2ENR, APB1ENR, BDCR, CSR;
};
#define RCC ((struct rcc *)0x40021000u)
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 1)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR_SW_MASK (3u << 0)
#define RCC_CFGR_SW_PLL (2u << 0)
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PPRE1_DIV2 (4u << 8)
#define RCC_CFGR_PLLSRC_HSE (1u << 16)
#define RCC_CFGR_PLLMUL(n) (((n) - 2u) << 18) /* 2..16 */
#define RCC_APB2ENR_AFIOEN (1u << 0)
#define RCC_APB2ENR_IOPAEN (1u << 2)
#define RCC_APB2ENR_USART1EN (1u << 14)

/* Flash interface: RM0008 section 3.3.3, PM0075 section 3.1. */
struct flash_interface {
    reg32 ACR;
};
#define FLASH ((struct flash_interface *)0x40022000u)
#define FLASH_ACR_LATENCY_2 (2u << 0)
#define FLASH_ACR_PRFTBE (1u << 4)

/* Ports: RM0008 section 9.2. CRH holds four bits for each of the pins 8 to 15. */
struct gpio {
    reg32 CRL, CRH, IDR, ODR, BSRR, BRR, LCKR;
};
#define GPIOA ((struct gpio *)0x40010800u)
#define GPIO_CRH_SHIFT(pin) (((pin) - 8u) * 4u)
#define GPIO_OUTPUT_ALTERNATE_50MHZ 0xBu
#define GPIO_INPUT_PULLED 0x8u

/* Serial port: RM0008 section 27.6. */
struct usart {
    reg32 SR, DR, BRR, CR1, CR2, CR3, GTPR;
};
#define USART1 ((struct usart *)0x40013800u)
#define USART1_IRQ 37u /* RM0008 section 10.1.2 */
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_UE (1u << 13)

/* System timer: PM0056 section 4.5. */
struct systick {
    reg32 CTRL, LOAD, VAL, CALIB;
};
#define SYSTICK ((struct systick *)0xE000E010u)
#define SYSTICK_CTRL_ENABLE (1u << 0)
#define SYSTICK_CTRL_TICKINT (1u << 1)
#define SYSTICK_CTRL_CLKSOURCE_HCLK (1u << 2)
#define SYSTICK_MAX 0x00FFFFFFu

/* Interrupt controller: PM0056 section 4.3. One bit per interrupt, one priority byte per interrupt (its upper four bits count). */
struct nvic {
    reg32 ISER[8], _0[24], ICER[8], _1[24], ISPR[8], _2[24], ICPR[8], _3[24], IABR[8], _4[56];
    volatile uint8_t IPR[240];
};
#define NVIC ((struct nvic *)0xE000E100u)

/* System control block: PM0056 section 4.4. SHPR[0] is system exception 4. */
struct scb {
    reg32 CPUID, ICSR, VTOR, AIRCR, SCR, CCR;
    volatile uint8_t SHPR[12];
    reg32 SHCSR, CFSR, HFSR, DFSR, MMFAR, BFAR;
};
#define SCB ((struct scb *)0xE000ED00u)
#define SCB_ICSR_PENDSTSET (1u << 26)
#define SCB_ICSR_PENDSVSET (1u << 28)
#define SCB_CCR_UNALIGN_TRP (1u << 3)
#define SCB_CCR_DIV_0_TRP (1u << 4)
#define SHPR_SVCALL 7
#define SHPR_PENDSV 10
#define SHPR_SYSTICK 11

/* Cycle counter: ARM DDI 0403 C1.6.5 (DEMCR) and C1.8 (DWT). It counts only while TRCENA is set, and not while the core sleeps. */
#define DEMCR (*(reg32 *)0xE000EDFCu)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL (*(reg32 *)0xE0001000u)
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT (*(reg32 *)0xE0001004u)

static inline void cpu_disable_interrupts(void) { __asm__ volatile("cpsid i" ::: "memory"); }
static inline void cpu_enable_interrupts(void) { __asm__ volatile("cpsie i" ::: "memory"); }
/* Wakes on any enabled interrupt, also while PRIMASK holds it back (PM0056 section 2.5.2). */
static inline void cpu_wait_for_interrupt(void) { __asm__ volatile("dsb\n\twfi" ::: "memory"); }
static inline void cpu_sync(void) { __asm__ volatile("dsb\n\tisb" ::: "memory"); }
static inline uint32_t cpu_primask(void) {
    uint32_t value;
    __asm__ volatile("mrs %0, primask" : "=r"(value));
    return value;
}
static inline void cpu_set_primask(uint32_t value) { __asm__ volatile("msr primask, %0" ::"r"(value) : "memory"); }

#endif
