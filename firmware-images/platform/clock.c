/* System clock: 72 MHz from an 8 MHz crystal, or 64 MHz from the internal oscillator when the crystal does not start.
 * Source: RM0008 sections 3.3.3 (wait states), 7.2 (sources), 7.3.1 and 7.3.2 (registers); start-up times from DS5319 section 5.3.6 (2 ms for the crystal).
 * Does not model: other crystals, the clock security system, a crystal that dies later.
 * Tested by: tests/firmware_images.rs (under QEMU nothing becomes ready: the waits must end).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "platform.h"
#include "stm32f103.h"

#define HSI_HZ 8000000u

/* About 10 ms at 8 MHz, five times what the slower of the two waits for: a turn costs around eight cycles. */
#define PATIENCE 10000u

/* The core's clock (HCLK) in Hz; after reset the internal oscillator runs. */
uint32_t SystemCoreClock = HSI_HZ;

static bool wait_for(reg32 *reg, uint32_t mask, uint32_t value) {
    for (uint32_t left = PATIENCE; left != 0; left--) {
        if ((*reg & mask) == value) {
            return true;
        }
    }
    return false;
}

void clock_init(void) {
    RCC->CR |= RCC_CR_HSEON;
    const bool crystal = wait_for(&RCC->CR, RCC_CR_HSERDY, RCC_CR_HSERDY);
    uint32_t cfgr = RCC_CFGR_PPRE1_DIV2; /* APB1 takes 36 MHz at most */
    if (crystal) {
        cfgr |= RCC_CFGR_PLLSRC_HSE | RCC_CFGR_PLLMUL(9u);
    } else {
        RCC->CR &= ~RCC_CR_HSEON;
        cfgr |= RCC_CFGR_PLLMUL(16u); /* of HSI / 2 */
    }
    /* Wait states before speed: above 48 MHz a flash read takes two more cycles. */
    FLASH->ACR = FLASH_ACR_PRFTBE | FLASH_ACR_LATENCY_2;
    RCC->CFGR = cfgr; /* source and factor can change only while the PLL is off, as it is after reset */
    RCC->CR |= RCC_CR_PLLON;
    if (!wait_for(&RCC->CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return; /* a board that runs slowly still talks */
    }
    RCC->CFGR = cfgr | RCC_CFGR_SW_PLL;
    if (wait_for(&RCC->CFGR, RCC_CFGR_SWS_MASK, RCC_CFGR_SWS_PLL)) {
        SystemCoreClock = crystal ? 72000000u : 64000000u;
    }
}
