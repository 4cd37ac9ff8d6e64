/* Sound from a microphone on PA0: TIM3 triggers ADC1, DMA fills a double buffer, and each half that is full is handed on.
 * Source: RM0008 sections 11.3 to 11.8 and 11.12 (ADC; 11.7 external trigger, 11.8 DMA), 13.3 and 13.4 (DMA; table 78: ADC1 is channel 1),
 * 15.3.15 and 15.4 (TIM3; its trigger output), 7.3 (clocks), 9.2.1 (analogue input); DS5319 section 5.3.18 (at most 14 MHz).
 * Does not model: the microphone: one with an amplifier and its bias at half the supply is expected.
 * Tested by: tests/keyword_live.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "audio.h"

#include "handlers.h"
#include "platform.h"
#include "stm32f103.h"

struct timer {
    reg32 CR1, CR2, SMCR, DIER, SR, EGR, CCMR1, CCMR2, CCER, CNT, PSC, ARR, _, CCR[4];
};
#define TIM3 ((struct timer *)0x40000400u)
#define TIM_CR1_CEN (1u << 0)
#define TIM_CR2_MMS_UPDATE (2u << 4)

struct adc {
    reg32 SR, CR1, CR2, SMPR1, SMPR2, JOFR[4], HTR, LTR, SQR1, SQR2, SQR3, JSQR, JDR[4], DR;
};
#define ADC1 ((struct adc *)0x40012400u)
#define ADC_CR2_ADON (1u << 0)
#define ADC_CR2_CAL (1u << 2)
#define ADC_CR2_RSTCAL (1u << 3)
#define ADC_CR2_DMA (1u << 8)
#define ADC_CR2_EXTSEL_TIM3_TRGO (4u << 17)
#define ADC_CR2_EXTTRIG (1u << 20)
#define ADC_SMPR_28_5 3u /* cycles; with 12.5 for the conversion 3.4 us at 12 MHz */

struct dma {
    reg32 ISR, IFCR;
    struct {
        reg32 CCR, CNDTR, CPAR, CMAR, _;
    } channel[7];
};
#define DMA1 ((struct dma *)0x40020000u)
#define DMA1_CHANNEL1_IRQ 11u /* RM0008 section 10.1.2 */
#define DMA_TCIF1 (1u << 1)
#define DMA_HTIF1 (1u << 2)
#define DMA_CCR_EN (1u << 0)
#define DMA_CCR_TCIE (1u << 1)
#define DMA_CCR_HTIE (1u << 2)
#define DMA_CCR_CIRC (1u << 5)
#define DMA_CCR_MINC (1u << 7)
#define DMA_CCR_16_TO_16 (1u << 8 | 1u << 10)
#define DMA_CCR_VERY_HIGH (3u << 12)

#define RCC_AHBENR_DMA1EN (1u << 0)
#define RCC_APB1ENR_TIM3EN (1u << 1)
#define RCC_APB2ENR_ADC1EN (1u << 9)
#define RCC_CFGR_ADCPRE_6 (2u << 14)
#define LEAST_URGENT 0xF0u

static uint16_t samples[2][AUDIO_HOP];
static volatile uint32_t full; /* hops */
static uint32_t lost;

/* A half is full. What is to be done with it takes longer than an interrupt should: PendSV does it, which everything else may interrupt. */
void DMA1_Channel1_IRQHandler(void) {
    const uint32_t flags = DMA1->ISR;
    DMA1->IFCR = flags & (DMA_HTIF1 | DMA_TCIF1);
    full = full + ((flags & DMA_HTIF1) != 0) + ((flags & DMA_TCIF1) != 0);
    SCB->ICSR = SCB_ICSR_PENDSVSET;
}

void PendSV_Handler(void) {
    static uint32_t done;
    while (done != full) {
        const uint32_t newest = full - 1u;
        lost += newest - done;
        audio_hop(samples[(newest & 1u) ^ 1u], samples[newest & 1u], newest);
        done = newest + 1u;
    }
}

uint32_t audio_lost(void) { return lost; }

static void wait_while(uint32_t bit) {
    while ((ADC1->CR2 & bit) != 0) {
    }
}

void audio_init(void) {
    RCC->AHBENR |= RCC_AHBENR_DMA1EN;
    RCC->APB1ENR |= RCC_APB1ENR_TIM3EN;
    RCC->APB2ENR |= RCC_APB2ENR_IOPAEN | RCC_APB2ENR_ADC1EN;
    RCC->CFGR |= RCC_CFGR_ADCPRE_6;
    GPIOA->CRL &= ~0xFu; /* PA0: analogue */

    ADC1->CR2 = ADC_CR2_ADON;
    for (volatile uint32_t wait = 0; wait < 20u; wait++) { /* it needs a microsecond to come up */
    }
    ADC1->CR2 |= ADC_CR2_RSTCAL;
    wait_while(ADC_CR2_RSTCAL);
    ADC1->CR2 |= ADC_CR2_CAL;
    wait_while(ADC_CR2_CAL);
    ADC1->SMPR2 = ADC_SMPR_28_5; /* channel 0, which is also what SQR3 holds after reset */
    ADC1->CR2 |= ADC_CR2_EXTTRIG | ADC_CR2_EXTSEL_TIM3_TRGO | ADC_CR2_DMA;

    DMA1->channel[0].CPAR = (uint32_t)&ADC1->DR;
    DMA1->channel[0].CMAR = (uint32_t)samples;
    DMA1->channel[0].CNDTR = 2u * AUDIO_HOP;
    DMA1->channel[0].CCR =
        DMA_CCR_VERY_HIGH | DMA_CCR_16_TO_16 | DMA_CCR_MINC | DMA_CCR_CIRC | DMA_CCR_HTIE | DMA_CCR_TCIE | DMA_CCR_EN;
    SCB->SHPR[SHPR_PENDSV] = LEAST_URGENT;
    NVIC->ISER[DMA1_CHANNEL1_IRQ / 32u] = 1u << (DMA1_CHANNEL1_IRQ % 32u);

    /* The timers of APB1 run at twice its clock, which is the core's: 4500 cycles at 72 MHz, 4000 at 64. */
    TIM3->ARR = SystemCoreClock / AUDIO_RATE - 1u;
    TIM3->CR2 = TIM_CR2_MMS_UPDATE;
    TIM3->CR1 = TIM_CR1_CEN;
}
