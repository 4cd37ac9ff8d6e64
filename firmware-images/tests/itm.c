/* Prints through the ITM's stimulus ports, as CMSIS's ITM_SendChar does, and checks that closed ports say so.
 * Source: ARM DDI 0403, C1.7.
 * Does not model: anything.
 * Tested by: tests/ports.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "devices.h"

struct itm {
    union {
        reg32 word;
        volatile uint16_t half;
        volatile uint8_t byte;
    } STIM[32];
    reg32 _0[864], TER, _1[15], TPR, _2[15], TCR, _3[75], LAR, LSR;
};
#define ITM ((struct itm *)0xE0000000u)

static void send(uint32_t port, char c) {
    if ((ITM->TCR & 1u) != 0 && (ITM->TER >> port & 1u) != 0) {
        while (ITM->STIM[port].word == 0) {
        }
        ITM->STIM[port].byte = (uint8_t)c;
    }
}

static void say(uint32_t port, const char *text) {
    while (*text != '\0') {
        send(port, *text++);
    }
}

int main(void) {
    test_begin();
    ITM->STIM[0].byte = '!'; /* Nothing is on: lost. */
    CHECK(ITM->TCR == 0);    /* DEMCR.TRCENA is clear. */
    DEMCR |= DEMCR_TRCENA;
    ITM->LAR = 0xC5ACCE55u;
    CHECK((ITM->LSR & 2u) == 0);
    ITM->STIM[0].byte = '?';
    ITM->TCR = 0x00010001u; /* Trace bus identifier 1, ITMENA. */
    say(0, "no");           /* Its enable bit is clear. */
    ITM->TER = 1u << 0 | 1u << 5;
    CHECK(ITM->STIM[0].word == 1 && ITM->STIM[1].word == 0);
    say(0, "Hello from port 0\n");
    say(1, "lost");
    ITM->STIM[5].word = 0x64636261u;
    ITM->STIM[5].half = 0x6665u;
    ITM->STIM[5].byte = '\n';
    test_end();
}
