/* CAN's filters: lists and masks of both widths, which goes before which, their numbers, both FIFOs, a locked one; silent loop-back (RM0008 sections
   24.5.3, 24.7.3, 24.7.4). */
#include "devices.h"

static void set_filter(uint32_t bank, uint32_t first, uint32_t second, uint32_t wide, uint32_t list, uint32_t fifo) {
    CAN->FS1R = (CAN->FS1R & ~(1u << bank)) | wide << bank;
    CAN->FM1R = (CAN->FM1R & ~(1u << bank)) | list << bank;
    CAN->FFA1R = (CAN->FFA1R & ~(1u << bank)) | fifo << bank;
    CAN->filter[bank].R1 = first;
    CAN->filter[bank].R2 = second;
    CAN->FA1R |= 1u << bank;
}

/* Where a frame arrived: its FIFO, and above that its filter's number; 255 nowhere. */
static uint32_t arrives(uint32_t identifier) {
    CAN->TSR = 1;
    CAN->tx[0].DTR = 0;
    CAN->tx[0].IR = identifier | 1u;
    while ((CAN->TSR & 1u) == 0) {
    }
    for (uint32_t fifo = 0; fifo < 2u; fifo++) {
        if ((*(fifo == 0 ? &CAN->RF0R : &CAN->RF1R) & 3u) != 0) {
            const uint32_t number = (CAN->rx[fifo].DTR >> 8) & 0xFFu;
            *(fifo == 0 ? &CAN->RF0R : &CAN->RF1R) = 1u << 5;
            return number << 1 | fifo;
        }
    }
    return 255;
}

#define WIDE(id) ((uint32_t)(id) << 21)
#define NARROW(id) ((uint32_t)(id) << 5)

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_CAN;
    CAN->MCR = 1;
    while ((CAN->MSR & 1u) == 0) {
    }
    CAN->BTR = 3u << 30 | 3u << 20 | 12u << 16 | 3u; /* silent and looped back */
    CAN->FMR |= 1;
    /* The numbers in FIFO 0: bank 0 has 0 to 3, bank 2 has 4, bank 3 has 5 and 6; in FIFO 1: bank 1 has 0 and 1. */
    set_filter(0, NARROW(0x101) | NARROW(0x102) << 16, NARROW(0x103) | NARROW(0x104) << 16, 0, 1, 0);
    set_filter(1, NARROW(0x200) | NARROW(0x7F0) << 16, NARROW(0x210) | NARROW(0x7F0) << 16, 0, 0, 1);
    set_filter(2, WIDE(0x200), WIDE(0x7FF), 1, 0, 0);
    set_filter(3, WIDE(0x300), 0x12345u << 3 | 4u, 1, 1, 0);
    CHECK((CAN->FMR & 1u) != 0);
    CAN->MCR = 0;
    while ((CAN->MSR & 1u) != 0) {
    }
    CHECK(arrives(WIDE(0x101)) == 255u); /* while filters are set up nothing is received */
    CAN->FMR &= ~1u;
    CHECK(arrives(WIDE(0x101)) == 0u << 1);
    CHECK(arrives(WIDE(0x104)) == 3u << 1);
    CHECK(arrives(WIDE(0x105)) == 255u);
    CHECK(arrives(WIDE(0x101) | 2u) == 255u); /* a remote frame is not in the list */
    CHECK(arrives(WIDE(0x215)) == (1u << 1 | 1u));
    /* 0x200 passes banks 1 and 2: 32 bits go before 16. */
    CHECK(arrives(WIDE(0x200)) == 4u << 1);
    CHECK(arrives(WIDE(0x300)) == 5u << 1);
    CHECK(arrives(0x12345u << 3 | 4u) == 6u << 1);
    /* A bank that is off keeps its number. */
    CAN->FA1R &= ~1u;
    CHECK(arrives(WIDE(0x101)) == 255u);
    CHECK(arrives(WIDE(0x300)) == 5u << 1);
    CAN->FA1R |= 1u;
    /* RFLM: what comes when it is full is lost; without, the last is overwritten. */
    for (uint32_t locked = 0; locked < 2u; locked++) {
        CAN->MCR = locked << 3;
        for (uint32_t i = 0; i < 4u; i++) {
            CAN->TSR = 1;
            CAN->tx[0].IR = WIDE(0x101u + i) | 1u;
            while ((CAN->TSR & 1u) == 0) {
            }
        }
        CHECK((CAN->RF0R & 0x1Bu) == 0x1Bu); /* three, full, overrun */
        uint32_t last = 0;
        for (uint32_t i = 0; i < 3u; i++) {
            last = CAN->rx[0].IR >> 21;
            CAN->RF0R = 1u << 5;
        }
        CHECK(last == (locked != 0 ? 0x103u : 0x104u));
        CAN->RF0R = 0x18;
        CHECK((CAN->RF0R & 0x1Bu) == 0);
    }
    test_end();
}
