/* Memory outside of the chip, behind FSMC (RM0008, 21.4 and 21.5.6): a bank that is on holds what was stored, by core and DMA, in every width;
   one with nothing connected holds nothing; one that is off is a bus error. Wants 4 KiB at 0x68000000; where there is no FSMC it faults. */
#include "devices.h"

#define FSMC_BCR ((reg32 *)0xA0000000u) /* 21.5.6: BCR1, BTR1, BCR2, ... */
#define AHB_FSMC (1u << 8)
#define NE1 0x60000000u
#define NE3 0x68000000u
#define NE4 0x6C000000u

static volatile uint32_t bus_faults;

/* Goes on behind the half-word that faulted. */
void skip(uint32_t *frame);
void skip(uint32_t *frame) {
    bus_faults++;
    frame[6] += 2u;
}

void BusFault_Handler(void) __attribute__((naked));
void BusFault_Handler(void) {
    __asm__ volatile("mov r0, sp\n\tb skip");
}

int main(void) {
    test_begin();
    RCC->AHBENR |= AHB_FSMC | AHB_DMA1;
    FSMC_BCR[4] = FSMC_BCR[4] | 1u;
    reg32 *const words = (reg32 *)NE3;
    volatile uint16_t *const halves = (volatile uint16_t *)NE3;
    volatile uint8_t *const bytes = (volatile uint8_t *)NE3;
    words[0] = 0x11223344u;
    CHECK(words[0] == 0x11223344u && halves[1] == 0x1122u && bytes[0] == 0x44u);
    halves[1] = 0xAABBu;
    bytes[1] = 0xCCu;
    CHECK(words[0] == 0xAABBCC44u);
    words[1023] = 5u;
    CHECK(words[1023] == 5u && words[1] != 5u);

    /* Memory to memory, words, both counting up: out and back again. */
    static uint32_t there[4] = {1, 2, 3, 4}, back[4];
    for (int i = 0; i < 2; i++) {
        DMA1->channel[0].CPAR = i == 0 ? (uint32_t)there : NE3 + 64u;
        DMA1->channel[0].CMAR = i == 0 ? NE3 + 64u : (uint32_t)back;
        DMA1->channel[0].CNDTR = 4;
        DMA1->channel[0].CCR = 1u << 14 | 2u << 10 | 2u << 8 | 1u << 7 | 1u << 6 | 1u;
        while ((DMA1->ISR & 1u << 1) == 0) {
        }
        DMA1->IFCR = 0xFu;
        DMA1->channel[0].CCR = 0;
    }
    CHECK(words[16] == 1u && words[19] == 4u && back[0] == 1u && back[3] == 4u);

    /* A display that nobody has connected: stores go nowhere, and nothing faults. Bank 1 is on after reset. */
    *(volatile uint16_t *)NE1 = 0x2Au;
    (void)*(volatile uint16_t *)NE1;
    CHECK(bus_faults == 0);

    SCB->SHCSR |= 1u << 17;
    __asm__ volatile("ldrh r0, [%0]" : : "l"(NE4) : "r0", "memory");
    CHECK(bus_faults == 1);
    FSMC_BCR[6] = FSMC_BCR[6] | 1u;
    __asm__ volatile("ldrh r0, [%0]" : : "l"(NE4) : "r0", "memory");
    CHECK(bus_faults == 1);
    test_end();
}
